"""Holds placed and released, deletions asked for and decided, and the sealed bytes of a person emptied (domain 3.6, E24)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import LegalHold, Person, PersonToken, RecordDeletion
from storage.repositories.person import erase_person, same_person
from storage.sealed import PERSONAL
from storage.staff_words import words_left

REQUESTED, DECLINED, ERASED, PROVED = "requested", "declined", "erased", "proved"


async def holds_on(session: AsyncSession, person_id: UUID) -> list[LegalHold]:
    rows = await session.execute(
        select(LegalHold).where(LegalHold.person_id.in_(same_person(person_id))).order_by(LegalHold.placed_at)
    )
    return list(rows.scalars())


async def locked_hold(session: AsyncSession, hold_id: UUID) -> LegalHold | None:
    found = await session.execute(select(LegalHold).where(LegalHold.id == hold_id).with_for_update())
    return found.scalar_one_or_none()


async def locked_deletion(session: AsyncSession, deletion_id: UUID) -> RecordDeletion | None:
    found = await session.execute(select(RecordDeletion).where(RecordDeletion.id == deletion_id).with_for_update())
    return found.scalar_one_or_none()


async def open_deletion(session: AsyncSession, person_id: UUID) -> RecordDeletion | None:
    found = await session.execute(
        select(RecordDeletion).where(
            RecordDeletion.person_id == person_id, RecordDeletion.status.in_([REQUESTED, ERASED])
        )
    )
    return found.scalar_one_or_none()


async def erase(session: AsyncSession, person_id: UUID) -> dict[str, int]:
    """Destroy the key and empty what it sealed, wherever the list of sealed columns says (storage/sealed.py); how many rows
    of each. What is append-only keeps bytes that nothing opens any more."""
    counts: dict[str, int] = {}
    for column in PERSONAL:
        table: Any = column.class_
        emptied = None if column.property.columns[0].nullable else b""
        made: Any = await session.execute(
            update(table)
            .where(table.person_id.in_(same_person(person_id)), func.length(column) > 0)
            .values({column.key: emptied})
            .execution_options(synchronize_session=False)
        )
        counts[f"{table.__tablename__}.{column.key}"] = int(made.rowcount)
    counts |= await words_left(session, same_person(person_id))
    counts["person.wrapped_key"] = int(await erase_person(session, person_id=person_id))
    return counts


async def left_of(session: AsyncSession, person_id: UUID) -> dict[str, int]:
    """What could still be opened or found; every number must be 0."""
    every = same_person(person_id)
    found: dict[str, int] = {}
    for column in PERSONAL:
        table: Any = column.class_
        query = select(func.count()).select_from(table).where(table.person_id.in_(every), func.length(column) > 0)
        found[f"{table.__tablename__}.{column.key}"] = int((await session.execute(query)).scalar_one())
    found |= await words_left(session, every)
    keys = select(func.count()).select_from(Person).where(Person.id.in_(every), Person.wrapped_key.is_not(None))
    words = select(func.count()).select_from(Person).where(Person.id.in_(every), func.length(Person.sealed) > 0)
    tokens = select(func.count()).select_from(PersonToken).where(PersonToken.person_id.in_(every))
    for name, query in (("person.wrapped_key", keys), ("person.sealed", words), ("person_token.token", tokens)):
        found[name] = int((await session.execute(query)).scalar_one())
    return found


async def decided(
    session: AsyncSession, row: RecordDeletion, *, status: str, actor: str, now: datetime, reason: str | None = None
) -> None:
    row.status, row.decided_at, row.decided_by, row.decline_reason = status, now, actor, reason
    await session.flush()
