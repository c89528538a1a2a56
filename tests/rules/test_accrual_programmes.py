"""PHP and IOP days, pairs and weekly caps (BILL-09, BILL-10, V13, E57, E76, domain 6.8)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from definitions.accrual import (
    Absence,
    AccrualPolicy,
    AdmitDischargeMode,
    AttendanceMinimum,
    DayAttendance,
    DayKind,
    DayVerdict,
    StaySpan,
)
from definitions.vocabulary import BillingBehaviour, Track
from rules.accrual import UsedBefore, judge_days

ZONE = "America/Chicago"
MONDAY = date(2026, 3, 2)
POLICY = AccrualPolicy(
    attendance=(
        AttendanceMinimum(level="2.5", minutes=240, services=3, fallback_level="2.1", fallback_allowed=True),
        AttendanceMinimum(level="2.1", minutes=180),
    )
)


def stay(
    stay_id: str, level: str, track: Track = Track.DAY, started: int = 1, ended: datetime | None = None
) -> StaySpan:
    billing = BillingBehaviour.OVERNIGHT if track is Track.BED else BillingBehaviour.ATTENDANCE
    return StaySpan(
        stay_id=stay_id, level=level, track=track, billing=billing, started_at=datetime(2026, 2, started, 15, tzinfo=UTC),
        ended_at=ended, departure="transfer" if ended else None,
    )  # fmt: skip


def attended(stay_id: str, minutes: int, services: int = 3, on: date = MONDAY) -> DayAttendance:
    return DayAttendance(stay_id=stay_id, service_date=on, minutes=minutes, services=services)


def on_monday(
    stays: Sequence[StaySpan],
    came: Sequence[DayAttendance],
    policy: AccrualPolicy = POLICY,
    used: UsedBefore | None = None,
) -> dict[str, DayVerdict]:
    return {
        v.stay_id: v for v in judge_days(stays, [], came, policy, ZONE, MONDAY, MONDAY, used or UsedBefore())
    }  # fmt: skip


PHP, IOP, HOUSE = stay("p", "2.5"), stay("i", "2.1"), stay("h", "3.1", Track.BED)


@pytest.mark.parametrize(
    ("minutes", "services", "kind", "level", "needs_person"),
    [
        (240, 3, DayKind.PER_DIEM, "2.5", False),
        (239, 3, DayKind.PER_DIEM, "2.1", False),
        (240, 2, DayKind.PER_DIEM, "2.1", False),
        (179, 3, DayKind.NONE, "2.5", True),
        (0, 0, DayKind.NONE, "2.5", False),
    ],
)
def test_minutes_and_services_decide_the_day(
    minutes: int, services: int, kind: DayKind, level: str, needs_person: bool
) -> None:
    found = on_monday([PHP], [attended("p", minutes, services)])["p"]
    assert (found.kind, found.level, found.needs_person) == (kind, level, needs_person)
    assert found.rule == "BILL-09"
    assert found.cause == ("hours_short" if needs_person else None)


@pytest.mark.parametrize(("rounding", "kind"), [(0, DayKind.NONE), (4, DayKind.NONE), (5, DayKind.PER_DIEM)])
def test_five_minutes_short_is_the_contract_s_to_round(rounding: int, kind: DayKind) -> None:
    """E76: 2 h 55 of 3 h."""
    policy = POLICY.model_copy(update={"rounding_minutes": rounding})
    found = on_monday([IOP], [attended("i", 175)], policy)["i"]
    assert found.kind is kind
    assert kind is DayKind.PER_DIEM or found.why == "attended 175 minutes: 5 minutes short for 2.1"


def test_an_ending_on_the_day_does_not_lose_an_attended_day() -> None:
    """BILL-09: the discharge-day rule is one of beds."""
    leaving = replace(stay("i", "2.1", ended=datetime(2026, 3, 2, 19, tzinfo=UTC)), departure="discharge")
    assert on_monday([leaving], [attended("i", 180)])["i"].kind is DayKind.PER_DIEM


def test_levels_billed_by_session_never_bill_a_day() -> None:
    outpatient = replace(stay("o", "1.5"), billing=BillingBehaviour.SESSION)
    found = on_monday([outpatient], [attended("o", 600)])["o"]
    assert (found.kind, found.needs_person) == (DayKind.NONE, False)


@pytest.mark.parametrize(("used", "kind"), [(2, DayKind.PER_DIEM), (3, DayKind.NONE)])
def test_the_week_s_cap_leaves_further_days_to_a_person(used: int, kind: DayKind) -> None:
    policy = POLICY.model_copy(update={"weekly_cap": {"2.1": 3}})
    found = on_monday([IOP], [attended("i", 180)], policy, UsedBefore(week_days={"2.1": used}))["i"]
    assert (found.kind, found.needs_person) == (kind, kind is DayKind.NONE)


def test_a_day_that_falls_back_counts_against_the_lower_level_s_cap() -> None:
    policy = POLICY.model_copy(update={"weekly_cap": {"2.1": 3}})
    found = on_monday([PHP], [attended("p", 200)], policy, UsedBefore(week_days={"2.1": 3}))["p"]
    assert (found.kind, found.needs_person, found.cause) == (DayKind.NONE, True, "weekly_cap")
    assert found.why.endswith("the contract pays 3 days of 2.1 a week")


def test_caps_begin_again_on_monday() -> None:
    came = [attended("i", 180, on=date(2026, 3, d)) for d in range(2, 16)]
    policy = POLICY.model_copy(update={"weekly_cap": {"2.1": 3}})
    found = judge_days([IOP], [], came, policy, ZONE, date(2026, 3, 2), date(2026, 3, 15))
    assert [v.service_date.day for v in found if v.kind is DayKind.PER_DIEM] == [2, 3, 4, 9, 10, 11]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("pairs", "kinds"),
    [
        ((), {"h": DayKind.PER_DIEM, "p": DayKind.NONE}),
        ((("3.1", "2.5"),), {"h": DayKind.PER_DIEM, "p": DayKind.PER_DIEM}),
        ((("2.5", "3.1"),), {"h": DayKind.PER_DIEM, "p": DayKind.PER_DIEM}),
        ((("3.1", "2.1"),), {"h": DayKind.PER_DIEM, "p": DayKind.NONE}),
    ],
)
def test_a_bed_and_a_programme_bill_together_only_when_paired(
    order: int, pairs: tuple[tuple[str, str], ...], kinds: dict[str, DayKind]
) -> None:
    """BILL-10, E57, E92: the attended day that loses goes to the biller, in whatever order the stays come."""
    policy = POLICY.model_copy(update={"pairs": pairs})
    found = on_monday([HOUSE, PHP][::order], [attended("p", 240)], policy)
    assert {k: v.kind for k, v in found.items()} == kinds
    if kinds["p"] is DayKind.NONE:
        assert (found["p"].rule, found["p"].needs_person, found["p"].cause) == ("BILL-10", True, "pairing_conflict")
        assert found["p"].why == "3.1 bills this date; the contract pays one per diem a day"


def test_a_fallback_pairs_by_the_level_that_bills() -> None:
    policy = POLICY.model_copy(update={"pairs": (("3.1", "2.1"),)})
    found = on_monday([HOUSE, PHP], [attended("p", 200)], policy)
    assert {k: (v.kind, v.level) for k, v in found.items()} == {
        "h": (DayKind.PER_DIEM, "3.1"),
        "p": (DayKind.PER_DIEM, "2.1"),
    }


def test_pairs_hold_each_with_each() -> None:
    """PHP and IOP are not billed on one date, also not beside a bed that pairs with either (domain 6.8)."""
    noon = datetime(2026, 3, 2, 18, tzinfo=UTC)
    left = stay("p", "2.5", ended=noon)
    took_over = replace(IOP, started_at=noon, arrival="transfer")
    policy = POLICY.model_copy(update={"pairs": (("3.1", "2.5"), ("3.1", "2.1"))})
    found = on_monday([HOUSE, left, took_over], [attended("p", 240), attended("i", 180)], policy)
    assert {k: v.kind for k, v in found.items()} == {
        "h": DayKind.PER_DIEM,
        "p": DayKind.NONE,
        "i": DayKind.PER_DIEM,
    }
    assert found["p"].why == "2.1 bills this date; the contract pays one per diem a day"
    assert found["p"].cause is None


def test_an_attended_day_goes_before_the_bed_left_that_day() -> None:
    """BILL-07 under a contract that pays the day of discharge: the programme took over, so it bills."""
    ten = datetime(2026, 3, 2, 16, tzinfo=UTC)
    stays = [
        stay("h", "3.1", Track.BED, ended=ten),
        replace(PHP, started_at=ten, arrival="transfer"),
    ]
    policy = POLICY.model_copy(update={"admit_discharge": AdmitDischargeMode.BOTH})
    busy = on_monday(stays, [attended("p", 240)], policy)
    assert {k: (v.kind, v.needs_person) for k, v in busy.items()} == {
        "h": (DayKind.NONE, False),
        "p": (DayKind.PER_DIEM, False),
    }
    idle = on_monday(stays, [], policy)
    assert {k: v.kind for k, v in idle.items()} == {"h": DayKind.PER_DIEM, "p": DayKind.NONE}


def test_a_held_bed_goes_before_an_attended_day() -> None:
    """BILL-12 with BILL-10: sent out in the evening after a day in the programme."""
    away = Absence(stay_id="h", kind="send_out", left_at=datetime(2026, 3, 2, 23, tzinfo=UTC))
    policy = POLICY.model_copy(update={"bed_hold_days_per_year": 3})
    found = judge_days([HOUSE, PHP], [away], [attended("p", 240)], policy, ZONE, MONDAY, MONDAY)
    assert [v.kind for v in found] == [DayKind.BED_HOLD, DayKind.NONE]
