"""Grants and what they cover (AUTH-01, AUTH-06)."""

from datetime import date
from uuid import UUID

from definitions.base import WireModel


class Grant(WireModel):
    """One live grant: both units and span bind. `through_date` is inclusive (AUTH-06)."""

    authorization_id: UUID
    level: str
    unit: str
    units: int
    from_date: date
    through_date: date
    number: str | None = None


class CoverageVerdict(WireModel):
    covered: bool
    authorization_id: UUID | None = None
    why: str
