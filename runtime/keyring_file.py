"""A keyring kept in a file that may change while processes run: how a rotation reaches them without a restart.

The file holds `id:hex` entries, one a line or separated by commas, the current key first. It is looked at again when its
change shows, at most once a second, and at once when something was sealed under a key this process does not know yet:
another process may have seen the new key first."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from runtime.keyring import Key, Keyring, KeyringError, index_key, keys_of, random_key
from runtime.settings import Settings

LOOKED_AT_SECONDS: Final = 1.0
"""How long after a change of the file a process may still seal under the key before."""

log = structlog.get_logger()


class FileKeyring(Keyring):
    """A keyring that follows its file. A file that cannot be read, or does not parse, changes nothing: what was held is
    kept, and the fault is logged once a change."""

    def __init__(self, path: Path, index_key: bytes) -> None:
        self._path = path
        self._seen = _mark(path)
        self._looked_at = time.monotonic()
        super().__init__(read_keys(path), index_key)

    def follow(self) -> None:
        """Read the file now if it changed, however short ago it was looked at."""
        self._fresh(at_once=True)

    def _fresh(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._looked_at < LOOKED_AT_SECONDS:
            return
        self._looked_at = now
        mark = _mark(self._path)
        if mark is None or mark == self._seen:
            return
        self._seen = mark
        try:
            self.replace(read_keys(self._path))
        except KeyringError as error:
            log.error("keyring_not_read", problem=str(error))
            return
        log.info("keyring_read", current=self.current_id, keys=len(self.ids))


def load_keyring(settings: Settings) -> Keyring:
    """The keyring the settings name: a file that is followed, or keys that stand in the settings and change with a
    restart. Raises KeyringError with a sentence."""
    index = settings.blind_index_key.get_secret_value()
    if settings.keyring_file is not None:
        return FileKeyring(settings.keyring_file, index_key(index))
    return Keyring.parse(settings.keyring.get_secret_value(), index)


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def read_keys(path: Path) -> list[Key]:
    """The keys of a keyring file. Raises KeyringError."""
    try:
        text = path.read_text()
    except OSError as error:
        raise KeyringError(f"the keyring file cannot be read ({error.strerror})") from None
    return keys_of(",".join(text.split()))


def write_keys(path: Path, keys: Sequence[Key]) -> None:
    """Replace the file in one step, readable by its owner only: no process ever sees half of it. Raises OSError."""
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("".join(f"{key.id}:{key.secret.hex()}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def new_key(now: datetime) -> Key:
    """A key named by the moment it was made."""
    return Key(f"k{now.astimezone(UTC):%Y%m%dT%H%M%S}", bytes.fromhex(random_key()))
