"""What a case needs next (features (e)), its deadlines (D6, domain 11.1) and its contests (AUTH-13) as tables."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from definitions.case_state import CaseState, DisputeState, QuestionState
from definitions.errors import Refusal
from definitions.ids import STEPDOWN
from definitions.vocabulary import (
    AuthorizationStatus,
    DeadlineKind,
    DisputeKind,
    DisputeStatus,
    RequestKind,
)
from rules.case_deadlines import deadlines_of, item_id
from rules.disputes import DisputeFact, after_upheld, opened_by_denial, to_file
from rules.next_action import bucket, next_action
from runtime.catalog import load_catalog

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
CASE = UUID("00000000-0000-0000-0000-0000000000aa")
S, K, D = AuthorizationStatus, DisputeKind, DisputeStatus


def hours(count: float) -> datetime:
    return NOON + timedelta(hours=count)


def question(status: AuthorizationStatus, name: str = "first", **more: object) -> QuestionState:
    facts: dict[str, object] = {
        "id": uuid5(STEPDOWN, name), "trace": f"SD{name.upper()}", "kind": RequestKind.INITIAL, "status": status,
        "requested_at": NOON, "from_date": date(2026, 3, 7), **more,
    }  # fmt: skip
    return QuestionState.model_validate(facts)


def contest(kind: DisputeKind, status: DisputeStatus, level: int = 0, **more: object) -> DisputeState:
    facts = {
        "id": uuid5(STEPDOWN, f"{kind}{level}"), "kind": kind, "level": level, "status": status, "opened_at": NOON,
        "file_by": hours(10), **more,
    }  # fmt: skip
    return DisputeState.model_validate(facts)


def case(
    *parts: QuestionState | DisputeState, status: AuthorizationStatus = S.APPROVED, covered: int | None = None
) -> CaseState:
    return CaseState(
        id=CASE, payer="meridian", level="3.5", zone="America/Chicago", status=status, opened_at=NOON,
        last_covered_day=None if covered is None else date(2026, 3, covered),
        review_due_at=None if covered is None else hours(24),
        questions=tuple(p for p in parts if isinstance(p, QuestionState)),
        disputes=tuple(p for p in parts if isinstance(p, DisputeState)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "code", "owner"),
    [
        (case(question(S.WAITING_CONSENT), status=S.WAITING_CONSENT), "get_consent", "admissions"),
        (case(question(S.READY), status=S.READY), "send", "payer"),
        (case(question(S.SUBMITTED), status=S.SUBMITTED), "wait_for_payer", "payer"),
        (case(question(S.PENDED), status=S.PENDED), "wait_for_payer", "payer"),
        (case(question(S.INFORMATION_REQUESTED, wanted_by=hours(5)), status=S.PENDED), "send_documents", "reviewer"),
        (case(question(S.INFORMATION_SENT), status=S.PENDED), "wait_for_payer", "payer"),
        (case(question(S.TIMED_OUT), status=S.TIMED_OUT), "inquire", "payer"),
        (case(question(S.TIMED_OUT, asks_people=True), status=S.TIMED_OUT), "call_payer", "reviewer"),
        (case(question(S.CONTACT_PAYER), status=S.CONTACT_PAYER), "call_payer", "reviewer"),
        (case(question(S.DATA_PROBLEM), status=S.DATA_PROBLEM), "correct_request", "reviewer"),
        (case(question(S.HELD), status=S.HELD), "payer_down", "reviewer"),
        (case(question(S.APPROVED), covered=13), "send_review", "reviewer"),
        (case(question(S.DENIED), contest(K.PEER_TO_PEER, D.OPEN), contest(K.APPEAL, D.OPEN, 1), status=S.DENIED),
         "ask_peer_to_peer", "reviewer"),
        (case(question(S.DENIED), contest(K.PEER_TO_PEER, D.SCHEDULED, scheduled_at=hours(2)),
              contest(K.APPEAL, D.OPEN, 1), status=S.DENIED), "hold_peer_to_peer", "reviewer"),
        (case(question(S.DENIED), contest(K.PEER_TO_PEER, D.UPHELD), contest(K.APPEAL, D.OPEN, 1), status=S.DENIED),
         "file_appeal", "reviewer"),
        (case(question(S.DENIED), contest(K.EXTERNAL_REVIEW, D.OPEN), status=S.DENIED), "file_external_review",
         "reviewer"),
        # An extension in flight: the payer's turn, not a second review.
        (case(question(S.APPROVED), question(S.SUBMITTED, "more", from_date=date(2026, 3, 14)), covered=13),
         "wait_for_payer", "payer"),
        # An extension that was taken back is no extension.
        (case(question(S.APPROVED), question(S.CANCELLED, "more", from_date=date(2026, 3, 14)), covered=13),
         "send_review", "reviewer"),
    ],
)  # fmt: skip
def test_what_comes_next(facts: CaseState, code: str, owner: str) -> None:
    action = next_action(facts)
    assert action is not None
    assert (action.code, action.owner) == (code, owner)
    assert action.why


@pytest.mark.parametrize(
    "facts",
    [
        case(question(S.APPROVED), status=S.END_DATED, covered=13),
        case(status=S.NOT_REQUIRED),
        case(question(S.CANCELLED), status=S.CANCELLED),
    ],
)
def test_a_case_at_rest_is_not_on_the_list(facts: CaseState) -> None:
    assert next_action(facts) is None


def test_people_come_before_the_payer_and_the_earlier_before_the_later() -> None:
    facts = case(
        question(S.SUBMITTED, decision_due_at=hours(1)),
        question(S.INFORMATION_REQUESTED, "more", wanted_by=hours(30)),
        contest(K.APPEAL, D.OPEN, 1, file_by=hours(20)),
    )
    action = next_action(facts)
    assert action is not None
    assert action.code == "file_appeal"


@pytest.mark.parametrize(
    ("owner", "at", "covered", "expected"),
    [
        ("payer", hours(-1), True, "waiting"),
        ("reviewer", hours(-1), True, "overdue"),
        ("reviewer", hours(1), True, "today"),
        ("reviewer", hours(13), True, "tomorrow"),
        ("reviewer", hours(60), True, "week"),
        ("reviewer", hours(300), True, "later"),
        ("reviewer", None, True, "today"),
        ("reviewer", hours(1), False, "none"),
    ],
)
def test_buckets(owner: str, at: datetime | None, covered: bool, expected: str) -> None:
    assert bucket(owner, at, covered, NOON, (hours(12), hours(36), hours(180))) == expected


def kinds(facts: CaseState, *told: str) -> list[tuple[DeadlineKind, datetime]]:
    return [(d.kind, d.at) for d in deadlines_of(facts, told)]


def test_deadlines_of_cover_are_asked_once() -> None:
    facts = case(question(S.APPROVED), covered=13)
    midnight = datetime(2026, 3, 14, 5, tzinfo=UTC)
    assert kinds(facts) == [(DeadlineKind.REVIEW_DUE, hours(24)), (DeadlineKind.LAST_COVERED_DAY, midnight)]
    assert kinds(facts, item_id(CASE, "review_due", "2026-03-13")) == [(DeadlineKind.LAST_COVERED_DAY, midnight)]
    ended = facts.model_copy(update={"status": S.END_DATED})
    assert kinds(ended) == []


def test_deadlines_of_a_question() -> None:
    due = {"decision_due_at": hours(72), "inquire_at": hours(1)}
    assert kinds(case(question(S.TIMED_OUT, **due))) == [
        (DeadlineKind.PAYER_INQUIRY, hours(1)), (DeadlineKind.PAYER_DECISION, hours(72)),
    ]  # fmt: skip
    assert kinds(case(question(S.APPROVED, **due))) == []
    assert kinds(case(question(S.HELD, retry_at=hours(2)))) == [(DeadlineKind.PAYER_RETRY, hours(2))]
    wants = case(question(S.INFORMATION_REQUESTED, wanted_by=hours(48)))
    assert kinds(wants) == [(DeadlineKind.INFORMATION_DUE, hours(48))]
    notice = case(question(S.HELD, notify_by=hours(40)))
    assert kinds(notice) == [(DeadlineKind.NOTIFICATION_DUE, hours(40))]
    assert kinds(case(question(S.SUBMITTED, notify_by=hours(40)))) == []


def test_a_window_reminds_at_half_and_at_four_fifths_and_ends() -> None:
    """AUTH-13."""
    facts = case(contest(K.PEER_TO_PEER, D.OPEN))
    assert kinds(facts) == [(DeadlineKind.PEER_TO_PEER, hours(h)) for h in (5, 8, 10)]
    told = item_id(CASE, "peer_to_peer_half", f"{facts.disputes[0].id}:{NOON.isoformat()}")
    assert kinds(facts, told) == [(DeadlineKind.PEER_TO_PEER, hours(h)) for h in (8, 10)]
    scheduled = case(contest(K.PEER_TO_PEER, D.SCHEDULED, scheduled_at=hours(3)))
    assert kinds(scheduled) == [(DeadlineKind.PEER_TO_PEER, hours(4))]
    assert kinds(case(contest(K.APPEAL, D.FILED, 1))) == []


REGIMES = {r: load_catalog().regime(r, date(2026, 3, 6)) for r in ("erisa", "medicaid_managed")}


@pytest.mark.parametrize(
    ("regime", "step", "following"),
    [
        ("erisa", (K.APPEAL, 1), (K.APPEAL, 2)),
        ("erisa", (K.APPEAL, 2), (K.EXTERNAL_REVIEW, 0)),
        ("erisa", (K.EXTERNAL_REVIEW, 0), None),
        ("erisa", (K.PEER_TO_PEER, 0), None),
        ("medicaid_managed", (K.APPEAL, 1), (K.EXTERNAL_REVIEW, 0)),
    ],
)
def test_what_is_open_after_a_failed_contest(
    regime: str, step: tuple[DisputeKind, int], following: tuple[DisputeKind, int] | None
) -> None:
    assert after_upheld(*step, REGIMES[regime]) == following
    assert opened_by_denial(REGIMES[regime]) == ((K.PEER_TO_PEER, 0), (K.APPEAL, 1))


@pytest.mark.parametrize(
    ("disputes", "kind", "allowed"),
    [
        ([(K.APPEAL, 1, D.OPEN)], K.APPEAL, True),
        ([(K.APPEAL, 1, D.UPHELD), (K.APPEAL, 2, D.OPEN)], K.APPEAL, True),
        ([(K.APPEAL, 1, D.FILED)], K.APPEAL, False),
        ([(K.APPEAL, 1, D.UPHELD)], K.APPEAL, False),
        ([(K.APPEAL, 1, D.OPEN)], K.EXTERNAL_REVIEW, False),
        ([(K.PEER_TO_PEER, 0, D.SCHEDULED)], K.PEER_TO_PEER, True),
        ([(K.PEER_TO_PEER, 0, D.MISSED)], K.PEER_TO_PEER, False),
        ([], K.APPEAL, False),
    ],
)
def test_what_may_be_filed(
    disputes: list[tuple[DisputeKind, int, DisputeStatus]], kind: DisputeKind, allowed: bool
) -> None:
    facts = [
        DisputeFact(id=uuid5(STEPDOWN, f"{k}{n}"), kind=k, level=n, status=s, file_by=hours(10)) for k, n, s in disputes
    ]
    found = to_file(facts, kind, NOON)
    assert isinstance(found, Refusal) is not allowed
    held = bool(facts) and facts[-1].status is D.SCHEDULED
    late = to_file(facts, kind, hours(11))
    assert isinstance(late, Refusal) is not held, (
        "a call set in time may be held, and its outcome told, afterwards (E46)"
    )
