"""The 278 as values: what is asked of a payer and what it answers (domain 4.5, 005010X217)."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from definitions.base import Moment, WireModel

TraceNumber = Annotated[str, Field(min_length=1, max_length=50)]
"""TRN02: the correlation key, unique for ever."""

Originator = Annotated[str, Field(min_length=10, max_length=10)]
"""TRN03: ten characters, 1 or 9 and the tax id (domain 4.5)."""


class Action(StrEnum):
    """HCR01 (domain 4.4). A denial is A3, never an AAA. A2 stands at the event only, never on a line."""

    CERTIFIED = "A1"
    PARTIAL = "A2"
    NOT_CERTIFIED = "A3"
    PENDED = "A4"
    MODIFIED = "A6"
    CANCELLED = "C"
    CONTACT_PAYER = "CT"
    NO_ACTION_REQUIRED = "NA"


class Certification(StrEnum):
    """UM02."""

    INITIAL = "I"
    EXTENSION = "4"
    RENEWAL = "R"
    REVISED = "S"
    CANCEL = "3"
    APPEAL_IMMEDIATE = "1"
    APPEAL_STANDARD = "2"
    RECONSIDERATION = "N"


class LevelOfService(StrEnum):
    """UM06. U is a clinician's statement of urgency (domain 4.1)."""

    URGENT = "U"
    EMERGENCY = "03"
    ELECTIVE = "E"


class ReviewParty(WireModel):
    """An organisation: payer's reviewer (X3, PI) or requester (FA, XX NPI)."""

    name: str
    id: str


class ReviewAddress(WireModel):
    street: str
    second_line: str | None = None
    city: str
    state: str
    postal_code: str


class ReviewContact(WireModel):
    """A desk to call, PER: a function's name, never a person's."""

    name: str | None = None
    telephone: str
    fax: str | None = None


class ReviewPerson(WireModel):
    """The subscriber as the payer knows them. Personal: never a workflow payload; says nothing when printed."""

    family: str
    given: str
    member_id: str
    birth_date: date
    gender: str = "U"

    def __repr__(self) -> str:
        return "ReviewPerson(***)"

    __str__ = __repr__


class ReviewDiagnosis(WireModel):
    """`qualifier`: ABK principal, ABJ admitting, ABF other. Code without its dot."""

    qualifier: str
    code: str


class DateSpan(WireModel):
    """Inclusive at both ends."""

    first: date
    last: date


class ServiceDelivery(WireModel):
    """HSD: how much in which rhythm. `HSD*VS*3*WK*1*34*1` is three visits every one week for one month:
    kind VS, quantity 3, period WK, every 1, span 34, span_count 1."""

    kind: str
    quantity: int = Field(ge=0)
    period: str | None = None
    every: int | None = None
    span: str | None = None
    span_count: int | None = None
    days: str | None = None
    time_of_day: str | None = None


class AdmissionCodes(WireModel):
    """CL1: type and source of admission, patient status, as on the institutional claim."""

    type: str
    source: str | None = None
    patient_status: str | None = None


class ReviewAttachment(WireModel):
    """PWK: a document that goes by another road under this control number."""

    kind: str
    transmission: str = "EL"
    control_number: str


class AttendingProvider(WireModel):
    """NM1 71. A clinician's professional identity; says nothing when printed."""

    family: str
    given: str
    npi: str
    taxonomy: str | None = None

    def __repr__(self) -> str:
        return "AttendingProvider(***)"

    __str__ = __repr__


class ServiceLine(WireModel):
    """One service asked for (2000F). `unit`: DA days or UN units of `quantity`, over `dates` (AUTH-01)."""

    trace: TraceNumber
    dates: DateSpan
    revenue_code: str
    procedure_code: str
    unit: str
    quantity: int = Field(ge=0)


