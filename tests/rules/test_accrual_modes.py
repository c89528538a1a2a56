"""Ends of a stay under the four contract modes, moves between levels, leave and held beds (BILL-01 to BILL-13)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from definitions.accrual import Absence, AccrualPolicy, AdmitDischargeMode, DayKind, DayVerdict, SameDayRule, StaySpan
from definitions.vocabulary import BillingBehaviour, Track
from rules.accrual import UsedBefore, judge_days

ZONE = "America/Chicago"
TZ = ZoneInfo(ZONE)
ADMIT, DISCHARGE, BOTH, NEITHER = AdmitDischargeMode


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=TZ)


def bed(
    stay_id: str, start: str, end: str | None = None, departure: str = "discharge", arrival: str = "admission"
) -> StaySpan:
    return StaySpan(
        stay_id=stay_id, level=stay_id, track=Track.BED, billing=BillingBehaviour.OVERNIGHT, started_at=at(start),
        ended_at=at(end) if end else None, departure=departure if end else None, arrival=arrival,
    )  # fmt: skip


def programme(stay_id: str, start: str, end: str | None = None, departure: str = "discharge",
              arrival: str = "transfer") -> StaySpan:  # fmt: skip
    span = bed(stay_id, start, end, departure, arrival)
    return replace(span, track=Track.DAY, billing=BillingBehaviour.ATTENDANCE)


def judged(
    stays: Sequence[StaySpan],
    policy: AccrualPolicy,
    absences: Sequence[Absence] = (),
    first: str = "03-01",
    last: str = "03-31",
    used: UsedBefore | None = None,
) -> list[DayVerdict]:
    span = date.fromisoformat(f"2026-{first}"), date.fromisoformat(f"2026-{last}")
    return judge_days(stays, absences, [], policy, ZONE, *span, used or UsedBefore())


def paid(verdicts: Sequence[DayVerdict]) -> list[str]:
    return [f"{v.service_date:%m-%d} {v.level}" for v in verdicts if v.kind is DayKind.PER_DIEM]


DETOX_TO_RESIDENTIAL = [
    bed("3.7", "03-02 08:00", "03-02 16:00", "transfer"),
    bed("3.5", "03-02 16:00", "03-04 10:00", arrival="transfer"),
]
DETOX_TO_PROGRAMME = [bed("3.7", "03-02 21:00", "03-04 10:00", "transfer"), programme("2.5", "03-04 10:00")]
PROGRAMME_TO_DETOX = [
    programme("2.1", "03-01 09:00", "03-02 21:00", "transfer", "admission"),
    bed("3.7", "03-02 21:00", "03-04 10:00", arrival="transfer"),
]
READMITTED = [bed("A", "03-01 09:00", "03-02 10:00"), bed("B", "03-02 15:00", "03-03 09:00")]
AT_MIDNIGHT = [bed("3.5", "03-02 21:00", "03-04 00:00")]
ONE_DATE_TO_MIDNIGHT = [bed("3.5", "03-02 10:00", "03-03 00:00")]
MOVED_AT_MIDNIGHT = [
    bed("3.7", "03-02 08:00", "03-03 00:00", "transfer"),
    bed("3.5", "03-03 00:00", "03-04 10:00", arrival="transfer"),
]

SITUATIONS = [
    # A move on the day of admission does not turn it into a day of stay.
    ("moved on the first day", DETOX_TO_RESIDENTIAL, ADMIT, ["03-02 3.5", "03-03 3.5"]),
    ("moved on the first day", DETOX_TO_RESIDENTIAL, DISCHARGE, ["03-03 3.5", "03-04 3.5"]),
    ("moved on the first day", DETOX_TO_RESIDENTIAL, BOTH, ["03-02 3.5", "03-03 3.5", "03-04 3.5"]),
    ("moved on the first day", DETOX_TO_RESIDENTIAL, NEITHER, ["03-03 3.5"]),
    # A move to a day programme ends the time in beds.
    ("to a day programme", DETOX_TO_PROGRAMME, ADMIT, ["03-02 3.7", "03-03 3.7"]),
    ("to a day programme", DETOX_TO_PROGRAMME, DISCHARGE, ["03-03 3.7", "03-04 3.7"]),
    ("to a day programme", DETOX_TO_PROGRAMME, BOTH, ["03-02 3.7", "03-03 3.7", "03-04 3.7"]),
    ("to a day programme", DETOX_TO_PROGRAMME, NEITHER, ["03-03 3.7"]),
    # E55: from a day programme into a bed is a first day in a bed.
    ("step-up at night", PROGRAMME_TO_DETOX, ADMIT, ["03-02 3.7", "03-03 3.7"]),
    ("step-up at night", PROGRAMME_TO_DETOX, DISCHARGE, ["03-03 3.7", "03-04 3.7"]),
    ("step-up at night", PROGRAMME_TO_DETOX, BOTH, ["03-02 3.7", "03-03 3.7", "03-04 3.7"]),
    ("step-up at night", PROGRAMME_TO_DETOX, NEITHER, ["03-03 3.7"]),
    # E54: the date of a discharge and a readmission bills once.
    ("readmitted the same day", READMITTED, ADMIT, ["03-01 A", "03-02 B"]),
    ("readmitted the same day", READMITTED, DISCHARGE, ["03-02 A", "03-03 B"]),
    ("readmitted the same day", READMITTED, BOTH, ["03-01 A", "03-02 B", "03-03 B"]),
    ("readmitted the same day", READMITTED, NEITHER, []),
    # BILL-11, E68: ended at 00:00 exactly is present for the day before, and the new date sees nothing of it.
    ("ended at 00:00", AT_MIDNIGHT, ADMIT, ["03-02 3.5", "03-03 3.5"]),
    ("ended at 00:00", AT_MIDNIGHT, DISCHARGE, ["03-03 3.5"]),
    ("ended at 00:00", AT_MIDNIGHT, BOTH, ["03-02 3.5", "03-03 3.5"]),
    ("ended at 00:00", AT_MIDNIGHT, NEITHER, ["03-03 3.5"]),
    ("one date up to 00:00", ONE_DATE_TO_MIDNIGHT, ADMIT, ["03-02 3.5"]),
    ("one date up to 00:00", ONE_DATE_TO_MIDNIGHT, DISCHARGE, ["03-02 3.5"]),
    ("one date up to 00:00", ONE_DATE_TO_MIDNIGHT, BOTH, ["03-02 3.5"]),
    ("moved at 00:00", MOVED_AT_MIDNIGHT, ADMIT, ["03-02 3.7", "03-03 3.5"]),
    ("moved at 00:00", MOVED_AT_MIDNIGHT, DISCHARGE, ["03-03 3.5", "03-04 3.5"]),
    ("moved at 00:00", MOVED_AT_MIDNIGHT, BOTH, ["03-02 3.7", "03-03 3.5", "03-04 3.5"]),
    ("moved at 00:00", MOVED_AT_MIDNIGHT, NEITHER, ["03-03 3.5"]),
]


@pytest.mark.parametrize(
    ("stays", "mode", "expected"), [s[1:] for s in SITUATIONS], ids=[f"{s[0]}, {s[2]}" for s in SITUATIONS]
)
def test_ends_of_a_stay(stays: list[StaySpan], mode: AdmitDischargeMode, expected: list[str]) -> None:
    assert paid(judged(stays, AccrualPolicy(admit_discharge=mode))) == expected


SAME_DAY = [
    ("in and out", [bed("3.5", "03-02 10:00", "03-02 18:00")]),
    ("in, moved and out", [bed("3.7", "03-02 08:00", "03-02 12:00", "transfer"),
                           bed("3.5", "03-02 12:00", "03-02 18:00", arrival="transfer")]),
    ("in and to a day programme", [bed("3.7", "03-02 08:00", "03-02 12:00", "transfer"), programme("2.1", "03-02 12:00")]),
    ("in and dead", [bed("3.5", "03-02 10:00", "03-02 18:00", "death")]),
]  # fmt: skip


@pytest.mark.parametrize("mode", list(AdmitDischargeMode))
@pytest.mark.parametrize("stays", [s[1] for s in SAME_DAY], ids=[s[0] for s in SAME_DAY])
def test_a_stay_of_one_date_follows_the_same_day_rule(stays: list[StaySpan], mode: AdmitDischargeMode) -> None:
    """BILL-04, E67: however many levels saw the person that date, and whichever end the contract pays."""
    one = judged(stays, AccrualPolicy(admit_discharge=mode, same_day=SameDayRule.ONE))
    none = judged(stays, AccrualPolicy(admit_discharge=mode, same_day=SameDayRule.ZERO))
    assert [v.rule for v in one if v.kind is DayKind.PER_DIEM] == ["BILL-04"]
    assert not any(v.present and v.track is Track.BED for v in one)
    assert paid(none) == []


@pytest.mark.parametrize(("mode", "days"), [(ADMIT, 5), (DISCHARGE, 4), (BOTH, 5), (NEITHER, 4)])
def test_the_day_of_death_never_bills(mode: AdmitDischargeMode, days: int) -> None:
    """BILL-03, E66: also under contracts that pay the day of discharge."""
    found = paid(judged([bed("3.5", "03-02 10:00", "03-07 04:00", "death")], AccrualPolicy(admit_discharge=mode)))
    assert len(found) == days
    assert "03-07 3.5" not in found


def test_still_a_patient_bills_the_last_date_of_the_period() -> None:
    """BILL-08: an interim claim's through-date is billed."""
    found = judged([bed("3.5", "03-07 11:00")], AccrualPolicy(), first="03-30", last="03-31")
    assert paid(found) == ["03-30 3.5", "03-31 3.5"]


