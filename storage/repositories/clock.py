"""The shared business moment of the driven drive (D7)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import BusinessClock


async def read_clock(session: AsyncSession) -> datetime | None:
    return (await session.execute(select(BusinessClock.now).where(BusinessClock.id == 1))).scalar_one_or_none()


async def set_clock(session: AsyncSession, now: datetime) -> None:
    statement = insert(BusinessClock).values(id=1, now=now)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"now": now}))
