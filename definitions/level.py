"""Levels of care: what each is called, which moves leave it, and what a stay there owes (domain 1, 2.4, 3.7)."""

from enum import StrEnum

from pydantic import Field, model_validator

from definitions.base import Definition
from definitions.vocabulary import BillingBehaviour, Track, TransitionKind


class DueUnit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    PROGRAM_DAYS = "program_days"


class DueRule(Definition):
    """An instrument owed at a level (domain 2.4, ASM-01..04). The clock starts at admission to the level.

    `after_hours` delays the first due time's opening (PHQ-9 in detox is not asked while acutely intoxicated).
    `repeat_every_days` of None means once per stay; `once_per_episode` lets any earlier result satisfy it.
    `carry_over_days` is how old a valid prior result may be (ASM-02); None: must be new.
    """

    instrument: str
    within: int = Field(gt=0)
    unit: DueUnit = DueUnit.HOURS
    repeat_every_days: int | None = Field(default=None, gt=0)
    repeat_every_hours: int | None = Field(default=None, gt=0)
    once_per_episode: bool = False
    carry_over_days: int | None = Field(default=None, gt=0)
    escalate_after_hours: int = Field(default=4, gt=0)
    owner: str = "clinician"


class ConsentNeed(StrEnum):
    REQUIRED = "required"
    CONDITIONAL = "conditional"
    OPTIONAL = "optional"


class ConsentRule(Definition):
    """A consent form presented at a level (domain 3.7). `resign` asks for it again on every level change."""

    form: str
    need: ConsentNeed = ConsentNeed.REQUIRED
    resign: bool = False


class Move(Definition):
    """A legal way out of a level (domain 1.7). `common` marks the usual path, shown first."""

    to: str
    kind: TransitionKind
    common: bool = False
    urgent: bool = False


class LevelOfCare(Definition):
    """One level as this organisation runs it.

    `key` is ours (`3.7-WM`); `codes` maps a code system (`ASAM3`, `ASAM4`) to its code, always text.
    `intensity` orders levels, highest first most intense; `medical_rank` and `structure_rank` are kept
    apart because 2.7 against 3.1 has no strict order (domain 1.7).
    `assessment_window_days` is how old the dimensional assessment may be at a change to this level (LOC-04).
    """

    key: str
    trade_name: str
    codes: dict[str, str]
    track: Track
    billing: BillingBehaviour
    intensity: int
    medical_rank: int
    structure_rank: int
    medically_managed: bool = False
    needs_bed: bool = False
    assessment_window_days: int = 7
    template: str
    teds_service: str
    assessments: tuple[DueRule, ...] = ()
    consents: tuple[ConsentRule, ...] = ()
    moves: tuple[Move, ...] = ()
    follow_up_hours: int | None = None
    """After a step-down from a 24 h level: seen within this many hours or outreach is owed."""

    @model_validator(mode="after")
    def _bed_follows_track(self) -> "LevelOfCare":
        if self.needs_bed != (self.track is Track.BED):
            raise ValueError("needs_bed must be yes exactly when track is bed")
        return self

    def move_to(self, level: str) -> Move | None:
        return next((m for m in self.moves if m.to == level), None)