def test_against_advice_at_two_in_the_morning_bills_the_day_before() -> None:
    """E50."""
    found = paid(judged([bed("3.7", "03-02 10:00", "03-05 02:00")], AccrualPolicy()))
    assert found == ["03-02 3.7", "03-03 3.7", "03-04 3.7"]


LEAVES = [
    # (left, returned, nights lost): BILL-05, BILL-06, E51.
    ("03-12 00:00", "03-12 20:00", []),
    ("03-11 23:59", "03-12 00:00", ["03-11"]),
    ("03-11 23:59", "03-12 00:01", ["03-11"]),
    ("03-12 00:00", "03-13 00:00", ["03-12"]),
    ("03-12 02:00", "03-12 23:59", []),
    ("03-12 20:00", "03-15 06:00", ["03-12", "03-13", "03-14"]),
    # The nights when clocks change.
    ("03-07 15:00", "03-08 03:30", ["03-07"]),
    ("03-08 01:30", "03-08 03:30", []),
]


@pytest.mark.parametrize(("left", "returned", "lost"), LEAVES)
def test_nights_away(left: str, returned: str, lost: list[str]) -> None:
    absence = Absence(stay_id="3.5", kind="leave", left_at=at(left), returned_at=at(returned))
    found = judged([bed("3.5", "03-05 10:00")], AccrualPolicy(), [absence], "03-05", "03-20")
    assert [f"{v.service_date:%m-%d}" for v in found if v.kind is DayKind.NONE] == lost
    assert {v.rule for v in found if v.kind is DayKind.NONE} <= {"BILL-05", "BILL-06"}
    assert not any(v.present for v in found if v.kind is DayKind.NONE)


