"""Coverages of one person as pages show them."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Coverage


async def coverage_rows(session: AsyncSession, person_id: UUID) -> list[Coverage]:
    """Voided ones too: they say what was believed once."""
    rows = await session.execute(
        select(Coverage).where(Coverage.person_id == person_id).order_by(Coverage.from_date, Coverage.rank, Coverage.id)
    )
    return list(rows.scalars())
