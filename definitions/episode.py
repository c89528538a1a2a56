"""Messages of the episode workflow: commands in, outcome back, one carry (architecture 2, 5).

Commands carry ids and codes only. `key` is the caller's idempotency key and becomes the update id; `now`
is the business moment of the first acceptance, so a repeat decides as the first attempt did (D2)."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.deadline import Deadline
from definitions.errors import Refusal
from definitions.signing import AuthorityEnd, Capacity, IdentityCheck, SignatureMethod, SigningParty
from definitions.vocabulary import CoverageAct, CoverageReason, DeviationReason, Disposition, MovementKind, Phase, Role


class Drive(StrEnum):
    """Who moves business time (D7): the server's timers, or an `advance` command."""

    WALL = "wall"
    DRIVEN = "driven"


class Command(WireModel):
    """What every command to an episode says about itself."""

    key: str
    actor: str
    role: Role
    now: Moment
    episode_id: UUID
    expected_version: int | None = None
    """The episode version the caller saw; None when the act does not depend on what was seen."""


class Diagnosis(WireModel):
    code: str
    rank: int


class OpenEpisode(Command):
    """Start an episode from a referral whose person and coverages are already on record."""

    person_id: UUID
    facility: str
    coverage_id: UUID
    payer: str
    requested_level: str
    source: str
    edition: str
    diagnoses: tuple[Diagnosis, ...] = ()


class RequestTransition(Command):
    """Ask for a level. `urgent` asks for execution on the clinician's word (step-up only, LOC-04)."""

    to_level: str
    program: str | None = None
    bed_id: str | None = None
    effective_at: Moment
    rationale: str
    deviation_reason: DeviationReason | None = None
    urgent: bool = False
    parallel: bool = False


class SignOffTransition(Command):
    """The clinician's sign-off, or the prescriber's order when `order` is set (LOC-04)."""

    transition_id: UUID
    order: bool = False


class Decision(StrEnum):
    APPROVE = "approve"
    RETURN = "return"
    DENY = "deny"


class DecideTransition(Command):
    """A reviewer's decision on the version seen. `plan_fingerprint`: the plan that was shown, if any."""

    transition_id: UUID
    transition_version: int
    decision: Decision
    reason: str | None = None
    plan_fingerprint: str | None = None
    bed_id: str | None = None


class WithdrawTransition(Command):
    transition_id: UUID
    reason: str


class StartLeave(Command):
    """Away with intent to return: therapeutic `leave` or `send_out` to a hospital."""

    kind: MovementKind
    left_at: Moment
    expected_return_at: Moment | None = None
    reason: str


class ReturnFromLeave(Command):
    returned_at: Moment
    bed_id: str | None = None


class DischargeEpisode(Command):
    """End of the episode with its disposition (domain 8). Before admission it means not admitted."""

    disposition: Disposition
    effective_at: Moment
    reason: str


class MoveBed(Command):
    bed_id: str
    effective_at: Moment
    reason: str


class CorrectMovement(Command):
    """Replace (`effective_at` given) or void a movement recorded in error (D14, E58)."""

    movement_id: UUID
    effective_at: Moment | None = None
    void: bool = False
    reason: str


class SignConsent(Command):
    """Sign the presented consent of `form`. Recipients only for forms that name them."""

    form: str
    program: str | None = None
    signed_at: Moment
    signed_by: str = "patient"
    witnessed_by: str | None = None
    recipients: tuple[str, ...] = ()
    refused: bool = False
    reason: str | None = None
    guardian_id: UUID | None = None
    """Whose authority a guardian or representative signs by."""
    method: SignatureMethod = SignatureMethod.PAPER
    language: str = "en"
    interpreter: str | None = None
    """The interpreter's id, never a name."""
    capacity: Capacity = Capacity.PRESENT
    shown_sha256: str | None = None
    """Of the text as it was shown; required for an electronic signature."""
    identity_check: IdentityCheck | None = None
    """How staff made sure who signs; None: nobody said."""
    name_typed: bool = False
    """Who signs typed their name as it stands in the text. The name itself never travels (D15)."""


