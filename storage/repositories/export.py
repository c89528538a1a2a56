"""Copies of a record: claimed by one worker at a time, finished under the lock of the person's row."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import PatientExport

REQUESTED, READY, HANDED_OVER, CANCELLED = "requested", "ready", "handed_over", "cancelled"


async def claim(session: AsyncSession, export_id: UUID, *, moment: datetime, until: datetime) -> bool:
    """Whether it is ours to make until then: nobody else makes it now."""
    made: Any = await session.execute(
        update(PatientExport)
        .where(
            PatientExport.id == export_id,
            PatientExport.status == REQUESTED,
            or_(PatientExport.claimed_until.is_(None), PatientExport.claimed_until < moment),
        )
        .values(claimed_until=until, done=0, problem=None)
    )
    return bool(made.rowcount)


async def progress(session: AsyncSession, export_id: UUID, *, done: int, total: int, until: datetime) -> None:
    await session.execute(
        update(PatientExport)
        .where(PatientExport.id == export_id, PatientExport.status == REQUESTED)
        .values(done=done, total=total, claimed_until=until)
    )


async def give_up(session: AsyncSession, export_id: UUID, problem: str) -> None:
    """It may be taken up again at once."""
    await session.execute(
        update(PatientExport)
        .where(PatientExport.id == export_id, PatientExport.status == REQUESTED)
        .values(claimed_until=None, problem=problem)
    )


async def locked_export(session: AsyncSession, export_id: UUID) -> PatientExport | None:
    found = await session.execute(
        select(PatientExport)
        .where(PatientExport.id == export_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def unmade(session: AsyncSession) -> list[UUID]:
    """What was asked for and is not made yet."""
    rows = await session.execute(select(PatientExport.id).where(PatientExport.status == REQUESTED))
    return list(rows.scalars())
