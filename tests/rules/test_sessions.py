"""Weekly templates over real dates (SCH-01, SCH-04, SCH-06, SCH-08, SCH-09, E79)."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.schedule import Block, ScheduleTemplate, SessionKind, Weekday
from definitions.session import PlannedSession
from rules.calendar import zone_of
from rules.sessions import counted_minutes, nth_program_day, overlaps, program_days, sessions_for, week_hours

CHICAGO = "America/Chicago"
MON_WED_FRI = (Weekday.MON, Weekday.WED, Weekday.FRI)


def block(
    key: str, start: str, minutes: int = 60, days: tuple[Weekday, ...] = MON_WED_FRI, counts: bool = True
) -> Block:
    return Block(key=key, title=key, kind=SessionKind.GROUP, days=days, start=time.fromisoformat(start),
                 minutes=minutes, counts=counts)  # fmt: skip


def template(*blocks: Block, floor: int = 0) -> ScheduleTemplate:
    return ScheduleTemplate(key="t", edition="2026-01", title="T", hours_floor_weekly=floor, blocks=blocks)


IOP = template(block("skills", "10:00"), block("process", "09:00"), block("prevention", "11:00"), floor=9)
PHP = template(
    block("group", "09:00", 180, tuple(Weekday)[:5]),
    block("lunch", "12:00", 30, tuple(Weekday)[:5], counts=False),
    block("afternoon", "12:30", 120, tuple(Weekday)[:5]),
    floor=20,
)


def test_a_week_of_iop_in_order() -> None:
    found = sessions_for(IOP, CHICAGO, date(2026, 3, 2), date(2026, 3, 8))
    assert [(s.service_date.day, s.block) for s in found] == [
        (day, key) for day in (2, 4, 6) for key in ("process", "skills", "prevention")
    ]
    assert found[0].starts_at == datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert found[0].ends_at == datetime(2026, 3, 2, 16, tzinfo=UTC)


@pytest.mark.parametrize(("first", "hours"), [(date(2026, 3, 6), (15, 14)), (date(2026, 10, 30), (14, 15))])
def test_nine_o_clock_stays_nine_o_clock_when_clocks_change(first: date, hours: tuple[int, int]) -> None:
    """SCH-09: Friday before and Monday after the change."""
    found = [s for s in sessions_for(IOP, CHICAGO, first, first + timedelta(days=3)) if s.block == "process"]
    assert [s.starts_at.hour for s in found] == list(hours)


def test_a_start_that_does_not_exist_moves_forward_and_one_that_comes_twice_is_the_first() -> None:
    dosing = template(block("early", "02:30", 30, (Weekday.SUN,)))
    (spring,) = sessions_for(dosing, CHICAGO, date(2026, 3, 8), date(2026, 3, 8))
    assert spring.starts_at == datetime(2026, 3, 8, 8, 30, tzinfo=UTC)
    night = template(block("early", "01:30", 30, (Weekday.SUN,)))
    (autumn,) = sessions_for(night, CHICAGO, date(2026, 11, 1), date(2026, 11, 1))
    assert autumn.starts_at == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_holidays_have_no_sessions() -> None:
    """SCH-08."""
    found = sessions_for(IOP, CHICAGO, date(2026, 3, 2), date(2026, 3, 6), holidays=(date(2026, 3, 4),))
    assert {s.service_date.day for s in found} == {2, 6}


def test_a_range_that_ends_before_it_begins_is_empty() -> None:
    assert sessions_for(IOP, CHICAGO, date(2026, 3, 6), date(2026, 3, 2)) == []


@given(
    st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.integers(0, 20), st.integers(0, 20),
    st.sampled_from([CHICAGO, "America/Havana", "Australia/Lord_Howe"]),
    st.lists(st.times().map(lambda t: t.replace(microsecond=0, second=0)), min_size=1, max_size=3, unique=True),
)  # fmt: skip
def test_any_split_of_a_range_plans_the_same(
    first: date, before: int, after: int, zone: str, starts: list[time]
) -> None:
    made = template(*(block(f"b{n}", at.isoformat(), days=tuple(Weekday)) for n, at in enumerate(starts)))
    middle, last = first + timedelta(days=before), first + timedelta(days=before + 1 + after)
    whole = sessions_for(made, zone, first, last)
    parts = sessions_for(made, zone, first, middle) + sessions_for(made, zone, middle + timedelta(days=1), last)
    assert whole == sorted(parts, key=lambda s: (s.starts_at, s.block))
    assert len(whole) == len(starts) * ((last - first).days + 1)
    assert all(s.ends_at - s.starts_at == timedelta(minutes=s.minutes) for s in whole)
    assert all(s.starts_at.astimezone(zone_of(zone)).date() == s.service_date for s in whole)


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        (2, 1, 2),  # the day itself is a program day
        (3, 1, 4),
        (2, 3, 6),
        (2, 4, 11),  # Monday 9 March is a holiday here
        (7, 1, 11),
        (2, 0, 2),
    ],
)
def test_program_days_are_counted_on_the_programme_s_own_calendar(start: int, count: int, expected: int) -> None:
    """SCH-08, domain 2.4: treatment-day deadlines."""
    found = nth_program_day(IOP, date(2026, 3, start), count, holidays=(date(2026, 3, 9),))
    assert found == date(2026, 3, expected)


def test_without_a_template_every_day_counts_and_uncounted_blocks_make_no_program_day() -> None:
    assert nth_program_day(None, date(2026, 3, 2), 3) == date(2026, 3, 4)
    meals = template(block("lunch", "12:00", counts=False))
    assert program_days(meals) == frozenset()
    assert nth_program_day(meals, date(2026, 3, 2), 3) == date(2026, 3, 4)


def test_a_minute_counts_once_and_meals_not_at_all() -> None:
    """SCH-04: an individual session pulls the person from a group."""
    day = date(2026, 3, 2)
    crowded = template(
        block("group", "09:00", 60), block("individual", "09:30", 50), block("inside", "09:40", 10),
        block("lunch", "12:00", 30, counts=False), block("later", "13:00", 45),
    )  # fmt: skip
    assert counted_minutes(sessions_for(crowded, CHICAGO, day, day)) == 80 + 45
    assert counted_minutes([]) == 0


@pytest.mark.parametrize(
    ("made", "holidays", "planned", "short", "by_closure"),
    [
        (PHP, (), 25 * 60, 0, False),
        (PHP, (date(2026, 3, 4),), 20 * 60, 0, False),
        (PHP, (date(2026, 3, 4), date(2026, 3, 6)), 15 * 60, 5 * 60, True),
        (IOP, (), 9 * 60, 0, False),
        (IOP, (date(2026, 3, 3),), 9 * 60, 0, False),
        (IOP, (date(2026, 3, 4),), 6 * 60, 3 * 60, True),
        (template(block("only", "09:00"), floor=9), (), 3 * 60, 6 * 60, False),
        (template(block("only", "09:00"), floor=9), (date(2026, 3, 4),), 2 * 60, 7 * 60, False),
    ],
)
def test_a_week_short_of_its_floor_says_whose_doing(
    made: ScheduleTemplate, holidays: tuple[date, ...], planned: int, short: int, by_closure: bool
) -> None:
    """SCH-06, E79: the same answer for any day of the week."""
    for day in range(2, 9):
        week = week_hours(made, CHICAGO, date(2026, 3, day), holidays)
        assert (week.week_of, week.planned_minutes) == (date(2026, 3, 2), planned)
        assert (week.short_minutes, week.short_by_closure) == (short, by_closure)


def test_sessions_meet_an_interval_only_with_a_shared_moment() -> None:
    session = PlannedSession(
        block="b", title="B", kind="group", service_date=date(2026, 3, 2), minutes=60, counts=True,
        starts_at=datetime(2026, 3, 2, 15, tzinfo=UTC), ends_at=datetime(2026, 3, 2, 16, tzinfo=UTC),
    )  # fmt: skip
    hour = timedelta(hours=1)
    assert overlaps(session, session.starts_at, session.ends_at)
    assert not overlaps(session, session.ends_at, session.ends_at + hour)
    assert not overlaps(session, session.starts_at - hour, session.starts_at)
