"""What requests, inquiries, notifications and their answers have in common: parties, people, services (domain 4.5)."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from definitions.base import Moment, WireModel

TraceNumber = Annotated[str, Field(min_length=1, max_length=50)]
"""TRN02: the correlation key, unique for ever."""

Originator = Annotated[str, Field(min_length=10, max_length=10)]
"""TRN03: ten characters, 1 or 9 and the tax id (domain 4.5)."""


class ReviewParty(WireModel):
    """The payer's reviewer or the requester. `role` (NM101) and `qualifier` (NM108) None: what is usual there, X3 and
    PI for the reviewer, FA and XX (an NPI) for the requester. `given` makes the party a person."""

    name: str
    id: str
    role: str | None = None
    qualifier: str | None = None
    given: str | None = None


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
    extension: str | None = None
    email: str | None = None


class ReviewReference(WireModel):
    """REF: a further number of a party, `qualifier` says whose (EI tax id, 1J facility id ...)."""

    qualifier: str
    number: str


class ReviewPerson(WireModel):
    """The subscriber as the payer knows them. Personal: never a workflow payload; says nothing when printed.
    `relationship` INS02, 18 when the subscriber is the patient."""

    family: str
    given: str
    member_id: str
    birth_date: date
    gender: str = "U"
    address: ReviewAddress | None = None
    references: tuple[ReviewReference, ...] = ()
    relationship: str | None = None

    def __repr__(self) -> str:
        return "ReviewPerson(***)"

    __str__ = __repr__


class ReviewDependent(WireModel):
    """The patient when that is not the subscriber (2000D). `relationship`: INS02, 01 spouse, 19 child ... A payer's
    answer may leave anything out. Says nothing when printed."""

    family: str | None = None
    given: str | None = None
    member_id: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    address: ReviewAddress | None = None
    references: tuple[ReviewReference, ...] = ()
    relationship: str | None = None

    def __repr__(self) -> str:
        return "ReviewDependent(***)"

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
    kind VS, quantity 3, period WK, every 1, span 34, span_count 1. `kind` empty: no amount is said."""

    kind: str = ""
    quantity: int = Field(default=0, ge=0)
    period: str | None = None
    every: int | None = None
    span: str | None = None
    span_count: int | None = None
    days: str | None = None
    time_of_day: str | None = None


class AdmissionCodes(WireModel):
    """CL1: type and source of admission, patient status, as on the institutional claim."""

    type: str = ""
    source: str | None = None
    patient_status: str | None = None


class ReviewAttachment(WireModel):
    """PWK: a document that goes by another road under this control number. A payer's answer may ask for one and
    leave the number out."""

    kind: str
    transmission: str = "EL"
    control_number: str = ""
    description: str | None = Field(default=None, repr=False)


class ReviewCondition(WireModel):
    """CRC: whether (`applies`) the patient meets the conditions named by `codes`, of kind `category`."""

    category: str
    applies: bool
    codes: tuple[str, ...] = Field(min_length=1, max_length=5)


class AttendingProvider(WireModel):
    """NM1 71. A clinician's professional identity; says nothing when printed."""

    family: str
    given: str
    npi: str
    taxonomy: str | None = None

    def __repr__(self) -> str:
        return "AttendingProvider(***)"

    __str__ = __repr__


class EventProvider(WireModel):
    """Who has a part in the event or the service: FA facility, SJ service provider, DK ordering, DN referring,
    AAJ admitting, 77 location, 71 attending. `given` None: an organisation. `specialty` PRV01 with `taxonomy` PRV03.
    Says nothing when printed."""

    role: str
    name: str | None = None
    given: str | None = None
    id: str | None = None
    qualifier: str = "XX"
    references: tuple[ReviewReference, ...] = ()
    address: ReviewAddress | None = None
    contact: ReviewContact | None = None
    specialty: str = "PE"
    taxonomy: str | None = None

    def __repr__(self) -> str:
        return f"EventProvider(role={self.role!r}, ***)"

    __str__ = __repr__


class OtherReviewer(WireModel):
    """2010EC: another organisation that reviewed the same event. `reasons`: its reason codes when it denied (REF ZZ),
    on `denied_on` (DTP 598)."""

    name: str
    role: str = "PR"
    reasons: tuple[str, ...] = Field(default=(), max_length=3)
    denied_on: date | None = None


class LineReview(WireModel):
    """UM of one line, when it differs from the event's. `category` IN, HS or SC."""

    category: str
    certification: str | None = None
    service_type: str | None = None
    facility_type: str | None = None
    location_qualifier: str | None = None
    level_of_service: str | None = None


class ServiceLine(WireModel):
    """One service asked for (2000F). `unit`: DA days or UN units of `quantity`, over `dates` (AUTH-01).
    `professional`: written as SV1, which has no revenue code; SV2 otherwise."""

    trace: TraceNumber | None = None
    dates: DateSpan
    revenue_code: str
    procedure_code: str
    unit: str
    quantity: int = Field(ge=0)
    professional: bool = False
    modifiers: tuple[str, ...] = Field(default=(), max_length=4)
    amount: Decimal | None = None
    review: LineReview | None = None
    previous_number: str | None = None
    reference_number: str | None = None
    diagnoses: tuple[ReviewDiagnosis, ...] = ()
    delivery: ServiceDelivery | None = None
    attachments: tuple[ReviewAttachment, ...] = ()
    message: str | None = Field(default=None, repr=False)
    providers: tuple[EventProvider, ...] = ()


class PriorLine(WireModel):
    """A line that was asked for before; `cancelled`: it was taken back."""

    line: ServiceLine
    cancelled: bool = False


class PriorReview(WireModel):
    """What a request updates, for channels that say the whole anew each time (domain 4.6, Claim Update): the trace of what
    was sent last, and every line of the case in the order of its asking."""

    trace: TraceNumber
    created_at: Moment
    lines: tuple[PriorLine, ...] = ()
