"""What a transition plan is made from: the wish, the edition's definitions, and what only PostgreSQL knows (D8)."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from definitions.assessment_due import PriorResult
from definitions.base import Moment, WireModel
from definitions.consent import ConsentForm
from definitions.coverage import CoverageInterval
from definitions.facility import Facility
from definitions.level import LevelOfCare
from definitions.movement import ProjectedStay
from definitions.payer import Payer
from definitions.schedule import ScheduleTemplate
from definitions.vocabulary import AuthorizationStatus, ConsentStatus, Disposition, Phase


class OpenRequirement(WireModel):
    id: UUID
    instrument: str
    due_at: Moment
    stay_id: UUID | None = None


class ConsentFact(WireModel):
    id: UUID
    form: str
    program: str | None
    programs: tuple[str, ...] = ()
    """What the scope is limited to; empty: every program."""
    status: ConsentStatus
    signed_at: Moment | None = None
    expires_at: Moment | None = None
    revoked_at: Moment | None = None


class CaseFact(WireModel):
    id: UUID
    stay_id: UUID | None
    payer: str
    level: str
    status: AuthorizationStatus
    from_date: date
    last_covered_day: date | None = None
    end_dated_on: date | None = None
    transition_id: UUID | None = None


class BedFact(WireModel):
    """A bed that could serve the target level. `taken` is judged from the effective moment on."""

    id: str
    label: str
    program: str
    levels: tuple[str, ...]
    taken: bool = False
    closed_reason: str | None = None


class AlertFact(WireModel):
    id: UUID
    rule: str
    severity: str


class LevelRating(WireModel):
    """The latest dimensional assessment."""

    assessment_id: UUID
    performed_at: Moment
    recommended_level: str | None


class Wish(WireModel):
    """What is asked for. `to_level` None: an ending."""

    transition_id: UUID | None = None
    to_level: str | None = None
    program: str | None = None
    bed_id: str | None = None
    effective_at: Moment
    urgent: bool = False
    parallel: bool = False
    disposition: Disposition | None = None

    def keeps(self, stays: Sequence[ProjectedStay]) -> ProjectedStay | None:
        """Of stays that run beside each other, the one that goes on when its own level is asked for: then the other
        ends and nothing new begins (domain 1.7, split)."""
        going_on = [s for s in stays if s.ended_at is None]
        if self.parallel or len(going_on) < 2:
            return None
        return next((s for s in going_on if s.level == self.to_level and self.program in (None, s.program)), None)


class PlanFacts(WireModel):
    episode_id: UUID
    facility: Facility
    phase: Phase
    payer: Payer
    """The one the episode shows now; `coverages` say who pays when the move takes effect."""
    coverages: tuple[CoverageInterval, ...] = ()
    payers: dict[str, Payer] = {}
    levels: dict[str, LevelOfCare]
    forms: dict[str, ConsentForm]
    template: ScheduleTemplate | None = None
    stays: tuple[ProjectedStay, ...] = ()
    away: bool = False
    requirements: tuple[OpenRequirement, ...] = ()
    results: tuple[PriorResult, ...] = ()
    consents: tuple[ConsentFact, ...] = ()
    cases: tuple[CaseFact, ...] = ()
    beds: tuple[BedFact, ...] = ()
    held_bed: str | None = None
    enrolled: int = 0
    """People enrolled in the target program's day track now."""
    future_places: int = 0
    """Scheduled sessions of the open stays after the effective moment."""
    alerts: tuple[AlertFact, ...] = ()
    rating: LevelRating | None = None
    last_movement_at: Moment | None = None
