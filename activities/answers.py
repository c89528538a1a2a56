"""Taking a payer's answer into the case: same answer twice is one row, a later one supersedes (E32, AUTH-07)."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from activities.case_record import CaseWriting
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus
from rules.payer_answer import AnswerVerdict
from rules.utilization import review_due
from storage.models import AuthorizationDecision, AuthorizationRequest
from storage.repositories.facility_day import mark_stale


async def apply_verdict(
    w: CaseWriting,
    asked: AuthorizationRequest,
    verdict: AnswerVerdict,
    *,
    fingerprint: str,
    source: str,
    message_id: UUID | None,
) -> None:
    """Write the decision once and let the case follow it. Nothing earlier is deleted (AUTH-08)."""
    decision_id = derived(asked.id, "decision", fingerprint)
    made = await w.session.execute(
        insert(AuthorizationDecision)
        .values(
            id=decision_id, request_id=asked.id, authorization_id=w.case.id, action=verdict.action,
            reason=verdict.reason, number=verdict.number, level=verdict.level, unit=verdict.unit,
            units=verdict.units, from_date=verdict.from_date, through_date=verdict.through_date,
            information_requested="in_message" if verdict.information_requested else None, received_at=w.now, source=source,
            message_id=message_id, fingerprint=fingerprint,
        )
        .on_conflict_do_nothing()
        .returning(AuthorizationDecision.id)
    )  # fmt: skip
    if made.first() is None:
        return
    await w.session.execute(
        update(AuthorizationDecision)
        .where(
            AuthorizationDecision.request_id == asked.id,
            AuthorizationDecision.id != decision_id,
            AuthorizationDecision.superseded_by.is_(None),
        )
        .values(superseded_by=decision_id)
    )
    if await _repeats_what_stands(w, asked, verdict):
        return
    asked.status = verdict.status
    asked.answered_at = w.now
    asked.reference = verdict.reference or asked.reference
    if w.case.status is AuthorizationStatus.END_DATED:
        await w.note("authorization_answer_after_end", {"action": verdict.action})
        return
    await _follow(w, asked, verdict)


async def _repeats_what_stands(w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict) -> bool:
    """The payer said the same twice in different bytes (E32)."""
    return (
        asked.answered_at is not None
        and asked.status is verdict.status
        and w.case.number == verdict.number
        and verdict.through_date is not None
        and w.case.last_covered_day == verdict.through_date
    )


async def _follow(w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict) -> None:
    case = w.case
    case.why = verdict.why
    case.version += 1
    granted = verdict.units > 0 and verdict.through_date is not None
    extends = case.last_covered_day is not None and asked.from_date > case.last_covered_day
    if granted:
        await _grant(w, asked, verdict)
        case.status = verdict.status
    elif not extends:
        case.status = verdict.status
    await w.note(
        f"authorization_{verdict.status.value}",
        {
            "action": verdict.action,
            "reason": verdict.reason,
            "number": verdict.number,
            "units": verdict.units,
            "asked": asked.units,
            "granted_level": verdict.level,
            "last_covered_day": case.last_covered_day.isoformat() if case.last_covered_day else None,
        },
    )
    await _work_for_people(w, asked, verdict)
    await w.tell_episode()


async def _grant(w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict) -> None:
    """A grant moves the last covered day, its review clock, and the days it covers (AUTH-04, AUTH-06, AUTH-08)."""
    case, through = w.case, verdict.through_date
    if through is None or verdict.from_date is None:
        return
    if case.last_covered_day is None or verdict.from_date > case.last_covered_day:
        case.granted_units += verdict.units
    else:
        case.granted_units = verdict.units
    case.granted_level = verdict.level
    case.number = verdict.number or case.number
    case.last_covered_day = through
    case.review_due_at = review_due(through, w.payer.review)
    # A case opened ahead of a scheduled move speaks for its level only once the person is there.
    if w.episode.stay_id == case.stay_id:
        w.episode.authorized_level = verdict.level
    for kind in ("authorization_denied", "payer_silent", "payer_late", "authorization_lapsed"):
        await w.done(kind, "granted")
    await mark_stale(
        w.session, facility=w.episode.facility, first=verdict.from_date, last=through,
        reason=f"authorization {case.id} granted", key=w.key, now=w.now,
    )  # fmt: skip


async def _work_for_people(w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict) -> None:
    if verdict.status is AuthorizationStatus.DENIED:
        await w.owe(
            "authorization_denied",
            f"{w.case.level} denied ({verdict.why}): peer-to-peer, appeal, or another level",
            due_at=w.now + timedelta(hours=w.payer.peer_to_peer_hours),
            subject=asked.trace,
            rule="AUTH-13",
        )
    elif verdict.status is AuthorizationStatus.PARTIAL:
        await w.owe("authorization_gap", f"{verdict.why}: decide on transfer, appeal or peer-to-peer", subject=asked.trace,
                    rule="AUTH-07")  # fmt: skip
    elif verdict.status is AuthorizationStatus.DATA_PROBLEM:
        await w.owe("authorization_data_problem", verdict.why, subject=asked.trace)
    elif verdict.status is AuthorizationStatus.CONTACT_PAYER:
        await w.owe("contact_payer", verdict.why, subject=asked.trace)
    elif verdict.status is AuthorizationStatus.PENDED:
        # Free text of a payer may name people; it stays in the sealed message, the item only points to it.
        why = "the payer asks for more: read its message" if verdict.information_requested else verdict.why
        await w.owe("information_requested", why, subject=asked.trace)
    if verdict.status not in (AuthorizationStatus.PENDED,):
        await w.done("information_requested", "answered")
