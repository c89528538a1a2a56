"""Weekly templates unrolled over real dates in local wall time (SCH-01, SCH-08, SCH-09)."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from definitions.errors import Refusal
from definitions.schedule import ScheduleTemplate
from definitions.session import PlannedSession
from rules.calendar import dates_between, local_instant


def sessions_for(
    template: ScheduleTemplate, zone: str, first: date, last: date, holidays: Collection[date] = ()
) -> list[PlannedSession]:
    """The template's sessions on the given dates, both included, in order. 09:00 stays 09:00 across a clock
    change; a start that does not exist that day moves forward; holidays have none."""
    planned = []
    for on in dates_between(first, last):
        if on in holidays:
            continue
        for block in template.blocks:
            if not any(day.number == on.weekday() for day in block.days):
                continue
            starts = local_instant(on, block.start, zone, fold=0, shift_forward=True)
            if isinstance(starts, Refusal):
                raise TypeError("a shifted local time is never refused")
            planned.append(
                PlannedSession(
                    block=block.key,
                    title=block.title,
                    kind=block.kind.value,
                    service_date=on,
                    starts_at=starts,
                    ends_at=starts + timedelta(minutes=block.minutes),
                    minutes=block.minutes,
                    counts=block.counts,
                )
            )
    return sorted(planned, key=lambda s: (s.starts_at, s.block))


def program_days(template: ScheduleTemplate) -> frozenset[int]:
    """Weekday numbers on which the template has counted sessions."""
    return frozenset(day.number for block in template.blocks if block.counts for day in block.days)


def nth_program_day(
    template: ScheduleTemplate | None, from_date: date, count: int, holidays: Collection[date] = ()
) -> date:
    """The `count`th program day from `from_date` on, that day included; without a template every day counts."""
    days = program_days(template) if template else frozenset(range(7))
    if not days:
        return from_date + timedelta(days=count - 1)
    on = from_date
    while True:
        if on.weekday() in days and on not in holidays:
            count -= 1
            if count <= 0:
                return on
        on += timedelta(days=1)


def counted_minutes(sessions: Collection[PlannedSession]) -> int:
    return sum(s.minutes for s in sessions if s.counts)


def overlaps(a: PlannedSession, start: datetime, end: datetime) -> bool:
    return a.starts_at < end and start < a.ends_at
