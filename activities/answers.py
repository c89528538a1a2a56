"""Taking a payer's answer into the case: the same answer twice is one row, and which answer stands is decided over all
that ever came (E32, AUTH-07, AUTH-08)."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from activities import case_clocks
from activities.adverse import after_adverse, after_contest, no_longer_contested
from activities.case_grants import matter_asked, root_of, settle_grants
from activities.case_record import CaseWriting
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus, ClockName, OpenItemStatus, RequestKind
from rules.case_deadlines import wish_subject
from rules.grants import CONTESTING, FINAL, Changes
from rules.payer_answer import AnswerVerdict
from storage.models import AuthorizationDecision, AuthorizationRequest, OpenItem
from storage.repositories.authorization import UNANSWERED, requests_of_case

UNDECIDED = (AuthorizationStatus.PENDED, AuthorizationStatus.INFORMATION_REQUESTED)
OPEN_STILL = (AuthorizationStatus.CONTACT_PAYER, AuthorizationStatus.DATA_PROBLEM)
"""An answer came, and the question is as open as before."""
ANSWERED_BY_A_PEND = ("payer_silent", "authorization_data_problem", "receipt_missing")
ANSWERED_BY_A_DECISION = (*ANSWERED_BY_A_PEND, "payer_late", "contact_payer", "payer_unreachable", "notice_late")
CALL_AGAIN = "again"
NOT_REQUIRED = AuthorizationStatus.NOT_REQUIRED
ADVERSE = (AuthorizationStatus.DENIED, AuthorizationStatus.PARTIAL, AuthorizationStatus.VOIDED)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is kept of an answer that a person heard or read (AUTH-12). `evidence_id`: the sealed words."""

    call_reference: str | None = None
    criteria: str | None = None
    reviewer_credentials: str | None = None
    evidence_id: UUID | None = None
    recorded_by: str | None = None


NO_EVIDENCE = Evidence()


async def apply_verdict(
    w: CaseWriting,
    asked: AuthorizationRequest,
    verdict: AnswerVerdict,
    *,
    fingerprint: str,
    source: str,
    message_id: UUID | None,
    stated_at: datetime | None = None,
    evidence: Evidence = NO_EVIDENCE,
) -> None:
    """Write the decision once and let the case follow it. Nothing earlier is deleted (AUTH-08)."""
    decision_id = await _keep(w, asked, verdict, fingerprint, source, message_id, stated_at, evidence)
    if decision_id is None:
        return
    if asked.status is AuthorizationStatus.CANCELLED:
        await _after_cancel(w, asked, verdict)
        return
    if asked.kind is RequestKind.CANCEL:
        await _cancellation(w, asked, verdict)
        return
    before, lcd = w.case.status, w.case.last_covered_day
    root, matter = await root_of(w, asked), await matter_asked(w, asked)
    stand, made = await settle_grants(w, {decision_id: verdict.status})
    stands = stand.decisions.get(root.id)
    overtaken = decision_id in stand.overtaken
    asked.answered_at = w.now
    asked.reference = verdict.reference or asked.reference
    for one in (asked, matter):
        if one.id != root.id:
            one.status = verdict.status
    if stands is not None and stands.id == decision_id:
        root.status = _of_root(root, verdict, made)
        root.answered_at = w.now
    elif not overtaken and asked.id == root.id:
        root.status = verdict.status
    if verdict.action in FINAL and not overtaken and not made.spans:
        # Days that stood at risk while the payer was deciding are what it decided now (E26, AUTH-08).
        await w.reprice(root.from_date, root.through_date, f"the payer answered {verdict.action}")
    await _time(w, asked, root, matter, verdict, overtaken)
    await _note(w, asked, verdict, overtaken, made)
    if overtaken:
        return
    await _follow(w, root, verdict, lcd)
    await _work_for_people(w, asked, root, matter, verdict, made)
    w.case.version += 1
    if before is not w.case.status or made.spans:
        await w.tell_episode()


async def _keep(
    w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict, fingerprint: str, source: str,
    message_id: UUID | None, stated_at: datetime | None, evidence: Evidence,
) -> UUID | None:  # fmt: skip
    """The decision's id, None when this very answer is kept already."""
    decision_id = derived(asked.id, "decision", fingerprint)
    arrived = await w.session.execute(
        select(func.coalesce(func.max(AuthorizationDecision.arrival), 0)).where(
            AuthorizationDecision.authorization_id == w.case.id
        )
    )
    made = await w.session.execute(
        insert(AuthorizationDecision)
        .values(
            id=decision_id, request_id=asked.id, authorization_id=w.case.id, action=verdict.action,
            status=verdict.status, reason=verdict.reason, number=verdict.number, level=verdict.level,
            unit=verdict.unit, units=verdict.units, from_date=verdict.from_date, through_date=verdict.through_date,
            information_requested="in_message" if verdict.information_requested else None, received_at=w.now,
            source=source, message_id=message_id, fingerprint=fingerprint, arrival=arrived.scalar_one() + 1,
            stated_at=stated_at or verdict.stated_at, call_reference=evidence.call_reference,
            criteria=evidence.criteria, reviewer_credentials=evidence.reviewer_credentials,
            evidence_id=evidence.evidence_id, recorded_by=evidence.recorded_by,
        )
        .on_conflict_do_nothing()
        .returning(AuthorizationDecision.id)
    )  # fmt: skip
    return None if made.first() is None else decision_id


