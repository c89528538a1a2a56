"""Local dates and wall times in every zone, with their gaps and folds (BILL-11, E59 to E61, AUTH-02)."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import ErrorType, Refusal
from rules.calendar import (
    business_days,
    day_length,
    facility_date,
    is_business_day,
    local_instant,
    midnight_before,
    midnight_ending,
    plus_business_days,
    plus_business_hours,
    zone_of,
)

ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico", "Pacific/Guam", "America/St_Johns",
    # Clocks change at midnight itself, or by half an hour.
    "America/Havana", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia",
)  # fmt: skip
zones = st.sampled_from(ZONES)
dates = st.dates(date(2020, 1, 1), date(2035, 12, 31))
times = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(dates, zones)
def test_a_local_date_lies_between_its_two_midnights(on: date, zone: str) -> None:
    begins, ends = midnight_before(on, zone), midnight_ending(on, zone)
    second = timedelta(seconds=1)
    assert [facility_date(m, zone) for m in (begins - second, begins, ends - second, ends)] == [
        on - timedelta(days=1), on, on, on + timedelta(days=1)
    ]  # fmt: skip
    assert timedelta(hours=22) < day_length(on, zone) < timedelta(hours=26)


@pytest.mark.parametrize(
    ("on", "zone", "hours"),
    [
        ("2026-03-08", "America/Chicago", 23),
        ("2026-11-01", "America/Chicago", 25),
        ("2026-03-08", "America/Phoenix", 24),
        ("2026-03-08", "America/Havana", 23),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
    ],
)
def test_day_length(on: str, zone: str, hours: float) -> None:
    assert day_length(date.fromisoformat(on), zone) == timedelta(hours=hours)


@given(dates, times, zones)
def test_a_wall_time_is_found_shifted_or_asked_about(on: date, at: time, zone: str) -> None:
    found = local_instant(on, at, zone)
    wall = datetime.combine(on, at)
    if not isinstance(found, Refusal):
        assert found.astimezone(zone_of(zone)).replace(tzinfo=None) == wall
        return
    first, second = (local_instant(on, at, zone, fold=fold) for fold in (0, 1))
    if found.code is ErrorType.LOCAL_TIME_FOLD:
        assert isinstance(first, datetime)
        assert isinstance(second, datetime)
        assert first < second
        assert {m.astimezone(zone_of(zone)).replace(tzinfo=None) for m in (first, second)} == {wall}
        return
    assert isinstance(first, Refusal)
    assert isinstance(second, Refusal)
    moved = local_instant(on, at, zone, shift_forward=True)
    assert isinstance(moved, datetime)
    assert moved.astimezone(zone_of(zone)).replace(tzinfo=None) > wall


@pytest.mark.parametrize(
    ("on", "at", "zone", "neighbours"),
    [
        ("2026-03-08", "02:00", "America/Chicago", ("01:59", "03:00")),
        ("2026-03-08", "02:59", "America/Chicago", ("01:59", "03:00")),
        ("2026-10-04", "02:15", "Australia/Lord_Howe", ("01:59", "02:30")),
        ("2026-03-08", "00:30", "America/Havana", ("23:59", "01:00")),
    ],
)
def test_a_gap_names_the_times_on_both_sides(on: str, at: str, zone: str, neighbours: tuple[str, str]) -> None:
    found = local_instant(date.fromisoformat(on), time.fromisoformat(at), zone)
    assert isinstance(found, Refusal)
    assert f"Say {neighbours[0]} or earlier, or {neighbours[1]} or later." in found.detail


def test_a_fold_names_both_offsets() -> None:
    found = local_instant(date(2026, 11, 1), time(1, 30), "America/Chicago")
    assert isinstance(found, Refusal)
    assert "-0500 (first) or -0600 (second)" in found.detail


@pytest.mark.parametrize(
    "name", ["America/Chicagoo", "", "America", "../../etc/hostname", "/etc/hostname", "tzdata.zi"]
)
def test_a_name_that_is_no_zone_says_what_to_use(name: str) -> None:
    with pytest.raises(ValueError, match="use an IANA name such as America/Chicago"):
        zone_of(name)


def test_a_moment_without_offset_has_no_local_date() -> None:
    with pytest.raises(ValueError, match="offset"):
        facility_date(datetime(2026, 3, 8, 1, 0), "America/Chicago")  # noqa: DTZ001


HOLIDAYS = (date(2026, 11, 26), date(2026, 11, 27), date(2026, 12, 25))


@given(st.dates(date(2026, 10, 1), date(2027, 1, 31)), st.integers(0, 12))
def test_business_days_are_counted_as_they_are_added(on: date, days: int) -> None:
    later = plus_business_days(on, days, HOLIDAYS)
    assert len(business_days(on + timedelta(days=1), later, HOLIDAYS)) == days
    assert days == 0 or is_business_day(later, HOLIDAYS)


@pytest.mark.parametrize(
    ("sent", "hours", "zone", "due"),
    [
        ("2026-11-25T18:00:00+00:00", 24, "America/Chicago", "2026-11-30T18:00:00+00:00"),
        ("2026-11-28T18:00:00+00:00", 1, "America/Chicago", "2026-11-30T07:00:00+00:00"),
        # The last hour of a Friday ends with it, not with the weekend.
        ("2026-12-04T18:00:00+00:00", 12, "America/Chicago", "2026-12-05T06:00:00+00:00"),
        # Monday 04:00 UTC is still Sunday evening in Los Angeles.
        ("2026-06-01T04:00:00+00:00", 48, "America/Los_Angeles", "2026-06-03T07:00:00+00:00"),
        ("2026-06-01T04:00:00+00:00", 48, "UTC", "2026-06-03T04:00:00+00:00"),
        # A clock change on the weekend takes no business hour away.
        ("2026-03-06T18:00:00+00:00", 24, "America/Chicago", "2026-03-09T17:00:00+00:00"),
    ],
)
def test_business_hours_run_in_the_payer_s_zone(sent: str, hours: int, zone: str, due: str) -> None:
    found = plus_business_hours(datetime.fromisoformat(sent), hours, zone, HOLIDAYS)
    assert found == datetime.fromisoformat(due)


@given(st.datetimes(datetime(2026, 10, 1), datetime(2027, 1, 31), timezones=st.just(UTC)), st.integers(1, 200))  # noqa: DTZ001
def test_business_hours_never_run_faster_than_the_clock(sent: datetime, hours: int) -> None:
    found = plus_business_hours(sent, hours, "America/Chicago", HOLIDAYS)
    assert found >= sent + timedelta(hours=hours)
    assert is_business_day(facility_date(found - timedelta(microseconds=1), "America/Chicago"), HOLIDAYS)
