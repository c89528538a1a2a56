"""Payers: who answers a request, by which clock, under which contract (domain 4, 6, 11.3)."""

from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field

from definitions.accrual import AccrualPolicy
from definitions.base import Definition, Money
from definitions.vocabulary import CoverageKind

ENDPOINT: Final = r"^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$"
"""A path without a scheme, a host, a query, or steps upwards."""


class AuthorizationNeed(StrEnum):
    """What a payer wants before or at admission to a level (domain 4.1)."""

    REQUIRED = "required"
    NOTIFICATION = "notification"
    NONE = "none"


class UnitKind(StrEnum):
    """HSD01 of the 278: days or visits (domain 4.5)."""

    DAYS = "DY"
    VISITS = "VS"


class ClockKind(StrEnum):
    """AUTH-02."""

    CALENDAR = "calendar"
    BUSINESS = "business"


class Channel(StrEnum):
    X12_REALTIME = "x12_realtime"
    """005010X217 over HTTP; a payer that answers in files of its own time (batch) speaks it too: what it owes arrives later."""
    PAS = "pas"
    """Da Vinci PAS: FHIR R4 bundles over HTTP (domain 4.6)."""
    BY_HAND = "by_hand"
    NONE = "none"


class LevelTerms(Definition):
    """What one payer asks for one level (AUTH-01: both units and span bind).

    `span_days` None: the span is as long as the units. Service type and UM category as in domain 4.5.
    """

    level: str
    need: AuthorizationNeed = AuthorizationNeed.REQUIRED
    unit: UnitKind = UnitKind.DAYS
    initial_units: int = Field(default=0, ge=0)
    concurrent_units: int = Field(default=0, ge=0)
    span_days: int | None = Field(default=None, gt=0)
    category: str = "AR"
    service_type: str = "AI"
    revenue_code: str
    procedure_code: str
    facility_type: str = "86"
    """Type-of-bill base for institutional, place of service otherwise."""
    location_qualifier: str = "A"


class Rate(Definition):
    """Price of one payable day, looked up by the date of service (domain 6.8). `version` stays on the charge."""

    level: str
    amount: Money
    effective_from: date
    version: str
    kind: str = "per_diem"


class ReviewClock(Definition):
    """AUTH-04: review due = min(cut-off on the last covered day, that day minus lead days), earlier than
    weekends and holidays, in the payer's own zone."""

    zone: str
    cut_off: time = time(12, 0)
    lead_days: int = Field(default=1, ge=0)
    lead_clock: ClockKind = ClockKind.BUSINESS
    holidays: tuple[date, ...] = ()


class DecisionClock(Definition):
    """How long the payer may take (domain 4.3), and when to ask what became of a request."""

    urgent_hours: int = Field(default=72, gt=0)
    standard_hours: int = Field(default=360, gt=0)
    clock: ClockKind = ClockKind.CALENDAR
    inquire_after_hours: int = Field(default=24, gt=0)
    notification_hours: int = Field(default=48, gt=0)


class Payer(Definition):
    """One payer and contract. For self-pay and county funding `kind` says no request is needed and
    `levels` carries only codes."""

    key: str
    name: str
    kind: CoverageKind = CoverageKind.INSURANCE
    edition: str
    channel: Channel = Channel.X12_REALTIME
    payer_id: str = ""
    """NM108 PI identification (domain 4.5 loop 2010A)."""
    reviewer_id: str = ""
    """Carve-out utilization-management organization, when another house answers (ELG-04)."""
    recipient_class: str = "health_plans"
    regime: str = "commercial"
    endpoint: str | None = Field(default=None, max_length=200, pattern=ENDPOINT)
    """Path below the settings' partner base address; never a whole address in an edition, so that no edition can make
    the house speak to an address of its choice. For `pas` the base of its FHIR system."""
    x12_endpoint: str | None = Field(default=None, max_length=200, pattern=ENDPOINT)
    """Where 278s go for what the channel has no words for (of PAS: notices, and requests after the fact with their delay
    reason); without it people send those."""
    telephone: str = ""
    fax: str = ""
    """How a person reaches its review desk when no machine can (AUTH-12)."""
    levels: tuple[LevelTerms, ...]
    review: ReviewClock
    decision: DecisionClock = DecisionClock()
    accrual: AccrualPolicy = AccrualPolicy()
    rates: tuple[Rate, ...] = ()
    sequential_interim: bool = False
    authorization_per_claim: bool = True
    timely_filing_days: int = Field(default=90, gt=0)
    appeal_days: int = Field(default=180, gt=0)
    peer_to_peer_hours: int = Field(default=72, gt=0)
    inquiry: bool = True
    """Answers 005010X215. Without it an unanswered request is held and a person calls; never resent blind."""
    electronic_appeals: bool = True
    """Takes appeals as 278 requests (UM02 1, 2, N); without it they go by fax or post."""
    takes_without_documents: bool = False
    """Takes a request whose documents may not go without them, and asks for what it misses; without it the request
    waits for the consent that covers them."""
    retrospective_days: int = Field(default=30, gt=0)
    """How long after admission a retrospective request is taken (domain 4.1: 48 hours to 90 days)."""
    leave_consumes: bool = False
    """Held beds use up units (AUTH-05)."""
    network: bool = True
    """In network; outside of it nothing has a price before a single-case agreement is signed (E43)."""

    def terms(self, level: str) -> LevelTerms | None:
        return next((t for t in self.levels if t.level == level), None)

    def rate_on(self, level: str, on: date, kind: str = "per_diem") -> Rate | None:
        """The rate in force for a level on a date of service; None is a missing rate, never zero."""
        live = [r for r in self.rates if r.level == level and r.kind == kind and r.effective_from <= on]
        return max(live, key=lambda r: r.effective_from) if live else None


ZERO = Decimal("0.00")
