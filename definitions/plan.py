"""The transition plan: everything a move entails, as a value that can be shown before it is executed (D8)."""

import hashlib
from datetime import date
from uuid import UUID

from definitions.base import Moment, Money, WireModel
from definitions.errors import Refusal
from definitions.vocabulary import Disposition, Family, MovementKind, RequestKind, Role, Track, TransitionKind


class AssessmentToRaise(WireModel):
    instrument: str
    due_at: Moment
    escalate_at: Moment
    owner_role: str
    why: str
    satisfied_by: UUID | None = None


class ConsentToPresent(WireModel):
    form: str
    program: str | None = None
    due_at: Moment
    why: str
    renews: UUID | None = None


class CaseToClose(WireModel):
    authorization_id: UUID
    on: date
    left_on: date | None = None
    """The date of leaving that the payer is told; None: the day after `on`."""


class CaseToOpen(WireModel):
    """`required` False: nothing is sent; the sentence in `why` is the evidence (AUTH-10)."""

    payer: str
    level: str
    kind: RequestKind
    unit: str
    units: int
    from_date: date
    through_date: date
    urgent: bool
    required: bool
    why: str
    coverage_id: UUID | None = None
    """None: the coverage the episode shows."""
    delay_reason: str | None = None
    """UM10 of a request that comes late (domain 4.5)."""


class SessionsChange(WireModel):
    """Old template's future places after `cancel_after` go; the new one's come until `through`."""

    cancel_stays: tuple[UUID, ...] = ()
    cancel_after: Moment
    cancelled: int = 0
    template: str | None = None
    program: str | None = None
    from_at: Moment | None = None
    through: date | None = None
    planned: int = 0


class AccountToOpen(WireModel):
    """Days open for billing from `opened_on` at this rate; None amounts: the contract names no rate."""

    payer: str
    level: str
    track: Track
    opened_on: date
    amount: Money | None = None
    rate_version: str | None = None


class DaysChange(WireModel):
    close_stays: tuple[UUID, ...] = ()
    closed_on: date | None = None
    open: AccountToOpen | None = None


class BedChange(WireModel):
    release: str | None = None
    take: str | None = None


class OwnedItem(WireModel):
    """What cannot be done by itself and waits for a named role."""

    kind: str
    owner_role: Role
    why: str
    due_at: Moment | None = None
    rule: str | None = None


class TransitionPlan(WireModel):
    """One move whole. `blockers` not empty: it cannot be executed now, and each says what to do next."""

    kind: TransitionKind
    movement: MovementKind
    from_level: str | None
    to_level: str | None
    program: str | None
    track: Track | None
    effective_at: Moment
    disposition: Disposition | None = None
    recommended_level: str | None = None
    urgent: bool = False
    order_needed: bool = False
    assessments_cancelled: tuple[UUID, ...] = ()
    assessments_kept: tuple[UUID, ...] = ()
    assessments: tuple[AssessmentToRaise, ...] = ()
    consents: tuple[ConsentToPresent, ...] = ()
    cases_closed: tuple[CaseToClose, ...] = ()
    case: CaseToOpen | None = None
    case_ahead: UUID | None = None
    """A case opened when the transition was scheduled, taken over instead of a new one."""
    keeps_stay: UUID | None = None
    """Of two stays beside each other the one that goes on; nothing new begins, the other ends."""
    cases_beside: tuple[CaseToOpen, ...] = ()
    """Of other coverages in force then or coming: each payer wants its own (E41, domain 6.16)."""
    sessions: SessionsChange
    days: DaysChange
    bed: BedChange
    items: tuple[OwnedItem, ...] = ()
    blockers: tuple[Refusal, ...] = ()
    words: dict[Family, tuple[str, ...]] = {}
    """The same plan in sentences, by family."""

    @property
    def fingerprint(self) -> str:
        """Names exactly this plan; shown with a preview and compared at the decision."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]
