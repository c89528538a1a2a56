"""Test vectors V1 to V13 of domain.md 6.1 (America/Chicago)."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from definitions.accrual import (
    Absence,
    AccrualPolicy,
    AdmitDischargeMode,
    AttendanceMinimum,
    DayAttendance,
    DayKind,
    SameDayRule,
    StaySpan,
)
from definitions.vocabulary import BillingBehaviour, Track
from rules.accrual import judge_days

ZONE = "America/Chicago"
TZ = ZoneInfo(ZONE)


def at(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TZ, fold=fold)


def bed(start: str, end: str | None, *, departure: str | None = "discharge", level: str = "3.5", fold: int = 0,
        stay_id: str = "s1", arrival: str = "admission") -> StaySpan:  # fmt: skip
    return StaySpan(
        stay_id=stay_id, level=level, track=Track.BED, billing=BillingBehaviour.OVERNIGHT,
        started_at=at(start, fold), ended_at=at(end) if end else None,
        departure=departure if end else None, arrival=arrival,
    )  # fmt: skip


def away(left: str, returned: str | None, kind: str = "leave") -> Absence:
    return Absence(stay_id="s1", kind=kind, left_at=at(left), returned_at=at(returned) if returned else None)


def billed(stays: list[StaySpan], absences: list[Absence], first: str, last: str,
           policy: AccrualPolicy | None = None) -> list[date]:  # fmt: skip
    verdicts = judge_days(
        stays, absences, [], policy or AccrualPolicy(), ZONE, date.fromisoformat(first), date.fromisoformat(last)
    )
    return [v.service_date for v in verdicts if v.kind is DayKind.PER_DIEM]


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


VECTORS = [
    ("V1", [bed("2026-03-02 21:00", "2026-03-07 10:00")], [], days("2026-03-02", "2026-03-06")),
    ("V2", [bed("2026-03-02 23:50", "2026-03-03 00:10")], [], days("2026-03-02", "2026-03-02")),
    ("V3", [bed("2026-03-03 00:10", "2026-03-05 09:00")], [], days("2026-03-03", "2026-03-04")),
    ("V4", [bed("2026-03-02 10:00", "2026-03-02 18:00")], [], days("2026-03-02", "2026-03-02")),
    (
        "V7",
        [bed("2026-03-07 11:00", "2026-03-15 04:00", departure="death")],
        [away("2026-03-12 02:00", "2026-03-12 20:00", "send_out")],
        days("2026-03-07", "2026-03-14"),
    ),
    (
        "V8",
        [bed("2026-03-07 11:00", "2026-03-15 04:00", departure="death")],
        [away("2026-03-12 20:00", "2026-03-13 06:00", "send_out")],
        days("2026-03-07", "2026-03-11") + days("2026-03-13", "2026-03-14"),
    ),
    ("V9", [bed("2026-03-08 01:30", "2026-03-09 09:00")], [], days("2026-03-08", "2026-03-08")),
]


@pytest.mark.parametrize(("name", "stays", "absences", "expected"), VECTORS, ids=[v[0] for v in VECTORS])
def test_vector(name: str, stays: list[StaySpan], absences: list[Absence], expected: list[date]) -> None:
    assert billed(stays, absences, "2026-03-01", "2026-03-31") == expected


def test_v4_with_same_day_rule_off() -> None:
    policy = AccrualPolicy(same_day=SameDayRule.ZERO)
    assert billed([bed("2026-03-02 10:00", "2026-03-02 18:00")], [], "2026-03-01", "2026-03-05", policy) == []


def test_v5_two_leave_nights_are_lost() -> None:
    found = billed([bed("2026-03-07 11:00", None)], [away("2026-03-21 15:00", "2026-03-23 12:00")],
                   "2026-03-07", "2026-03-31")  # fmt: skip
    assert len(found) == 23
    assert set(days("2026-03-07", "2026-03-31")) - set(found) == set(days("2026-03-21", "2026-03-22"))


def test_v6_back_before_midnight_loses_nothing() -> None:
    found = billed([bed("2026-03-07 11:00", None)], [away("2026-03-21 15:00", "2026-03-21 23:30")],
                   "2026-03-07", "2026-03-31")  # fmt: skip
    assert found == days("2026-03-07", "2026-03-31")


@pytest.mark.parametrize("fold", [0, 1])
def test_v10_ambiguous_wall_time_bills_one_day(fold: int) -> None:
    stay = bed("2026-11-01 01:30", "2026-11-02 09:00", fold=fold)
    assert billed([stay], [], "2026-10-30", "2026-11-03") == days("2026-11-01", "2026-11-01")


@pytest.mark.parametrize(
    ("name", "moment", "winner"), [("V11", "2026-03-07 23:58", "3.5"), ("V12", "2026-03-08 00:05", "3.7-WM")]
)
def test_v11_v12_the_level_at_midnight_bills(name: str, moment: str, winner: str) -> None:
    stays = [
        bed("2026-03-04 10:00", moment, departure="transfer", level="3.7-WM", stay_id="d"),
        bed(moment, None, level="3.5", stay_id="r", arrival="transfer"),
    ]
    verdicts = judge_days(stays, [], [], AccrualPolicy(), ZONE, date(2026, 3, 7), date(2026, 3, 7))
    assert [v.level for v in verdicts if v.kind is DayKind.PER_DIEM] == [winner]


PHP = StaySpan(stay_id="p", level="2.5", track=Track.DAY, billing=BillingBehaviour.ATTENDANCE,
               started_at=at("2026-03-02 08:00"))  # fmt: skip


def php_policy(allowed: bool) -> AccrualPolicy:
    return AccrualPolicy(
        attendance=(
            AttendanceMinimum(level="2.5", minutes=240, fallback_level="2.1", fallback_allowed=allowed),
            AttendanceMinimum(level="2.1", minutes=180),
        )
    )


@pytest.mark.parametrize(
    ("minutes", "allowed", "kind", "level"),
    [
        (210, False, DayKind.NONE, "2.5"),
        (210, True, DayKind.PER_DIEM, "2.1"),
        (170, True, DayKind.NONE, "2.5"),
        (240, True, DayKind.PER_DIEM, "2.5"),
    ],
)
def test_v13_short_php_day(minutes: int, allowed: bool, kind: DayKind, level: str) -> None:
    attended = [DayAttendance(stay_id="p", service_date=date(2026, 3, 3), minutes=minutes, services=3)]
    (verdict,) = judge_days([PHP], [], attended, php_policy(allowed), ZONE, date(2026, 3, 3), date(2026, 3, 3))
    assert (verdict.kind, verdict.level) == (kind, level)
    assert (verdict.fallback_of == "2.5") == (level == "2.1")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (AdmitDischargeMode.ADMIT, days("2026-03-02", "2026-03-06")),
        (AdmitDischargeMode.DISCHARGE, days("2026-03-03", "2026-03-07")),
        (AdmitDischargeMode.BOTH, days("2026-03-02", "2026-03-07")),
        (AdmitDischargeMode.NEITHER, days("2026-03-03", "2026-03-06")),
    ],
)
def test_four_admit_and_discharge_modes(mode: AdmitDischargeMode, expected: list[date]) -> None:
    """features.md (a) Ritten R8: four selectable policies; BILL-02 and BILL-03 name the first."""
    stay = bed("2026-03-02 21:00", "2026-03-07 10:00")
    assert billed([stay], [], "2026-03-01", "2026-03-10", AccrualPolicy(admit_discharge=mode)) == expected


def test_discharge_at_midnight_exactly_belongs_to_the_day_before() -> None:
    """BILL-11, E68."""
    stay = bed("2026-03-02 21:00", "2026-03-04 00:00")
    assert billed([stay], [], "2026-03-01", "2026-03-10") == days("2026-03-02", "2026-03-03")
