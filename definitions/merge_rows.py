"""Rows of two records of one person, as the rule that joins them reads them (E03)."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class StayRow:
    id: UUID
    episode_id: UUID
    bed: bool
    begins: datetime
    ends: datetime | None
    own: bool = True
    """False: it stayed under a record that was joined to this one before."""


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A live charge."""

    id: UUID
    stay_id: UUID
    on: date
    track: str
    own: bool = True
    """False: it stayed under a record that was joined to this one before."""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """A coverage that counts; both dates included."""

    id: UUID
    payer: str
    rank: int
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class ConsentRow:
    id: UUID
    form: str
    signed_at: datetime | None
    stands: bool
    revoked_at: datetime | None
