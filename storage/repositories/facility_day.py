"""Which service dates a facility has closed, and which a late fact has reopened (D5)."""

from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import midnight_workflow
from storage.models import FacilityDay
from storage.repositories.outbox import MIDNIGHT_WANTED, announce


async def mark_stale(
    session: AsyncSession, *, facility: str, first: date, last: date | None, reason: str, key: str, now: datetime
) -> int:
    """Dates already closed from `first` to `last` (None: to the newest) must be closed again. Answers how many;
    with any, the facility's close is asked for through the outbox."""
    statement = update(FacilityDay).where(
        FacilityDay.facility == facility,
        FacilityDay.service_date >= first,
        FacilityDay.closed_at.is_not(None),
        FacilityDay.stale.is_(False),
    )
    if last is not None:
        statement = statement.where(FacilityDay.service_date <= last)
    changed = await session.execute(
        statement.values(stale=True, stale_reason=reason).returning(FacilityDay.service_date)
    )
    count = len(changed.all())
    if count:
        await announce(
            session,
            kind=MIDNIGHT_WANTED,
            target=midnight_workflow(facility),
            payload={"facility": facility, "key": key},
            at=now,
        )
    return count
