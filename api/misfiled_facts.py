"""Assessments and attendance that were charted on the wrong episode (ASM-01 to ASM-05, SCH-03, BILL-11)."""

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.bodies import AssessmentBody
from api.errors import problem
from api.facts import charted
from api.misfiled import Found, Handled, Wrong
from definitions.errors import ErrorType
from definitions.misfiling import Effect, MisfiledKind
from definitions.vocabulary import AssessmentStatus, OpenItemStatus, Phase, SessionStatus
from rules.due_assessments import owed_again
from rules.misfiling import Becomes, Requirement, Result, without_it
from runtime.staff_words import WordOpener, owner_of
from storage.models import Assessment, AssessmentDue, Attendance, Session
from storage.reads import misfiling as reads
from storage.repositories import work
from storage.repositories.command import Remembered
from storage.repositories.episode import away_since
from storage.repositories.facility_day import mark_stale
from storage.repositories.person import wrapped_keys

OVERDUE: Final = ("assessment_overdue", "assessment_escalated")


# --- assessments ------------------------------------------------------------------------------------------------


async def find_assessment(wrong: Wrong) -> Found:
    session = wrong.session
    row = await session.get(Assessment, wrong.subject)
    if row is None or row.episode_id != wrong.episode.id:
        raise wrong.unknown()
    alerts = await reads.alerts_of(session, row.id)
    owed = [(due, await _becomes(wrong, row, due)) for due in await reads.satisfied_by(session, row.id)]
    repeat = await reads.repeat_of(session, row.id)
    levels = []
    if row.recommended_level is not None:
        levels = await reads.wishes_since(session, wrong.episode.id, row.recorded_at)
    effects = [
        Effect(what="assessment", id=str(row.id), act="counts_no_more"),
        *(Effect(what="alert", id=str(a.id), act="cleared") for a in alerts),
        *(Effect(what="requirement", id=str(due.id), act=becomes.status.value) for due, becomes in owed),
        *([Effect(what="requirement", id=str(repeat.id), act="cancelled")] if repeat is not None else []),
    ]
    return Found(row, row.recorded_at, effects, levels=levels,
                 parts={"alerts": alerts, "owed": owed, "repeat": repeat})  # fmt: skip


async def _becomes(wrong: Wrong, row: Assessment, due: AssessmentDue) -> Becomes:
    session, episode = wrong.session, wrong.episode
    others = [
        Result(a.id, a.recorded_at, a.outcome == "completed") for a in await reads.other_results(session, row)
    ]  # fmt: skip
    here: frozenset[UUID | None] = frozenset()
    if episode.phase is Phase.INTAKE:
        here = frozenset({None})
    if episode.phase is Phase.IN_CARE:
        here = frozenset(await reads.open_stays(session, episode.id))
    away = bool(await away_since(session, episode.id))
    return without_it(Requirement(due.id, due.raised_at, due.stay_id), others, here, away=away)


async def void_assessment(wrong: Wrong, found: Found, misfiling: UUID) -> None:
    """Its alerts are cleared, what it satisfied is owed again, and the repeat it raised is owed no more."""
    session, now = wrong.session, wrong.now
    for alert in found.parts["alerts"]:
        alert.cleared_at, alert.cleared_by, alert.cleared_reason = now, wrong.user.actor, f"misfiling {misfiling}"
        alert.acknowledged_at = alert.acknowledged_at or now
        alert.acknowledged_by = alert.acknowledged_by or wrong.user.actor
    repeat = found.parts["repeat"]
    if repeat is not None:
        repeat.status, repeat.closed_at = AssessmentStatus.CANCELLED, now
        await work.close_items(
            session, episode_id=wrong.episode.id, now=now, actor=wrong.user.actor, resolution="charted elsewhere",
            kind=OVERDUE, subject_id=str(repeat.id), status=OpenItemStatus.CANCELLED,
        )  # fmt: skip
    for due, becomes in found.parts["owed"]:
        _restate(wrong, due, becomes)
    await session.flush()


