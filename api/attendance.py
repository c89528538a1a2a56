"""Minutes attended: one session of twelve people is one transaction (D1, SCH-03, SCH-04)."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see
from api.bodies import AttendanceBody, AttendeeBody
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.tokens import User
from definitions.errors import ErrorType
from definitions.vocabulary import SessionStatus
from rules.requests import future_problem
from storage.models import Attendance, Session
from storage.repositories import command as memory
from storage.repositories import timeline
from storage.repositories.facility_day import mark_stale


async def record_attendance(
    services: Services, user: User, key: str, session_id: UUID, body: AttendanceBody
) -> CommandResult:
    """All attendees or none. A date that is closed already is closed again with the minutes."""
    async with services.write(user) as session:
        meeting = await session.get(Session, session_id)
        must_see(user, services, meeting.facility if meeting else None, f"session {session_id}")
        assert meeting is not None
        stored = await accept(
            services, session, user, key, "attendance", {"session": str(session_id), **body.model_dump(mode="json")}
        )
        first = answered(stored)
        if first is not None:
            return first
        early = future_problem(meeting.starts_at, stored.accepted_at, "session's attendance")
        if early is not None:
            raise problem(early.code, early.detail)
        for attendee in body.attendees:
            must_see(user, services, meeting.facility, f"episode {attendee.episode_id}", attendee.episode_id)
        places = await _places(session, session_id)
        for attendee in body.attendees:
            _check(meeting, places, attendee)
        for attendee in body.attendees:
            await session.execute(
                update(Attendance)
                .where(Attendance.session_id == session_id, Attendance.episode_id == attendee.episode_id)
                .values(
                    status=SessionStatus(attendee.status),
                    minutes=attendee.minutes if attendee.status == "attended" else 0,
                    recorded_at=stored.accepted_at,
                    recorded_by=user.actor,
                )
            )
        await mark_stale(
            session, facility=meeting.facility, first=meeting.service_date, last=meeting.service_date,
            reason="attendance recorded late", key=stored.key, now=stored.accepted_at,
        )  # fmt: skip
        timeline.audit(
            session, chain=timeline.HOUSE, at=stored.accepted_at, actor=user.actor, role=user.role, action="attendance",
            subject=f"session/{session_id}", purpose="treatment", detail={"attendees": len(body.attendees)},
        )  # fmt: skip
        answer = {"session_id": str(session_id), "recorded": len(body.attendees)}
        await memory.finish(
            session, key=stored.key, kind="attendance", actor=user.actor, now=stored.accepted_at, status=memory.DONE,
            answer=answer,
        )  # fmt: skip
    return CommandResult(200, answer, {})


async def _places(session: AsyncSession, session_id: UUID) -> dict[UUID, Attendance]:
    rows = await session.execute(select(Attendance).where(Attendance.session_id == session_id).with_for_update())
    return {a.episode_id: a for a in rows.scalars()}


def _check(meeting: Session, places: dict[UUID, Attendance], attendee: AttendeeBody) -> None:
    place = places.get(attendee.episode_id)
    if place is None or place.status is SessionStatus.CANCELLED:
        raise problem(
            ErrorType.NOT_FOUND,
            f"episode {attendee.episode_id} has no place in this session; check the session or the person's schedule",
        )
    if attendee.minutes > meeting.minutes:
        raise problem(
            ErrorType.INVALID_REQUEST,
            f"episode {attendee.episode_id}: the session lasts {meeting.minutes} minutes; record at most that",
        )