def _of_root(root: AuthorizationRequest, verdict: AnswerVerdict, made: Changes) -> AuthorizationStatus:
    """A cancellation or denial that takes grants back is a rescission, not an ordinary end (AUTH-09). A payer that
    cancels what it had not decided leaves the days open: somebody calls."""
    if _took_back(verdict, made):
        return AuthorizationStatus.VOIDED
    if verdict.status is not AuthorizationStatus.CANCELLED:
        return verdict.status
    again = root.status is AuthorizationStatus.VOIDED
    return AuthorizationStatus.VOIDED if again else AuthorizationStatus.CONTACT_PAYER


def _took_back(verdict: AnswerVerdict, made: Changes) -> bool:
    return bool(made.closed) and not made.opened and verdict.units == 0


async def _after_cancel(w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict) -> None:
    """We took the question back; an approval is no use and no harm, but the payer holds a case we do not (E16)."""
    await w.note("authorization_answer_after_cancel", {"action": verdict.action, "request": str(asked.id)})
    if verdict.units > 0:
        await w.owe(
            "answer_after_cancel",
            f"{w.case.payer} approved a request that was taken back: tell the payer, or ask again if the days are needed",
            subject=asked.trace,
        )


async def _cancellation(w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict) -> None:
    """What the payer says of our taking back. Whatever it says grants and denies nothing; one that it did not take is
    told to it by a person, or it goes on reviewing what nobody wants."""
    asked.status, asked.answered_at = verdict.status, w.now
    asked.reference = verdict.reference or asked.reference
    w.case.version += 1
    await w.note("authorization_cancellation_answered", {"request": str(asked.id), "action": verdict.action})
    await w.done("receipt_missing", "answered", asked.trace)
    if verdict.status in (
        AuthorizationStatus.DENIED,
        AuthorizationStatus.DATA_PROBLEM,
        AuthorizationStatus.CONTACT_PAYER,
    ):
        asked.status = AuthorizationStatus.CANCELLED
        await w.owe(
            "cancellation_not_taken",
            f"{w.case.payer} did not take back the request as asked ({verdict.action}): tell it by telephone",
            subject=asked.trace,
        )


async def _time(
    w: CaseWriting, asked: AuthorizationRequest, root: AuthorizationRequest, matter: AuthorizationRequest,
    verdict: AnswerVerdict, overtaken: bool,
) -> None:  # fmt: skip
    """Answers stop the payer's clock; a wish for documents starts ours and may pause the payer's."""
    if verdict.status in UNDECIDED:
        if overtaken or not verdict.wants_documents:
            return
        matter.wanted = list(verdict.wanted)
        ours = await case_clocks.start_clock(w, ClockName.INFORMATION, matter.id)
        matter.wanted_by = verdict.wanted_by or (ours.due_at if ours else None)
        await case_clocks.pause(w, matter)
        return
    if verdict.status in (AuthorizationStatus.CONTACT_PAYER, AuthorizationStatus.DATA_PROBLEM):
        return
    for one_id in {asked.id, root.id, matter.id}:
        await case_clocks.stop(w, one_id, *case_clocks.DECISIONS, ClockName.INFORMATION)
    for one in {r.id: r for r in (root, matter)}.values():
        await documents_settled(w, one, "answered")


async def documents_settled(w: CaseWriting, matter: AuthorizationRequest, resolution: str) -> None:
    """Nobody waits for documents of this request any more; those of others stay wanted."""
    subject = wish_subject(matter.trace, matter.wanted_by)
    await w.done(("information_requested", "information_late"), resolution, subject)
    matter.wanted_by = None


async def _note(
    w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict, overtaken: bool, made: Changes
) -> None:
    await w.note(
        "authorization_answer_overtaken" if overtaken else f"authorization_{verdict.status.value}",
        {
            "action": verdict.action,
            "reason": verdict.reason,
            "number": verdict.number,
            "units": verdict.units,
            "asked": asked.units,
            "request": str(asked.id),
            "granted_level": verdict.level,
            "last_covered_day": w.case.last_covered_day.isoformat() if w.case.last_covered_day else None,
            "grants_closed": len(made.closed),
        },
    )


