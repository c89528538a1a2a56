"""Weekly templates unrolled over real dates in local wall time (SCH-01, SCH-08, SCH-09)."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from definitions.errors import Refusal
from definitions.schedule import ScheduleTemplate
from definitions.session import PlannedSession, WeekHours
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
    """Minutes that count towards a day's minimum; a minute in two sessions counts once (SCH-04)."""
    total, until = timedelta(0), None
    for session in sorted((s for s in sessions if s.counts), key=lambda s: s.starts_at):
        starts = session.starts_at if until is None else max(session.starts_at, until)
        if session.ends_at > starts:
            total += session.ends_at - starts
            until = session.ends_at
    return total // timedelta(minutes=1)


def week_hours(template: ScheduleTemplate, zone: str, on: date, holidays: Collection[date] = ()) -> WeekHours:
    """What the week of `on` plans against the template's floor (SCH-06, SCH-08)."""
    monday = on - timedelta(days=on.weekday())
    full = sessions_for(template, zone, monday, monday + timedelta(days=6))
    planned = counted_minutes([s for s in full if s.service_date not in holidays])
    return WeekHours(
        week_of=monday,
        planned_minutes=planned,
        closed_minutes=counted_minutes(full) - planned,
        floor_minutes=template.hours_floor_weekly * 60,
    )


def overlaps(a: PlannedSession, start: datetime, end: datetime) -> bool:
    """Whether the session shares a moment with [start, end)."""
    return a.starts_at < end and start < a.ends_at
