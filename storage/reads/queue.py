"""The step-down queue."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from definitions.vocabulary import TransitionStatus
from storage.models import Episode, Transition
from storage.reach import Reach

PENDING = (TransitionStatus.PENDING, TransitionStatus.NEEDS_SIGN_OFF, TransitionStatus.BLOCKED)


async def step_down_queue(
    session: AsyncSession,
    facilities: Reach,
    *,
    status: TransitionStatus | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[tuple[Transition, Episode]]:
    """Requests that wait for somebody, soonest effective first; `status` narrows to one."""
    if not facilities:
        return []
    wanted = list(PENDING) if status in (None, TransitionStatus.PENDING) else [status]
    picked = select(Transition).where(
        Transition.facility.in_(facilities), Transition.status.in_(wanted), facilities.shows(Transition.episode_id)
    )
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