class ServicesReviewRequest(WireModel):
    """One patient event with its service lines. `admission_date` for bed-based care, `event_dates` otherwise.
    `reference` is BHT03, the trace when None. `message` stays empty: minimum necessary (domain 4.5, MSG)."""

    submitter_id: str
    receiver_id: str
    reviewer: ReviewParty
    requester: ReviewParty
    requester_tax_id: str | None = None
    requester_address: ReviewAddress
    requester_contact: ReviewContact
    subscriber: ReviewPerson
    trace: TraceNumber
    originator: Originator
    category: str
    certification: Certification
    service_type: str
    facility_type: str
    location_qualifier: str
    level_of_service: LevelOfService | None = None
    release_code: str = "Y"
    delay_reason: str | None = None
    previous_number: str | None = None
    admission_date: date | None = None
    discharge_date: date | None = None
    event_dates: DateSpan | None = None
    diagnoses: tuple[ReviewDiagnosis, ...] = ()
    delivery: ServiceDelivery
    admission_codes: AdmissionCodes | None = None
    attachments: tuple[ReviewAttachment, ...] = ()
    attending: AttendingProvider | None = None
    message: str | None = Field(default=None, repr=False)
    lines: tuple[ServiceLine, ...] = ()
    reference: str | None = None
    created_at: Moment


class Rejection(WireModel):
    """AAA: the request could not be processed; a data problem, not a decision. `loop` says where,
    `understood` is AAA01: the message was valid, and still not acceptable."""

    loop: str
    code: str
    follow_up: str
    understood: bool = False


class LineDecision(WireModel):
    """What became of one service line. `wanted`: LOINC codes of documents the payer asks for."""

    trace: str | None = None
    action: Action
    number: str | None = None
    reason: str | None = None
    from_date: date | None = None
    through_date: date | None = None
    issued_on: date | None = None
    units: int | None = None
    unit: str | None = None
    revenue_code: str | None = None
    procedure_code: str | None = None
    wanted: tuple[str, ...] = ()
    message: str | None = Field(default=None, repr=False)


class ServicesReviewResponse(WireModel):
    """One answer. `more_to_come`: BHT06 19, a further response follows. Free text and names of the
    subscriber are left out when it is printed."""

    submitter_id: str
    receiver_id: str
    reviewer: ReviewParty
    reviewer_contact: ReviewContact | None = None
    requester: ReviewParty
    member_id: str | None = Field(default=None, repr=False)
    member_family: str | None = Field(default=None, repr=False)
    member_given: str | None = Field(default=None, repr=False)
    trace: str | None = None
    originator: str | None = None
    reference: str
    """BHT03, echoed from the request."""
    more_to_come: bool = False
    rejections: tuple[Rejection, ...] = ()
    category: str | None = None
    certification: str | None = None
    service_type: str | None = None
    facility_type: str | None = None
    location_qualifier: str | None = None
    level_of_service: str | None = None
    action: Action | None = None
    number: str | None = None
    reason: str | None = None
    reference_number: str | None = None
    """REF NT: the payer's own tracking id."""
    previous_number: str | None = None
    admission_date: date | None = None
    from_date: date | None = None
    through_date: date | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    diagnoses: tuple[ReviewDiagnosis, ...] = ()
    units: int | None = None
    unit: str | None = None
    message: str | None = Field(default=None, repr=False)
    lines: tuple[LineDecision, ...] = ()
    created_at: Moment


class SyntaxFinding(WireModel):
    """One fault of a transaction: IK3 and IK4 of a 999. Says where, never what stood there.

    `position` counts segments from ST = 1. `code` is IK304; `element_code` IK403 when an element is at fault.
    """

    tag: str
    position: int
    loop: str | None = None
    code: str
    element: int | None = None
    component: int | None = None
    element_code: str | None = None


class SetAcknowledgement(WireModel):
    """What became of one transaction. `problems`: IK502 and on (domain 6.12)."""

    kind: str
    control: str
    version: str
    accepted: bool
    findings: tuple[SyntaxFinding, ...] = ()
    problems: tuple[str, ...] = ()


class Acknowledgement999(WireModel):
    """The answer to one functional group: only failed sets are to be sent again (E80)."""

    group_control: str
    functional_id: str
    version: str
    verdict: str
    """AK901: A accepted, E accepted with errors, P partly, R rejected."""
    included: int = 0
    received: int = 0
    accepted: int = 0
    sets: tuple[SetAcknowledgement, ...] = ()

    @property
    def rejected(self) -> bool:
        """R or P: something must be corrected and sent again."""
        return self.verdict in ("R", "P")


