"""Assessments a level owes (domain 2.4, ASM-01, ASM-02, E59)."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.assessment_due import PlannedAssessment, PriorResult
from definitions.level import DueRule, DueUnit, LevelOfCare
from definitions.schedule import Block, ScheduleTemplate, SessionKind, Weekday
from definitions.vocabulary import BillingBehaviour, Track
from rules.calendar import zone_of
from rules.due_assessments import due_assessments, due_at, next_repeat, standing_result

CHICAGO = "America/Chicago"
ADMITTED = datetime(2026, 3, 6, 21, 30, tzinfo=UTC)
"""Friday 15:30 in Chicago, two days before clocks go forward."""
IOP = ScheduleTemplate(
    key="iop", edition="2026-01", title="IOP",
    blocks=(Block(key="group", title="Group", kind=SessionKind.GROUP, start=time(9), minutes=60,
                  days=(Weekday.MON, Weekday.WED, Weekday.FRI)),),
)  # fmt: skip


def level(*rules: DueRule) -> LevelOfCare:
    return LevelOfCare(
        key="2.1", trade_name="IOP", codes={"ASAM3": "2.1"}, track=Track.DAY, billing=BillingBehaviour.ATTENDANCE,
        intensity=40, medical_rank=1, structure_rank=1, template="iop", teds_service="6", assessments=rules,
    )  # fmt: skip


def result(days_ago: float, instrument: str = "HP", number: int = 1) -> PriorResult:
    return PriorResult(
        instrument=instrument, assessment_id=UUID(int=number), performed_at=ADMITTED - timedelta(days=days_ago)
    )


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone_of(CHICAGO)).astimezone(UTC)


def owed(rule: DueRule, *results: PriorResult) -> PlannedAssessment:
    (found,) = due_assessments(level(rule), ADMITTED, CHICAGO, results, IOP, (date(2026, 3, 9),))
    return found


@pytest.mark.parametrize(
    ("rule", "due"),
    [
        # Hours run on the clock, through the change; days end at local midnight; program days at the programme's.
        (DueRule(instrument="HP", within=24), local("2026-03-07 15:30")),
        (DueRule(instrument="HP", within=48), local("2026-03-08 16:30")),
        (DueRule(instrument="HP", within=1, unit=DueUnit.DAYS), local("2026-03-08 00:00")),
        (DueRule(instrument="HP", within=3, unit=DueUnit.DAYS), local("2026-03-10 00:00")),
        # Friday, then Wednesday: Monday is a holiday.
        (DueRule(instrument="HP", within=1, unit=DueUnit.PROGRAM_DAYS), local("2026-03-07 00:00")),
        (DueRule(instrument="HP", within=2, unit=DueUnit.PROGRAM_DAYS), local("2026-03-12 00:00")),
    ],
)
def test_first_due_time(rule: DueRule, due: datetime) -> None:
    found = owed(rule)
    assert (found.due_at, found.satisfied_by) == (due, None)
    assert found.escalate_at == due + timedelta(hours=rule.escalate_after_hours)
    assert found.owner_role == rule.owner


def test_hours_are_elapsed_time_also_from_a_moment_in_local_time() -> None:
    """E59: adding to a local datetime would add to what the clock on the wall shows."""
    wall = ADMITTED.astimezone(zone_of(CHICAGO))
    assert due_at(DueRule(instrument="HP", within=48), wall, CHICAGO) == ADMITTED + timedelta(hours=48)


@pytest.mark.parametrize(
    ("once", "window", "days_ago", "stands"),
    [
        (False, None, 0, False),  # must be new
        (False, 30, 30, True),
        (False, 30, 30.01, False),
        (True, None, 200, True),
        (True, 30, 200, True),
        (False, 30, -0.01, False),  # not before the admission it should stand for
    ],
)
def test_an_earlier_result_stands_within_its_window(
    once: bool, window: int | None, days_ago: float, stands: bool
) -> None:
    """ASM-02: for example a physical examination of the last thirty days."""
    rule = DueRule(instrument="HP", within=24, once_per_episode=once, carry_over_days=window)
    assert owed(rule, result(days_ago)).satisfied_by == (UUID(int=1) if stands else None)


def test_the_newest_result_of_the_same_instrument_stands() -> None:
    rule = DueRule(instrument="HP", within=24, carry_over_days=30)
    results = [result(20, number=1), result(3, number=2), result(10, number=3), result(1, "BPS", 4)]
    assert standing_result(rule, ADMITTED, results) == results[1]
    assert standing_result(rule, ADMITTED, results[3:]) is None


def test_a_repeating_rule_that_is_met_is_owed_again_one_interval_after_that_result() -> None:
    rule = DueRule(instrument="LOC_DIM", within=24, repeat_every_days=7, carry_over_days=7)
    found = owed(rule, result(2, "LOC_DIM"))
    assert (found.due_at, found.satisfied_by) == (local("2026-03-11 15:30"), None)
    # Never earlier than the level itself asks first.
    late = owed(rule, result(6.9, "LOC_DIM"))
    assert late.due_at == local("2026-03-07 15:30")


def test_reasons_say_level_instrument_and_rhythm() -> None:
    rule = DueRule(instrument="LOC_DIM", within=3, unit=DueUnit.PROGRAM_DAYS, repeat_every_days=14)
    assert owed(rule).why == "IOP (2.1) owes LOC_DIM within 3 program days, then every 14 days"
    hourly = DueRule(instrument="CIWA_AR", within=1, repeat_every_hours=4)
    assert owed(hourly).why == "IOP (2.1) owes CIWA_AR within 1 hours, then every 4 hours"


def test_every_rule_is_answered_once_and_in_order() -> None:
    rules = [DueRule(instrument=name, within=24) for name in ("HP", "BPS", "UDS")]
    found = due_assessments(level(*rules), ADMITTED, CHICAGO)
    assert [p.instrument for p in found] == ["HP", "BPS", "UDS"]
    assert due_assessments(level(), ADMITTED, CHICAGO) == ()


@pytest.mark.parametrize(
    ("completed", "every", "zone", "following"),
    [
        # ASM-01, E59: every four hours is elapsed time, a week is a week of local days.
        ("2026-03-08 00:30", {"repeat_every_hours": 4}, CHICAGO, "2026-03-08 05:30"),
        ("2026-03-06 15:30", {"repeat_every_days": 7}, CHICAGO, "2026-03-13 15:30"),
        ("2026-03-06 15:30", {"repeat_every_days": 7}, None, "2026-03-13 16:30"),
        ("2026-10-30 15:30", {"repeat_every_days": 7}, CHICAGO, "2026-11-06 15:30"),
        # 02:30 does not exist on the eighth: shift forward.
        ("2026-03-07 02:30", {"repeat_every_days": 1}, CHICAGO, "2026-03-08 03:30"),
    ],
)
def test_repeats_run_from_the_completed_time(
    completed: str, every: dict[str, int], zone: str | None, following: str
) -> None:
    rule = DueRule.model_validate({"instrument": "CIWA_AR", "within": 1, **every})
    assert next_repeat(rule, local(completed), zone) == local(following)
    assert next_repeat(rule, local(completed).astimezone(zone_of(CHICAGO)), zone) == local(following)


def test_a_rule_without_rhythm_is_not_owed_again() -> None:
    assert next_repeat(DueRule(instrument="HP", within=24), ADMITTED, CHICAGO) is None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 30),
    st.sampled_from(DueUnit),
)
def test_due_lies_ahead_and_grows_with_the_allowance(anchor: datetime, within: int, unit: DueUnit) -> None:
    one = due_at(DueRule(instrument="HP", within=within, unit=unit), anchor, CHICAGO, IOP)
    more = due_at(DueRule(instrument="HP", within=within + 1, unit=unit), anchor, CHICAGO, IOP)
    assert anchor < one < more
