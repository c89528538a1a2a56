"""Names for a page, opened here and nowhere deeper: never in an address, a title or a log (D15). Whoever looks is on
record before a name is opened; when that cannot be written, no name is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.identity import opened
from api.viewing import purpose_of
from api.web.visit import Visit
from definitions.person import PersonDetails
from runtime.keyring import SealBroken
from runtime.people import open_person
from storage.models import Person
from storage.repositories.person import people
from storage.repositories.viewing import note_view

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shown:
    """How one person stands on a page."""

    name: str
    initials: str
    birth_date: date | None = None

    def __repr__(self) -> str:
        return "Shown(***)"


ERASED = Shown("erased person", "––")
WITHHELD = Shown("name withheld", "––")


async def names_of(visit: Visit, ids: Iterable[UUID | None], page: str, **filters: Any) -> dict[UUID, Shown]:
    """One audit entry and one statement; somebody whose key is gone is shown as erased. Call it after the page's own
    reading is over: it takes a connection of its own and gives it back before anything is opened."""
    wanted = sorted({i for i in ids if i is not None})
    if not wanted:
        return {}
    try:
        rows = await _noted(visit, wanted, page, filters)
    except SQLAlchemyError as problem:
        log.error("view_not_recorded", page=page, count=len(wanted), problem=type(problem).__name__)
        return dict.fromkeys(wanted, WITHHELD)
    found = dict.fromkeys(wanted, ERASED)
    for row in rows:
        if row.wrapped_key is None:
            continue
        try:
            details = open_person(visit.held.keyring, row.id, row.sealed, row.wrapped_key)
        except SealBroken:
            continue
        found[row.id] = Shown(details.display_name, details.initials, details.birth_date)
    return found


async def details_of(visit: Visit, ids: Iterable[UUID], page: str, **filters: Any) -> dict[UUID, PersonDetails]:
    """Everything that identifies somebody, for a page that compares; on record first. Who cannot be opened is left out, and
    nobody is there when the look cannot be recorded."""
    wanted = sorted(set(ids))
    try:
        rows = await _noted(visit, wanted, page, filters)
    except SQLAlchemyError as problem:
        log.error("view_not_recorded", page=page, count=len(wanted), problem=type(problem).__name__)
        return {}
    found = {row.id: opened(visit.held, row) for row in rows}
    return {person: details for person, details in found.items() if details is not None}


async def _noted(visit: Visit, wanted: list[UUID], page: str, filters: dict[str, Any]) -> list[Person]:
    """The sealed rows, once the entry is committed."""
    now = await visit.held.clock.now()
    async with visit.held.write(visit.user) as session:
        await note_view(
            session,
            actor=visit.user.actor,
            role=visit.user.role,
            at=now,
            purpose=purpose_of(visit.user.role),
            page=page,
            people=wanted,
            filters=filters,
        )
        return await people(session, wanted)
