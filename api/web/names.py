"""Names for a page, opened here and nowhere deeper: never in an address, a title or a log (D15)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Services
from runtime.keyring import SealBroken
from runtime.people import open_person
from storage.repositories.person import people


@dataclass(frozen=True, slots=True)
class Shown:
    """How one person stands on a page."""

    name: str
    initials: str
    birth_date: date | None = None

    def __repr__(self) -> str:
        return "Shown(***)"


ERASED = Shown("erased person", "––")


async def names_of(session: AsyncSession, services: Services, ids: Iterable[UUID | None]) -> dict[UUID, Shown]:
    """One statement; somebody whose key is gone is shown as erased."""
    wanted = sorted({i for i in ids if i is not None})
    found = dict.fromkeys(wanted, ERASED)
    for row in await people(session, wanted):
        if row.wrapped_key is None:
            continue
        try:
            details = open_person(services.keyring, row.id, row.sealed, row.wrapped_key)
        except SealBroken:
            continue
        found[row.id] = Shown(details.display_name, details.initials, details.birth_date)
    return found
