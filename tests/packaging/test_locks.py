"""Both lock files: hashed, consistent, without addresses; and the one command that uses them."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ("requirements.lock", "requirements-runtime.lock")


def text(name: str) -> str:
    return (ROOT / name).read_text()


def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Package -> version and hashes."""
    found = {}
    for entry in re.split(r"\n(?=\S)", text(name).strip()):
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", entry)
        assert match is not None, f"not a pin: {entry[:60]!r}"
        found[match.group(1)] = (match.group(2), frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry)))
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=~! ]", r)[0]) for r in requirements}


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_its_hashes(name: str) -> None:
    assert len(pins(name)) > 30
    assert [package for package, (_, hashes) in pins(name).items() if not hashes] == []


@pytest.mark.parametrize("name", FILES)
def test_no_address_stands_in_a_lock(name: str) -> None:
    assert not re.search(r"https?://|--index|--find-links|@ file|^-e", text(name), re.M)


def test_the_image_runs_what_was_tested() -> None:
    full, runtime = pins("requirements.lock"), pins("requirements-runtime.lock")
    assert {package: pin for package, pin in runtime.items() if full.get(package) != pin} == {}


def test_locks_cover_what_the_project_asks_for() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    runtime, full = pins("requirements-runtime.lock"), pins("requirements.lock")
    assert wanted(project["dependencies"]) <= {normal(p) for p in runtime}
    assert wanted(extras["embedded"] + extras["dev"]) <= {normal(p) for p in full}
    alone = wanted(extras["embedded"] + extras["dev"]) - wanted(project["dependencies"])
    assert {normal(p) for p in runtime} & alone == set()


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("up", "down", "reset", "test", "check", "demo", "bench"):
        assert f"make {target} " in done.stdout


def test_ci_runs_the_checks_and_ends_with_the_tests() -> None:
    script = text(".ci/run")
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    assert "make --no-print-directory check" in script
    assert script.index("check") < script.index("-m pytest")
