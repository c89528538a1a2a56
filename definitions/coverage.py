"""Coverages: who pays for a person between two dates, in which order (E38 to E41, domain 6.16)."""

from datetime import date
from uuid import UUID

from definitions.base import WireModel
from definitions.vocabulary import CoverageReason


class CoverageInterval(WireModel):
    """One coverage as its row says; both dates are covered. `rank` 1 pays first. The member id stands sealed with
    the person, by `id` (D15)."""

    id: UUID
    payer: str
    rank: int
    from_date: date
    through_date: date | None = None
    """None: until further notice."""
    reaches_back: bool = False
    """Nobody said since when it holds: as the person's first coverage it covers earlier days too."""
    voided: bool = False
    """Never in force; kept because cases and charges name it."""

    def covers(self, on: date) -> bool:
        return not self.voided and self.from_date <= on and (self.through_date is None or on <= self.through_date)


class CoverageWish(WireModel):
    """A change somebody asks for. `coverage_id` None and `payer` given: a new coverage."""

    coverage_id: UUID
    payer: str | None = None
    rank: int | None = None
    from_date: date | None = None
    through_date: date | None = None
    reason: CoverageReason


class CoverageSpan(WireModel):
    """Dates that a coverage holds after a change and its payer did not hold before. `last` None: no end in sight."""

    coverage: CoverageInterval
    first: date
    last: date | None = None
