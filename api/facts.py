"""Facts people chart, written by the API through the repositories: row, alerts, requirements and outbox in one
audited transaction; workflows hear of them by relay (D1)."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.bodies import AssessmentBody
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.routes.access import see_alert, see_episode
from api.tokens import User
from definitions.edition import Edition
from definitions.episode import FactKind
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived, episode_workflow
from definitions.instrument import Scored, ScoringContext
from definitions.staff_words import Words
from definitions.vocabulary import AssessmentStatus, Phase, Track
from rules.due_assessments import next_repeat
from rules.requests import future_problem
from rules.scoring import score
from runtime.staff_words import seal_answers, seal_words
from storage.models import Alert, Assessment, AssessmentDue, Episode
from storage.reads.misfiling import stands
from storage.repositories import command as memory
from storage.repositories import timeline, work
from storage.repositories.command import Remembered
from storage.repositories.outbox import EPISODE_FACT, announce
from storage.repositories.person import wrapped_keys

EMPTY = Scored(instrument="", edition="")


async def record_assessment(
    services: Services, user: User, key: str, episode_id: UUID, body: AssessmentBody
) -> CommandResult:
    """Score it, keep it, raise its alerts, satisfy what it satisfies, and owe its next repeat (domain 2)."""
    async with services.write(user) as session:
        episode = await see_episode(session, services, user, episode_id)
        stored = await accept(
            services, session, user, key, "assessment", {"episode": str(episode_id), **body.model_dump(mode="json")}
        )
        first = answered(stored, 201)
        if first is not None:
            return first
        answer = await charted(services, session, user, episode, body, stored)
        await memory.finish(
            session, key=stored.key, kind="assessment", actor=user.actor, now=stored.accepted_at, status=memory.DONE,
            answer=answer, subject_id=episode_id,
        )  # fmt: skip
    return CommandResult(201, answer, {})


async def charted(
    services: Services, session: AsyncSession, user: User, episode: Episode, body: AssessmentBody, stored: Remembered
) -> dict[str, Any]:
    """The result with everything it raises and satisfies, in the transaction of its command."""
    edition = services.catalog.edition(episode.edition)
    scored = await _scored(session, edition, episode, body, stored)
    assessment_id = await _write(services, session, episode, body, scored, user, stored)
    await _satisfy(session, edition, episode, body, assessment_id, stored.accepted_at)
    await tell(session, episode, assessment_id, FactKind.ASSESSMENT, stored.accepted_at)
    return {
        "assessment_id": str(assessment_id),
        "episode_id": str(episode.id),
        "instrument": body.instrument,
        "score": str(scored.score) if scored.score is not None else None,
        "severity": scored.severity,
        "subscores": scored.subscores,
        "prorated": scored.prorated,
        "missing": list(scored.missing),
        "recommended_level": scored.recommended_level,
        "alerts": [a.model_dump() for a in scored.alerts],
    }


async def _scored(
    session: AsyncSession, edition: Edition, episode: Episode, body: AssessmentBody, stored: Remembered
) -> Scored:
    instrument = edition.instruments.get(body.instrument)
    if instrument is None:
        raise problem(ErrorType.UNKNOWN_INSTRUMENT, f"no such instrument; choose from {', '.join(edition.instruments)}")
    late = future_problem(body.performed_at, stored.accepted_at, "assessment")
    if late is not None:
        raise problem(late.code, late.detail)
    await _corrects_own(session, episode, body.supersedes)
    if body.refused:
        return EMPTY.model_copy(update={"instrument": instrument.key, "edition": instrument.edition})
    scored = score(instrument, body.answers, await _context(session, edition, episode, body))
    if isinstance(scored, Refusal):
        raise problem(scored.code, scored.detail)
    return scored


async def _corrects_own(session: AsyncSession, episode: Episode, supersedes: UUID | None) -> None:
    """A result corrects one of its own episode; any other is unknown."""
    if supersedes is None:
        return
    earlier = await session.get(Assessment, supersedes)
    if earlier is None or earlier.episode_id != episode.id:
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: assessment {supersedes}")


async def _context(session: AsyncSession, edition: Edition, episode: Episode, body: AssessmentBody) -> ScoringContext:
    level = edition.levels.get(episode.level or "")
    previous = (
        await session.execute(
            select(Assessment)
            .where(
                Assessment.episode_id == episode.id,
                Assessment.instrument == body.instrument,
                Assessment.outcome == "completed",
                Assessment.performed_at < body.performed_at,
                stands(),
            )
            .order_by(Assessment.performed_at.desc())
            .limit(1)
        )
    ).scalar_one_or_none()
    hours = None
    if previous is not None:
        hours = Decimal((body.performed_at - previous.performed_at).total_seconds()) / 3600
    return ScoringContext(
        around_the_clock=level is not None and level.track is Track.BED,
        previous_score=previous.score if previous else None,
        previous_subscores=(previous.detail.get("subscores", {}) if previous else {}),
        hours_since_previous=hours,
    )


async def _write(
    services: Services, session: AsyncSession, episode: Episode, body: AssessmentBody, scored: Scored, user: User,
    stored: Remembered,
) -> UUID:  # fmt: skip
    assessment_id = derived(stored.key, "assessment")
    keys = await wrapped_keys(session, [episode.person_id])
    sealed = seal_answers(services.keyring, episode.person_id, keys.get(episode.person_id), assessment_id, body.answers)
    session.add(
        Assessment(
            id=assessment_id, episode_id=episode.id, instrument=scored.instrument, edition=scored.edition,
            answers={}, sealed_answers=sealed, score=scored.score, severity=scored.severity,
            detail=scored.model_dump(mode="json"), recommended_level=scored.recommended_level,
            outcome="refused" if body.refused else "completed", performed_at=body.performed_at,
            recorded_at=stored.accepted_at, recorded_by=user.actor, supersedes=body.supersedes, command_key=stored.key,
        )
    )  # fmt: skip
    await session.flush()
    for alert in scored.alerts:
        minutes = alert.acknowledge_minutes
        session.add(
            Alert(
                id=derived(stored.key, "alert", alert.rule), assessment_id=assessment_id, episode_id=episode.id,
                rule=alert.rule, severity=alert.severity, condition=alert.condition, opened_at=stored.accepted_at,
                acknowledge_by=stored.accepted_at + timedelta(minutes=minutes) if minutes is not None else None,
            )
        )  # fmt: skip
    await timeline.record(
        session, episode_id=episode.id, facility=episode.facility, at=body.performed_at,
        recorded_at=stored.accepted_at, kind="assessment", actor=user.actor, role=user.role, edition=episode.edition,
        detail={
            "assessment": str(assessment_id), "instrument": scored.instrument, "severity": scored.severity,
            "outcome": "refused" if body.refused else "completed", "alerts": [a.rule for a in scored.alerts],
        },
        command_key=stored.key,
    )  # fmt: skip
    return assessment_id


async def _satisfy(
    session: AsyncSession, edition: Edition, episode: Episode, body: AssessmentBody, assessment_id: UUID, now: datetime
) -> None:
    """Open requirements of this instrument are met (ASM-05: a refusal meets them too), the repeat is owed from the
    completed time (ASM-01)."""
    rows = (
        await session.execute(
            select(AssessmentDue).where(
                AssessmentDue.episode_id == episode.id,
                AssessmentDue.instrument == body.instrument,
                AssessmentDue.status.in_([AssessmentStatus.DUE, AssessmentStatus.SUSPENDED]),
            )
        )
    ).scalars().all()  # fmt: skip
    for due in rows:
        due.status = AssessmentStatus.REFUSED if body.refused else AssessmentStatus.COMPLETED
        due.satisfied_by = assessment_id
        due.closed_at = now
        for kind in ("assessment_overdue", "assessment_escalated"):
            await work.close_items(
                session, episode_id=episode.id, now=now, actor="system", resolution="done", kind=kind,
                subject_id=str(due.id),
            )  # fmt: skip
    level = edition.levels.get(episode.level or "")
    rule = next((r for r in level.assessments if r.instrument == body.instrument), None) if level else None
    zone = edition.facilities[episode.facility].zone
    following = next_repeat(rule, body.performed_at, zone) if rule and episode.phase is Phase.IN_CARE else None
    if rule is None or following is None or level is None:
        return
    session.add(
        AssessmentDue(
            id=derived(assessment_id, "repeat"), episode_id=episode.id, stay_id=episode.stay_id,
            instrument=body.instrument, level=level.key, due_at=following,
            escalate_at=following + timedelta(hours=rule.escalate_after_hours), owner_role=rule.owner,
            why=f"{level.trade_name} ({level.key}) owes {body.instrument} again", status=AssessmentStatus.DUE,
            raised_at=now,
        )
    )  # fmt: skip


async def tell(session: AsyncSession, episode: Episode, subject: UUID, kind: FactKind, now: datetime) -> None:
    """Its workflow looks at its rows again."""
    await announce(
        session,
        kind=EPISODE_FACT,
        target=episode_workflow(episode.id),
        payload={
            "key": f"fact:{subject}",
            "episode_id": str(episode.id),
            "kind": kind.value,
            "subject_id": str(subject),
            "at": now.isoformat(),
        },
        at=now,
    )


async def settle_alert(services: Services, user: User, key: str, alert_id: UUID, *, clear: str | None) -> CommandResult:
    """Acknowledge an alert, or clear it with a reason. History stays (domain 2.3)."""
    async with services.write(user) as session:
        alert, episode = await see_alert(session, services, user, alert_id)
        stored = await accept(services, session, user, key, "alert", {"alert": str(alert_id), "clear": clear})
        first = answered(stored)
        if first is not None:
            return first
        now = stored.accepted_at
        values: dict[str, Any] = {"acknowledged_at": alert.acknowledged_at or now}
        values["acknowledged_by"] = alert.acknowledged_by or user.actor
        if clear is not None:
            keys = await wrapped_keys(session, [episode.person_id])
            values |= {"cleared_at": now, "cleared_by": user.actor}
            values["sealed_cleared_reason"] = seal_words(
                services.keyring, episode.person_id, keys.get(episode.person_id), Words.CLEARED_REASON, alert_id, clear
            )
        await session.execute(update(Alert).where(Alert.id == alert_id).values(**values))
        await timeline.record(
            session, episode_id=episode.id, facility=episode.facility, at=now, recorded_at=now,
            kind="alert_cleared" if clear else "alert_acknowledged", actor=user.actor, role=user.role,
            edition=episode.edition, detail={"alert": str(alert_id), "rule": alert.rule}, command_key=stored.key,
        )  # fmt: skip
        await tell(session, episode, alert_id, FactKind.ASSESSMENT, now)
        answer = {"alert_id": str(alert_id), "status": "cleared" if clear else "acknowledged"}
        await memory.finish(
            session, key=stored.key, kind="alert", actor=user.actor, now=now, status=memory.DONE, answer=answer,
            subject_id=episode.id,
        )  # fmt: skip
    return CommandResult(200, answer, {})
