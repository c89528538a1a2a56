"""Weekly schedule templates in local wall time (SCH-01, SCH-09)."""

from datetime import time
from enum import StrEnum

from pydantic import Field

from definitions.base import Definition


class SessionKind(StrEnum):
    GROUP = "group"
    INDIVIDUAL = "individual"
    FAMILY = "family"
    CASE_MANAGEMENT = "case_management"
    MEDICAL = "medical"
    CHECK_IN = "check_in"


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """Monday is 0, as `date.weekday()` counts."""
        return _NUMBERS[self]


_NUMBERS = {day: number for number, day in enumerate(Weekday)}


class Block(Definition):
    """A session that recurs on the given weekdays. `counts`: minutes count towards the day's minimum
    (meals and breaks do not, domain 6.8)."""

    key: str
    title: str
    kind: SessionKind
    days: tuple[Weekday, ...]
    start: time
    minutes: int = Field(gt=0)
    counts: bool = True
    capacity: int | None = Field(default=None, gt=0)


class ScheduleTemplate(Definition):
    key: str
    edition: str
    title: str
    hours_floor_weekly: int = Field(default=0, ge=0)
    blocks: tuple[Block, ...]
