"""The 278 as values: what is asked of a payer and what it answers (domain 4.5, 005010X217)."""

from datetime import date
from enum import StrEnum

from definitions.base import Moment, WireModel


class Action(StrEnum):
    """HCR01 (domain 4.4). A denial is A3, never an AAA."""

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
    REVISED = "S"
    CANCEL = "3"


class ReviewParty(WireModel):
    """An organisation: payer's reviewer (X3, PI) or requester (FA, XX NPI)."""

    name: str
    id: str


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
    """`qualifier`: ABK principal, ABF other. Code without its dot."""

    qualifier: str
    code: str


class ServicesReviewRequest(WireModel):
    """One patient event with one service line: a level for a span."""

    submitter_id: str
    receiver_id: str
    reviewer: ReviewParty
    requester: ReviewParty
    requester_street: str
    requester_city: str
    requester_state: str
    requester_postal_code: str
    requester_telephone: str
    subscriber: ReviewPerson
    trace: str
    originator: str
    """TRN03: ten characters, 9 and the tax id (domain 4.5)."""
    category: str
    certification: Certification
    service_type: str
    facility_type: str
    location_qualifier: str
    urgent: bool
    previous_number: str | None = None
    admission_date: date | None = None
    from_date: date
    through_date: date
    diagnoses: tuple[ReviewDiagnosis, ...]
    unit: str
    units: int
    revenue_code: str
    procedure_code: str
    created_at: Moment


class Rejection(WireModel):
    """AAA: the request could not be processed; a data problem, not a decision. `loop` says where."""

    loop: str
    code: str
    follow_up: str


class LineDecision(WireModel):
    trace: str | None = None
    action: Action
    number: str | None = None
    reason: str | None = None
    from_date: date | None = None
    through_date: date | None = None
    units: int | None = None
    unit: str | None = None
    revenue_code: str | None = None
    procedure_code: str | None = None


class ServicesReviewResponse(WireModel):
    """One answer. `more_to_come`: BHT06 19, a further response follows."""

    submitter_id: str
    receiver_id: str
    reviewer: ReviewParty
    requester: ReviewParty
    member_id: str | None = None
    trace: str | None = None
    originator: str | None = None
    reference: str
    """BHT03, echoed from the request."""
    more_to_come: bool = False
    rejections: tuple[Rejection, ...] = ()
    category: str | None = None
    certification: str | None = None
    service_type: str | None = None
    action: Action | None = None
    number: str | None = None
    reason: str | None = None
    reference_number: str | None = None
    """REF NT: the payer's own tracking id."""
    previous_number: str | None = None
    from_date: date | None = None
    through_date: date | None = None
    issued_on: date | None = None
    units: int | None = None
    unit: str | None = None
    message: str | None = None
    lines: tuple[LineDecision, ...] = ()
    created_at: Moment


REJECT_REASONS: dict[str, str] = {
    "15": "required data missing",
    "33": "input errors",
    "41": "access restricted",
    "42": "unable to respond now",
    "43": "provider identification problem",
    "51": "provider not on file",
    "57": "service dates missing or wrong",
    "58": "birth date missing or wrong",
    "64": "patient id missing or wrong",
    "67": "patient not found",
    "71": "birth date does not match",
    "72": "member id missing or wrong",
    "73": "name missing or wrong",
    "75": "subscriber not found",
    "76": "duplicate member id",
    "79": "participant identification problem",
    "80": "no answer at the clearinghouse",
    "AF": "diagnosis missing or wrong",
    "AG": "procedure missing or wrong",
    "T4": "payer id missing",
}
"""AAA03 in our own words (domain 4.5)."""

DECISION_REASONS: dict[str, str] = {
    "04": "quantity exceeded",
    "09": "out of network",
    "0F": "not medically necessary",
    "0G": "level of care not appropriate",
    "0H": "no certification required",
    "0L": "exceeds plan maximum",
    "0M": "not covered",
    "0N": "no prior approval",
    "0P": "requested information not received",
    "0Q": "duplicate request",
    "0U": "more patient information required",
    "0V": "medical review required",
    "0W": "pending review",
    "10": "units or days changed",
    "17": "time limits not met",
}
"""HCR03 in our own words (domain 4.5)."""
