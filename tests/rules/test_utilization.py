"""Review and decision clocks, and what grants cover (AUTH-01, AUTH-02, AUTH-04 to AUTH-06, E36, E37, E60)."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.accrual import DayKind, DayVerdict
from definitions.payer import ClockKind, DecisionClock, ReviewClock
from definitions.utilization import Grant
from definitions.vocabulary import Track
from rules.calendar import is_business_day, local_instant, zone_of
from rules.utilization import (
    business_day_of,
    consume,
    coverage_on,
    covers,
    decision_due,
    last_covered_day,
    review_due,
    units_left,
    units_through,
)

CHICAGO = "America/Chicago"
CASE = UUID(int=1)


def march(day: int) -> date:
    return date(2026, 3, day)


def grant(units: int = 5, first: int = 2, last: int = 6, *, level: str = "3.5", unit: str = "DY", case: int = 1,
          ended: int | None = None) -> Grant:  # fmt: skip
    return Grant(
        authorization_id=UUID(int=case), level=level, unit=unit, units=units, from_date=march(first),
        through_date=march(last), end_dated_on=march(ended) if ended else None,
    )  # fmt: skip


def day(on: int, level: str = "3.5", kind: DayKind = DayKind.PER_DIEM) -> DayVerdict:
    return DayVerdict(stay_id="s", service_date=march(on), kind=kind, level=level, track=Track.BED, present=True,
                      rule="BILL-01", why="present")  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "cut_off", "due"),
    [
        # The same last covered day and wall time, in each payer's own zone (E60).
        ("America/New_York", "17:00", "2026-03-12T21:00:00+00:00"),
        ("America/Los_Angeles", "10:00", "2026-03-12T17:00:00+00:00"),
        ("America/Phoenix", "10:00", "2026-03-12T17:00:00+00:00"),
    ],
)
def test_review_is_due_by_the_payer_s_own_clock(zone: str, cut_off: str, due: str) -> None:
    clock = ReviewClock(zone=zone, cut_off=time.fromisoformat(cut_off))
    assert review_due(march(13), clock) == datetime.fromisoformat(due)


def test_a_cut_off_in_a_clock_change_still_has_an_instant() -> None:
    clock = ReviewClock(zone=CHICAGO, cut_off=time(2, 30), lead_days=0, lead_clock=ClockKind.CALENDAR)
    assert review_due(march(9), clock) == datetime.fromisoformat("2026-03-09T07:30:00+00:00")
    # Sunday 8 March has no 02:30, and no business either: the Friday before.
    assert review_due(march(8), clock) == datetime.fromisoformat("2026-03-06T08:30:00+00:00")


@given(
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.integers(0, 5),
    st.sampled_from(ClockKind),
    st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=12),
)
def test_review_is_never_due_late_nor_on_a_closed_day(
    last: date, lead: int, kind: ClockKind, holidays: set[date]
) -> None:
    """AUTH-04, E37."""
    clock = ReviewClock(zone=CHICAGO, lead_days=lead, lead_clock=kind, holidays=tuple(sorted(holidays)))
    due = review_due(last, clock)
    cut_off = local_instant(last, clock.cut_off, CHICAGO, fold=0)
    assert isinstance(cut_off, datetime)
    assert due <= cut_off
    assert is_business_day(due.astimezone(zone_of(CHICAGO)).date(), clock.holidays)
    assert business_day_of(due, clock)
    later = review_due(last + timedelta(days=1), clock)
    assert due <= later


@pytest.mark.parametrize(
    ("urgent", "clock", "hours"),
    [(True, ClockKind.CALENDAR, 72), (False, ClockKind.CALENDAR, 168), (True, ClockKind.BUSINESS, 72 + 48)],
)
def test_decision_due(urgent: bool, clock: ClockKind, hours: int) -> None:
    """AUTH-02: Thursday noon; business hours leave the weekend out. Chicago's clocks do not change that week."""
    sent = datetime.fromisoformat("2026-03-12T17:00:00+00:00")
    decision = DecisionClock(urgent_hours=72, standard_hours=168, clock=clock)
    assert decision_due(sent, urgent, decision, ReviewClock(zone=CHICAGO)) == sent + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("found", "used", "today", "left"),
    [
        (grant(5, 2, 6), 0, 1, 5),
        (grant(5, 2, 6), 0, 5, 2),  # dates bind
        (grant(10, 2, 22), 8, 10, 2),  # units bind
        (grant(5, 2, 6), 0, 7, 0),  # E36: units left, span over
        (grant(5, 2, 6), 6, 3, 0),
        (grant(12, 2, 29, unit="VS"), 5, 20, 7),
        (grant(12, 2, 15, unit="VS"), 5, 20, 0),
        (grant(10, 2, 22, ended=4), 0, 3, 2),  # closed early by a move
    ],
)
def test_units_left(found: Grant, used: int, today: int, left: int) -> None:
    assert units_left(found, used, march(today)) == left