class RevokeConsent(Command):
    """`recipient`: only for this one, the rest stands; None: for everybody. `written_at`: the date on the paper; it is
    effective when the program knows (E21)."""

    consent_id: UUID
    received_at: Moment
    channel: str
    recipient: str | None = None
    written_at: Moment | None = None
    revoked_by: SigningParty = SigningParty.PATIENT
    guardian_id: UUID | None = None


class EndConsent(Command):
    """What a consent names as its end has come about (2.31(a)(7))."""

    consent_id: UUID
    happened_at: Moment


class EndAuthority(Command):
    """Somebody may sign for the patient no more from `ended_at`; what they signed follows the reason."""

    guardian_id: UUID
    ended_at: Moment
    reason: AuthorityEnd


class ChangeCoverage(Command):
    """Who pays from which date (E38 to E41). `coverage_id`: the new coverage, whose member id is sealed already; for
    `end` and `correct` the one that is meant. The member id itself never travels (D15)."""

    act: CoverageAct
    coverage_id: UUID
    payer: str | None = None
    rank: int | None = None
    from_date: date | None = None
    through_date: date | None = None
    """Inclusive; None: until further notice."""
    reason: CoverageReason


class ResolveItem(Command):
    """Somebody did what an open item asked, or says why it falls away."""

    item_id: UUID
    resolution: str
    cancelled: bool = False


class FactKind(StrEnum):
    ASSESSMENT = "assessment"
    ALERT = "alert"
    ATTENDANCE = "attendance"
    AUTHORIZATION = "authorization"
    IDENTITY = "identity"
    """The person's record was merged with another, or taken apart again (E03)."""


class FactRecorded(WireModel):
    """A fact was charted (D1): an id-only signal relayed from the outbox."""

    key: str
    episode_id: UUID
    kind: FactKind
    subject_id: UUID
    at: Moment


class Advance(WireModel):
    """Driven drive only: business time is now `to`; everything due by then happens before the answer."""

    to: Moment


class Advanced(WireModel):
    fired: int
    next_at: Moment | None


class FireDeadlines(WireModel):
    """Deadlines that have come; `keys` are those the carry held, the rows decide what still stands."""

    key: str
    episode_id: UUID
    now: Moment
    keys: tuple[str, ...]


class ReadEpisode(WireModel):
    episode_id: UUID


class EpisodeRecord(WireModel):
    """The episode as its rows say, small enough to carry: what the next decision needs (D13)."""

    episode_id: UUID
    version: int
    facility: str
    edition: str
    phase: Phase
    level: str | None = None
    program: str | None = None
    stay_id: UUID | None = None
    away: bool = False
    deadlines: tuple[Deadline, ...] = ()


class Answer(WireModel):
    """What a command's caller is told; kept in the command memory as the first answer (D2)."""

    episode_id: UUID
    version: int
    subject_id: UUID | None = None
    status: str | None = None
    detail: dict[str, Any] = {}


class EpisodeOutcome(WireModel):
    """An activity's result: the record to carry, with an answer or a refusal, never both."""

    record: EpisodeRecord | None = None
    answer: Answer | None = None
    refusal: Refusal | None = None


class EpisodeCarry(WireModel):
    """All the state of an episode workflow; replaced whole."""

    record: EpisodeRecord
    runs: int = 1
    run_level: str | None = None
    """Level when this run began: a change is the point for continue-as-new."""
    fired: int = 0

    def with_record(self, record: EpisodeRecord | None) -> "EpisodeCarry":
        return self if record is None else self.model_copy(update={"record": record})


class EpisodeStart(WireModel):
    """Input of a run. `carry` None: a new episode, or one to rehydrate from its rows (D13)."""

    episode_id: UUID
    drive: Drive = Drive.WALL
    rehydrate: bool = False
    carry: EpisodeCarry | None = None


class EpisodeView(WireModel):
    """What the `view` query answers."""

    episode_id: UUID
    phase: Phase | None = None
    level: str | None = None
    version: int = 0
    runs: int = 0
    next_deadlines: tuple[Deadline, ...] = ()
