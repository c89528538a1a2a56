"""The sessions one person is expected at next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.vocabulary import SessionStatus
from storage.models import Attendance, Session


@dataclass(frozen=True, slots=True)
class NextSession:
    session_id: UUID
    title: str
    program: str
    starts_at: datetime
    minutes: int
    counts: bool
    """Whether its minutes count towards the week's hours."""


async def next_sessions(
    session: AsyncSession, facilities: Sequence[str], episode_id: UUID, now: datetime, limit: int = 8
) -> list[NextSession]:
    """Places still scheduled, soonest first; one statement."""
    if not facilities:
        return []
    rows = await session.execute(
        select(Session.id, Session.title, Session.program, Session.starts_at, Session.minutes, Session.counts)
        .join(Attendance, Attendance.session_id == Session.id)
        .where(
            Attendance.episode_id == episode_id,
            Attendance.status == SessionStatus.SCHEDULED,
            Session.facility.in_(facilities),
            Session.ends_at > now,
        )
        .order_by(Session.starts_at, Session.id)
        .limit(limit)
    )
    return [NextSession(*row) for row in rows]
