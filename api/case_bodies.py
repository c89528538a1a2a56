"""Bodies of what reviewers do about a case: strict, closed, dates and money sane (domain 4.1, 4.4, AUTH-12)."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from api.bodies import Body, Count, Short, Text, Version
from definitions.dispute import GapOption, PeerToPeerOutcome, Representative

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
SPAN_MAX: Final = timedelta(days=731)


def _money(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError('money is a decimal in quotes, such as "655.00"')
    return value


ServiceDay = Annotated[date, Field(ge=EARLIEST, le=LATEST)]
Amount = Annotated[Decimal, BeforeValidator(_money), Field(gt=0, max_digits=9, decimal_places=2, allow_inf_nan=False)]
Reference = Annotated[str, Field(min_length=1, max_length=60)]
"""What a payer calls a call, a letter or a fax; no place for names or for what was said."""
Code = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,4}$")]


class CaseBody(Body):
    """`version`: of the case that was seen; without it the act is done on the case as it is."""

    version: Version | None = None


def spans(first: date | None, last: date | None) -> None:
    """Raises ValueError for dates the wrong way round or years apart."""
    if first is None or last is None:
        return
    if last < first:
        raise ValueError("through_date must not lie before from_date")
    if last - first > SPAN_MAX:
        raise ValueError(f"from_date and through_date lie more than {SPAN_MAX.days} days apart")


class ReviewBody(CaseBody):
    """`urgent` left out: as the level's care is. `delay_reason`: UM10 of what comes late."""

    kind: Literal["concurrent", "expedited", "retrospective"] = "concurrent"
    units: Count
    from_date: ServiceDay
    through_date: ServiceDay
    urgent: bool | None = None
    delay_reason: Annotated[str, Field(pattern=r"^\d{1,2}$")] | None = None

    @model_validator(mode="after")
    def _dates(self) -> Self:
        spans(self.from_date, self.through_date)
        return self


class GrantedBody(CaseBody):
    """What a payer granted, as a person heard it (AUTH-12). `rationale` is sealed; only its id goes on."""

    request_id: UUID | None = None
    number: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    level: Short | None = None
    units: Count | None = None
    from_date: ServiceDay | None = None
    through_date: ServiceDay | None = None
    criteria: Short | None = None
    reviewer_credentials: Short | None = None
    rationale: Text | None = None

    @model_validator(mode="after")
    def _dates(self) -> Self:
        spans(self.from_date, self.through_date)
        return self

    @property
    def grants(self) -> bool:
        return any(v is not None for v in (self.level, self.units, self.from_date, self.through_date))


class CaseDecisionBody(GrantedBody):
    """A decision that came by telephone, portal or fax; `call_reference` is its evidence."""

    action: Literal["A1", "A2", "A3", "A4", "A6", "C", "CT", "NA"]
    reason: Code | None = None
    decided_at: AwareDatetime | None = None
    call_reference: Reference


class PeerToPeerBody(GrantedBody):
    outcome: PeerToPeerOutcome
    at: AwareDatetime | None = None
    call_reference: Reference | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.outcome is PeerToPeerOutcome.SCHEDULED and self.at is None:
            raise ValueError("a scheduled peer-to-peer names its hour: at")
        if self.grants and self.outcome is not PeerToPeerOutcome.OVERTURNED:
            raise ValueError("level, units and dates go with the outcome overturned only")
        if self.outcome in HEARD and self.call_reference is None:
            raise ValueError("what came of the call needs its evidence: call_reference (AUTH-12)")
        return self


HEARD: Final = (PeerToPeerOutcome.UPHELD, PeerToPeerOutcome.OVERTURNED)
"""Outcomes that a payer's physician said."""


class AttachmentBody(Body):
    """PWK01, PWK02 and the control number on the document's cover (domain 4.5). `content`: the class of the document;
    counselling notes leave by a consent of their own only (E23)."""

    kind: Annotated[str, Field(pattern=r"^[A-Z0-9]{2}$")]
    transmission: Literal["AA", "BM", "EL", "EM", "FT", "FX", "VO"] = "EL"
    control_number: Annotated[str, Field(pattern=r"^[A-Za-z0-9\-]{2,50}$")]
    content: Literal["clinical_attachment", "counselling_notes"] = "clinical_attachment"


Attachments = Annotated[list[AttachmentBody], Field(max_length=10)]


class AppealBody(CaseBody):
    """`by_hand` left out: as the payer takes appeals. `rationale`: the letter, sealed."""

    request_id: UUID | None = None
    kind: Literal["appeal", "reconsideration", "external_review"] = "appeal"
    expedited: bool = False
    by_hand: bool | None = None
    representative: Representative = Representative.CLINICIAN
    attachments: Attachments = []
    call_reference: Reference | None = None
    rationale: Text | None = None


class OptionBody(CaseBody):
    request_id: UUID | None = None
    option: GapOption
    expedited: bool = True


class InformationBody(CaseBody):
    request_id: UUID | None = None
    attachments: Annotated[list[AttachmentBody], Field(min_length=1, max_length=10)]
    by_hand: bool = False
    call_reference: Reference | None = None


class CancellationBody(CaseBody):
    """`reason` is free text and sealed like a rationale."""

    request_id: UUID | None = None
    reason: Text


class AgreementBody(CaseBody):
    """`signed_at` left out: proposed only, and no day is priced by it (E43)."""

    level: Short
    amount: Amount
    from_date: ServiceDay
    through_date: ServiceDay
    number: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    signed_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _dates(self) -> Self:
        spans(self.from_date, self.through_date)
        return self


class OwnerBody(CaseBody):
    """Who works on the case, by user name; null: nobody in particular."""

    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@\-]{1,80}$")] | None
