"""By which road each kind leaves, and when a silent payer is asked (domain 4.5; E30, E82)."""

from datetime import UTC, datetime, timedelta

import pytest

from definitions.payer import Channel
from definitions.vocabulary import AuthorizationStatus, ContentClass, RequestKind
from rules.sending import INQUIRIES_MAX, Road, content_class, inquire_at, must_call, road
from runtime.catalog import load_catalog

SENT = datetime(2026, 3, 2, 15, tzinfo=UTC)
MERIDIAN = load_catalog().latest.payers["meridian"]
TIMED_OUT = AuthorizationStatus.TIMED_OUT


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (RequestKind.INITIAL, {}, Road.REVIEW),
        (RequestKind.CANCEL, {}, Road.REVIEW),
        (RequestKind.NOTIFICATION, {}, Road.NOTICE),
        (RequestKind.DISCHARGE, {}, Road.NOTICE),
        (RequestKind.APPEAL, {}, Road.REVIEW),
        (RequestKind.APPEAL, {"electronic_appeals": False}, Road.BY_HAND),
        (RequestKind.RECONSIDERATION, {"electronic_appeals": False}, Road.BY_HAND),
        (RequestKind.INITIAL, {"electronic_appeals": False}, Road.REVIEW),
        (RequestKind.EXTERNAL_REVIEW, {}, Road.BY_HAND),
        (RequestKind.INITIAL, {"channel": Channel.BY_HAND}, Road.BY_HAND),
        (RequestKind.INITIAL, {"endpoint": None}, Road.BY_HAND),
    ],
)
def test_the_road_of_a_kind(kind: RequestKind, changes: dict[str, object], expected: Road) -> None:
    assert road(kind, MERIDIAN.model_copy(update=changes)) is expected


@pytest.mark.parametrize("kind", list(RequestKind))
def test_documents_are_clinical_content(kind: RequestKind) -> None:
    assert content_class(kind, True) is ContentClass.CLINICAL_ATTACHMENT
    information = kind is RequestKind.INFORMATION
    assert (content_class(kind, False) is ContentClass.CLINICAL_ATTACHMENT) == information


def test_a_send_of_unknown_outcome_is_asked_about_ever_more_slowly() -> None:
    asked, waits = None, []
    for number in range(INQUIRIES_MAX):
        at = inquire_at(MERIDIAN, TIMED_OUT, SENT, None, number, asked)
        assert at is not None
        waits.append(at - (asked or SENT))
        asked = at
    assert waits == [timedelta(minutes=m) for m in (2, 8, 32, 128)]
    assert inquire_at(MERIDIAN, TIMED_OUT, SENT, None, INQUIRIES_MAX, asked) is None


@pytest.mark.parametrize(
    ("status", "inquired_hours", "expected_hours"),
    [
        (AuthorizationStatus.SUBMITTED, None, 72),
        (AuthorizationStatus.PENDED, None, 72),
        (AuthorizationStatus.PENDED, 1, 72),
        (AuthorizationStatus.INFORMATION_SENT, 72, 96),
        (AuthorizationStatus.INFORMATION_REQUESTED, None, None),
        (AuthorizationStatus.APPROVED, None, None),
        (AuthorizationStatus.CANCELLED, None, None),
    ],
)
def test_a_late_decision_is_asked_about(
    status: AuthorizationStatus, inquired_hours: int | None, expected_hours: int | None
) -> None:
    asked = SENT + timedelta(hours=inquired_hours) if inquired_hours is not None else None
    at = inquire_at(MERIDIAN, status, SENT, SENT + timedelta(hours=72), 0, asked)
    assert at == (SENT + timedelta(hours=expected_hours) if expected_hours is not None else None)


@pytest.mark.parametrize("changes", [{"inquiry": False}, {"channel": Channel.BY_HAND}])
def test_who_cannot_be_asked_is_called(changes: dict[str, object]) -> None:
    payer = MERIDIAN.model_copy(update=changes)
    assert inquire_at(payer, TIMED_OUT, SENT, None, 0, None) is None
    assert must_call(payer, TIMED_OUT, 0) == (not payer.inquiry)
    assert not must_call(payer, AuthorizationStatus.SUBMITTED, 9)
    assert must_call(MERIDIAN, TIMED_OUT, INQUIRIES_MAX)