def _restate(wrong: Wrong, due: AssessmentDue, becomes: Becomes) -> None:
    other = becomes.satisfied_by
    due.status, due.satisfied_by = becomes.status, other.id if other is not None else None
    if other is not None:
        due.closed_at = other.recorded_at
        return
    due.closed_at = wrong.now if becomes.status is AssessmentStatus.CANCELLED else None
    if becomes.status is AssessmentStatus.DUE:
        facility = wrong.services.catalog.edition(wrong.episode.edition).facilities[wrong.episode.facility]
        grace = facility.policy.transition_grace_hours
        due.due_at, due.escalate_at = owed_again(due.instrument, due.due_at, due.escalate_at, wrong.now, grace)
        due.escalated_at = None


async def record_assessment(wrong: Wrong, found: Found, stored: Remembered) -> UUID | None:
    """As if it had been charted there now: scored by that episode's edition, with its own alerts and requirements."""
    if wrong.right is None:
        return None
    row: Assessment = found.row
    owner = owner_of(row.sealed_answers) if row.sealed_answers else None
    opener = WordOpener(wrong.services.keyring, await wrapped_keys(wrong.session, [owner]))
    body = AssessmentBody(
        instrument=row.instrument, answers=opener.answers(row.id, row.sealed_answers, row.answers),
        performed_at=row.performed_at, refused=row.outcome == "refused",
    )  # fmt: skip
    made = await charted(wrong.services, wrong.session, wrong.user, wrong.right, body, stored)
    return UUID(made["assessment_id"])


# --- attendance -------------------------------------------------------------------------------------------------


async def _place(session: AsyncSession, meeting: UUID, episode: UUID) -> Attendance | None:
    rows = await session.execute(
        select(Attendance)
        .where(Attendance.session_id == meeting, Attendance.episode_id == episode)
        .order_by(Attendance.status == SessionStatus.CANCELLED, Attendance.stay_id)
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return rows.scalar_one_or_none()


async def find_attendance(wrong: Wrong) -> Found:
    place = await _place(wrong.session, wrong.subject, wrong.episode.id)
    if place is None:
        raise wrong.unknown()
    if place.recorded_at is None or place.minutes is None or place.status is SessionStatus.CANCELLED:
        raise problem(ErrorType.STALE, "nothing is recorded for this episode in that session; look again")
    before = {
        "stay": str(place.stay_id), "status": place.status.value, "minutes": place.minutes,
        "recorded_at": place.recorded_at.isoformat(), "recorded_by": place.recorded_by,
    }  # fmt: skip
    effects = [
        Effect(what="attendance", id=str(place.session_id), act="counts_no_more"),
        Effect(what="day", id=place.service_date.isoformat(), act="closed_again"),
    ]
    theirs = None
    if wrong.right is not None:
        theirs = await _place(wrong.session, wrong.subject, wrong.right.id)
        if theirs is None or theirs.status is SessionStatus.CANCELLED:
            raise problem(
                ErrorType.NOT_FOUND,
                f"episode {wrong.right.id} has no place in this session; give it one, or leave right_episode out",
            )
        if theirs.recorded_at is not None:
            raise problem(ErrorType.STALE, "that episode's attendance in this session is recorded already; look again")
    return Found(place, place.recorded_at, effects, before=before, parts={"theirs": theirs})


async def void_attendance(wrong: Wrong, found: Found, misfiling: UUID) -> None:
    """The place is as it was before anybody recorded it; the date is closed again, and its day follows the minutes."""
    place: Attendance = found.row
    place.status, place.minutes = SessionStatus.SCHEDULED, None
    place.recorded_at = place.recorded_by = None
    meeting = await wrong.session.get_one(Session, place.session_id)
    await wrong.session.flush()
    await mark_stale(
        wrong.session, facility=meeting.facility, first=meeting.service_date, last=meeting.service_date,
        reason="attendance was recorded on the wrong episode", key=str(misfiling), now=wrong.now,
    )  # fmt: skip


async def record_attendance(wrong: Wrong, found: Found, stored: Remembered) -> UUID | None:
    theirs: Attendance | None = found.parts["theirs"]
    if theirs is None:
        return None
    theirs.status, theirs.minutes = SessionStatus(found.before["status"]), found.before["minutes"]
    theirs.recorded_at, theirs.recorded_by = stored.accepted_at, wrong.user.actor
    await wrong.session.flush()
    return theirs.session_id


FACTS: Final = {
    MisfiledKind.ASSESSMENT: Handled(find_assessment, void_assessment, record_assessment),
    MisfiledKind.ATTENDANCE: Handled(find_attendance, void_attendance, record_attendance),
}
