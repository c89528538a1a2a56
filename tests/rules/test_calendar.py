"""Local dates, DST and business days (BILL-11, AUTH-02, AUTH-04, E37, E59)."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import ErrorType, Refusal
from definitions.payer import ClockKind, ReviewClock
from rules.calendar import (
    earlier_business_day,
    facility_date,
    local_instant,
    midnight_ending,
    minus_business_days,
    plus_business_hours,
)
from rules.utilization import review_due

CHICAGO = "America/Chicago"


@pytest.mark.parametrize(
    ("on", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-06-01", 24), ("2028-02-29", 24)]
)
def test_length_of_a_local_day(on: str, hours: int) -> None:
    day = date.fromisoformat(on)
    length = midnight_ending(day, CHICAGO) - midnight_ending(day - timedelta(days=1), CHICAGO)
    assert length == timedelta(hours=hours)


def test_a_gap_is_refused_or_moved_and_a_fold_wants_an_offset() -> None:
    gap = local_instant(date(2026, 3, 8), time(2, 30), CHICAGO)
    assert isinstance(gap, Refusal)
    assert gap.code is ErrorType.LOCAL_TIME_GAP
    moved = local_instant(date(2026, 3, 8), time(2, 30), CHICAGO, shift_forward=True)
    assert moved == datetime(2026, 3, 8, 8, 30, tzinfo=UTC)
    fold = local_instant(date(2026, 11, 1), time(1, 30), CHICAGO)
    assert isinstance(fold, Refusal)
    assert fold.code is ErrorType.LOCAL_TIME_FOLD
    first = local_instant(date(2026, 11, 1), time(1, 30), CHICAGO, fold=0)
    second = local_instant(date(2026, 11, 1), time(1, 30), CHICAGO, fold=1)
    assert isinstance(first, datetime)
    assert isinstance(second, datetime)
    assert second - first == timedelta(hours=1)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_moment_lies_in_its_own_local_day(moment: datetime) -> None:
    on = facility_date(moment, CHICAGO)
    assert midnight_ending(on - timedelta(days=1), CHICAGO) <= moment < midnight_ending(on, CHICAGO)


@pytest.mark.parametrize(
    ("last_covered", "lead", "kind", "due_local"),
    [
        # Friday LCD, one business day ahead: Thursday noon.
        ("2026-03-13", 1, ClockKind.BUSINESS, "2026-03-12 12:00"),
        # E37: Sunday LCD is reviewed on the Friday before.
        ("2026-03-15", 0, ClockKind.BUSINESS, "2026-03-13 12:00"),
        ("2026-03-16", 1, ClockKind.BUSINESS, "2026-03-13 12:00"),
        ("2026-03-17", 1, ClockKind.CALENDAR, "2026-03-16 12:00"),
        # Thanksgiving 2026-11-26 is a holiday.
        ("2026-11-27", 1, ClockKind.BUSINESS, "2026-11-25 12:00"),
    ],
)
def test_review_due_is_earlier_than_weekends_and_holidays(
    last_covered: str, lead: int, kind: ClockKind, due_local: str
) -> None:
    clock = ReviewClock(zone=CHICAGO, lead_days=lead, lead_clock=kind, holidays=(date(2026, 11, 26),))
    day, at = due_local.split()
    expected = local_instant(date.fromisoformat(day), time.fromisoformat(at), CHICAGO)
    assert review_due(date.fromisoformat(last_covered), clock) == expected


@given(st.dates(date(2025, 1, 1), date(2029, 1, 1)), st.integers(0, 9))
def test_business_days_go_back_and_never_land_on_a_weekend(on: date, days: int) -> None:
    found = minus_business_days(on, days)
    assert found <= on
    assert days == 0 or found.weekday() < 5
    assert earlier_business_day(on).weekday() < 5


def test_business_hours_skip_the_weekend() -> None:
    friday = datetime(2026, 3, 13, 20, 0, tzinfo=UTC)
    assert plus_business_hours(friday, 24, "UTC") == datetime(2026, 3, 16, 20, 0, tzinfo=UTC)
