"""What holds for every history: nightly closing and a range agree, no date bills twice, nothing outside a stay."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from definitions.accrual import (
    Absence,
    AccrualPolicy,
    AdmitDischargeMode,
    AttendanceMinimum,
    DayAttendance,
    DayKind,
    DayVerdict,
    SameDayRule,
    StaySpan,
)
from definitions.vocabulary import BillingBehaviour, Track
from rules.accrual import UsedBefore, judge_days, judge_night, night_of, touches
from rules.calendar import facility_date

ZONES = ("America/Chicago", "America/St_Johns", "Pacific/Auckland", "America/Havana")
STARTS = (date(2026, 3, 5), date(2026, 10, 29), date(2026, 12, 28), date(2028, 2, 26))
SPAN = 8
"""Dates judged: across a clock change, a year's end or a leap day, by the start drawn."""
LEVELS = {
    "3.7": (Track.BED, BillingBehaviour.OVERNIGHT),
    "3.1": (Track.BED, BillingBehaviour.OVERNIGHT),
    "2.5": (Track.DAY, BillingBehaviour.ATTENDANCE),
    "2.1": (Track.DAY, BillingBehaviour.ATTENDANCE),
    "1.5": (Track.DAY, BillingBehaviour.SESSION),
}
policies = st.builds(
    AccrualPolicy,
    admit_discharge=st.sampled_from(AdmitDischargeMode),
    same_day=st.sampled_from(SameDayRule),
    bed_hold_days_per_year=st.integers(0, 3),
    pairs=st.sampled_from([(), (("3.1", "2.1"),), (("3.1", "2.1"), ("2.5", "3.1"))]),
    attendance=st.just(
        (
            AttendanceMinimum(level="2.5", minutes=240, fallback_level="2.1", fallback_allowed=True),
            AttendanceMinimum(level="2.1", minutes=180),
        )
    ),
    rounding_minutes=st.sampled_from([0, 10]),
    weekly_cap=st.sampled_from([{}, {"2.1": 2, "2.5": 3}]),
)


class Life:
    """A drawn history: stays that follow one another through moves and readmissions, a bed beside a programme,
    absences, minutes attended."""

    def __init__(self, zone: str, first: date, stays: list[StaySpan], absences: list[Absence],
                 attendance: list[DayAttendance]) -> None:  # fmt: skip
        self.zone, self.first, self.last = zone, first, first + timedelta(days=SPAN - 1)
        self.stays, self.absences, self.attendance = stays, absences, attendance

    def days(self, policy: AccrualPolicy, first: date, last: date, used: UsedBefore) -> list[DayVerdict]:
        return judge_days(self.stays, self.absences, self.attendance, policy, self.zone, first, last, used)

    def __repr__(self) -> str:
        return f"Life({self.zone}, {self.first}, {self.stays}, {self.absences}, {self.attendance})"


@st.composite
def lives(draw: st.DrawFn) -> Life:
    zone, first = draw(st.sampled_from(ZONES)), draw(st.sampled_from(STARTS))
    base = night_of(first, zone).begins
    # Half hours, so that moves meet midnight exactly in every zone drawn.
    clock = base + timedelta(minutes=30 * draw(st.integers(-96, 96)))
    stays: list[StaySpan] = []
    arrival = "admission"
    for n in range(draw(st.integers(1, 5))):
        level = draw(st.sampled_from(sorted(LEVELS)))
        track, billing = LEVELS[level]
        ended = clock + timedelta(minutes=30 * draw(st.integers(0, 144)))
        departure = draw(st.sampled_from(["transfer", "discharge"]))
        stays.append(
            StaySpan(stay_id=f"s{n}", level=level, track=track, billing=billing, started_at=clock, ended_at=ended,
                     departure=departure, arrival=arrival)
        )  # fmt: skip
        arrival = "transfer" if departure == "transfer" else "admission"
        clock = ended if departure == "transfer" else ended + timedelta(minutes=30 * draw(st.integers(1, 30)))
    if draw(st.booleans()):
        stays[-1] = replace(stays[-1], ended_at=None, departure=None)
    if draw(st.booleans()):
        beside = replace(stays[-1], stay_id="x", arrival="admission")
        level = draw(st.sampled_from(["2.1", "2.5"] if beside.track is Track.BED else ["3.1"]))
        track, billing = LEVELS[level]
        stays.append(replace(beside, level=level, track=track, billing=billing))
    absences = [_absence(draw, s) for s in stays if draw(st.booleans())]
    attendance = [
        DayAttendance(stay_id=s.stay_id, service_date=first + timedelta(days=n), minutes=minutes)
        for s in stays
        for n in range(SPAN)
        if (minutes := draw(st.sampled_from([0, 0, 170, 180, 230, 240])))
    ]
    return Life(zone, first, stays, absences, attendance)


def _absence(draw: st.DrawFn, stay: StaySpan) -> Absence:
    left = stay.started_at + timedelta(minutes=30 * draw(st.integers(0, 96)))
    back = draw(st.none() | st.integers(0, 120))
    returned = left + timedelta(minutes=30 * back) if back is not None else None
    return Absence(stay_id=stay.stay_id, kind="leave", left_at=left, returned_at=returned)


def used_by(verdicts: list[DayVerdict], on: date, before: UsedBefore, first: date) -> UsedBefore:
    """What a ledger would read for `on`: this year's held beds and this week's days by level, counted afresh."""
    holds = before.bed_hold_days if on.year == first.year else 0
    monday = on - timedelta(days=on.weekday())
    weeks = dict(before.week_days) if monday <= first else {}
    for v in verdicts:
        if v.service_date >= on:
            continue
        if v.kind is DayKind.BED_HOLD and v.service_date.year == on.year:
            holds += 1
        if v.kind is DayKind.PER_DIEM and v.service_date >= monday:
            weeks[v.level] = weeks.get(v.level, 0) + 1
    return UsedBefore(holds, weeks)


