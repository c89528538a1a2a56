"""When a review is due and what a grant covers (domain 4.9)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from definitions.errors import Refusal
from definitions.payer import ClockKind, DecisionClock, ReviewClock
from definitions.utilization import CoverageVerdict, Grant
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
    return sent_at + timedelta(hours=hours)


def units_left(grant: Grant, used: int, today: date) -> int:
    """AUTH-01: both limits bind; what is left is the smaller of units and dates."""
    dates = max((grant.through_date - max(today, grant.from_date)).days + 1, 0)
    if grant.unit == "DY":
        return max(min(grant.units - used, dates), 0)
    return max(grant.units - used, 0) if dates else 0


def coverage_on(grants: Sequence[Grant], level: str, on: date) -> CoverageVerdict:
    """Whether a live grant covers `level` on a date; the last covered day is covered (AUTH-06)."""
    at_level = [g for g in grants if g.level == level]
    for grant in at_level:
        if grant.from_date <= on <= grant.through_date:
            return CoverageVerdict(
                covered=True,
                authorization_id=grant.authorization_id,
                why=f"granted for {level} from {grant.from_date} through {grant.through_date}",
            )
    if at_level:
        last = max(g.through_date for g in at_level)
        return CoverageVerdict(covered=False, why=f"grants for {level} do not reach {on}; the last ends {last}")
    if grants:
        levels = ", ".join(sorted({g.level for g in grants}))
        return CoverageVerdict(covered=False, why=f"granted for {levels}, not for {level}")
    return CoverageVerdict(covered=False, why=f"no grant for {level}")


def units_through(from_date: date, units: int) -> date:
    """The last of `units` consecutive days that begin on `from_date`."""
    return from_date + timedelta(days=max(units, 1) - 1)


def business_day_of(moment: datetime, clock: ReviewClock) -> bool:
    """Whether the payer works on the moment's date in its own zone."""
    return is_business_day(facility_date(moment, clock.zone), clock.holidays)
