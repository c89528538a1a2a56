"""The step-down queue and the authorization worklist."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from definitions.vocabulary import TransitionStatus
from storage.models import Episode, Transition

PENDING = (TransitionStatus.PENDING, TransitionStatus.NEEDS_SIGN_OFF, TransitionStatus.BLOCKED)

WORKLIST = text(
    """
    SELECT a.id, a.episode_id, e.person_id, a.facility, a.payer, e.level AS clinical_level, a.level, a.granted_level,
           a.status, a.why, a.unit, a.requested_units, a.granted_units, a.number, a.from_date, a.last_covered_day,
           a.review_due_at, a.owner, a.version,
           CASE
             WHEN a.status IN ('submitted', 'pended', 'timed_out', 'ready', 'waiting_consent') THEN 'waiting'
             WHEN a.last_covered_day IS NULL THEN 'none'
             WHEN a.review_due_at < :now THEN 'overdue'
             WHEN a.review_due_at < :today_ends THEN 'today'
             WHEN a.review_due_at < :tomorrow_ends THEN 'tomorrow'
             WHEN a.review_due_at < :week_ends THEN 'week'
             ELSE 'later'
           END AS bucket,
           (SELECT count(*) FROM charge c WHERE c.authorization_id = a.id AND c.status = 'live') AS used_units
    FROM "authorization" a JOIN episode e ON e.id = a.episode_id
    WHERE a.facility = ANY(:facilities) AND a.status NOT IN ('end_dated', 'cancelled', 'not_required')
    ORDER BY a.review_due_at NULLS FIRST, a.id
    LIMIT :limit
    """
)


async def step_down_queue(
    session: AsyncSession,
    facilities: Sequence[str],
    *,
    status: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[tuple[Transition, Episode]]:
    """Requests that wait for somebody, soonest effective first; `status` narrows to one."""
    if not facilities:
        return []
    wanted = [TransitionStatus(status)] if status and status != "pending" else list(PENDING)
    picked = select(Transition).where(Transition.facility.in_(facilities), Transition.status.in_(wanted))
    if after is not None:
        picked = picked.where(tuple_(Transition.effective_at, Transition.id) > after)
    # Picked before they are joined: a join of all that wait reads every episode there ever was.
    waiting = aliased(
        Transition, picked.order_by(Transition.effective_at, Transition.id).limit(limit).subquery("waiting")
    )
    rows = await session.execute(
        select(waiting, Episode)
        .join(Episode, Episode.id == waiting.episode_id)
        .order_by(waiting.effective_at, waiting.id)
    )
    return [(t, e) for t, e in rows]


async def worklist(
    session: AsyncSession, facilities: Sequence[str], now: datetime, day_ends: datetime, limit: int = 500
) -> list[dict[str, Any]]:
    """One row per episode and payer with its bucket; `day_ends` is the end of the reviewer's day."""
    if not facilities:
        return []
    rows = await session.execute(
        WORKLIST,
        {
            "facilities": list(facilities),
            "now": now,
            "today_ends": day_ends,
            "tomorrow_ends": day_ends + timedelta(days=1),
            "week_ends": day_ends + timedelta(days=7),
            "limit": limit,
        },
    )
    return [dict(row._mapping) for row in rows]
