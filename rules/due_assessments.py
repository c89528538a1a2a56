"""Which assessments a level owes, from when, and what already stands for them (ASM-01 to ASM-04)."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from definitions.assessment_due import PlannedAssessment, PriorResult
from definitions.errors import Refusal
from definitions.level import DueRule, DueUnit, LevelOfCare
from definitions.schedule import ScheduleTemplate
from rules.calendar import facility_date, local_instant, midnight_ending, zone_of
from rules.sessions import nth_program_day

AT_ONCE: Final = ("CIWA_AR", "COWS", "CSSRS_SCREEN")
"""Withdrawal and suicide scales: owed within the hour when somebody turns out to be here (ASM-03)."""


def due_at(
    rule: DueRule,
    anchor: datetime,
    zone: str,
    template: ScheduleTemplate | None = None,
    holidays: Collection[date] = (),
) -> datetime:
    """When a rule's first result is due. Hours are elapsed time; days and program days end at local midnight
    of the day counted from the anchor's date (ASM-01)."""
    if rule.unit is DueUnit.HOURS:
        return anchor.astimezone(UTC) + timedelta(hours=rule.within)
    start = facility_date(anchor, zone)
    if rule.unit is DueUnit.DAYS:
        return midnight_ending(start + timedelta(days=rule.within), zone)
    return midnight_ending(nth_program_day(template, start, rule.within, holidays), zone)


def standing_result(rule: DueRule, anchor: datetime, results: Sequence[PriorResult]) -> PriorResult | None:
    """The newest earlier result that satisfies the rule (ASM-02): any in this episode for once-per-episode
    rules, else one no older than the carry-over window at the anchor."""
    mine = [r for r in results if r.instrument == rule.instrument and r.performed_at <= anchor]
    if not rule.once_per_episode:
        if rule.carry_over_days is None:
            return None
        oldest = anchor.astimezone(UTC) - timedelta(days=rule.carry_over_days)
        mine = [r for r in mine if r.performed_at >= oldest]
    return max(mine, key=lambda r: r.performed_at, default=None)


def planned(
    rule: DueRule, due: datetime, level: LevelOfCare, satisfied_by: PriorResult | None = None
) -> PlannedAssessment:
    unit = rule.unit.value.replace("_", " ")
    repeat = ""
    if rule.repeat_every_hours:
        repeat = f", then every {rule.repeat_every_hours} hours"
    elif rule.repeat_every_days:
        repeat = f", then every {rule.repeat_every_days} days"
    return PlannedAssessment(
        instrument=rule.instrument,
        due_at=due,
        escalate_at=due + timedelta(hours=rule.escalate_after_hours),
        owner_role=rule.owner,
        why=f"{level.trade_name} ({level.key}) owes {rule.instrument} within {rule.within} {unit}{repeat}",
        satisfied_by=satisfied_by.assessment_id if satisfied_by else None,
    )


def due_assessments(
    level: LevelOfCare,
    anchor: datetime,
    zone: str,
    results: Sequence[PriorResult] = (),
    template: ScheduleTemplate | None = None,
    holidays: Collection[date] = (),
) -> tuple[PlannedAssessment, ...]:
    """Everything a stay at `level` owes first, counted from its admission (domain 2.4). A satisfied rule that
    repeats is owed again one interval after the result that stands for it."""
    owed = []
    for rule in level.assessments:
        prior = standing_result(rule, anchor, results)
        due = due_at(rule, anchor, zone, template, holidays)
        if prior is not None and not rule.once_per_episode:
            following = next_repeat(rule, prior.performed_at, zone)
            if following is not None:
                owed.append(planned(rule, max(due, following), level))
                continue
        owed.append(planned(rule, due, level, prior))
    return tuple(owed)


def next_repeat(rule: DueRule, completed_at: datetime, zone: str | None = None) -> datetime | None:
    """When the next result is due: from the last completed time, not the last due time (ASM-01). Hours are elapsed
    time (E59); days are the facility's own, so a weekly question stays at its hour when clocks change."""
    if rule.repeat_every_hours is not None:
        return completed_at.astimezone(UTC) + timedelta(hours=rule.repeat_every_hours)
    if rule.repeat_every_days is None:
        return None
    days = timedelta(days=rule.repeat_every_days)
    if zone is None:
        return completed_at.astimezone(UTC) + days
    local = completed_at.astimezone(zone_of(zone))
    found = local_instant(local.date() + days, local.time(), zone, fold=local.fold, shift_forward=True)
    if isinstance(found, Refusal):
        raise TypeError("a shifted local time is never refused")
    return found


def owed_again(
    instrument: str, due: datetime, escalate: datetime, now: datetime, grace_hours: int
) -> tuple[datetime, datetime]:
    """When a requirement that turns out to be owed is due and escalates (ASM-04): what is still ahead keeps its hour; what
    came due while nobody could know is due within the grace, withdrawal and suicide scales within the hour."""
    at_once = instrument in AT_ONCE
    anchored = now + timedelta(hours=1 if at_once else grace_hours)
    again = anchored if due <= now else min(due, anchored) if at_once else due
    return again, escalate + (again - due)
