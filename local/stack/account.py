"""PostgreSQL refuses to run as root: then it runs as an account without rights, and gets just enough access."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.stack.errors import StackError

PREFERRED: Final = ("postgres", "nobody")
"""Accounts that a Debian system has; none is created."""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    """Whose rights PostgreSQL gets: None means our own. As root, the owner of existing data, else the first
    of `PREFERRED`. Raises StackError when there is none."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        try:
            return _named(pwd.getpwuid(data.stat().st_uid))
        except KeyError:
            raise StackError(
                f"{data} belongs to account number {data.stat().st_uid}, which this system does not know; "
                "run as the user who made it, or clear it with `make reset`"
            ) from None
    for name in PREFERRED:
        try:
            return _named(pwd.getpwnam(name))
        except KeyError:
            continue
    raise StackError(
        f"PostgreSQL does not run as root and there is no account {' or '.join(PREFERRED)} to run it as; "
        "create one or run as an ordinary user"
    )


def open_way_to(folder: Path) -> tuple[Path, ...]:
    """Let other accounts pass through (not list) every folder above `folder`; answers the folders changed."""
    changed = []
    for ancestor in folder.resolve().parents:
        mode = ancestor.stat().st_mode
        if not mode & stat.S_IXOTH:
            ancestor.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            changed.append(ancestor)
    return tuple(changed)


def open_for_reading(folder: Path) -> None:
    """Let other accounts read and run what is installed in `folder` (a strict umask may have closed it)."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)


def _named(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
