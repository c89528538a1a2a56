"""What a case needs next, by when, of whom, and why: one answer that worklist, page and item share (features (e))."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from definitions.base import Moment, WireModel
from definitions.case_state import CaseState, DisputeState, QuestionState
from definitions.vocabulary import AuthorizationStatus, DisputeKind, DisputeStatus, RequestKind, Role
from rules.case_deadlines import UNSENT

PAYER = "payer"
"""Owner of what only the payer can do."""


class NextAction(WireModel):
    """`at` None: as soon as somebody can."""

    code: str
    at: Moment | None
    owner: str
    why: str


def next_action(case: CaseState) -> NextAction | None:
    """The earliest thing people owe; what the payer owes when nobody owes anything; None when the case is at rest."""
    found = [*_questions(case.questions), *_disputes(case.disputes), *_review(case)]
    ours = [a for a in found if a.owner != PAYER]
    return min(ours or found, key=lambda a: (a.at or case.opened_at, a.code), default=None)


def _questions(questions: Sequence[QuestionState]) -> Iterator[NextAction]:
    given = {q.about for q in questions if q.kind is RequestKind.INFORMATION and q.status in UNSENT}
    for q in questions:
        made = _of_status(q)
        # Documents that were given are on their way: what keeps them is the next action, not to give them again.
        if made is not None and not (made.code == "send_documents" and q.id in given):
            yield made


def _of_status(q: QuestionState) -> NextAction | None:
    reviewer, status = Role.REVIEWER.value, q.status
    if status is AuthorizationStatus.WAITING_CONSENT:
        return NextAction(
            code="get_consent", at=q.requested_at, owner=Role.ADMISSIONS.value,
            why="no consent covers the request; nothing leaves before one is signed",
        )  # fmt: skip
    if status is AuthorizationStatus.DATA_PROBLEM:
        return NextAction(
            code="correct_request", at=q.sent_at or q.requested_at, owner=reviewer,
            why="the payer could not process the request; correct the record and ask again",
        )  # fmt: skip
    if status is AuthorizationStatus.CONTACT_PAYER or (status is AuthorizationStatus.TIMED_OUT and q.asks_people):
        return NextAction(
            code="call_payer", at=q.sent_at or q.requested_at, owner=reviewer,
            why="only a call settles it; record what the payer says",
        )  # fmt: skip
    if status is AuthorizationStatus.INFORMATION_REQUESTED:
        return NextAction(
            code="send_documents", at=q.wanted_by, owner=reviewer, why="the payer decides once it has the documents"
        )
    if status is AuthorizationStatus.HELD:
        return NextAction(
            code="payer_down", at=q.requested_at, owner=reviewer,
            why="the payer's system is down; it goes by itself when it is back, or by telephone now",
        )  # fmt: skip
    if status in (AuthorizationStatus.SUBMITTED, AuthorizationStatus.PENDED, AuthorizationStatus.INFORMATION_SENT):
        return NextAction(
            code="wait_for_payer",
            at=q.decision_due_at or q.confirm_by,
            owner=PAYER,
            why="the payer decides; its clock runs",
        )
    if status is AuthorizationStatus.TIMED_OUT:
        return NextAction(
            code="inquire",
            at=q.decision_due_at,
            owner=PAYER,
            why="no answer came; the payer is being asked what it has",
        )
    if status is AuthorizationStatus.READY:
        return NextAction(code="send", at=q.requested_at, owner=PAYER, why="it is being sent")
    return None


def _disputes(disputes: Sequence[DisputeState]) -> Iterator[NextAction]:
    reviewer = Role.REVIEWER.value
    call_open = any(d.kind is DisputeKind.PEER_TO_PEER and d.status in _MAY_CALL for d in disputes)
    for d in disputes:
        if d.kind is DisputeKind.PEER_TO_PEER and d.status is DisputeStatus.SCHEDULED:
            yield NextAction(
                code="hold_peer_to_peer", at=d.scheduled_at, owner=reviewer,
                why="the call with the payer's physician; record what came of it",
            )  # fmt: skip
        elif d.kind is DisputeKind.PEER_TO_PEER and d.status is DisputeStatus.OPEN:
            yield NextAction(
                code="ask_peer_to_peer", at=d.file_by, owner=reviewer,
                why="the payer's answer may be contested by a call between physicians until then",
            )  # fmt: skip
        elif d.status is DisputeStatus.OPEN and not d.on_its_way and not call_open:
            what = "external review" if d.kind is DisputeKind.EXTERNAL_REVIEW else f"appeal, level {d.level}"
            yield NextAction(
                code="file_external_review" if d.kind is DisputeKind.EXTERNAL_REVIEW else "file_appeal", at=d.file_by,
                owner=reviewer, why=f"{what}: may be filed until then",
            )  # fmt: skip


_MAY_CALL = (DisputeStatus.OPEN, DisputeStatus.SCHEDULED)


def _review(case: CaseState) -> Iterator[NextAction]:
    """The continued-stay review of what is granted, unless more was asked for already (AUTH-04)."""
    if case.status is AuthorizationStatus.END_DATED or case.last_covered_day is None or case.review_due_at is None:
        return
    lcd = case.last_covered_day
    if any(q.from_date > lcd and q.status is not AuthorizationStatus.CANCELLED for q in case.questions):
        return
    yield NextAction(
        code="send_review", at=case.review_due_at, owner=Role.REVIEWER.value,
        why=f"{case.level} is covered through {lcd.isoformat()}; the payer wants the review by then",
    )  # fmt: skip


def bucket(
    owner: str | None, at: datetime | None, covered: bool, now: datetime, ends: tuple[datetime, datetime, datetime]
) -> str:
    """The worklist's bucket of a next action. `covered`: something is granted; a case without any cover is `none`
    whatever its dates say. `ends`: when today, tomorrow and the week end for the reviewer."""
    if owner == PAYER:
        return "waiting"
    if not covered:
        return "none"
    if at is None:
        return "today"
    if at < now:
        return "overdue"
    for name, end in zip(("today", "tomorrow", "week"), ends, strict=True):
        if at < end:
            return name
    return "later"
