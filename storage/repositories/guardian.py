"""Who may sign for somebody: written once, looked up by the day (2.14, 2.15)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

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


async def authority_of(session: AsyncSession, person_id: UUID, guardian_id: UUID | None, on: date) -> bool:
    """Whether this authority is on record for the person and in force on a facility's day."""
    if guardian_id is None:
        return False
    found = await session.execute(
        select(Guardian.id).where(
            Guardian.id == guardian_id,
            Guardian.person_id.in_(same_person(person_id)),
            Guardian.from_date <= on,
            or_(Guardian.until_date.is_(None), Guardian.until_date >= on),
        )
    )
    return found.first() is not None
