"""Opening + in - out = closing for every stay, whatever happened that day (domain 7.1, invariant 4)."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from definitions.accrual import Absence, AccrualPolicy, AdmitDischargeMode, DayKind, StaySpan
from definitions.vocabulary import BillingBehaviour, Track
from rules.accrual import judge_days, judge_night, night_of
from rules.census import by_payer, count_lines, steps_of

ZONE = "America/Chicago"
DAY = date(2026, 3, 8)
BASE = datetime(2026, 3, 6, tzinfo=UTC)
hours = st.integers(0, 120)


@st.composite
def stays(draw: st.DrawFn) -> tuple[StaySpan, list[Absence]]:
    start = draw(hours)
    length = draw(st.none() | st.integers(0, 100))
    ended = BASE + timedelta(hours=start + length) if length is not None else None
    stay = StaySpan(
        stay_id="s", level="3.5", track=Track.BED, billing=BillingBehaviour.OVERNIGHT,
        started_at=BASE + timedelta(hours=start), ended_at=ended,
        departure=draw(st.sampled_from(["transfer", "discharge", "death"])) if ended else None,
        arrival=draw(st.sampled_from(["admission", "transfer"])),
    )  # fmt: skip
    absences = []
    if draw(st.booleans()):
        left = start + draw(st.integers(0, 50))
        back = draw(st.none() | st.integers(0, 60))
        within = length is None or left - start < length
        if within:
            returned = BASE + timedelta(hours=left + back) if back is not None else None
            if ended is None or returned is None or returned <= ended:
                absences.append(
                    Absence(stay_id="s", kind="leave", left_at=BASE + timedelta(hours=left), returned_at=returned)
                )
    return stay, absences


@given(stays())
def test_every_line_balances(made: tuple[StaySpan, list[Absence]]) -> None:
    stay, absences = made
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for step in steps_of(stay, absences, night_of(DAY, ZONE)):
        counted[("p", stay.level, "payer", step)] += 1
    assert all(line.balanced for line in count_lines(counted))


@given(stays())
def test_one_day_closes_with_what_the_next_opens_with(made: tuple[StaySpan, list[Absence]]) -> None:
    stay, absences = made
    today = steps_of(stay, absences, night_of(DAY, ZONE))
    tomorrow = steps_of(stay, absences, night_of(DAY + timedelta(days=1), ZONE))
    assert ("closing" in today) == ("opening" in tomorrow)


@given(stays(), st.sampled_from(list(AdmitDischargeMode)), st.integers(1, 6))
def test_any_split_of_a_range_gives_the_same_days(
    made: tuple[StaySpan, list[Absence]], mode: AdmitDischargeMode, split: int
) -> None:
    """Nightly, late and backdated closing are one rule (D5)."""
    stay, absences = made
    policy = AccrualPolicy(admit_discharge=mode)
    first, last = date(2026, 3, 5), date(2026, 3, 12)
    middle = first + timedelta(days=split)
    whole = judge_days([stay], absences, [], policy, ZONE, first, last)
    parts = judge_days([stay], absences, [], policy, ZONE, first, middle) + judge_days(
        [stay], absences, [], policy, ZONE, middle + timedelta(days=1), last
    )
    assert whole == parts
    nightly = [
        v
        for n in range(8)
        for v in judge_night([stay], absences, {}, policy, night_of(first + timedelta(days=n), ZONE))
    ]
    assert whole == nightly


@given(stays(), stays())
def test_never_two_payable_days_for_one_person_and_date(
    a: tuple[StaySpan, list[Absence]], b: tuple[StaySpan, list[Absence]]
) -> None:
    """Invariant 1, BILL-10."""
    second = replace(b[0], stay_id="t")
    away = [*a[1], *(replace(x, stay_id="t") for x in b[1])]
    found = judge_night([a[0], second], away, {}, AccrualPolicy(), night_of(DAY, ZONE))
    assert sum(v.kind is not DayKind.NONE for v in found) <= 1


@given(stays(), st.sampled_from([("old", "new"), ("old", "old")]))
def test_every_payers_line_balances_when_another_takes_over(
    made: tuple[StaySpan, list[Absence]], payers: tuple[str, str]
) -> None:
    """E38: nobody moved, and still opening + in - out = closing in each line; one date closes, payer by payer, with what
    the next opens with."""
    stay, absences = made
    lines = []
    # The change takes effect on DAY: its eve was the old payer's.
    for on, before, now in (
        (DAY - timedelta(days=1), payers[0], payers[0]),
        (DAY, payers[0], payers[1]),
        (DAY + timedelta(days=1), payers[1], payers[1]),
    ):
        counted: Counter[tuple[str, str, str, str]] = Counter()
        for payer, step in by_payer(steps_of(stay, absences, night_of(on, ZONE)), before, now):
            counted[("p", stay.level, payer, step)] += 1
        day = count_lines(counted)
        assert all(line.balanced for line in day)
        lines.append(day)
    for one, following in pairwise(lines):
        assert {x.payer for x in one if x.closing} == {x.payer for x in following if x.opening}
