"""The one rule that decides days (D5): which level bills a date for a person, or why nothing does.

Pure and total. The midnight close calls `judge_night` for one date and everybody; `judge_days` walks it over a
range, so nightly, late and backdated closing cannot differ. Sources: domain 6.1 (BILL-01 to BILL-13), 6.8."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

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
from rules.calendar import dates_between, midnight_before


@dataclass(frozen=True, slots=True)
class Night:
    """One local calendar day as two instants; the second is the midnight that ends it."""

    service_date: date
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class UsedBefore:
    """What earlier dates used up: bed-hold days this year (BILL-12) and payable days this week by level."""

    bed_hold_days: int = 0
    week_days: Mapping[str, int] = field(default_factory=dict)


NOTHING_USED = UsedBefore()

PAYS_FIRST_DAY = (AdmitDischargeMode.ADMIT, AdmitDischargeMode.BOTH)
PAYS_LAST_DAY = (AdmitDischargeMode.DISCHARGE, AdmitDischargeMode.BOTH)


def night_of(on: date, zone: str) -> Night:
    return Night(on, midnight_before(on, zone), midnight_before(on + timedelta(days=1), zone))


def in_house(stay: StaySpan, midnight: datetime) -> bool:
    """Whether the stay holds the person at `midnight`. Ended exactly then: still present (BILL-11)."""
    return stay.started_at < midnight and (stay.ended_at is None or stay.ended_at >= midnight)


def away_at(stay: StaySpan, absences: Sequence[Absence], midnight: datetime) -> Absence | None:
    """The absence that keeps the person out at `midnight`: left before it, not back before it (BILL-05). Whoever
    leaves at that instant was present; whoever returns at it belongs to the next day, as arrivals do."""
    for absence in absences:
        if absence.stay_id != stay.stay_id or absence.left_at >= midnight:
            continue
        if absence.returned_at is None or absence.returned_at >= midnight:
            return absence
    return None


def touches(stay: StaySpan, night: Night) -> bool:
    """Whether the stay has any moment on the date."""
    if stay.started_at >= night.ends:
        return False
    return stay.ended_at is None or stay.ended_at > night.begins or stay.started_at >= night.begins


def judge_night(
    stays: Sequence[StaySpan],
    absences: Sequence[Absence],
    attendance: Mapping[str, DayAttendance],
    policy: AccrualPolicy,
    night: Night,
    used: UsedBefore = NOTHING_USED,
) -> list[DayVerdict]:
    """One person, one payer, one date: a verdict for each stay that touches the date, at most one of them
    payable unless the contract pairs levels (BILL-10). Stays that do not touch the date change nothing.

    Moments are compared as they come; give them in UTC, as the database does. Two moments of one zone object would
    be compared by their wall time, and the hour that comes twice would lose its order."""
    here = [stay for stay in stays if touches(stay, night)]
    verdicts = []
    for stay in here:
        if stay.billing is BillingBehaviour.OVERNIGHT:
            verdicts.append(_overnight(stay, here, absences, policy, night, used))
        elif stay.billing is BillingBehaviour.ATTENDANCE:
            verdicts.append(_attendance(stay, attendance.get(stay.stay_id), policy, night, used))
        else:
            verdicts.append(_none(stay, night, True, "BILL-09", "this level is billed by session, not by day"))
    return _one_payable(verdicts, policy) if len(verdicts) > 1 else verdicts


def judge_days(
    stays: Sequence[StaySpan],
    absences: Sequence[Absence],
    attendance: Sequence[DayAttendance],
    policy: AccrualPolicy,
    zone: str,
    first: date,
    last: date,
    used: UsedBefore = NOTHING_USED,
) -> list[DayVerdict]:
    """`judge_night` over every date from `first` to `last`, carrying what each date uses up."""
    by_day: dict[date, dict[str, DayAttendance]] = {}
    for entry in attendance:
        by_day.setdefault(entry.service_date, {})[entry.stay_id] = entry
    bed_hold = used.bed_hold_days
    week = dict(used.week_days)
    verdicts: list[DayVerdict] = []
    for on in dates_between(first, last):
        if on != first and on.weekday() == 0:
            week = {}
        if on != first and (on.month, on.day) == (1, 1):
            bed_hold = 0
        found = judge_night(stays, absences, by_day.get(on, {}), policy, night_of(on, zone), UsedBefore(bed_hold, week))
        for verdict in found:
            if verdict.kind is DayKind.BED_HOLD:
                bed_hold += 1
            elif verdict.kind is DayKind.PER_DIEM:
                week[verdict.level] = week.get(verdict.level, 0) + 1
        verdicts.extend(found)
    return verdicts


def _overnight(
    stay: StaySpan,
    here: Sequence[StaySpan],
    absences: Sequence[Absence],
    policy: AccrualPolicy,
    night: Night,
    used: UsedBefore,
) -> DayVerdict:
    if not in_house(stay, night.ends):
        return _left_that_day(stay, here, absences, policy, night)
    absence = away_at(stay, absences, night.ends)
    if absence is not None:
        return _on_leave(stay, absence, policy, night, used)
    return _present(stay, here, policy, night)


def _present(stay: StaySpan, here: Sequence[StaySpan], policy: AccrualPolicy, night: Night) -> DayVerdict:
    """In the bed at the midnight that ends the date: the level that holds the person bills (BILL-07)."""
    if stay.started_at < night.begins:
        return _payable(stay, night, "BILL-01", "present at midnight")
    if not _entered(stay, here, night):
        return _payable(stay, night, "BILL-07", "moved to this level this day and present at midnight")
    if policy.admit_discharge in PAYS_FIRST_DAY:
        return _payable(stay, night, "BILL-02", "admitted this day and present at midnight")
    if stay.ended_at == night.ends and stay.departure != "transfer":
        return _same_day(stay, policy, night, present=True)
    return _none(stay, night, True, "BILL-02", "this contract does not pay the day of admission")


def _entered(stay: StaySpan, here: Sequence[StaySpan], night: Night) -> bool:
    """Whether the person came into a bed on the date: moves from bed to bed are followed back to the first one.
    A stay that took over at the very midnight began no day of admission."""
    current = stay
    for _ in here:
        if current.started_at < night.begins:
            return False
        if current.arrival != "transfer":
            return True
        before = [
            s for s in here if s.departure == "transfer" and s.ended_at == current.started_at and s is not current
        ]
        if not before:
            return False
        earlier_bed = next((s for s in before if s.billing is BillingBehaviour.OVERNIGHT), None)
        if earlier_bed is None:
            return True
        current = earlier_bed
    return False


def _left_all_beds(stay: StaySpan, here: Sequence[StaySpan]) -> bool:
    """Whether the stay's end ended the time in beds: a discharge, or a move that only day programmes took over."""
    if stay.departure != "transfer" or stay.ended_at is None:
        return True
    takers = [s for s in here if s is not stay and _held_after(s, stay.ended_at)]
    return bool(takers) and all(s.billing is not BillingBehaviour.OVERNIGHT for s in takers)


