"""Coverages of one person as pages show them."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Coverage


async def coverage_rows(session: AsyncSession, person_id: UUID) -> list[Coverage]:
    """Voided ones too: they say what was believed once, and stand before what took their place on the same day."""
    order = (Coverage.from_date, Coverage.rank, Coverage.voided.desc(), Coverage.id)
    rows = await session.execute(select(Coverage).where(Coverage.person_id == person_id).order_by(*order))
    return list(rows.scalars())
