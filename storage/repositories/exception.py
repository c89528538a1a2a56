"""Paths without consent on file: declared, ended, and those that are open to a recipient (domain 3.5)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, false, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from definitions.disclosure import Evidence, ExceptionKind, ExceptionOnFile
from definitions.vocabulary import ContentClass
from storage.models import DisclosureException
from storage.repositories.person import same_person


async def declare(
    session: AsyncSession, found: ExceptionOnFile, *, episode_id: UUID | None, facility: str, now: datetime, actor: str,
    sealed: bytes | None = None, words: str | None = None,
) -> None:  # fmt: skip
    """Safe to repeat by id. `words`: the fingerprint of what is sealed."""
    await session.execute(
        insert(DisclosureException)
        .values(
            id=UUID(found.exception_id), chain="", person_id=UUID(found.person_id) if found.person_id else None,
            episode_id=episode_id, facility=facility, kind=found.kind.value, recipient=found.recipient,
            contents=[c.value for c in found.contents], valid_from=found.valid_from, valid_until=found.valid_until,
            evidence={e.value: said for e, said in found.evidence.items()}, sealed=sealed, words=words,
            declared_at=now, declared_by=actor,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip


async def end(session: AsyncSession, row: DisclosureException, *, ended_by: UUID, now: datetime, actor: str) -> None:
    """One more row that ends it; the row it ends is never edited."""
    session.add(
        DisclosureException(
            id=ended_by, chain="", person_id=row.person_id, episode_id=row.episode_id, facility=row.facility,
            kind=row.kind, recipient=row.recipient, contents=row.contents, valid_from=now, valid_until=now,
            evidence={}, ends=row.id, declared_at=now, declared_by=actor,
        )
    )  # fmt: skip
    await session.flush()


async def ended(session: AsyncSession, exception_id: UUID) -> bool:
    found = await session.execute(select(exists().where(DisclosureException.ends == exception_id)))
    return bool(found.scalar_one())


async def rows_about(
    session: AsyncSession, *, person_id: UUID | None, facility: str, recipient: str | None = None
) -> list[DisclosureException]:
    """Declared and not ended, oldest first: the person's own, and those of the facility about no one person.
    `recipient`: only those for it."""
    end_row = aliased(DisclosureException)
    mine = DisclosureException.person_id.in_(same_person(person_id)) if person_id is not None else false()
    houses = and_(DisclosureException.person_id.is_(None), DisclosureException.facility == facility)
    query = select(DisclosureException).where(
        houses if person_id is None else or_(mine, houses),
        DisclosureException.ends.is_(None),
        ~exists().where(end_row.ends == DisclosureException.id),
    )
    if recipient is not None:
        query = query.where(DisclosureException.recipient == recipient)
    rows = await session.execute(query.order_by(DisclosureException.seq))
    return list(rows.scalars())


async def exceptions_of(
    session: AsyncSession, *, person_id: UUID, facility: str, recipient: str
) -> tuple[ExceptionOnFile, ...]:
    """What the gate asks for: paths to this recipient only, so that no refusal speaks of another's."""
    found = on_file(await rows_about(session, person_id=person_id, facility=facility, recipient=recipient))
    # A path declared about another record of the same person is about this person.
    return tuple(f.model_copy(update={"person_id": str(person_id)}) if f.person_id is not None else f for f in found)


def on_file(rows: Sequence[DisclosureException]) -> tuple[ExceptionOnFile, ...]:
    return tuple(
        ExceptionOnFile(
            exception_id=str(r.id),
            kind=ExceptionKind(r.kind),
            person_id=str(r.person_id) if r.person_id is not None else None,
            recipient=r.recipient,
            contents=tuple(ContentClass(c) for c in r.contents),
            valid_from=r.valid_from,
            valid_until=r.valid_until,
            evidence={Evidence(e): said for e, said in r.evidence.items()},
        )
        for r in rows
    )