def _held_after(stay: StaySpan, moment: datetime) -> bool:
    return stay.started_at == moment or (stay.started_at < moment and (stay.ended_at is None or stay.ended_at > moment))


def _on_leave(stay: StaySpan, absence: Absence, policy: AccrualPolicy, night: Night, used: UsedBefore) -> DayVerdict:
    if used.bed_hold_days < policy.bed_hold_days_per_year:
        return _verdict(
            stay,
            night,
            DayKind.BED_HOLD,
            present=False,
            rule="BILL-12",
            why=f"away ({absence.kind}); the contract pays a held bed, "
            f"{used.bed_hold_days + 1} of {policy.bed_hold_days_per_year} days this year",
        )
    rule = "BILL-05" if absence.left_at >= night.begins else "BILL-06"
    return _none(stay, night, False, rule, f"away at midnight ({absence.kind}); leave days are not covered days")


def _left_that_day(
    stay: StaySpan, here: Sequence[StaySpan], absences: Sequence[Absence], policy: AccrualPolicy, night: Night
) -> DayVerdict:
    """The stay ended on the date, before its midnight. A move to a day programme ends the time in beds like a
    discharge does; the programme's own day, when attended, then goes first (BILL-10)."""
    if not _left_all_beds(stay, here):
        return _none(stay, night, False, "BILL-07", "moved to another level this day; that level holds the midnight")
    if stay.ended_at is not None and away_at(stay, absences, stay.ended_at) is not None:
        return _none(stay, night, False, "BILL-06", "ended while away; leave days are not covered days")
    if _entered(stay, here, night):
        return _same_day(stay, policy, night, present=False)
    if policy.admit_discharge in PAYS_LAST_DAY and stay.departure != "death":
        return _payable(stay, night, "BILL-03", "this contract pays the day of discharge", present=False)
    ending = "leaving the bed" if stay.departure == "transfer" else "discharge or death"
    return _none(stay, night, False, "BILL-03", f"the day of {ending} does not count")


def _same_day(stay: StaySpan, policy: AccrualPolicy, night: Night, *, present: bool) -> DayVerdict:
    if policy.same_day is SameDayRule.ONE:
        why = "admitted and discharged on one date counts as one day"
        return _payable(stay, night, "BILL-04", why, present=present)
    return _none(stay, night, present, "BILL-04", "this contract pays nothing for a same-day stay")


