"""What arrives is applied to one request or kept with a reason (E32 to E34, 6.12)."""

from datetime import date
from uuid import UUID, uuid5

import pytest

from definitions.exchange import Arrival, ArrivalKind, Candidate, Found, MatchedBy
from definitions.ids import STEPDOWN
from definitions.vocabulary import AuthorizationStatus
from rules import inbound
from rules.inbound import SENTENCES, judge, unique
from runtime.catalog import load_catalog

MERIDIAN = load_catalog().latest.payers["meridian"]
US = "STEPDOWN"


def an(**changes: object) -> Arrival:
    fields = {
        "kind": ArrivalKind.ANSWER, "fingerprint": "f", "receiver": US, "usage": "T", "trace": "T1",
        "first": date(2026, 3, 2), "last": date(2026, 3, 8),
    } | changes  # fmt: skip
    return Arrival.model_validate(fields)


def request(name: str = "one", **changes: object) -> Candidate:
    some: UUID = uuid5(STEPDOWN, name)
    fields = {
        "request_id": some, "authorization_id": some, "episode_id": some, "person_id": some, "payer": "meridian",
        "status": AuthorizationStatus.SUBMITTED, "level": "3.5", "from_date": date(2026, 3, 2),
        "through_date": date(2026, 3, 15), "sent": True,
    } | changes  # fmt: skip
    return Candidate.model_validate(fields)


def found(**changes: object) -> Found:
    return Found.model_validate({"member_known": True} | changes)


@pytest.mark.parametrize(
    ("arrival", "records", "reason"),
    [
        (an(understood=False), found(by_trace=request()), inbound.WRONG_VERSION),
        (an(kind=ArrivalKind.OTHER), found(), inbound.WRONG_VERSION),
        (an(whole=False), found(by_trace=request()), inbound.UNREADABLE),
        (an(receiver="X"), found(by_trace=request()), inbound.WRONG_RECEIVER),
        (an(usage="P"), found(by_trace=request()), inbound.WRONG_USAGE),
        (an(kind=ArrivalKind.SYNTAX, about_control="1"), found(), inbound.UNKNOWN_CONTROL),
        (an(), found(member_known=False), inbound.UNKNOWN_MEMBER),
        (an(), found(), inbound.UNKNOWN_TRACE),
        (an(), found(by_member=(request(), request("two"))), inbound.AMBIGUOUS),
        (an(), found(by_trace=request(payer="unity")), inbound.OTHER_PAYER),
        (an(), found(by_trace=request(sent=False, status="ready")), inbound.NOT_ASKED),
        (an(), found(by_trace=request(), number_reused=True), inbound.NUMBER_REUSED),
    ],
)
def test_what_is_kept_for_a_person(arrival: Arrival, records: Found, reason: str) -> None:
    verdict = judge(arrival, records, MERIDIAN, US, "T")
    assert (verdict.reason, verdict.matched_by) == (reason, None)
    assert SENTENCES[reason]


@pytest.mark.parametrize(
    ("arrival", "records", "by"),
    [
        (an(), found(by_trace=request()), MatchedBy.TRACE),
        (an(), found(by_trace=request(status="cancelled")), MatchedBy.TRACE),
        (an(), found(by_member=(request(),)), MatchedBy.MEMBER),
        (an(kind=ArrivalKind.SYNTAX, about_control="1"), found(by_control=request()), MatchedBy.CONTROL),
        (an(kind=ArrivalKind.ENVELOPE, about_control="1"), found(by_control=request()), MatchedBy.CONTROL),
    ],
)
def test_what_is_applied(arrival: Arrival, records: Found, by: MatchedBy) -> None:
    verdict = judge(arrival, records, MERIDIAN, US, "T")
    assert (verdict.reason, verdict.matched_by) == (None, by)


@pytest.mark.parametrize(
    ("arrival", "candidates", "expected"),
    [
        # E34: the payer's number alone says nothing; another span is another request.
        (an(number="A1", first=date(2026, 6, 1), last=date(2026, 6, 7)), (request(number="A1"),), None),
        (an(first=None, last=None, number="A1"), (request(number="A1"),), "one"),
        (an(first=None, last=None, number="A1"), (request(number="A2"),), None),
        (an(first=None, last=None), (request(),), None),
        (an(previous_number="A1"), (request(number="A1"), request("two", number="A2")), "one"),
        (an(previous_number="A9"), (request(number="A1"),), None),
        (an(reference="NT2"), (request(reference="NT1"), request("two", reference="NT2")), "two"),
        # A new number for an extension is no contradiction.
        (an(number="A9"), (request(number="A1"),), "one"),
        # Two levels beside each other: the code says which (E34).
        (an(procedure_code="H0015"), (request(), request("two", level="2.1")), "two"),
        (an(procedure_code="H0015"), (request(),), "one"),
        (an(), (request(sent=False),), None),
        (an(), (request(status="cancelled"),), None),
        (an(), (request(payer="unity"),), None),
        (an(last=date(2026, 3, 1), first=date(2026, 2, 20)), (request(),), None),
    ],
)
def test_the_one_that_fits(arrival: Arrival, candidates: tuple[Candidate, ...], expected: str | None) -> None:
    chosen = unique(arrival, found(by_member=candidates), MERIDIAN)
    assert (chosen.request_id if chosen else None) == (uuid5(STEPDOWN, expected) if expected else None)
