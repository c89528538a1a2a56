"""Day counting: the contract's choices, what a stay looked like, and the verdict for each date (domain 6.1, 6.8).

Choices are definitions and validated; what a night reads and answers never leaves the process: plain values, because
the database vouches for them and a facility's night makes some for every bed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from definitions.base import Definition, ServiceDate
from definitions.vocabulary import BillingBehaviour, Track


class AdmitDischargeMode(StrEnum):
    """Which end of a bed stay a contract pays. `ADMIT` is Medicare's and the default (BILL-02, BILL-03)."""

    ADMIT = "admit"
    DISCHARGE = "discharge"
    BOTH = "both"
    NEITHER = "neither"


class SameDayRule(StrEnum):
    """Admitted and discharged on one date (BILL-04)."""

    ONE = "one"
    ZERO = "zero"


class AttendanceMinimum(Definition):
    """What a PHP or IOP day needs (BILL-09, domain 6.8). `fallback_level` is billed instead when its own
    minimum is met and `fallback_allowed`; the authorization must allow it too (V13)."""

    level: str
    minutes: int = Field(gt=0)
    services: int = Field(default=0, ge=0)
    fallback_level: str | None = None
    fallback_allowed: bool = False


class AccrualPolicy(Definition):
    """One payer contract's rules for turning presence into payable days."""

    admit_discharge: AdmitDischargeMode = AdmitDischargeMode.ADMIT
    same_day: SameDayRule = SameDayRule.ONE
    bed_hold_days_per_year: int = Field(default=0, ge=0)
    """BILL-12: leave days paid at the bed-hold rate, up to this many a year; 0: never."""
    pairs: tuple[tuple[str, str], ...] = ()
    """BILL-10: levels that may both bill on one date, for example ("3.1", "2.1")."""
    attendance: tuple[AttendanceMinimum, ...] = ()
    rounding_minutes: int = Field(default=0, ge=0)
    """E76: attended minutes short by at most this many still meet the minimum."""
    weekly_cap: dict[str, int] = Field(default_factory=dict)
    """Payable days a week by level (domain 6.8); absent: no cap."""


@dataclass(frozen=True, slots=True)
class StaySpan:
    """One stay as known now; moments are aware. `ended_at` None: still there. `departure` tells discharge from transfer."""

    stay_id: str
    level: str
    track: Track
    billing: BillingBehaviour
    started_at: datetime
    ended_at: datetime | None = None
    departure: str | None = None
    """`transfer`, `discharge`, `death` or None while open."""
    arrival: str = "admission"
    """`admission` or `transfer`."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Away with intent to return: leave, send-out (domain 1.7 interruption). `returned_at` None: still away."""

    stay_id: str
    kind: str
    left_at: datetime
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DayAttendance:
    """Counted minutes and services of one stay on one service date (SCH-04)."""

    stay_id: str
    service_date: ServiceDate
    minutes: int
    services: int = 0


class DayKind(StrEnum):
    PER_DIEM = "per_diem"
    BED_HOLD = "bed_hold"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """The one answer for one stay and date: which level bills, or why nothing does. `rule` is a rule id
    of domain.md, `why` a sentence for the biller."""

    stay_id: str
    service_date: ServiceDate
    kind: DayKind
    level: str
    track: Track
    present: bool
    """In the bed at the midnight that ends the date; for a day programme, enrolled that day."""
    rule: str
    why: str
    fallback_of: str | None = None
    """Set when a lower level bills in place of this one; the authorization must allow it (V13)."""
    needs_person: bool = False
    """True when a biller must look: short hours, conflict, cap."""
    cause: str | None = None
    """Why a biller must look, as the word the exception carries: `hours_short`, `weekly_cap`, `pairing_conflict`."""
