"""People as sealed rows, found by blind-index tokens (D15). Sealing and tokens are the caller's."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from storage.models import Person, PersonToken
from storage.staff_words import forget_words

Token = tuple[str, bytes]


async def add_person(
    session: AsyncSession,
    *,
    person_id: UUID,
    sealed: bytes,
    wrapped: bytes,
    tokens: Sequence[Token],
    now: datetime,
    facility: str | None = None,
) -> None:
    """Somebody new; the same id is written once. `facility` knows them from now on."""
    await session.execute(
        insert(Person)
        .values(id=person_id, sealed=sealed, wrapped_key=wrapped, created_at=now, registered_by=facility, version=1)
        .on_conflict_do_nothing(index_elements=["id"])
    )
    await add_tokens(session, person_id, tokens)


async def add_tokens(session: AsyncSession, person_id: UUID, tokens: Sequence[Token]) -> None:
    if tokens:
        await session.execute(
            insert(PersonToken)
            .values([{"person_id": person_id, "kind": kind, "token": token} for kind, token in tokens])
            .on_conflict_do_nothing()
        )


async def drop_tokens(session: AsyncSession, person_id: UUID, tokens: Sequence[Token]) -> None:
    """The person is not found by these any more."""
    for kind, token in tokens:
        await session.execute(
            delete(PersonToken).where(
                PersonToken.person_id == person_id, PersonToken.kind == kind, PersonToken.token == token
            )
        )


async def people_with(session: AsyncSession, tokens: Sequence[Token]) -> list[UUID]:
    """Everybody any of the tokens points to; for a record that was merged, the one that stands for it (E03)."""
    if not tokens:
        return []
    found: set[UUID] = set()
    for kind, token in tokens:
        rows = await session.execute(
            select(func.coalesce(Person.merged_into, Person.id))
            .join(PersonToken, PersonToken.person_id == Person.id)
            .where(PersonToken.kind == kind, PersonToken.token == token)
        )
        found |= set(rows.scalars())
    return sorted(found)


async def people(session: AsyncSession, ids: Sequence[UUID]) -> list[Person]:
    return list((await session.execute(select(Person).where(Person.id.in_(ids)))).scalars()) if ids else []


async def lock_person(session: AsyncSession, person_id: UUID) -> Person | None:
    """The person's row, held until the transaction ends: coverages and the sealed document have one writer."""
    return (await session.execute(select(Person).where(Person.id == person_id).with_for_update())).scalar_one_or_none()


async def erase_person(session: AsyncSession, *, person_id: UUID) -> bool:
    """Destroy the person's key: the sealed document, messages and words about them open never again, here and in every
    later backup, and no search finds them. Rows, audit and ledger stay, by ids. False: it was done before, or there is
    nobody of that id. Backups from before hold the wrapped key until they are gone themselves. Who may ask, and when, is
    the caller's to decide."""
    # Every record of the person: a name that was merged away is the person's name still (E03).
    every = list((await session.execute(same_person(person_id))).scalars())
    made = await session.execute(
        update(Person)
        .where(Person.id.in_(every), Person.wrapped_key.is_not(None))
        .values(wrapped_key=None, sealed=b"", version=Person.version + 1)
        .returning(Person.id)
    )
    await session.execute(delete(PersonToken).where(PersonToken.person_id.in_(every)))
    # Words that were not sealed yet would outlive the key.
    await forget_words(session, every)
    return made.first() is not None


def standing_record(person_id: UUID) -> Select[UUID]:
    """The record that stands for this one: itself, or the one it was merged into (E03)."""
    own = aliased(Person)
    return select(func.coalesce(own.merged_into, own.id)).where(own.id == person_id)


async def same_record(session: AsyncSession, one: UUID, other: UUID) -> bool:
    """Whether two records are one person, as far as the house has said so."""
    asked = standing_record(one).scalar_subquery() == standing_record(other).scalar_subquery()
    return bool((await session.execute(select(asked))).scalar_one())


def same_person(person_id: UUID) -> Select[UUID]:
    """Ids of every record of one person, as a subquery: what is chained or sealed stays under the record it was written
    for, and is read through this (E03)."""
    other, stands = aliased(Person), standing_record(person_id).scalar_subquery()
    return select(other.id).where(or_(other.id == stands, other.merged_into == stands))


async def wrapped_keys(session: AsyncSession, owners: Iterable[UUID | None]) -> dict[UUID, bytes | None]:
    """The wrapped key of each record that sealed something; None where it was destroyed."""
    wanted = sorted({owner for owner in owners if owner is not None})
    if not wanted:
        return {}
    rows = await session.execute(select(Person.id, Person.wrapped_key).where(Person.id.in_(wanted)))
    return {one: bytes(wrapped) if wrapped is not None else None for one, wrapped in rows}


async def keys_of(session: AsyncSession, person_id: UUID) -> list[tuple[UUID, bytes]]:
    """Every record of one person with its wrapped key: what was sealed before records were joined opens by the key of the
    record it was written for (E03)."""
    rows = await session.execute(
        select(Person.id, Person.wrapped_key)
        .where(Person.id.in_(same_person(person_id)), Person.wrapped_key.is_not(None))
        .order_by(Person.id != person_id, Person.id)
    )
    return [(one, bytes(wrapped)) for one, wrapped in rows if wrapped is not None]
