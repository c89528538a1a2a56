"""Sessions of a program and people's places in them, set-based and safe to repeat (SCH-02)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import derived
from definitions.session import PlannedSession
from definitions.vocabulary import SessionStatus
from storage.models import Attendance, Session

SESSION, ATTENDANCE = cast(Table, Session.__table__), cast(Table, Attendance.__table__)


async def place_sessions(
    session: AsyncSession,
    *,
    facility: str,
    program: str,
    template: str,
    planned: Sequence[PlannedSession],
    stay_id: UUID,
    episode_id: UUID,
) -> int:
    """Give the stay a place in each planned session, creating the sessions that do not exist yet. Answers how
    many places are new. Individual and family sessions are one person's own."""
    if not planned:
        return 0
    rows = [_row(facility, program, template, p, stay_id) for p in planned]
    # Lists of parameters, not one statement with all values: the compiled statement is then reused.
    await session.execute(insert(SESSION).on_conflict_do_nothing(), rows)
    places = [
        {
            "session_id": row["id"],
            "stay_id": stay_id,
            "episode_id": episode_id,
            "service_date": row["service_date"],
            "status": SessionStatus.SCHEDULED,
        }
        for row in rows
    ]
    made: Any = await session.execute(insert(ATTENDANCE).on_conflict_do_nothing(), places)
    return int(made.rowcount)


def _row(facility: str, program: str, template: str, planned: PlannedSession, stay_id: UUID) -> dict[str, Any]:
    own = planned.kind in ("individual", "family")
    block = f"{planned.block}:{stay_id}" if own else planned.block
    return {
        "id": derived(program, template, block, planned.starts_at.isoformat()),
        "facility": facility,
        "program": program,
        "template": template,
        "block": block,
        "title": planned.title,
        "kind": planned.kind,
        "service_date": planned.service_date,
        "starts_at": planned.starts_at,
        "ends_at": planned.ends_at,
        "minutes": planned.minutes,
        "counts": planned.counts,
        "version": 1,
    }


async def cancel_future_places(
    session: AsyncSession, *, stay_ids: Sequence[UUID], after: datetime, until: datetime | None, cancelled_by: UUID
) -> int:
    """Cancel scheduled places that start after `after` (and before `until`); what was attended stays (SCH-02)."""
    if not stay_ids:
        return 0
    future = select(Session.id).where(Session.starts_at >= after)
    if until is not None:
        future = future.where(Session.starts_at < until)
    changed = await session.execute(
        update(Attendance)
        .where(
            Attendance.stay_id.in_(stay_ids),
            Attendance.status == SessionStatus.SCHEDULED,
            Attendance.session_id.in_(future),
        )
        .values(status=SessionStatus.CANCELLED, cancelled_by=cancelled_by)
        .returning(Attendance.session_id)
    )
    return len(changed.all())


async def restore_places(session: AsyncSession, *, cancelled_by: UUID, from_at: datetime) -> int:
    """Give back places a leave had cancelled, from the return on."""
    future = select(Session.id).where(Session.starts_at >= from_at)
    changed = await session.execute(
        update(Attendance)
        .where(
            Attendance.cancelled_by == cancelled_by,
            Attendance.status == SessionStatus.CANCELLED,
            Attendance.session_id.in_(future),
        )
        .values(status=SessionStatus.SCHEDULED, cancelled_by=None)
        .returning(Attendance.session_id)
    )
    return len(changed.all())
