"""When a review is due, what a grant covers and what dates use of it (domain 4.9)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from definitions.accrual import DayKind, DayVerdict
from definitions.errors import Refusal
from definitions.payer import ClockKind, DecisionClock, ReviewClock, UnitKind
from definitions.utilization import CoverageVerdict, CoveredDay, Grant, GrantUse
from rules.calendar import (
    earlier_business_day,
    facility_date,
    is_business_day,
    local_instant,
    minus_business_days,
    plus_business_hours,
)


def review_due(last_covered_day: date, clock: ReviewClock) -> datetime:
    """AUTH-04: the earlier of the payer's cut-off on the last covered day and that day minus the lead; earlier
    than weekends and holidays (E37); in the payer's own zone (E60)."""
    if clock.lead_clock is ClockKind.BUSINESS:
        lead = minus_business_days(last_covered_day, clock.lead_days, clock.holidays)
    else:
        lead = last_covered_day - timedelta(days=clock.lead_days)
    day = earlier_business_day(min(lead, last_covered_day), clock.holidays)
    at = local_instant(day, clock.cut_off, clock.zone, fold=0, shift_forward=True)
    if isinstance(at, Refusal):
        raise TypeError("a shifted local time is never refused")
    return at


def decision_due(sent_at: datetime, urgent: bool, clock: DecisionClock, review: ReviewClock) -> datetime:
    """When the payer must have answered (domain 4.3, AUTH-02)."""
    hours = clock.urgent_hours if urgent else clock.standard_hours
    if clock.clock is ClockKind.BUSINESS:
        return plus_business_hours(sent_at, hours, review.zone, review.holidays)
    return sent_at.astimezone(UTC) + timedelta(hours=hours)


def units_left(grant: Grant, used: int, today: date) -> int:
    """AUTH-01: both limits bind; what is left is the smaller of units and dates."""
    dates = max((grant.last_day - max(today, grant.from_date)).days + 1, 0)
    if grant.unit == UnitKind.DAYS:
        return max(min(grant.units - used, dates), 0)
    return max(grant.units - used, 0) if dates else 0


def covers(grant: Grant, level: str, on: date) -> bool:
    """Whether the dates and level of a grant fit; the last covered day is covered (AUTH-06)."""
    return grant.level == level and grant.from_date <= on <= grant.last_day


def coverage_on(grants: Sequence[Grant], level: str, on: date) -> CoverageVerdict:
    """Whether a live grant covers `level` on a date, by its dates alone; `consume` also counts units."""
    grant = next((g for g in grants if covers(g, level, on)), None)
    if grant is not None:
        return _by(grant)
    at_level = [g for g in grants if g.level == level]
    if at_level:
        last = max(g.last_day for g in at_level)
        return CoverageVerdict(covered=False, why=f"grants for {level} do not reach {on}; the last ends {last}")
    if grants:
        levels = ", ".join(sorted({g.level for g in grants}))
        return CoverageVerdict(covered=False, why=f"granted for {levels}, not for {level}")
    return CoverageVerdict(covered=False, why=f"no grant for {level}")


def consume(
    grants: Sequence[Grant], days: Sequence[DayVerdict], *, held_beds_consume: bool = False
) -> tuple[CoveredDay, ...]:
    """AUTH-05: payable dates use up units in their order, from the grant that ends first; leave and unpaid dates
    use none, a held bed only where the payer says so. A date beyond the units is not covered, whatever the dates
    of the grant say, nor are units left over of any use beyond them (AUTH-01, E36)."""
    kinds = {DayKind.PER_DIEM, DayKind.BED_HOLD} if held_beds_consume else {DayKind.PER_DIEM}
    order = sorted(range(len(grants)), key=lambda n: (grants[n].last_day, grants[n].from_date, n))
    used = [0] * len(grants)
    found = []
    for day in sorted((d for d in days if d.kind in kinds), key=lambda d: d.service_date):
        coverage = coverage_on(grants, day.level, day.service_date)
        if coverage.covered:
            fitting = [n for n in order if covers(grants[n], day.level, day.service_date)]
            free = next((n for n in fitting if used[n] < grants[n].units), None)
            coverage = _used_up(day.level, [grants[n] for n in fitting]) if free is None else _by(grants[free])
            if free is not None:
                used[free] += 1
        found.append(CoveredDay(service_date=day.service_date, level=day.level, coverage=coverage))
    return tuple(found)


def unit_for(fitting: Sequence[GrantUse]) -> GrantUse | str:
    """The grant whose unit a payable date uses, of those whose dates and level fit: the one that ends first; or why
    none is left, in words. Both limits bind (AUTH-01, E35)."""
    order = fitting if len(fitting) == 1 else sorted(fitting, key=lambda g: (g.through_date, str(g.grant_id)))
    free = next((g for g in order if g.used < g.units), None)
    if free is not None:
        return free
    units, last = sum(g.units for g in order), order[-1].through_date
    return f"the {units} units granted for {order[-1].level} through {last} are used up; ask for more"


def _by(grant: Grant) -> CoverageVerdict:
    return CoverageVerdict(
        covered=True,
        authorization_id=grant.authorization_id,
        why=f"granted for {grant.level} from {grant.from_date} through {grant.last_day}",
    )


def _used_up(level: str, grants: Sequence[Grant]) -> CoverageVerdict:
    units, last = sum(g.units for g in grants), max(g.last_day for g in grants)
    return CoverageVerdict(
        covered=False, why=f"the {units} units granted for {level} through {last} are used up; ask for more"
    )


def last_covered_day(grant: Grant, used: int, planned: Sequence[date]) -> date | None:
    """The last of the `planned` payable dates that the rest of a grant carries; None when it carries none. Where
    units run out before the dates do, the review is due from this day (AUTH-01, AUTH-04)."""
    fitting = sorted(on for on in set(planned) if covers(grant, grant.level, on))
    carried = fitting[: max(grant.units - used, 0)]
    return carried[-1] if carried else None


def units_through(from_date: date, units: int) -> date:
    """The last of `units` consecutive days that begin on `from_date`."""
    return from_date + timedelta(days=max(units, 1) - 1)


def business_day_of(moment: datetime, clock: ReviewClock) -> bool:
    """Whether the payer works on the moment's date in its own zone."""
    return is_business_day(facility_date(moment, clock.zone), clock.holidays)
