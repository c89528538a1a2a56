"""Request bodies: strict, closed, silent about values in errors (architecture 5)."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from definitions.identity import NotSameReason, Settled
from definitions.signing import AuthorityEnd, Capacity, IdentityCheck, SignatureMethod, SigningParty
from definitions.vocabulary import CoverageAct, CoverageKind, CoverageReason, DeviationReason, Disposition


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _strict_int(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    return value


Text = Annotated[str, Field(min_length=1, max_length=2000)]
Short = Annotated[str, Field(min_length=1, max_length=120)]
Count = Annotated[int, BeforeValidator(_strict_int), Field(gt=0, le=10_000)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
Version = Annotated[int, BeforeValidator(_strict_int), Field(ge=1)]


class PatientBody(Body):
    family: Short
    given: Annotated[list[Short], Field(min_length=1, max_length=5)]
    birth_date: date
    gender: Literal["F", "M", "U"] = "U"
    preferred_name: Short | None = None
    street: Short | None = None
    city: Short | None = None
    state: Short | None = None
    postal_code: Short | None = None
    telephone: Short | None = None


class CoverageBody(Body):
    payer: Short
    member_id: Annotated[str, Field(max_length=40)] = ""
    rank: Count = 1
    from_date: Day | None = None
    through_date: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "CoverageBody":
        if self.from_date is not None and self.through_date is not None and self.through_date < self.from_date:
            raise ValueError("the coverage ends before it begins")
        return self


class CoverageChangeBody(Body):
    """`act`: switch (the default), add, end, correct; `coverage_id` names the one that ends or was recorded wrongly.
    `through_date` is the last day covered, and left out means until further notice. Both dates are facility dates."""

    act: CoverageAct = CoverageAct.SWITCH
    coverage_id: UUID | None = None
    payer: Short | None = None
    kind: CoverageKind | None = None
    member_id: Annotated[str, Field(max_length=40, pattern=r"^([!-)+-9;-\]_-}]( ?[!-)+-9;-\]_-}])*)?$")] = ""
    rank: Annotated[int, BeforeValidator(_strict_int), Field(ge=1, le=9)] | None = None
    from_date: Day | None = None
    through_date: Day | None = None
    reason: CoverageReason
    version: Version


class DiagnosisBody(Body):
    code: Annotated[str, Field(pattern=r"^[A-TV-Z][0-9][0-9A-Z]\.?[0-9A-Z]{0,4}$")]


class StartEpisodeBody(Body):
    """The last three answer the refusal that somebody alike is on record (E03): it is this person, or these are others."""

    facility: Short
    requested_level: Short
    source: Short
    patient: PatientBody
    coverages: Annotated[list[CoverageBody], Field(min_length=1, max_length=5)]
    diagnoses: Annotated[list[DiagnosisBody], Field(min_length=1, max_length=12)]
    existing_person: UUID | None = None
    not_duplicates_of: Annotated[list[UUID], Field(max_length=50)] = []
    not_duplicates_reason: NotSameReason | None = None

    def settled(self) -> Settled:
        return Settled(
            existing_person=self.existing_person, not_duplicates_of=tuple(sorted(self.not_duplicates_of)),
            reason=self.not_duplicates_reason,
        )  # fmt: skip


class AssessmentBody(Body):
    instrument: Short
    answers: dict[str, Any] = {}
    performed_at: AwareDatetime
    refused: bool = False
    refusal_reason: Text | None = None
    supersedes: UUID | None = None


class ConsentBody(Body):
    """`capacity` lacking: nothing is signed, it is put again later. `interpreter` and `witness` are ids of the house, no names.
    `shown_sha256`: of the presentation that was on the screen; an electronic signature needs it."""

    form: Short
    program: Short | None = None
    signed_at: AwareDatetime
    signed_by: Literal["patient", "guardian", "representative"] = "patient"
    recipients: Annotated[list[Short], Field(max_length=10)] = []
    refused: bool = False
    reason: Text | None = None
    guardian_id: UUID | None = None
    method: SignatureMethod = SignatureMethod.PAPER
    language: Annotated[str, Field(min_length=2, max_length=12)] = "en"
    interpreter: Short | None = None
    capacity: Capacity = Capacity.PRESENT
    shown_sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    witness: Short | None = None
    identity_check: IdentityCheck | None = None


class RevokeBody(Body):
    """`recipient`: only for this one, as the consent names it or as `payer/key`; left out: for everybody. `written_at`: the
    date on the paper (E21)."""

    received_at: AwareDatetime
    channel: Short
    recipient: Short | None = None
    written_at: AwareDatetime | None = None
    revoked_by: SigningParty = SigningParty.PATIENT
    guardian_id: UUID | None = None


class ConditionBody(Body):
    """What the consent names as its end has come about."""

    happened_at: AwareDatetime


class AuthorityEndBody(Body):
    """`reason` says what becomes of what they signed (docs/consents.md)."""

    ended_at: AwareDatetime
    reason: AuthorityEnd


class TransitionBody(Body):
    to_level: Short
    program: Short | None = None
    bed_id: Short | None = None
    effective_at: AwareDatetime
    rationale: Text
    deviation_reason: DeviationReason | None = None
    urgent: bool = False
    parallel: bool = False
    version: Version | None = None


class PreviewBody(Body):
    to_level: Short
    program: Short | None = None
    bed_id: Short | None = None
    effective_at: AwareDatetime
    urgent: bool = False
    parallel: bool = False


class DecisionBody(Body):
    decision: Literal["approve", "return", "deny"]
    version: Version
    reason: Text | None = None
    plan_fingerprint: Short | None = None
    bed_id: Short | None = None


class SignOffBody(Body):
    order: bool = False


class ReasonBody(Body):
    reason: Text


class LeaveBody(Body):
    kind: Literal["leave", "send_out"] = "leave"
    left_at: AwareDatetime
    expected_return_at: AwareDatetime | None = None
    reason: Text
    version: Version | None = None


class ReturnBody(Body):
    returned_at: AwareDatetime
    bed_id: Short | None = None
    version: Version | None = None


class DischargeBody(Body):
    disposition: Disposition
    effective_at: AwareDatetime
    reason: Text
    version: Version | None = None


class BedMoveBody(Body):
    bed_id: Short
    effective_at: AwareDatetime
    reason: Text
    version: Version | None = None


class CorrectionBody(Body):
    movement_id: UUID
    effective_at: AwareDatetime | None = None
    void: bool = False
    reason: Text
    version: Version | None = None


class ResolveBody(Body):
    resolution: Text
    cancelled: bool = False


class SendingBody(Body):
    """A request that went by a person's hand."""

    request_id: UUID
    channel: Literal["telephone", "portal", "fax"]
    call_reference: Short
    sent_at: AwareDatetime
    version: Version | None = None


class ReceiptBody(Body):
    """What the payer said about a send nobody knew the outcome of."""

    request_id: UUID
    outcome: Literal["received", "not_received"]
    call_reference: Short
    version: Version | None = None


class ReleaseBody(Body):
    """Which request a quarantined message is about: by its id or its trace."""

    request_id: UUID | None = None
    trace: Short | None = None
    version: Version | None = None


class AttendeeBody(Body):
    episode_id: UUID
    status: Literal["attended", "no_show", "excused"]
    minutes: Annotated[int, BeforeValidator(_strict_int), Field(ge=0, le=1440)] = 0


class AttendanceBody(Body):
    attendees: Annotated[list[AttendeeBody], Field(min_length=1, max_length=60)]


class MidnightBody(Body):
    date: date


class ExceptionBody(Body):
    resolution: Text
    void_charge: bool = False
