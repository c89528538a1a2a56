"""The 278 as values: what is asked of a payer and what it answers (domain 4.5, 005010X217).

The parts both are made of stand in `review_parts` and are named here again, so that one import serves."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from definitions.base import Moment, WireModel
from definitions.review_codes import Action, Certification, LevelOfService
from definitions.review_parts import (
    AdmissionCodes,
    AttendingProvider,
    DateSpan,
    EventProvider,
    LineReview,
    Originator,
    OtherReviewer,
    PriorLine,
    PriorReview,
    ReviewAddress,
    ReviewAttachment,
    ReviewCondition,
    ReviewContact,
    ReviewDependent,
    ReviewDiagnosis,
    ReviewParty,
    ReviewPerson,
    ReviewReference,
    ServiceDelivery,
    ServiceLine,
    TraceNumber,
)

__all__ = [
    "AdmissionCodes",
    "Answers",
    "AttendingProvider",
    "DateSpan",
    "EventProvider",
    "LineDecision",
    "LineReview",
    "Originator",
    "OtherReviewer",
    "PriorLine",
    "PriorReview",
    "Rejection",
    "ReviewAddress",
    "ReviewAttachment",
    "ReviewCondition",
    "ReviewContact",
    "ReviewDependent",
    "ReviewDiagnosis",
    "ReviewParty",
    "ReviewPerson",
    "ReviewReference",
    "ServiceDelivery",
    "ServiceLine",
    "ServicesReviewRequest",
    "ServicesReviewResponse",
    "TraceNumber",
]


class ServicesReviewRequest(WireModel):
    """One patient event with its service lines. `admission_date` for bed-based care, `event_dates` otherwise.
    `reference` is BHT03, the trace when None. `message` stays empty: minimum necessary (domain 4.5, MSG).
    `attending` is the person in role 71; who has further particulars, and every other role, stands in `providers`."""

    submitter_id: str
    receiver_id: str
    reviewer: ReviewParty
    requester: ReviewParty
    requester_tax_id: str | None = None
    requester_references: tuple[ReviewReference, ...] = ()
    requester_address: ReviewAddress | None = None
    requester_contact: ReviewContact | None = None
    requester_taxonomy: str | None = None
    subscriber: ReviewPerson
    dependent: ReviewDependent | None = None
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
    reference_number: str | None = None
    """REF NT: the payer's own tracking id of an earlier review."""
    admission_date: date | None = None
    discharge_date: date | None = None
    event_dates: DateSpan | None = None
    diagnoses: tuple[ReviewDiagnosis, ...] = ()
    delivery: ServiceDelivery = ServiceDelivery()
    conditions: tuple[ReviewCondition, ...] = ()
    admission_codes: AdmissionCodes | None = None
    attachments: tuple[ReviewAttachment, ...] = ()
    attending: AttendingProvider | None = None
    providers: tuple[EventProvider, ...] = ()
    other_reviewers: tuple[OtherReviewer, ...] = ()
    message: str | None = Field(default=None, repr=False)
    lines: tuple[ServiceLine, ...] = ()
    continues: PriorReview | None = None
    """Said by channels that resend the whole; a 278 names what it continues by numbers."""
    reference: str | None = None
    created_at: Moment


class Answers(StrEnum):
    """What a response is about: by it the reader knows which guide it came under."""

    REQUEST = "request"
    """005010X217."""
    INQUIRY = "inquiry"
    """005010X215."""
    NOTIFICATION = "notification"
    """005010X216."""


class Rejection(WireModel):
    """AAA: the request could not be processed; a data problem, not a decision. `loop` says where, and
    `occurrence` which of several loops of that name (the second service line is 2000F, 2);
    `understood` is AAA01: the message was valid, and still not acceptable."""

    loop: str
    code: str
    follow_up: str
    understood: bool = False
    occurrence: int = 1


class LineDecision(WireModel):
    """What became of one service line. `action` None: the payer decided nothing about it, only rejected it (AAA).
    `from_date` to `through_date` are the service's dates (DTP 472), `certified` those of the certificate (007).
    `wanted`: LOINC codes of documents the payer asks for."""

    trace: str | None = None
    action: Action | None = None
    number: str | None = None
    reason: str | None = None
    second_opinion: bool | None = None
    review: LineReview | None = None
    reference_number: str | None = None
    previous_number: str | None = None
    from_date: date | None = None
    through_date: date | None = None
    issued_on: date | None = None
    certified: DateSpan | None = None
    expires_on: date | None = None
    units: int | None = None
    unit: str | None = None
    delivery: ServiceDelivery | None = None
    """HSD when it says more than `units` of `unit`."""
    professional: bool = False
    revenue_code: str | None = None
    procedure_code: str | None = None
    modifiers: tuple[str, ...] = ()
    attachments: tuple[ReviewAttachment, ...] = ()
    wanted: tuple[str, ...] = ()
    message: str | None = Field(default=None, repr=False)
    further_messages: tuple[str, ...] = Field(default=(), repr=False)
    providers: tuple[EventProvider, ...] = ()


class ServicesReviewResponse(WireModel):
    """One answer. `more_to_come`: BHT06 19, a further response follows. Free text and names of the
    subscriber are left out when it is printed.

    `trace` is always the trace of the request (or notification) that the answer is about; the answer to an inquiry
    names its question by `inquiry_trace` and may leave `trace` out."""

    answers: Answers = Answers.REQUEST
    submitter_id: str
    receiver_id: str
    reviewer: ReviewParty
    reviewer_contact: ReviewContact | None = None
    requester: ReviewParty
    member_id: str | None = Field(default=None, repr=False)
    member_family: str | None = Field(default=None, repr=False)
    member_given: str | None = Field(default=None, repr=False)
    member_birth_date: date | None = Field(default=None, repr=False)
    member_gender: str | None = Field(default=None, repr=False)
    member_address: ReviewAddress | None = Field(default=None, repr=False)
    dependent: ReviewDependent | None = None
    trace: str | None = None
    inquiry_trace: str | None = None
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
    second_opinion: bool | None = None
    """HCR04: the payer wants a second surgical opinion."""
    reference_number: str | None = None
    """REF NT: the payer's own tracking id; of a notification, its receipt number."""
    previous_number: str | None = None
    admission_date: date | None = None
    discharge_date: date | None = None
    event_dates: DateSpan | None = None
    from_date: date | None = None
    through_date: date | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    diagnoses: tuple[ReviewDiagnosis, ...] = ()
    wanted: tuple[str, ...] = ()
    """HI LOI: LOINC codes of documents the payer asks for."""
    wanted_by: Moment | None = None
    """Until when; a 278 says it in words only, which no machine reads."""
    units: int | None = None
    unit: str | None = None
    delivery: ServiceDelivery | None = None
    """HSD when it says more than `units` of `unit`."""
    admission_codes: AdmissionCodes | None = None
    attachments: tuple[ReviewAttachment, ...] = ()
    message: str | None = Field(default=None, repr=False)
    further_messages: tuple[str, ...] = Field(default=(), repr=False)
    providers: tuple[EventProvider, ...] = ()
    information_contact: EventProvider | None = None
    """2010EB: where what the payer wants is to be sent."""
    lines: tuple[LineDecision, ...] = ()
    created_at: Moment
