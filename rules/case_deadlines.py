"""Everything a case waits for, as data: what comes next, when and why (D6, domain 11.1).

A deadline that came leaves an item behind; `told` holds the ids of such items, so none comes twice."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from definitions.case_state import CaseState, DisputeState, QuestionState
from definitions.deadline import Deadline
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus, DeadlineKind, DisputeKind, DisputeStatus
from rules.calendar import midnight_ending
from rules.clocks import part_gone

DECIDING: Final = frozenset(
    {
        AuthorizationStatus.SUBMITTED,
        AuthorizationStatus.PENDED,
        AuthorizationStatus.TIMED_OUT,
        AuthorizationStatus.INFORMATION_REQUESTED,
        AuthorizationStatus.INFORMATION_SENT,
    }
)
"""The payer's decision is awaited."""

UNSENT: Final = frozenset(
    {
        AuthorizationStatus.READY,
        AuthorizationStatus.WAITING_CONSENT,
        AuthorizationStatus.HELD,
        AuthorizationStatus.CONTACT_PAYER,
    }
)
HALF, LAST = 0.5, 0.8
"""Shares of a window at which people are reminded (AUTH-13)."""

CALL_IS_OVER: Final = timedelta(hours=1)
"""After the hour of a peer-to-peer somebody is asked what came of it."""


def deadlines_of(case: CaseState, told: Collection[str]) -> tuple[Deadline, ...]:
    """Earliest first."""
    found = [*_cover(case, told)]
    for question in case.questions:
        found += _question(case, question, told)
    for dispute in case.disputes:
        found += _dispute(case, dispute, told)
    return tuple(sorted(found, key=lambda d: (d.at, d.key)))


def item_id(case_id: UUID, kind: str, subject: str) -> str:
    """The id of the item a deadline opens."""
    return str(derived(case_id, kind, subject))


def wish_subject(trace: str, wanted_by: datetime | None) -> str:
    """Each wish for documents is an item and a deadline of its own: a payer may ask for more afterwards."""
    return trace if wanted_by is None else f"{trace}:{wanted_by.astimezone(UTC).isoformat()}"


def _cover(case: CaseState, told: Collection[str]) -> Iterator[Deadline]:
    """The review of what is granted, and the end of its last covered day (AUTH-04, AUTH-06)."""
    lcd = case.last_covered_day
    if lcd is None or case.review_due_at is None or case.status is AuthorizationStatus.END_DATED:
        return
    if case.moves_on is not None and case.moves_on <= lcd + timedelta(days=1):
        return  # an approved move ends the stay before the cover does; put off or taken back, the review is due at once
    later = [q for q in case.questions if q.from_date > lcd and q.status is not AuthorizationStatus.CANCELLED]
    if any(q.status is AuthorizationStatus.NOT_REQUIRED for q in later):
        return  # the payer asks for nothing after the last covered day (AUTH-10)
    if not later and item_id(case.id, "review_due", lcd.isoformat()) not in told:
        yield Deadline(
            key=f"review:{case.id}", kind=DeadlineKind.REVIEW_DUE, at=case.review_due_at,
            why=f"{case.level} is covered through {lcd.isoformat()}; the payer wants the review by then",
            subject_id=str(case.id),
        )  # fmt: skip
    if item_id(case.id, "authorization_lapsed", lcd.isoformat()) not in told:
        yield Deadline(
            key=f"lcd:{case.id}", kind=DeadlineKind.LAST_COVERED_DAY, at=midnight_ending(lcd, case.zone),
            why=f"the last covered day of {case.level} ends", subject_id=str(case.id),
        )  # fmt: skip


def _question(case: CaseState, q: QuestionState, told: Collection[str]) -> Iterator[Deadline]:
    def at(kind: DeadlineKind, name: str, moment: datetime, why: str) -> Deadline:
        return Deadline(key=f"{name}:{q.id}", kind=kind, at=moment, why=why, subject_id=str(q.id))

    deciding = q.status in DECIDING
    if deciding and q.decision_due_at is not None and item_id(case.id, "payer_late", q.trace) not in told:
        yield at(DeadlineKind.PAYER_DECISION, "decision", q.decision_due_at, f"{case.payer} must have decided")
    if deciding and q.confirm_by is not None and item_id(case.id, "receipt_missing", q.trace) not in told:
        why = f"{case.payer} must have confirmed by then that it took the {q.kind.value}"
        yield at(DeadlineKind.PAYER_DECISION, "receipt", q.confirm_by, why)
    if deciding and q.inquire_at is not None:
        yield at(DeadlineKind.PAYER_INQUIRY, "inquiry", q.inquire_at, f"ask {case.payer} what became of the request")
    if q.retry_at is not None and q.status is AuthorizationStatus.HELD:
        yield at(DeadlineKind.PAYER_RETRY, "retry", q.retry_at, f"try the line to {case.payer} again")
    wanted = q.status is AuthorizationStatus.INFORMATION_REQUESTED and q.wanted_by is not None
    late = item_id(case.id, "information_late", wish_subject(q.trace, q.wanted_by))
    if wanted and q.wanted_by is not None and late not in told:
        why = f"{case.payer} wants the documents by then"
        yield at(DeadlineKind.INFORMATION_DUE, "information", q.wanted_by, why)
    if q.notify_by is not None and q.status in UNSENT and item_id(case.id, "notice_late", q.trace) not in told:
        why = f"{case.payer} must have been told of the admission by then"
        yield at(DeadlineKind.NOTIFICATION_DUE, "notice", q.notify_by, why)


def _dispute(case: CaseState, d: DisputeState, told: Collection[str]) -> Iterator[Deadline]:
    call = d.kind is DisputeKind.PEER_TO_PEER
    kind, name = (DeadlineKind.PEER_TO_PEER, "peer_to_peer") if call else (DeadlineKind.APPEAL_FILING, "appeal")
    what = "the peer-to-peer" if call else f"the {d.kind.value.replace('_', ' ')} (level {d.level})"
    if d.status is DisputeStatus.SCHEDULED and d.scheduled_at is not None:
        held = item_id(case.id, "peer_to_peer_outcome", f"{d.id}:{d.scheduled_at.isoformat()}")
        if held not in told:
            yield Deadline(
                key=f"{name}_outcome:{d.id}", kind=kind, at=d.scheduled_at + CALL_IS_OVER,
                why="the hour of the call has passed; say what came of it", subject_id=str(d.id),
            )  # fmt: skip
    elif d.status is DisputeStatus.OPEN and d.file_by is not None:
        for part, share in (("half", HALF), ("last", LAST)):
            if item_id(case.id, f"{name}_{part}", f"{d.id}:{d.opened_at.isoformat()}") not in told:
                yield Deadline(
                    key=f"{name}_{part}:{d.id}", kind=kind, at=part_gone(d.opened_at, d.file_by, share),
                    why=f"{share:.0%} of the time to ask for {what} is gone", subject_id=str(d.id),
                )  # fmt: skip
        yield Deadline(
            key=f"{name}_end:{d.id}", kind=kind, at=d.file_by, why=f"the time to ask for {what} ends",
            subject_id=str(d.id),
        )  # fmt: skip
