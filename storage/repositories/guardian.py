"""Who may sign for somebody: written once, looked up by the day (2.14, 2.15)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.signing import AuthorityEnd
from storage.models import Guardian
from storage.repositories.person import same_person


async def add_guardian(
    session: AsyncSession, *, guardian_id: UUID, person_id: UUID, relationship: str, document: str, from_date: date,
    until_date: date | None, sealed: bytes, now: datetime, actor: str,
) -> None:  # fmt: skip
    await session.execute(
        insert(Guardian)
        .values(
            id=guardian_id, person_id=person_id, relationship=relationship, document=document, from_date=from_date,
            until_date=until_date, sealed=sealed, recorded_at=now, recorded_by=actor,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip


async def guardians_of(session: AsyncSession, person_id: UUID) -> list[Guardian]:
    """Of every record of the person (E03)."""
    rows = await session.execute(
        select(Guardian).where(Guardian.person_id.in_(same_person(person_id))).order_by(Guardian.from_date, Guardian.id)
    )
    return list(rows.scalars())


async def authority_of(session: AsyncSession, person_id: UUID, guardian_id: UUID | None) -> Guardian | None:
    """This person's authority; whether it is in force is a rule's to say (rules/authority.py)."""
    if guardian_id is None:
        return None
    found = await session.execute(
        select(Guardian).where(Guardian.id == guardian_id, Guardian.person_id.in_(same_person(person_id)))
    )
    return found.scalar_one_or_none()


async def authority_to_end(session: AsyncSession, person_id: UUID, guardian_id: UUID) -> Guardian | None:
    """The row of this person's authority, held until the transaction ends."""
    found = await session.execute(
        select(Guardian)
        .where(Guardian.id == guardian_id, Guardian.person_id.in_(same_person(person_id)))
        .with_for_update()
    )
    return found.scalar_one_or_none()


async def emancipated_at(session: AsyncSession, person_id: UUID) -> datetime | None:
    """When an authority ended because the patient was made of age before their birthday; None: nobody recorded that."""
    found = await session.execute(
        select(func.min(Guardian.ended_at)).where(
            Guardian.person_id.in_(same_person(person_id)), Guardian.end_reason == AuthorityEnd.EMANCIPATED.value
        )
    )
    return found.scalar_one()
