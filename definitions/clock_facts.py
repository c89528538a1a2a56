"""What an episode's deadlines are computed from (D6)."""

from datetime import date
from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.vocabulary import Disposition, Phase


class RequirementClock(WireModel):
    id: UUID
    instrument: str
    due_at: Moment
    escalate_at: Moment
    noticed: bool
    """The due time has passed and the owner was told."""
    escalated: bool


class ConsentClock(WireModel):
    id: UUID
    form: str
    expires_at: Moment
    renew_days_before: tuple[int, ...]
    signed_at: Moment
    renewal_open: bool
    reminded: int = 0
    """Reminders of renewal that were given."""


class TransitionClock(WireModel):
    id: UUID
    to_level: str | None
    effective_at: Moment
    disposition: Disposition | None = None


class AbsenceClock(WireModel):
    id: UUID
    kind: str
    left_at: Moment
    expected_return_at: Moment | None = None
    hold_until: Moment | None = None
    return_noticed: bool = False
    hold_noticed: bool = False


class ItemClock(WireModel):
    id: UUID
    kind: str
    owner_role: str
    due_at: Moment
    escalated: bool


class AlertClock(WireModel):
    id: UUID
    rule: str
    acknowledge_by: Moment


class CoverageClock(WireModel):
    """A date on which a coverage of the person begins, or has run out the day before."""

    id: UUID
    payer: str
    on: date
    begins: bool
    zone: str
    """The facility's: the change happens at its midnight."""


class ClockFacts(WireModel):
    phase: Phase
    requirements: tuple[RequirementClock, ...] = ()
    consents: tuple[ConsentClock, ...] = ()
    transitions: tuple[TransitionClock, ...] = ()
    absences: tuple[AbsenceClock, ...] = ()
    items: tuple[ItemClock, ...] = ()
    alerts: tuple[AlertClock, ...] = ()
    coverages: tuple[CoverageClock, ...] = ()
