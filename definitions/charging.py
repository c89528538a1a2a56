"""What one night posts: charges wanted, exceptions for people, and where everybody was."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

NO_PAYER = "none"
"""Stands for the payer of a date on which no coverage of the person is in force."""


@dataclass(frozen=True, slots=True)
class NightStay:
    """One stay that touches the date, as one statement read it. `payer`: whose coverage is in force on the date."""

    stay_id: UUID
    episode_id: UUID
    person_id: UUID
    program: str
    payer: str
    edition: str
    payer_before: str
    """Whose was in force on the date before: the census opens with it."""
    last_payer: str
    """The one the stay shows: whose contract says what a day without any payer would have been worth."""


@dataclass(frozen=True, slots=True)
class CoverageFact:
    """What the cases of an episode say about one level on the date."""

    authorization_id: UUID | None
    state: str
    """`covered`, `not_required`, `at_risk` or `uncovered`."""
    grant_id: UUID | None = None
    """The grant whose unit the date uses, when it is covered."""
    used_up: str | None = None
    """Uncovered although the dates of a grant fit: why, in words (AUTH-01)."""


@dataclass(frozen=True, slots=True)
class AgreedRate:
    """The price of a signed single-case agreement on the date (E43)."""

    amount: Decimal
    version: str


UNCOVERED = CoverageFact(None, "uncovered")


@dataclass(frozen=True, slots=True)
class WantedCharge:
    stay_id: UUID
    episode_id: UUID
    person_id: UUID
    payer: str
    service_date: date
    kind: str
    level: str
    track: str
    per_diem_track: str
    revenue_code: str | None
    procedure_code: str | None
    amount: Decimal
    rate_version: str
    authorization_id: UUID | None
    authorization_state: str
    rule: str
    why: str
    grant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WantedException:
    stay_id: UUID
    episode_id: UUID
    service_date: date
    cause: str
    why: str
    amount_at_risk: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PresenceRow:
    stay_id: UUID
    episode_id: UUID
    program: str
    level: str
    payer: str
    track: str
    state: str


@dataclass(frozen=True, slots=True)
class CensusCount:
    """One line of the census: opening + in - out = closing (domain 7.1)."""

    program: str
    level: str
    payer: str
    opening: int = 0
    admissions: int = 0
    transfers_in: int = 0
    returns: int = 0
    discharges: int = 0
    deaths: int = 0
    transfers_out: int = 0
    leaves_out: int = 0
    closing: int = 0
    on_leave: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.program, self.level, self.payer

    @property
    def balanced(self) -> bool:
        arrived = self.admissions + self.transfers_in + self.returns
        left = self.discharges + self.deaths + self.transfers_out + self.leaves_out
        return self.opening + arrived - left == self.closing