async def _follow(w: CaseWriting, root: AuthorizationRequest, verdict: AnswerVerdict, lcd: date | None) -> None:
    """The case's own status: what is granted, or what became of its newest question while nothing is (AUTH-08).
    `lcd`: the last covered day before the answer."""
    case = w.case
    if case.last_covered_day is not None and (lcd is None or case.last_covered_day > lcd):
        why = f"covered through {case.last_covered_day.isoformat()}"
        await w.done(("review_due", "authorization_lapsed"), why)
    newest = [r for r in await requests_of_case(w.session, case.id) if r.about is None][-1]
    case.review_status = newest.status
    if newest.id == root.id:
        case.why = verdict.why
    if case.status is AuthorizationStatus.END_DATED:
        return
    if case.granted_units:
        partly = newest.status is AuthorizationStatus.PARTIAL or (
            root.status is AuthorizationStatus.PARTIAL and newest.status is not AuthorizationStatus.APPROVED
        )
        case.status = AuthorizationStatus.PARTIAL if partly else AuthorizationStatus.APPROVED
    else:
        case.status = newest.status


async def _work_for_people(
    w: CaseWriting, asked: AuthorizationRequest, root: AuthorizationRequest, matter: AuthorizationRequest,
    verdict: AnswerVerdict, made: Changes,
) -> None:  # fmt: skip
    decided = verdict.action in FINAL
    await _items_answered(w, asked, root, matter, verdict)
    if decided:
        await _documents_done(w, matter, verdict.status)
    if matter.kind in CONTESTING and decided:
        await after_contest(w, matter, root, overturned=verdict.units > 0 or verdict.status is NOT_REQUIRED)
    if root.status in ADVERSE and decided:
        await after_adverse(w, root, verdict, took_back=_took_back(verdict, made))
    elif verdict.status in (AuthorizationStatus.APPROVED, NOT_REQUIRED):
        await no_longer_contested(w, root)
    if verdict.status is AuthorizationStatus.DATA_PROBLEM:
        await w.owe("authorization_data_problem", verdict.why, subject=asked.trace)
    elif verdict.status is AuthorizationStatus.CONTACT_PAYER:
        await w.owe("contact_payer", verdict.why, subject=await _call_about(w, asked))
    elif verdict.status is AuthorizationStatus.CANCELLED and root.status is AuthorizationStatus.CONTACT_PAYER:
        why = f"{w.case.payer} cancelled the request without deciding it: call, or take it back and ask again"
        await w.owe("contact_payer", why, subject=root.trace)
    elif verdict.status in UNDECIDED and verdict.wants_documents:
        # Free text of a payer may name people; it stays in the sealed message, the item only points to it.
        why = "the payer asks for documents before it decides: read its message and send them"
        subject = wish_subject(matter.trace, matter.wanted_by)
        await w.owe("information_requested", why, due_at=matter.wanted_by, subject=subject)


async def _call_about(w: CaseWriting, asked: AuthorizationRequest) -> str:
    """A call that was done with stays done: when it was the request itself that went by telephone, what the payer then wants to
    be called about is another one."""
    before = await w.session.get(OpenItem, derived(w.case.id, "contact_payer", asked.trace))
    return asked.trace if before is None or before.status is OpenItemStatus.OPEN else f"{asked.trace}:{CALL_AGAIN}"


async def _items_answered(
    w: CaseWriting, asked: AuthorizationRequest, root: AuthorizationRequest, matter: AuthorizationRequest,
    verdict: AnswerVerdict,
) -> None:  # fmt: skip
    """What people were to do about this question's silence is done; other questions of the case keep their items."""
    if verdict.status in OPEN_STILL:
        return
    kinds = ANSWERED_BY_A_PEND if verdict.status in UNDECIDED else ANSWERED_BY_A_DECISION
    traces = sorted({asked.trace, root.trace, matter.trace})
    await w.done(kinds, "answered", *traces, *(f"{trace}:{CALL_AGAIN}" for trace in traces))
    await w.done("payer_silent", "answered", *(f"{trace}:lost" for trace in traces))


async def _documents_done(w: CaseWriting, matter: AuthorizationRequest, status: AuthorizationStatus) -> None:
    """Documents went for a question that is decided now: nothing more comes of them, and what has not left stays."""
    for one in await requests_of_case(w.session, w.case.id):
        if one.kind is RequestKind.INFORMATION and one.about == matter.id and one.status in UNANSWERED:
            left = one.first_sent_at is not None or one.status is AuthorizationStatus.INFORMATION_SENT
            one.status = status if left else AuthorizationStatus.CANCELLED
