"""Grants and what they cover (AUTH-01, AUTH-05, AUTH-06)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from definitions.base import ServiceDate, WireModel


class Grant(WireModel):
    """One live grant: both units and span bind. `through_date` is inclusive (AUTH-06)."""

    authorization_id: UUID
    level: str
    unit: str
    units: int
    from_date: date
    through_date: date
    number: str | None = None
    end_dated_on: date | None = None
    """Set when a move or an ending closed the case early; nothing after it is covered."""

    @property
    def last_day(self) -> date:
        """The last date this grant can cover."""
        return min(self.through_date, self.end_dated_on) if self.end_dated_on else self.through_date


@dataclass(frozen=True, slots=True)
class GrantUse:
    """An active grant on a date, with the units that earlier dates used."""

    grant_id: UUID
    authorization_id: UUID
    level: str
    units: int
    used: int
    through_date: date


class CoverageVerdict(WireModel):
    covered: bool
    authorization_id: UUID | None = None
    why: str


class CoveredDay(WireModel):
    """One payable date and the grant that carries it, or why none does (AUTH-05)."""

    service_date: ServiceDate
    level: str
    coverage: CoverageVerdict
