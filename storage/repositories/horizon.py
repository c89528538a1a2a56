"""Sessions of a program and people's places in them, set-based and safe to repeat (SCH-02)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import derived
from definitions.session import PlannedSession
from definitions.vocabulary import SessionStatus
from storage.many_rows import insert_many
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
    await insert_many(session, SESSION, rows)
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
    return await insert_many(session, ATTENDANCE, places)


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


PRESENT = """
    s.period @> m.starts_at AND NOT EXISTS (
        SELECT 1 FROM absence x WHERE x.stay_id = s.id AND m.starts_at >= x.left_at
          AND m.starts_at < coalesce(x.returned_at, x.expected_return_at, 'infinity'))
"""
"""The session falls into the stay and into no absence of it."""
RESTORE = text(
    f"""
    UPDATE attendance a SET status = 'scheduled', cancelled_by = NULL
    FROM session m, stay s
    WHERE a.episode_id = :episode AND m.id = a.session_id AND s.id = a.stay_id AND a.status = 'cancelled'
      AND m.starts_at >= :from_at AND a.cancelled_by IN (SELECT id FROM movement WHERE episode_id = :episode)
      AND {PRESENT}
    """
)
CANCEL_OUTSIDE = text(
    """
    UPDATE attendance a SET status = 'cancelled', cancelled_by = :by
    FROM session m, stay s
    WHERE a.episode_id = :episode AND m.id = a.session_id AND s.id = a.stay_id AND a.status = 'scheduled'
      AND NOT s.period @> m.starts_at
    """
)
CANCEL_AWAY = text(
    """
    UPDATE attendance a SET status = 'cancelled', cancelled_by = :by
    FROM session m, absence x
    WHERE x.id = :absence AND a.stay_id = x.stay_id AND m.id = a.session_id AND a.status = 'scheduled'
      AND m.starts_at >= x.left_at AND m.starts_at < coalesce(x.returned_at, x.expected_return_at, 'infinity')
    """
)


async def restore_places(session: AsyncSession, *, episode_id: UUID, from_at: datetime) -> int:
    """Give back places a movement had cancelled, from `from_at` on, wherever the person is present after all. What
    somebody cancelled otherwise, or what was attended, stays as it is."""
    changed: Any = await session.execute(RESTORE, {"episode": episode_id, "from_at": from_at})
    return int(changed.rowcount)


async def cancel_outside_stays(session: AsyncSession, *, episode_id: UUID, by: UUID) -> int:
    """Cancel places that no stay holds any more: it ended earlier, began later or was taken back."""
    changed: Any = await session.execute(CANCEL_OUTSIDE, {"episode": episode_id, "by": by})
    return int(changed.rowcount)


async def cancel_while_away(session: AsyncSession, *, absence_id: UUID, by: UUID) -> int:
    """Cancel places within an absence; `by` is the leave, so that the return gives them back."""
    changed: Any = await session.execute(CANCEL_AWAY, {"absence": absence_id, "by": by})
    return int(changed.rowcount)