@given(lives(), policies, st.integers(0, 2), st.integers(0, SPAN - 2))
def test_nightly_late_and_split_closing_give_the_same_days(
    life: Life, policy: AccrualPolicy, holds: int, split: int
) -> None:
    """D5: the nightly close, one range, and a range in two parts are one rule."""
    before = UsedBefore(holds, {"2.1": 1})
    whole = life.days(policy, life.first, life.last, before)
    middle = life.first + timedelta(days=split)
    one = life.days(policy, life.first, middle, before)
    rest = middle + timedelta(days=1)
    assert whole == one + life.days(policy, rest, life.last, used_by(one, rest, before, life.first))
    nightly: list[DayVerdict] = []
    for n in range(SPAN):
        on = life.first + timedelta(days=n)
        night = night_of(on, life.zone)
        here = [s for s in life.stays if touches(s, night)]
        came = {a.stay_id: a for a in life.attendance if a.service_date == on}
        nightly += judge_night(
            here, life.absences, came, policy, night, used_by(nightly, on, before, life.first)
        )  # fmt: skip
    assert whole == nightly


@given(lives(), policies)
def test_one_verdict_for_each_stay_and_date_it_touches(life: Life, policy: AccrualPolicy) -> None:
    found = life.days(policy, life.first, life.last, UsedBefore())
    expected = {
        (s.stay_id, on)
        for s in life.stays
        for on in (life.first + timedelta(days=n) for n in range(SPAN))
        if facility_date(s.started_at, life.zone) <= on
        and (s.ended_at is None or on <= _last_date(s, s.ended_at, life.zone))
    }
    assert len(found) == len({(v.stay_id, v.service_date) for v in found})
    assert {(v.stay_id, v.service_date) for v in found} == expected


def _last_date(stay: StaySpan, ended: datetime, zone: str) -> date:
    """BILL-11: ended at 00:00 exactly belongs to the day before, unless it began then too."""
    on = facility_date(ended, zone)
    return on - timedelta(days=1) if night_of(on, zone).begins == ended and stay.started_at < ended else on


@given(lives(), policies)
def test_a_date_bills_once_or_as_the_contract_pairs(life: Life, policy: AccrualPolicy) -> None:
    """Invariant 1 of domain 11.4."""
    by_date: dict[date, list[DayVerdict]] = {}
    for v in life.days(policy, life.first, life.last, UsedBefore()):
        if v.kind is not DayKind.NONE:
            by_date.setdefault(v.service_date, []).append(v)
    allowed = [set(p) for p in policy.pairs]
    for paid in by_date.values():
        assert len(paid) == 1 or (len(paid) == 2 and {v.level for v in paid} in allowed)


@given(lives(), policies)
def test_a_date_that_could_bill_bills(life: Life, policy: AccrualPolicy) -> None:
    """A conflict takes the losers off a date, never the whole date."""
    for n in range(SPAN):
        on = life.first + timedelta(days=n)
        found = life.days(policy, on, on, UsedBefore())
        if any(v.rule == "BILL-10" for v in found):
            assert any(v.kind is not DayKind.NONE for v in found)


@given(lives())
def test_whoever_is_in_a_bed_at_midnight_bills_under_the_plain_contract(life: Life) -> None:
    """BILL-01, BILL-02, BILL-05 to BILL-07 said once more, without the rule's own parts."""
    policy = AccrualPolicy()
    for n in range(SPAN):
        on = life.first + timedelta(days=n)
        midnight = night_of(on, life.zone).ends
        in_bed = {
            s.level
            for s in life.stays
            if s.track is Track.BED
            and s.started_at < midnight
            and (s.ended_at is None or midnight <= s.ended_at)
            and not any(
                a.stay_id == s.stay_id and a.left_at < midnight and (a.returned_at is None or midnight <= a.returned_at)
                for a in life.absences
            )
        }
        paid = [
            v for v in life.days(policy, on, on, UsedBefore()) if v.kind is DayKind.PER_DIEM and v.track is Track.BED
        ]
        assert {v.level for v in paid if v.rule != "BILL-04"} == in_bed
        assert len(paid) <= 1


@given(st.integers(0, 400), st.integers(0, 24 * 60), st.integers(1, 60), st.sampled_from(AdmitDischargeMode))
def test_a_stay_s_days_follow_from_its_dates(day: int, minute: int, nights: int, mode: AdmitDischargeMode) -> None:
    """A stay of n nights: n days under one end, n + 1 under both, n - 1 under neither, whatever the hour."""
    zone = "America/Chicago"
    first = date(2026, 1, 1) + timedelta(days=day)
    started = night_of(first, zone).begins + timedelta(minutes=minute % (22 * 60))
    ended = night_of(first + timedelta(days=nights), zone).begins + timedelta(minutes=1 + minute % (22 * 60))
    stay = StaySpan(stay_id="s", level="3.5", track=Track.BED, billing=BillingBehaviour.OVERNIGHT, started_at=started,
                    ended_at=ended.astimezone(UTC), departure="discharge")  # fmt: skip
    policy = AccrualPolicy(admit_discharge=mode)
    found = judge_days([stay], [], [], policy, zone, first - timedelta(days=2), first + timedelta(days=nights + 2))
    extra = {AdmitDischargeMode.BOTH: 1, AdmitDischargeMode.NEITHER: -1}.get(mode, 0)
    assert sum(v.kind is DayKind.PER_DIEM for v in found) == nights + extra
