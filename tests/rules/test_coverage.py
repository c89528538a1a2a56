"""Which coverage is in force, and what a change makes of all of them (E38 to E41, domain 6.16)."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.coverage import CoverageInterval, CoverageWish
from definitions.errors import ErrorType, Refusal
from definitions.facility import FacilityPolicy
from definitions.vocabulary import CoverageAct, CoverageReason
from rules.coverage import (
    Rows,
    begun,
    changed,
    date_problem,
    enrolled,
    entered,
    first_change,
    in_force,
    last_day_of,
    payer_runs,
    primary_on,
)

NEW = UUID(int=99)


def d(day: str) -> date:
    return date.fromisoformat(f"2026-{day}")


def row(number: int, payer: str, first: str, last: str | None = None, rank: int = 1, **more: bool) -> CoverageInterval:
    return CoverageInterval(
        id=UUID(int=number), payer=payer, rank=rank, from_date=d(first), through_date=d(last) if last else None, **more
    )  # fmt: skip


def wish(
    payer: str | None = None, first: str | None = None, last: str | None = None, *, of: int | None = None,
    rank: int | None = None, reason: CoverageReason = CoverageReason.PLAN_CHANGED,
) -> CoverageWish:  # fmt: skip
    return CoverageWish(
        coverage_id=UUID(int=of) if of else NEW, payer=payer, rank=rank, from_date=d(first) if first else None,
        through_date=d(last) if last else None, reason=reason,
    )  # fmt: skip


def stands(rows: Rows) -> list[tuple[str, int, str, str | None]]:
    """What is not voided, in words of a table."""
    return sorted(
        (r.payer, r.rank, f"{r.from_date:%m-%d}", f"{r.through_date:%m-%d}" if r.through_date else None)
        for r in rows
        if not r.voided
    )


def done(rows: Rows, asked: CoverageWish, act: CoverageAct) -> Rows:
    after = changed(rows, asked, act)
    assert not isinstance(after, Refusal), after
    return after


MERIDIAN = row(1, "meridian", "01-01")
TWO = (row(1, "meridian", "01-01", "03-11"), row(2, "unity", "03-12"), row(3, "county", "02-01", "02-28", rank=2))


@pytest.mark.parametrize(
    ("rows", "on", "expected"),
    [
        ((), "03-01", []),
        ((MERIDIAN,), "01-01", ["meridian"]),
        ((MERIDIAN,), "12-31", ["meridian"]),
        (TWO, "03-11", ["meridian"]),
        (TWO, "03-12", ["unity"]),
        (TWO, "02-28", ["meridian", "county"]),
        ((row(1, "meridian", "01-01", "02-10"), TWO[2]), "02-11", ["county"]),
        ((row(1, "meridian", "01-01", "02-10"), TWO[2]), "03-01", []),
        ((row(1, "meridian", "03-04"),), "03-03", []),
        ((row(1, "meridian", "03-04", reaches_back=True),), "03-03", ["meridian"]),
        ((row(1, "meridian", "03-04", reaches_back=True, voided=True),), "03-03", []),
        ((row(1, "unity", "01-01", "02-01"), row(2, "meridian", "03-04", reaches_back=True)), "03-03", []),
    ],
)
def test_who_is_in_force(rows: Rows, on: str, expected: list[str]) -> None:
    assert [r.payer for r in in_force(rows, d(on))] == expected
    first = primary_on(rows, d(on))
    assert (first.payer if first else None) == (expected[0] if expected else None)


@pytest.mark.parametrize(
    ("rows", "asked", "act", "expected"),
    [
        ((MERIDIAN,), wish("unity", "03-12"), CoverageAct.SWITCH,
         [("meridian", 1, "01-01", "03-11"), ("unity", 1, "03-12", None)]),
        ((MERIDIAN,), wish("unity", "03-12", "12-31"), CoverageAct.SWITCH,
         [("meridian", 1, "01-01", "03-11"), ("unity", 1, "03-12", "12-31")]),
        # Recorded ahead already: it still begins on its day.
        ((row(1, "meridian", "01-01", "03-31"), row(2, "unity", "04-01")), wish("county", "03-15"), CoverageAct.SWITCH,
         [("county", 1, "03-15", "03-31"), ("meridian", 1, "01-01", "03-14"), ("unity", 1, "04-01", None)]),
        # The wrong payer from the very first day: it never was in force.
        ((MERIDIAN,), wish("unity", "01-01"), CoverageAct.SWITCH, [("unity", 1, "01-01", None)]),
        ((MERIDIAN,), wish("statecare", "03-12"), CoverageAct.ADD,
         [("meridian", 1, "01-01", None), ("statecare", 2, "03-12", None)]),
        ((row(1, "meridian", "01-01", "03-05"),), wish("statecare", "03-06", rank=1), CoverageAct.ADD,
         [("meridian", 1, "01-01", "03-05"), ("statecare", 1, "03-06", None)]),
        ((MERIDIAN,), wish(last="03-05", of=1), CoverageAct.END, [("meridian", 1, "01-01", "03-05")]),
        ((row(1, "meridian", "03-01"),), wish(last="02-28", of=1), CoverageAct.END, []),
        # A switch recorded for the wrong day is put right in one act, both ways.
        (TWO[:2], wish(first="03-15", of=2), CoverageAct.CORRECT,
         [("meridian", 1, "01-01", "03-14"), ("unity", 1, "03-15", None)]),
        (TWO[:2], wish(first="03-02", of=2), CoverageAct.CORRECT,
         [("meridian", 1, "01-01", "03-01"), ("unity", 1, "03-02", None)]),
        # The order of payment was wrong.
        ((row(1, "meridian", "01-01"),), wish(first="01-01", of=1, rank=2), CoverageAct.CORRECT,
         [("meridian", 2, "01-01", None)]),
        ((row(1, "meridian", "01-01", "03-05"),), wish(first="01-01", of=1), CoverageAct.CORRECT,
         [("meridian", 1, "01-01", None)]),
    ],
)  # fmt: skip
def test_what_a_change_makes_of_them(
    rows: Rows, asked: CoverageWish, act: CoverageAct, expected: list[tuple[str, int, str, str | None]]
) -> None:
    assert stands(done(rows, asked, act)) == expected


@pytest.mark.parametrize(
    ("rows", "asked", "act", "code"),
    [
        ((MERIDIAN,), wish("meridian", "03-12"), CoverageAct.SWITCH, ErrorType.INVALID_REQUEST),
        ((MERIDIAN,), wish("unity"), CoverageAct.SWITCH, ErrorType.INVALID_REQUEST),
        ((MERIDIAN,), wish(first="03-12"), CoverageAct.ADD, ErrorType.INVALID_REQUEST),
        ((row(1, "meridian", "01-01", "03-31"), row(2, "unity", "04-01")), wish("county", "03-15", "04-10"),
         CoverageAct.SWITCH, ErrorType.COVERAGE_OVERLAPS),
        ((MERIDIAN,), wish("unity", "03-12", rank=1), CoverageAct.ADD, ErrorType.COVERAGE_OVERLAPS),
        (TWO, wish("unity", "02-28"), CoverageAct.ADD, ErrorType.COVERAGE_OVERLAPS),
        ((MERIDIAN,), wish(last="03-05", of=7), CoverageAct.END, ErrorType.NOT_FOUND),
        ((row(1, "meridian", "01-01", voided=True),), wish(last="03-05", of=1), CoverageAct.END, ErrorType.NOT_FOUND),
        ((MERIDIAN,), wish(of=1), CoverageAct.END, ErrorType.INVALID_REQUEST),
        ((MERIDIAN,), wish("unity", last="03-05", of=1), CoverageAct.END, ErrorType.INVALID_REQUEST),
        (TWO, wish(last="04-01", of=1), CoverageAct.END, ErrorType.INVALID_REQUEST),
        ((MERIDIAN,), wish(first="01-01", of=1), CoverageAct.CORRECT, ErrorType.INVALID_REQUEST),
        ((*TWO[:2], row(4, "county", "03-01", rank=2)), wish(first="03-12", of=2, rank=2), CoverageAct.CORRECT,
         ErrorType.COVERAGE_OVERLAPS),
        ((row(1, "meridian", "03-05", "03-11"), row(2, "unity", "03-12")), wish(first="03-04", of=2),
         CoverageAct.CORRECT, ErrorType.COVERAGE_OVERLAPS),
    ],
)  # fmt: skip
def test_what_cannot_be(rows: Rows, asked: CoverageWish, act: CoverageAct, code: ErrorType) -> None:
    answer = changed(rows, asked, act)
    assert isinstance(answer, Refusal)
    assert answer.code is code


NOW = datetime(2026, 3, 13, 15, tzinfo=UTC)
ADMITTED = d("03-02")


@pytest.mark.parametrize(
    ("asked", "act", "admitted", "code"),
    [
        (wish("unity", "03-13"), CoverageAct.SWITCH, ADMITTED, None),
        (wish("unity", "04-01"), CoverageAct.SWITCH, ADMITTED, None),
        (wish("unity", "03-10"), CoverageAct.SWITCH, ADMITTED, None),
        (wish("unity", "03-09"), CoverageAct.SWITCH, ADMITTED, ErrorType.EFFECTIVE_TOO_EARLY),
        (wish("unity", "03-09", reason=CoverageReason.COVERAGE_FOUND), CoverageAct.SWITCH, ADMITTED, None),
        (wish("unity", "03-01"), CoverageAct.SWITCH, ADMITTED, ErrorType.EFFECTIVE_TOO_EARLY),
        (wish("unity", "03-01", reason=CoverageReason.COVERAGE_FOUND), CoverageAct.ADD, ADMITTED,
         ErrorType.EFFECTIVE_TOO_EARLY),
        (wish("unity", "01-01"), CoverageAct.SWITCH, None, None),
        (wish("unity", "03-14", "03-13"), CoverageAct.SWITCH, ADMITTED, ErrorType.INVALID_REQUEST),
        (wish(last="03-09", of=1), CoverageAct.END, ADMITTED, None),
        (wish(last="03-08", of=1), CoverageAct.END, ADMITTED, ErrorType.EFFECTIVE_TOO_EARLY),
        (wish(last="01-31", of=1, reason=CoverageReason.RETRO_TERMINATED), CoverageAct.END, ADMITTED, None),
        (wish(first="01-01", of=1), CoverageAct.CORRECT, ADMITTED, None),
    ],
)  # fmt: skip
def test_since_when_a_change_may_hold(
    asked: CoverageWish, act: CoverageAct, admitted: date | None, code: ErrorType | None
) -> None:
    problem = date_problem(asked, act, FacilityPolicy(backdate_limit_hours=72), "America/Chicago", admitted, NOW)
    assert (problem.code if problem else None) == code


def test_an_unsaid_beginning_is_the_admission() -> None:
    late = (row(1, "meridian", "03-04", reaches_back=True),)
    assert begun(late, ADMITTED)[0].from_date == ADMITTED
    assert begun(late, None) == late
    said = (row(1, "meridian", "03-04"),)
    assert begun(said, ADMITTED) == said


@pytest.mark.parametrize(
    ("before", "asked", "act", "first", "spans"),
    [
        ((MERIDIAN,), wish("unity", "03-12"), CoverageAct.SWITCH, "03-12", [("unity", "03-12", None)]),
        ((MERIDIAN,), wish("statecare", "03-12", "06-30"), CoverageAct.ADD, "03-12", [("statecare", "03-12", "06-30")]),
        ((MERIDIAN,), wish(last="03-05", of=1), CoverageAct.END, "03-06", []),
        (TWO[:2], wish(first="03-15", of=2), CoverageAct.CORRECT, "03-12", [("meridian", "03-12", "03-14")]),
        (TWO[:2], wish(first="03-02", of=2), CoverageAct.CORRECT, "03-02", [("unity", "03-02", "03-11")]),
        ((row(1, "meridian", "03-05", "03-11"),), wish(first="03-02", last="03-20", of=1), CoverageAct.CORRECT, "03-02",
         [("meridian", "03-02", "03-04"), ("meridian", "03-12", "03-20")]),
    ],
)  # fmt: skip
def test_what_a_switch_opens(
    before: Rows, asked: CoverageWish, act: CoverageAct, first: str, spans: list[tuple[str, str, str | None]]
) -> None:
    after = done(before, asked, act)
    assert first_change(before, after) == d(first)
    assert [
        (s.coverage.payer, f"{s.first:%m-%d}", f"{s.last:%m-%d}" if s.last else None) for s in entered(before, after)
    ] == spans


def test_the_last_day_of_a_payer() -> None:
    assert last_day_of(TWO, "meridian", ADMITTED) == d("03-11")
    assert last_day_of(TWO, "unity", ADMITTED) == date.max
    assert last_day_of(TWO, "bluestone", ADMITTED) == d("03-01")
    assert last_day_of((row(1, "meridian", "01-01", voided=True),), "meridian", ADMITTED) == d("03-01")


def test_runs_of_days_by_payer() -> None:
    rows = (row(1, "meridian", "01-01", "03-05"), row(2, "meridian", "03-06", "03-08"), row(3, "unity", "03-10"))
    assert payer_runs(rows, ADMITTED, d("03-20")) == [
        (ADMITTED, d("03-08"), "meridian"),
        (d("03-10"), None, "unity"),
    ]


@pytest.mark.parametrize(
    ("rows", "card", "elsewhere", "expected"),
    [
        ((), row(9, "unity", "01-01"), False, [("unity", 1, "01-01", None)]),
        # The same payer's card again is the coverage on record.
        ((MERIDIAN,), row(9, "meridian", "02-01"), True, [("meridian", 1, "01-01", None)]),
        # A card never restates days before it.
        ((MERIDIAN,), row(9, "unity", "01-01", "12-31"), False,
         [("meridian", 1, "01-01", "03-12"), ("unity", 1, "03-13", "12-31")]),
        ((MERIDIAN,), row(9, "unity", "04-01"), True, [("meridian", 1, "01-01", "03-31"), ("unity", 1, "04-01", None)]),
        ((MERIDIAN,), row(9, "county", "01-01", rank=2), True,
         [("county", 2, "01-01", None), ("meridian", 1, "01-01", None)]),
        # The wrong card of this morning is replaced, unless another episode counts on it.
        ((row(1, "meridian", "03-13"),), row(9, "unity", "03-13"), False, [("unity", 1, "03-13", None)]),
        ((row(1, "meridian", "03-13"),), row(9, "unity", "03-13"), True, None),
        # A card that has run out takes nobody's place.
        ((MERIDIAN,), row(9, "unity", "02-01", "02-28"), False, [("meridian", 1, "01-01", None)]),
        ((), row(9, "unity", "02-01", "02-28"), False, [("unity", 1, "02-01", "02-28")]),
    ],
)  # fmt: skip
def test_a_referral_brings_a_card(
    rows: Rows, card: CoverageInterval, elsewhere: bool, expected: list[tuple[str, int, str, str | None]] | None
) -> None:
    answer = enrolled(rows, card, d("03-13"), elsewhere=elsewhere)
    if expected is None:
        assert isinstance(answer, Refusal)
        assert answer.code is ErrorType.COVERAGE_OVERLAPS
        return
    assert not isinstance(answer, Refusal)
    assert stands(answer[0]) == expected


days = st.integers(0, 60).map(lambda n: d("03-01") + timedelta(days=n))
switches = st.lists(st.tuples(days, st.sampled_from(["meridian", "unity", "county", "statecare"])), max_size=8)


@given(switches)
def test_whatever_switches_come_every_day_has_one_payer_first(said: list[tuple[date, str]]) -> None:
    """No day lost and none paid twice in one place, in whatever order the switches are recorded."""
    rows: Rows = (row(1, "bluestone", "03-01"),)
    for number, (on, payer) in enumerate(said):
        asked = CoverageWish(
            coverage_id=UUID(int=100 + number), payer=payer, from_date=on, reason=CoverageReason.PLAN_CHANGED
        )
        after = changed(rows, asked, CoverageAct.SWITCH)
        if isinstance(after, Refusal):
            continue
        assert primary_on(after, on) is not None
        assert primary_on(after, on).payer == payer  # type: ignore[union-attr]  # asserted above
        changed_from = first_change(rows, after)
        assert changed_from is None or changed_from >= on
        rows = after
    for n in range(70):
        holders = [r for r in rows if r.rank == 1 and r.covers(d("03-01") + timedelta(days=n))]
        assert len(holders) == 1
