"""A night of one person in two beds counts once, in the stay that stands, and the census goes on balancing (E03, E04, CEN-01,
invariant 4)."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.accrual import Absence, StaySpan
from definitions.vocabulary import BillingBehaviour, Track
from rules.accrual import night_of
from rules.census import count_lines, steps_of
from rules.two_beds import Beside, in_order, steps_beside, yields
from tests.rules.test_census import DAY, ZONE, stays

NIGHT = night_of(date(2026, 3, 4), "UTC")


def stay(name: str, began: float, ended: float | None = None, departure: str = "discharge") -> StaySpan:
    """Hours from the beginning of the night's date."""
    return StaySpan(
        stay_id=name, level="3.5", track=Track.BED, billing=BillingBehaviour.OVERNIGHT,
        started_at=NIGHT.begins + timedelta(hours=began),
        ended_at=NIGHT.begins + timedelta(hours=ended) if ended is not None else None,
        departure=departure if ended is not None else None, arrival="admission",
    )  # fmt: skip


def both(first: StaySpan, second: StaySpan, away: Absence | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    one, other = in_order([(first, []), (second, [away] if away else [])])
    return steps_beside(one, NIGHT), steps_beside(other, NIGHT)


@pytest.mark.parametrize(
    ("stands", "second", "expected"),
    [
        # both all day: the second is nowhere
        (stay("a", -48), stay("b", -24), (("opening", "closing"), ())),
        # the person was in the second bed, and the one that stands takes over: moved, not admitted again
        (stay("a", 9), stay("b", -24), (("transfers_in", "closing"), ("opening", "transfers_out"))),
        # the one that stands is left, and the second goes on
        (stay("a", -24, 9), stay("b", -12), (("opening", "transfers_out"), ("transfers_in", "closing"))),
        # one after the other is no overlap: a discharge and an admission
        (stay("a", -24, 9), stay("b", 10), (("opening", "discharges"), ("admissions", "closing"))),
        # the second came and went while the first held
        (stay("a", -24), stay("b", 3, 8), (("opening", "closing"), ())),
        # death is death
        (stay("a", -24, 9, "death"), stay("b", -12, 9), (("opening", "deaths"), ())),
    ],
)
def test_the_columns_of_a_day(stands: StaySpan, second: StaySpan, expected: tuple[tuple[str, ...], ...]) -> None:
    assert both(stands, second) == expected


def test_the_one_that_stands_alone_is_counted_as_ever() -> None:
    (only,) = in_order([(stay("a", -24, 9), [])])
    assert steps_beside(only, NIGHT) == steps_of(only.stay, [], NIGHT)


def test_who_came_back_to_a_second_bed_on_leave_is_on_leave() -> None:
    away = Absence(stay_id="b", kind="leave", left_at=NIGHT.begins + timedelta(hours=10), returned_at=None)
    assert both(stay("a", -24, 9), stay("b", -12), away)[1] == ("on_leave",)


def ordered(made: tuple[tuple[StaySpan, list[Absence]], ...]) -> list[Beside]:
    return in_order([(replace(s, stay_id=str(n)), away) for n, (s, away) in enumerate(made)])


@given(st.tuples(stays(), stays(), stays()))
def test_every_line_balances_and_a_day_closes_with_what_the_next_opens_with(
    made: tuple[tuple[StaySpan, list[Absence]], ...],
) -> None:
    for one in ordered(made):
        today, tomorrow = (steps_beside(one, night_of(DAY + timedelta(days=n), ZONE)) for n in (0, 1))
        counted = Counter({("p", one.stay.level, "payer", step): n for step, n in Counter(today).items()})
        assert all(line.balanced for line in count_lines(counted))
        assert ("closing" in today) == ("opening" in tomorrow)


@given(st.tuples(stays(), stays(), stays()), st.integers(0, 6))
def test_nobody_is_in_two_beds_at_a_midnight_and_nobody_is_lost(
    made: tuple[tuple[StaySpan, list[Absence]], ...], days: int
) -> None:
    night = night_of(DAY - timedelta(days=3) + timedelta(days=days), ZONE)
    alike = ordered(made)
    counted = [one for one in alike if {"closing", "on_leave"} & set(steps_beside(one, night))]
    held = [one for one in alike if {"closing", "on_leave"} & set(steps_of(one.stay, one.absences, night))]
    assert len(counted) == (1 if held else 0)
    assert not counted or not yields(counted[0], night.ends)


def test_moments_are_the_nights_own() -> None:
    assert NIGHT.begins == datetime(2026, 3, 4, tzinfo=UTC)
