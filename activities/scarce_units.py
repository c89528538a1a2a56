"""Cases whose units run out before their dates: told after the night that used one, so that the review moves up (AUTH-01,
AUTH-04, E35)."""

from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import authorization_workflow
from definitions.utilization import Grant
from definitions.vocabulary import BillingBehaviour, SessionStatus
from rules.utilization import last_covered_day
from storage.models import AuthorizationGrant
from storage.repositories.outbox import AUTHORIZATION_CHANGED, announce

FEW: Final = 5
"""Units left from which every further use is told; before that a week's work cannot exhaust a grant."""

# Only a grant with fewer units than dates can run out early.
SCARCE = text(
    """
    SELECT g.authorization_id
    FROM charge c JOIN authorization_grant g ON g.id = c.grant_id
    WHERE c.facility = :facility AND c.service_date = :on AND c.status = 'live'
      AND g.state = 'active' AND g.through_date - g.from_date + 1 > g.units
      AND g.units - (SELECT count(*) FROM charge u WHERE u.grant_id = g.id AND u.status = 'live') < :few
    GROUP BY g.authorization_id
    """
)
PLANNED = text(
    """
    SELECT DISTINCT t.service_date
    FROM attendance t JOIN session m ON m.id = t.session_id JOIN stay s ON s.id = t.stay_id
    WHERE t.episode_id = :episode AND s.level = :level AND m.counts AND t.status = :scheduled
      AND t.service_date > :after AND t.service_date <= :through
    ORDER BY t.service_date
    """
)
USED = text("SELECT count(*), max(service_date) FROM charge WHERE grant_id = :grant AND status = 'live'")


async def tell_scarce_cases(session: AsyncSession, facility: str, on: date, now: datetime) -> int:
    """Announce to each such case that its rows changed; answers how many."""
    rows = (await session.execute(SCARCE, {"facility": facility, "on": on, "few": FEW})).all()
    for (case_id,) in rows:
        await announce(
            session,
            kind=AUTHORIZATION_CHANGED,
            target=authorization_workflow(case_id),
            payload={
                "key": f"units:{case_id}:{on}:{now.isoformat()}",
                "authorization_id": str(case_id),
                "at": now.isoformat(),
            },
            at=now,
        )
    return len(rows)


async def carried_through(session: AsyncSession, row: AuthorizationGrant, billing: BillingBehaviour) -> date:
    """The last day the rest of a grant carries: its last date, or earlier where the units run out on what is placed.
    What lies beyond the placed sessions is not known, and keeps the date (AUTH-01)."""
    if (row.through_date - row.from_date).days + 1 <= row.units:
        return row.through_date
    used, newest = (await session.execute(USED, {"grant": row.id})).one()
    after = newest or row.from_date - timedelta(days=1)
    left = row.units - used
    if left <= 0:
        return after
    if billing is BillingBehaviour.OVERNIGHT:
        planned = [after + timedelta(days=n) for n in range(1, left + 1)]
    else:
        found = await session.execute(
            PLANNED,
            {
                "episode": row.episode_id, "level": row.level, "after": after, "through": row.through_date,
                "scheduled": SessionStatus.SCHEDULED.value,
            },
        )  # fmt: skip
        planned = [r[0] for r in found]
    if len(planned) < left:
        return row.through_date
    grant = Grant(
        authorization_id=row.authorization_id, level=row.level, unit=row.unit, units=row.units,
        from_date=row.from_date, through_date=row.through_date,
    )  # fmt: skip
    return last_covered_day(grant, used, planned) or after
