"""Which service dates a facility has closed, and which a late fact has reopened (D5)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import midnight_workflow
from storage.repositories.outbox import MIDNIGHT_WANTED, announce

# A date that is being closed at this moment is not closed yet for anybody else. Making its row (or meeting the
# closer's) waits for the closer, which may have read before this transaction's facts were there.
MARK = text(
    """
    INSERT INTO facility_day (facility, service_date, version, stale)
    SELECT f.key, d::date, 0, false
    FROM facility f, generate_series(
        greatest(CAST(:first AS date), f.opened_on)::timestamp,
        least(CAST(:last AS date), (CAST(:now AS timestamptz) AT TIME ZONE f.zone)::date - 1)::timestamp,
        interval '1 day') d
    WHERE f.key = :facility
    ORDER BY d
    ON CONFLICT (facility, service_date) DO UPDATE SET stale = true, stale_reason = :reason
    WHERE facility_day.closed_at IS NOT NULL AND NOT facility_day.stale
    RETURNING stale
    """
)
WEEK = text(
    """
    UPDATE facility_day SET stale = true, stale_reason = 'an earlier day of the week was restated'
    WHERE facility = :facility AND service_date > :on AND service_date <= :through AND closed_at IS NOT NULL
      AND NOT stale
    RETURNING service_date
    """
)
HELD = text(
    """
    UPDATE facility_day d SET stale = true, stale_reason = 'an earlier bed-hold day was restated'
    WHERE d.facility = :facility AND d.service_date > :on AND d.service_date <= :through AND d.closed_at IS NOT NULL
      AND NOT d.stale AND EXISTS (
        SELECT 1 FROM census_presence p JOIN stay s ON s.id = p.stay_id
        WHERE p.facility = d.facility AND p.service_date = d.service_date AND p.version = d.version
          AND p.state NOT IN ('present', 'enrolled') AND s.person_id = ANY(:people))
    RETURNING d.service_date
    """
)
FREED = text(
    """
    UPDATE facility_day d SET stale = true, stale_reason = 'another per diem of a person was voided'
    FROM charge_exception x JOIN stay s ON s.id = x.stay_id
    WHERE x.cause = 'pairing_conflict' AND x.resolved_at IS NULL AND x.service_date = :on AND s.person_id = ANY(:people)
      AND x.facility <> :facility AND d.facility = x.facility AND d.service_date = x.service_date
      AND d.closed_at IS NOT NULL AND NOT d.stale
    RETURNING d.facility
    """
)


# Only a grant with fewer units than dates can leave a later date without; those dates are closed again in order.
UNITS = text(
    """
    UPDATE facility_day d SET stale = true, stale_reason = 'units of a grant moved to another date'
    FROM authorization_grant g
    WHERE g.id = ANY(:grants) AND g.through_date - g.from_date + 1 > g.units AND d.facility = g.facility
      AND d.service_date > :on AND d.service_date <= g.through_date AND d.closed_at IS NOT NULL AND NOT d.stale
      AND EXISTS (SELECT 1 FROM charge c WHERE c.episode_id = g.episode_id AND c.service_date = d.service_date
                  AND c.level = g.level AND c.status = 'live')
    RETURNING d.facility
    """
)


async def mark_stale(
    session: AsyncSession, *, facility: str, first: date, last: date | None, reason: str, key: str, now: datetime
) -> int:
    """Dates already closed from `first` to `last` (None: to the newest) must be closed again. Answers how many;
    with any, the facility's close is asked for through the outbox. Call it in the transaction of the fact."""
    changed = await session.execute(
        MARK, {"facility": facility, "first": first, "last": last, "reason": reason, "now": now}
    )
    count = sum(1 for row in changed if row.stale)
    if count:
        await _ask(session, facility, key, now)
    return count


async def reopen_dependents(
    session: AsyncSession,
    *,
    facility: str,
    on: date,
    week: bool,
    held: Sequence[UUID],
    freed: Sequence[UUID],
    grants: Sequence[UUID],
    now: datetime,
) -> None:
    """A day of the ledger changed; days that counted it are closed again: the rest of the week (`week`: weekly caps,
    6.8), later days away of people `held` (bed-hold days a year, BILL-12), and days that another facility could not
    bill because of people whose charge is now void (`freed`, invariant 1), and later dates that used units of
    `grants` of which this date uses one more or less (AUTH-01)."""
    again: set[str] = set()
    if week:
        sunday = on + timedelta(days=6 - on.weekday())
        rows = await session.execute(WEEK, {"facility": facility, "on": on, "through": sunday})
        again |= {facility for _ in rows}
    if held:
        values = {"facility": facility, "on": on, "through": date(on.year, 12, 31), "people": list(held)}
        again |= {facility for _ in await session.execute(HELD, values)}
    if freed:
        rows = await session.execute(FREED, {"facility": facility, "on": on, "people": list(freed)})
        again |= {row.facility for row in rows}
    if grants:
        again |= {row.facility for row in await session.execute(UNITS, {"on": on, "grants": list(grants)})}
    for place in sorted(again):
        await _ask(session, place, f"{facility}:{on}", now)


async def _ask(session: AsyncSession, facility: str, key: str, now: datetime) -> None:
    await announce(
        session,
        kind=MIDNIGHT_WANTED,
        target=midnight_workflow(facility),
        payload={"facility": facility, "key": key},
        at=now,
    )
