"""What others wrote and we serve is exactly what its manifest names."""

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "api" / "web" / "static" / "vendor"
TEMPLATES = VENDOR.parents[1] / "templates"


def test_every_vendored_file_has_its_sum_and_its_licence() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    licences = {entry["licence_file"] for entry in manifest.values()}
    found = {file.name for file in VENDOR.iterdir()} - {"manifest.json"}
    assert found == set(manifest) | licences
    for name, entry in manifest.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == entry["sha256"], name


def test_no_template_carries_inline_script_or_style_or_speaks_to_another_host() -> None:
    for file in TEMPLATES.rglob("*.html"):
        text = file.read_text()
        for forbidden in (
            "style=",
            "<style",
            "onclick=",
            "onchange=",
            "onsubmit=",
            "javascript:",
            "https://",
            "http://",
        ):
            assert forbidden not in text, f"{file.name}: {forbidden}"
        assert "<script>" not in text, file.name