def _attendance(
    stay: StaySpan, attended: DayAttendance | None, policy: AccrualPolicy, night: Night, used: UsedBefore
) -> DayVerdict:
    """PHP and IOP: payable when the minutes (and services) are met; the discharge-day rule does not apply
    (BILL-09). Short hours may fall back to a lower level where the contract allows (V13)."""
    minutes = attended.minutes if attended else 0
    if minutes == 0:
        return _none(stay, night, False, "BILL-09", "nothing attended this day")
    minimum = _minimum(policy, stay.level)
    if minimum is None:
        return _capped(
            stay, stay.level, night, used, policy, f"attended {minutes} minutes; the contract sets no minimum"
        )
    short = _short_by(attended, minimum, policy)
    if short is None:
        return _capped(stay, stay.level, night, used, policy, f"attended {minutes} of {minimum.minutes} minutes")
    lower = minimum.fallback_level
    if lower is not None and minimum.fallback_allowed:
        lower_minimum = _minimum(policy, lower)
        if lower_minimum is None or _short_by(attended, lower_minimum, policy) is None:
            why = (
                f"attended {minutes} minutes: {short} for {stay.level}; "
                f"the contract allows {lower} where the authorization does"
            )
            return _capped(stay, lower, night, used, policy, why)
    return _none(
        stay, night, True, "BILL-09", f"attended {minutes} minutes: {short} for {stay.level}", cause="hours_short"
    )


def _minimum(policy: AccrualPolicy, level: str) -> AttendanceMinimum | None:
    return next((m for m in policy.attendance if m.level == level), None)


def _short_by(attended: DayAttendance | None, minimum: AttendanceMinimum, policy: AccrualPolicy) -> str | None:
    """None when the minimum is met, else by how much it is missed, in words. Rounding per payer (E76)."""
    minutes = attended.minutes if attended else 0
    services = attended.services if attended else 0
    missing = minimum.minutes - minutes
    if missing > policy.rounding_minutes:
        return f"{missing} minutes short"
    if services < minimum.services:
        return f"{minimum.services - services} services short"
    return None


def _capped(stay: StaySpan, level: str, night: Night, used: UsedBefore, policy: AccrualPolicy, why: str) -> DayVerdict:
    """A day that meets the minimum of `level`, unless the week's payable days at that level are used up (6.8)."""
    cap = policy.weekly_cap.get(level)
    if cap is not None and used.week_days.get(level, 0) >= cap:
        why = f"{why}; the contract pays {cap} days of {level} a week"
        return _none(stay, night, True, "BILL-09", why, cause="weekly_cap")
    fallback_of = stay.level if level != stay.level else None
    return _verdict(
        stay, night, DayKind.PER_DIEM, present=True, rule="BILL-09", why=why, level=level, fallback_of=fallback_of
    )


def _one_payable(verdicts: list[DayVerdict], policy: AccrualPolicy) -> list[DayVerdict]:
    """BILL-10: one per diem per person and date unless the contract pairs the levels, each with each. A night
    in a bed goes before attendance, attendance before a bed left that day (BILL-07), and among equals the later
    stay (E54)."""
    payable = [(n, v) for n, v in enumerate(verdicts) if v.kind is not DayKind.NONE]
    if len(payable) < 2:
        return verdicts
    kept: list[DayVerdict] = []
    out = list(verdicts)
    for place, verdict in sorted(payable, key=lambda p: (_precedence(p[1]), p[0]), reverse=True):
        winner = next((k for k in kept if not _paired(k, verdict, policy)), None)
        if winner is None:
            kept.append(verdict)
            continue
        conflict = verdict.track is Track.DAY and winner.track is Track.BED
        out[place] = replace(
            verdict,
            kind=DayKind.NONE,
            rule="BILL-10",
            why=f"{winner.level} bills this date; the contract pays one per diem a day",
            needs_person=conflict,
            cause="pairing_conflict" if conflict else None,
        )
    return out


def _precedence(verdict: DayVerdict) -> int:
    if verdict.track is Track.DAY:
        return 1
    return 2 if verdict.present or verdict.kind is DayKind.BED_HOLD else 0


def _paired(kept: DayVerdict, other: DayVerdict, policy: AccrualPolicy) -> bool:
    if kept.track is other.track:
        return False
    return any({kept.level, other.level} == set(pair) for pair in policy.pairs)


def _payable(stay: StaySpan, night: Night, rule: str, why: str, *, present: bool = True) -> DayVerdict:
    return _verdict(stay, night, DayKind.PER_DIEM, present=present, rule=rule, why=why)


def _none(stay: StaySpan, night: Night, present: bool, rule: str, why: str, cause: str | None = None) -> DayVerdict:
    return _verdict(stay, night, DayKind.NONE, present=present, rule=rule, why=why, cause=cause)


def _verdict(
    stay: StaySpan,
    night: Night,
    kind: DayKind,
    *,
    present: bool,
    rule: str,
    why: str,
    level: str | None = None,
    fallback_of: str | None = None,
    cause: str | None = None,
) -> DayVerdict:
    return DayVerdict(
        stay_id=stay.stay_id,
        service_date=night.service_date,
        kind=kind,
        level=level or stay.level,
        track=stay.track,
        present=present,
        rule=rule,
        why=why,
        fallback_of=fallback_of,
        needs_person=cause is not None,
        cause=cause,
    )
