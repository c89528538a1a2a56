"""The secret scan finds what is planted, names the place and not the text, and leaves our own files alone."""

import subprocess
from pathlib import Path

import pytest

from local.secret_scan import ROOT, scan

LONG = "a1b2c3d4" * 5
PLANTED = {
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a cloud access key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "a signed token": f"eyJ{LONG}.eyJ{LONG}.{LONG}",
    "a forge's token": "ghp_" + LONG,
    "a password in an address": f"postgresql://somebody:{LONG}@db.example/stepdown",
    "a named secret": f'STEPDOWN_PAYER_SECRET="{LONG}"',
}


def repository(folder: Path, **files: str) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("what", list(PLANTED))
def test_what_is_planted_is_found_without_being_said(tmp_path: Path, what: str) -> None:
    (found,) = scan(repository(tmp_path, settings=f"first line\n{PLANTED[what]}\n"))
    assert found == f"settings:2: looks like {what}"


def test_words_and_placeholders_are_none(tmp_path: Path) -> None:
    innocent = (
        "password: local\nSTEPDOWN_KEYRING=\napi_key=settings.temporal_api_key.get_secret_value\n"
        "postgresql+psycopg://user:password@host/database\npostgresql://u:${POSTGRES_PASSWORD}@db/stepdown\n"
    )
    assert scan(repository(tmp_path, readme=innocent)) == []


def test_ours_holds_none() -> None:
    assert scan(ROOT) == []
