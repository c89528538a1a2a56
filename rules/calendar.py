"""Facility-local dates, midnights and business days (BILL-01, BILL-11, AUTH-02, E59, E60).

Kept apart from workflow code: zone arithmetic fails inside the workflow sandbox (architecture 7)."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from definitions.errors import ErrorType, Refusal

SATURDAY = 5


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The zone by its IANA name, read from the locked tzdata package: an update of the machine's own zone files
    moves no past date (E61). Raises ValueError for a name that is none."""
    source = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        with source.open("rb") as data:
            return ZoneInfo.from_file(data, key=name)
    except (OSError, ValueError):
        raise ValueError(f"{name!r} is no time zone; use an IANA name such as America/Chicago") from None


def facility_date(moment: datetime, zone: str) -> date:
    """The calendar date of an instant where the facility stands. Raises ValueError for a moment without offset,
    which would be read in the server's own zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment must carry its offset")
    return moment.astimezone(zone_of(zone)).date()


@lru_cache(maxsize=4096)
def midnight_before(on: date, zone: str) -> datetime:
    """The instant a local date begins, in UTC. Zones that skip midnight begin at the first instant there is."""
    return datetime.combine(on, time(0), tzinfo=zone_of(zone)).astimezone(UTC)


def midnight_ending(on: date, zone: str) -> datetime:
    """The instant local 24:00 of `on`, in UTC; the night is judged then (BILL-11)."""
    return midnight_before(on + timedelta(days=1), zone)


def day_length(on: date, zone: str) -> timedelta:
    """How long a local date lasts: 23 or 25 hours when clocks change (V9, V10)."""
    return midnight_ending(on, zone) - midnight_before(on, zone)


def local_instant(
    on: date, at: time, zone: str, *, fold: int | None = None, shift_forward: bool = False
) -> datetime | Refusal:
    """The instant of a local wall time, in UTC. A time that does not exist that day (DST gap) is refused, or
    moved forward by the gap when `shift_forward` (E59); one that happens twice needs `fold` 0 or 1."""
    tz = zone_of(zone)
    first = datetime.combine(on, at, tzinfo=tz).replace(fold=0)
    second = first.replace(fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    exists = first.astimezone(UTC).astimezone(tz).replace(tzinfo=None) == first.replace(tzinfo=None)
    if not exists:
        if shift_forward:
            return first.astimezone(UTC)
        change = _change_between(second.astimezone(UTC), first.astimezone(UTC), tz)
        before, after = (change - timedelta(minutes=1)).astimezone(tz), change.astimezone(tz)
        return Refusal(
            code=ErrorType.LOCAL_TIME_GAP,
            detail=f"{on} {at:%H:%M} does not exist in {zone}: clocks go forward then. "
            f"Say {before:%H:%M} or earlier, or {after:%H:%M} or later.",
        )
    if fold is None:
        return Refusal(
            code=ErrorType.LOCAL_TIME_FOLD,
            detail=f"{on} {at:%H:%M} happens twice in {zone}: clocks go back that night. "
            f"Say which by its offset: {first:%z} (first) or {second:%z} (second).",
        )
    return (second if fold else first).astimezone(UTC)


def _change_between(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The first whole minute after `early`, up to `late`, that has the offset of `late`."""
    offset = late.astimezone(zone).utcoffset()
    while late - early > timedelta(minutes=1):
        middle = early + timedelta(minutes=(late - early) // timedelta(minutes=2))
        if middle.astimezone(zone).utcoffset() == offset:
            late = middle
        else:
            early = middle
    return late


def dates_between(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`, both included."""
    on = first
    while on <= last:
        yield on
        on += timedelta(days=1)


def is_business_day(on: date, holidays: Collection[date] = ()) -> bool:
    return on.weekday() < SATURDAY and on not in holidays


def business_days(first: date, last: date, holidays: Collection[date] = ()) -> list[date]:
    """The business days from `first` to `last`, both included."""
    return [on for on in dates_between(first, last) if is_business_day(on, holidays)]


def earlier_business_day(on: date, holidays: Collection[date] = ()) -> date:
    """`on` itself, or the nearest business day before it (AUTH-04, E37)."""
    while not is_business_day(on, holidays):
        on -= timedelta(days=1)
    return on


def minus_business_days(on: date, days: int, holidays: Collection[date] = ()) -> date:
    """The business day that lies `days` business days before `on`."""
    for _ in range(days):
        on = earlier_business_day(on - timedelta(days=1), holidays)
    return on


def plus_business_days(on: date, days: int, holidays: Collection[date] = ()) -> date:
    """The business day that lies `days` business days after `on`."""
    for _ in range(days):
        on += timedelta(days=1)
        while not is_business_day(on, holidays):
            on += timedelta(days=1)
    return on


def plus_business_hours(moment: datetime, hours: int, zone: str, holidays: Collection[date] = ()) -> datetime:
    """`hours` later, counting only hours of business days in `zone` (AUTH-02)."""
    local_day = facility_date(moment, zone)
    current = (
        moment.astimezone(UTC)
        if is_business_day(local_day, holidays)
        else midnight_before(plus_business_days(local_day, 1, holidays), zone)
    )
    left = timedelta(hours=hours)
    while True:
        day = facility_date(current, zone)
        end = midnight_ending(day, zone)
        if current + left <= end:
            return current + left
        left -= end - current
        current = midnight_before(plus_business_days(day, 1, holidays), zone)