@pytest.mark.parametrize(
    ("grants", "level", "on", "covered", "why"),
    [
        ([], "3.5", 3, False, "no grant for 3.5"),
        ([grant()], "3.5", 2, True, "granted for 3.5 from 2026-03-02 through 2026-03-06"),
        ([grant()], "3.5", 6, True, "granted for 3.5 from 2026-03-02 through 2026-03-06"),
        ([grant()], "3.5", 7, False, "grants for 3.5 do not reach 2026-03-07; the last ends 2026-03-06"),
        ([grant(ended=4)], "3.5", 5, False, "grants for 3.5 do not reach 2026-03-05; the last ends 2026-03-04"),
        ([grant()], "3.7", 3, False, "granted for 3.5, not for 3.7"),
    ],
)
def test_coverage_names_its_reason(grants: Sequence[Grant], level: str, on: int, covered: bool, why: str) -> None:
    """AUTH-06: the last covered day is covered."""
    found = coverage_on(grants, level, march(on))
    assert (found.covered, found.why) == (covered, why)
    assert found.authorization_id == (CASE if covered else None)


def test_units_run_out_before_the_dates_do() -> None:
    """AUTH-01: ten programme days granted over three weeks carry ten, however many more dates the grant has."""
    php = grant(3, 2, 20, level="2.5")
    found = consume([php], [day(on, "2.5") for on in (2, 3, 4, 5)])
    assert [f.coverage.covered for f in found] == [True, True, True, False]
    assert found[-1].coverage.why == "the 3 units granted for 2.5 through 2026-03-20 are used up; ask for more"


def test_only_payable_dates_use_units() -> None:
    """AUTH-05: leave and unpaid dates use none; a held bed where the payer says so."""
    days = [day(2), day(3, kind=DayKind.NONE), day(4, kind=DayKind.BED_HOLD), day(5), day(6)]
    plain = consume([grant(3)], days)
    assert [(f.service_date.day, f.coverage.covered) for f in plain] == [(2, True), (5, True), (6, True)]
    held = consume([grant(3)], days, held_beds_consume=True)
    assert [(f.service_date.day, f.coverage.covered) for f in held] == [(2, True), (4, True), (5, True), (6, False)]


def test_an_extension_takes_over_and_overlap_uses_the_earlier_grant_first() -> None:
    later, earlier = grant(3, 4, 10, case=2), grant(3, 2, 6, case=1)
    found = consume([later, earlier], [day(on) for on in range(2, 9)])
    assert [f.coverage.authorization_id for f in found] == [*[UUID(int=1)] * 3, *[UUID(int=2)] * 3, None]


def test_a_short_grant_inside_a_long_one_is_used_while_it_lasts() -> None:
    """What would be lost first goes first; the long grant's units are still there afterwards."""
    long, short = grant(3, 2, 20, case=1), grant(2, 4, 6, case=2)
    found = consume([long, short], [day(on) for on in (2, 4, 5, 6, 7, 8)])
    cases = [f.coverage.authorization_id for f in found]
    assert cases == [UUID(int=1), UUID(int=2), UUID(int=2), UUID(int=1), UUID(int=1), None]


days_drawn = st.lists(
    st.builds(day, st.integers(1, 31), st.sampled_from(["3.5", "2.5"]), st.sampled_from(DayKind)),
    max_size=31, unique_by=lambda d: d.service_date,
)  # fmt: skip
grants_drawn = st.lists(
    st.builds(
        lambda units, first, more, level, case: grant(units, first, min(first + more, 31), level=level, case=case),
        st.integers(0, 8), st.integers(1, 31), st.integers(0, 20), st.sampled_from(["3.5", "2.5"]), st.integers(1, 99),
    ),
    max_size=4, unique_by=lambda g: g.authorization_id,
)  # fmt: skip


@given(grants_drawn, days_drawn, st.booleans())
def test_consumption_stays_within_every_grant(grants: list[Grant], days: list[DayVerdict], held: bool) -> None:
    """Invariant 2 of domain 11.4: units used never pass units granted, and only within its dates and level."""
    found = consume(grants, days, held_beds_consume=held)
    for one in grants:
        mine = [f for f in found if f.coverage.authorization_id == one.authorization_id]
        assert len(mine) <= one.units
        assert all(covers(one, f.level, f.service_date) for f in mine)
    for one_day in found:
        if not one_day.coverage.covered:
            fitting = [g for g in grants if covers(g, one_day.level, one_day.service_date)]
            used = sum(f.coverage.authorization_id in {g.authorization_id for g in fitting} for f in found)
            assert used >= sum(g.units for g in fitting)


@pytest.mark.parametrize(
    ("found", "used", "planned", "last"),
    [
        (grant(3, 2, 20), 0, range(2, 20), 4),
        (grant(3, 2, 20), 1, (9, 11, 13), 11),
        (grant(9, 2, 10), 0, (9, 11, 13), 9),
        (grant(3, 2, 20), 3, (9, 11), None),
        (grant(3, 2, 20), 0, (), None),
    ],
)
def test_last_covered_day_by_units_and_dates(found: Grant, used: int, planned: Sequence[int], last: int | None) -> None:
    assert last_covered_day(found, used, [march(on) for on in planned]) == (march(last) if last else None)


def test_units_through_counts_the_first_day() -> None:
    assert units_through(march(2), 5) == march(6)
    assert units_through(march(2), 0) == march(2)
