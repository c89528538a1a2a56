"""The clocks of utilization review: which one runs, and when it ends (domain 4.3, AUTH-02, AUTH-03)."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from definitions.base import Moment, WireModel
from definitions.errors import Refusal
from definitions.payer import ClockKind, Payer, ReviewClock
from definitions.regime import ClockRule, Regime
from definitions.vocabulary import ClockName, RequestKind
from rules.calendar import (
    earlier_business_day,
    facility_date,
    local_instant,
    plus_business_days,
    plus_business_hours,
)
from rules.utilization import decision_due

CONCURRENT_NOTICE: Final = timedelta(hours=24)
"""An urgent extension asked for at least this long before the end gets the short limit (29 CFR 2560.503-1)."""

CONTRACTED: Final = frozenset({ClockName.DECISION_URGENT, ClockName.DECISION_CONCURRENT, ClockName.DECISION_STANDARD})
"""Clocks a contract may tighten; it never loosens the law's."""

SILENT: Final = frozenset(
    {RequestKind.NOTIFICATION, RequestKind.CANCEL, RequestKind.DISCHARGE, RequestKind.INFORMATION}
)
"""Nothing is decided on these; documents resume the clock of the request they are for."""


class RunningClock(WireModel):
    """A clock as it starts: its end, and the rule in words for the evidence."""

    name: ClockName
    due_at: Moment
    rule: str
    pauses: bool = False


def decision_clock(
    kind: RequestKind, urgent: bool, covered_through: datetime | None, now: datetime
) -> ClockName | None:
    """Which limit binds the payer's answer to a request sent at `now`. `covered_through`: when the cover it extends
    ends; None: it extends nothing."""
    if kind in SILENT:
        return None
    if kind in (RequestKind.APPEAL, RequestKind.RECONSIDERATION):
        return ClockName.APPEAL_DECISION_URGENT if urgent else ClockName.APPEAL_DECISION
    if kind is RequestKind.EXTERNAL_REVIEW:
        return ClockName.EXTERNAL_DECISION_URGENT if urgent else ClockName.EXTERNAL_DECISION
    if kind is RequestKind.RETROSPECTIVE:
        return ClockName.DECISION_RETROSPECTIVE
    if not urgent:
        return ClockName.DECISION_STANDARD
    asked_early = covered_through is not None and covered_through - now >= CONCURRENT_NOTICE
    return ClockName.DECISION_CONCURRENT if asked_early else ClockName.DECISION_URGENT


def start(name: ClockName, now: datetime, payer: Payer, regime: Regime) -> RunningClock | None:
    """The clock as it begins at `now`; None when neither law nor contract sets one. Hours elapse: a moment in a zone
    is taken to UTC first, or a clock change would lengthen or shorten the limit (E59)."""
    now = now.astimezone(UTC)
    rule = regime.clock(name)
    ends = [] if rule is None else [(limit(now, rule, payer.review), rule.words)]
    if name in CONTRACTED:
        ends.append(_contract(name, now, payer))
    elif name is ClockName.PEER_TO_PEER:
        ends.append((now + timedelta(hours=payer.peer_to_peer_hours), f"{payer.peer_to_peer_hours} hours by contract"))
    elif name is ClockName.APPEAL_FILING:
        ends.append(_filing(now, payer.appeal_days, payer.review))
    elif name is ClockName.NOTIFICATION and rule is None:
        hours = payer.decision.notification_hours
        ends.append((now + timedelta(hours=hours), f"{hours} hours by contract"))
    if not ends:
        return None
    due, words = min(ends, key=lambda end: end[0])
    return RunningClock(name=name, due_at=due, rule=words, pauses=rule is not None and rule.pauses)


def _contract(name: ClockName, now: datetime, payer: Payer) -> tuple[datetime, str]:
    urgent = name is not ClockName.DECISION_STANDARD
    hours = payer.decision.urgent_hours if urgent else payer.decision.standard_hours
    words = f"{hours} hours, {payer.decision.clock.value}, by contract"
    return decision_due(now, urgent, payer.decision, payer.review), words


def _filing(now: datetime, days: int, review: ReviewClock) -> tuple[datetime, str]:
    day = earlier_business_day(facility_date(now, review.zone) + timedelta(days=days), review.holidays)
    return cut_off_on(day, review), f"{days} days by contract"


def limit(started: datetime, rule: ClockRule, review: ReviewClock) -> datetime:
    """When a rule's limit ends, counted in the payer's zone with its holidays. Limits in days end at the payer's
    cut-off hour; what we must do moves earlier than days the payer does not work (AUTH-04)."""
    started = started.astimezone(UTC)
    if rule.hours is not None:
        if rule.count is ClockKind.BUSINESS:
            return plus_business_hours(started, rule.hours, review.zone, review.holidays)
        return started + timedelta(hours=rule.hours)
    first, days = facility_date(started, review.zone), rule.days or 0
    business = rule.count is ClockKind.BUSINESS
    day = plus_business_days(first, days, review.holidays) if business else first + timedelta(days=days)
    if rule.ours:
        day = max(earlier_business_day(day, review.holidays), first)
    return max(cut_off_on(day, review), started)


def cut_off_on(day: date, review: ReviewClock) -> datetime:
    """The payer's cut-off hour on a day of its own zone; an hour that the clock change skips moves forward."""
    at = local_instant(day, review.cut_off, review.zone, fold=0, shift_forward=True)
    if isinstance(at, Refusal):
        raise TypeError("a shifted local time is never refused")
    return at


def resumed(due_at: datetime, paused_at: datetime, now: datetime) -> datetime:
    """A clock that stood still ends later by as long as it stood."""
    return due_at + max(now - paused_at, timedelta(0))


def part_gone(opened_at: datetime, ends_at: datetime, share: float) -> datetime:
    """When `share` of a window has passed: escalations at 50 and 80 per cent (AUTH-13)."""
    return opened_at + (ends_at - opened_at) * share