class InterchangeAcknowledgement(WireModel):
    """TA1: the envelope itself. `code` A accepted, E with errors, R rejected; `note` 000 to 031."""

    control_number: str
    at: Moment
    code: str
    note: str = "000"


REJECT_REASONS: Final[dict[str, str]] = {
    "04": "quantity exceeded",
    "15": "required data missing",
    "33": "input errors",
    "35": "out of network",
    "41": "access restricted",
    "42": "unable to respond now",
    "43": "provider identification problem",
    "44": "provider name problem",
    "45": "provider specialty problem",
    "46": "provider telephone problem",
    "47": "provider state problem",
    "48": "provider reference problem",
    "49": "not the primary care provider",
    "50": "provider not eligible",
    "51": "provider not on file",
    "52": "dates outside the provider's enrolment",
    "56": "date not appropriate",
    "57": "service dates missing or wrong",
    "58": "birth date missing or wrong",
    "60": "birth date after the service",
    "61": "death before the service",
    "62": "date of service not allowed",
    "63": "date of service in the future",
    "64": "patient id missing or wrong",
    "65": "patient name missing or wrong",
    "66": "patient gender missing or wrong",
    "67": "patient not found",
    "71": "birth date does not match",
    "72": "member id missing or wrong",
    "73": "name missing or wrong",
    "74": "gender missing or wrong",
    "75": "subscriber not found",
    "76": "duplicate member id",
    "77": "subscriber found, patient not",
    "78": "subscriber not in the group",
    "79": "participant identification problem",
    "80": "no answer at the clearinghouse",
    "97": "provider address problem",
    "98": "experimental service",
    "AA": "authorization number not found",
    "AE": "primary care provider must authorize",
    "AF": "diagnosis missing or wrong",
    "AG": "procedure missing or wrong",
    "AO": "more information on the condition needed",
    "CI": "certification information does not match",
    "E8": "medical review needed",
    "IA": "authorization number wrong",
    "MA": "authorization number missing",
    "T4": "payer id missing",
    "T5": "certification information missing",
}
"""AAA03 in our own words (domain 4.5)."""

FOLLOW_UPS: Final[dict[str, str]] = {
    "C": "correct and send again",
    "N": "do not send again",
    "P": "send the original again",
    "R": "may be sent again",
    "S": "do not send again, an answer follows",
    "W": "wait 30 days, then send again",
    "X": "wait 10 days, then send again",
    "Y": "do not send again, an answer follows",
}
"""AAA04 in our own words (domain 4.5)."""

DECISION_REASONS: Final[dict[str, str]] = {
    "04": "quantity exceeded",
    "07": "administrative cancellation",
    "09": "out of network",
    "0B": "sent to an external reviewer",
    "0C": "access restricted",
    "0D": "primary care provider must authorize",
    "0F": "not medically necessary",
    "0G": "level of care not appropriate",
    "0H": "no certification required",
    "0J": "an external reviewer is responsible",
    "0L": "exceeds plan maximum",
    "0M": "not covered",
    "0N": "no prior approval",
    "0P": "requested information not received",
    "0Q": "duplicate request",
    "0R": "inconsistent with the diagnosis",
    "0T": "experimental",
    "0U": "more patient information required",
    "0V": "medical review required",
    "0W": "pending review",
    "0X": "inconsistent with the provider's type",
    "10": "units or days changed",
    "12": "restricted to another provider",
    "13": "authorized for another provider",
    "14": "plan guidelines not followed",
    "15": "geographic restriction",
    "16": "facility type not appropriate",
    "17": "time limits not met",
    "18": "notification received",
    "25": "not considered because of other errors",
    "26": "provider role missing",
    "27": "exchange grace period, first month",
    "28": "exchange grace period, second month",
    "29": "exchange grace period, third month",
}
"""HCR03 in our own words (domain 4.5)."""