def test_gone_and_never_back_ends_where_it_was_left() -> None:
    """E53: the ending takes effect when last seen; nights away are no covered days."""
    absence = Absence(stay_id="3.5", kind="leave", left_at=at("03-06 17:00"))
    found = judged(
        [bed("3.5", "03-04 10:00", "03-08 12:00")], AccrualPolicy(admit_discharge=BOTH), [absence], "03-04", "03-08"
    )
    assert paid(found) == ["03-04 3.5", "03-05 3.5"]
    assert [v.rule for v in found if v.kind is DayKind.NONE] == ["BILL-05", "BILL-06", "BILL-06"]


def test_held_beds_are_paid_up_to_the_yearly_cap() -> None:
    """BILL-12: two of four days were used before; the rest of the leave is not covered."""
    absence = Absence(stay_id="3.5", kind="send_out", left_at=at("03-10 12:00"), returned_at=at("03-15 12:00"))
    policy = AccrualPolicy(bed_hold_days_per_year=4)
    found = judged(
        [bed("3.5", "03-05 10:00")], policy, [absence], "03-10", "03-15", UsedBefore(bed_hold_days=2)
    )  # fmt: skip
    assert [v.kind.value for v in found] == ["bed_hold", "bed_hold", "none", "none", "none", "per_diem"]
    assert found[1].why == "away (send_out); the contract pays a held bed, 4 of 4 days this year"


def test_the_cap_on_held_beds_begins_again_with_the_year() -> None:
    """BILL-12, E62."""
    stay = bed("3.5", "12-01 10:00")
    absence = Absence(stay_id="3.5", kind="leave", left_at=at("12-30 12:00"))
    span = date(2026, 12, 30), date(2027, 1, 3)
    found = judge_days([stay], [absence], [], AccrualPolicy(bed_hold_days_per_year=1), ZONE, *span)
    assert [v.kind.value for v in found] == ["bed_hold", "none", "bed_hold", "none", "none"]


@pytest.mark.parametrize(("year", "days"), [(2027, 28), (2028, 29)])
def test_a_leap_day_is_a_day(year: int, days: int) -> None:
    """E62."""
    stay = StaySpan(stay_id="s", level="3.5", track=Track.BED, billing=BillingBehaviour.OVERNIGHT,
                    started_at=datetime(year, 1, 1, tzinfo=TZ))  # fmt: skip
    found = judge_days([stay], [], [], AccrualPolicy(), ZONE, date(year, 2, 1), date(year, 3, 1) - timedelta(days=1))
    assert len(paid(found)) == days


def test_the_first_day_away_and_the_following_carry_their_rules() -> None:
    absence = Absence(stay_id="3.5", kind="leave", left_at=at("03-12 00:00"), returned_at=at("03-14 09:00"))
    found = judged([bed("3.5", "03-05 10:00")], AccrualPolicy(), [absence], "03-11", "03-14")
    assert [v.rule for v in found] == ["BILL-01", "BILL-05", "BILL-06", "BILL-01"]


@pytest.mark.parametrize("mode", list(AdmitDischargeMode))
def test_a_move_to_another_house_leaves_the_date_to_it(mode: AdmitDischargeMode) -> None:
    """BILL-07: a close reads one facility; the stay that took over may stand in another."""
    found = judged([bed("3.7", "03-02 10:00", "03-05 10:00", "transfer")], AccrualPolicy(admit_discharge=mode))
    assert found[-1].rule == "BILL-07"
    assert "03-05 3.7" not in paid(found)
