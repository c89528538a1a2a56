"""The Dockerfile: linted, complete, without what production does not need."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "Dockerfile").read_text().splitlines()
PACKAGES = {"definitions", "rules", "workflows", "activities", "interchange", "storage", "runtime", "api"}


def copied() -> set[str]:
    return {m.group(1).rstrip("/") for line in LINES if (m := re.match(r"COPY ([\w./-]+) ", line))} - {
        "--from=packages"
    }


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([str(linter), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_package_of_the_running_house_is_in_and_nothing_local() -> None:
    assert copied() == PACKAGES | {"worker.py", "requirements-runtime.lock"}
    assert all((ROOT / name).exists() for name in copied())


def test_the_builder_sees_exactly_what_is_copied() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert kept == copied()


def test_it_does_not_run_as_root() -> None:
    users = [line.split()[1] for line in LINES if line.startswith("USER ")]
    assert users == ["10001:10001"]
    after = LINES[LINES.index("USER 10001:10001") :]
    assert not [line for line in after if line.startswith(("RUN", "COPY"))]


def test_packages_come_by_hash_only() -> None:
    text = "\n".join(LINES)
    assert text.count("pip install") == 1
    assert "--require-hashes" in text
    assert "--only-binary :all:" in text


def test_what_runs_in_the_image_imports_nothing_outside_its_lock() -> None:
    """Every import of the copied packages is the standard library, ours, or in the runtime lock."""
    locked = set(re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements-runtime.lock").read_text(), re.M))
    modules = {"google": "protobuf", "jwt": "pyjwt", "argon2": "argon2-cffi", "dotenv": "python-dotenv",
               "multipart": "python-multipart", "prometheus_client": "prometheus-client", "dateutil": "python-dateutil",
               "pydantic_settings": "pydantic-settings", "pydantic_core": "pydantic-core",
               "psycopg_pool": "psycopg-pool", "ruamel": "ruamel-yaml", "markupsafe": "markupsafe"}  # fmt: skip
    strangers = set()
    for package in [*sorted(PACKAGES), "worker.py"]:
        path = ROOT / package
        for file in [path] if path.is_file() else path.rglob("*.py"):
            for name in re.findall(r"^(?:from|import) ([a-zA-Z_0-9]+)", file.read_text(), re.M):
                if name in sys.stdlib_module_names or name in PACKAGES:
                    continue
                if modules.get(name, name) not in locked:
                    strangers.add(f"{file.relative_to(ROOT)}: {name}")
    assert strangers == set()
