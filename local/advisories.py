"""`python -m local.advisories`: the locked versions beside the known faults of `local/advisories.toml`.

Fails on a locked version with a known fault and no exception, and on an exception that has ended. Says, without failing, when
nobody looked through advisories for a month. Looks nothing up: a fault that nobody entered is not known here."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field, field_validator

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = ("requirements.lock", "requirements-runtime.lock")
FILE: Final = Path(__file__).with_suffix(".toml")
STALE: Final = timedelta(days=30)
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Advisory(_Entry):
    id: str = Field(min_length=1)
    package: str
    affected: str
    what: str

    @field_validator("affected")
    @classmethod
    def _a_range(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("an empty range would hold every version")
        SpecifierSet(value)
        return value

    def holds(self, version: str) -> bool:
        return SpecifierSet(self.affected).contains(Version(version), prereleases=True)


class Exemption(_Entry):
    """A known fault that is lived with, why, and until when (the last day)."""

    id: str
    package: str
    reason: str = Field(min_length=20)
    until: date


class Advisories(_Entry):
    looked_through: date
    advisory: tuple[Advisory, ...]
    exception: tuple[Exemption, ...] = ()


def read(text: str) -> Advisories:
    """Raises ValueError for a file that says something else."""
    return Advisories.model_validate(tomllib.loads(text))


def pins(text: str) -> dict[str, str]:
    """Version by package of a lock file."""
    return {canonicalize_name(name): version for name, version in _PIN.findall(text)}


def findings(known: Advisories, locked: Mapping[str, str], today: date) -> Iterator[str]:
    """What must not stay so, one sentence each."""
    lived_with = {(e.id, canonicalize_name(e.package)): e for e in known.exception}
    for one in known.advisory:
        package = canonicalize_name(one.package)
        version = locked.get(package)
        if version is None or not one.holds(version):
            continue
        exemption = lived_with.get((one.id, package))
        if exemption is None:
            yield f"{package} {version} has {one.id} ({one.what}); versions {one.affected} do"
        elif exemption.until < today:
            yield f"{package} {version} has {one.id}, and its exception ended on {exemption.until}"


def staleness(known: Advisories, today: date) -> str | None:
    if today - known.looked_through <= STALE:
        return None
    days = (today - known.looked_through).days
    return f"nobody looked through advisories for {days} days: what was found since is not known here"


def main() -> int:
    known, today = read(FILE.read_text()), datetime.now(UTC).date()
    found = [f"{lock}: {line}" for lock in LOCKS for line in findings(known, pins((ROOT / lock).read_text()), today)]
    stale = staleness(known, today)
    for line in [*found, *([f"note: {stale}"] if stale else [])]:
        sys.stdout.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
