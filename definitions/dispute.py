"""Commands about an adverse answer: calls, appeals, options, documents, agreements (domain 4.1, AUTH-07, AUTH-12)."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from definitions.authorization import CaseCommand
from definitions.base import Moment, Money, WireModel
from definitions.vocabulary import ContentClass, DisputeKind, RequestKind


class PeerToPeerOutcome(StrEnum):
    """What a peer-to-peer came to. `clinician_absent`: it did not take place and may be set anew (E46)."""

    SCHEDULED = "scheduled"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    CLINICIAN_ABSENT = "clinician_absent"
    WITHDRAWN = "withdrawn"


class GapOption(StrEnum):
    """What may be done about a lower level or fewer days (AUTH-07)."""

    ACCEPT_AND_TRANSFER = "accept_and_transfer"
    ACCEPT_GAP = "accept_gap"
    APPEAL_AND_STAY = "appeal_and_stay"
    PEER_TO_PEER = "peer_to_peer"


class Representative(StrEnum):
    """Who appeals for the patient: a treating clinician when it is urgent, else by a signed form (AUTH-14)."""

    CLINICIAN = "clinician"
    FORM = "form"


class Attachment(WireModel):
    """A document that goes by its own road: PWK01, PWK02 and its control number (domain 4.5). `content`: its class, by
    which the gate judges it (E23)."""

    kind: str
    transmission: str = "EL"
    control_number: str
    content: ContentClass = ContentClass.CLINICAL_ATTACHMENT


class RecordPeerToPeer(CaseCommand):
    """`at`: when it is, or was. The granted fields only when it overturned the denial."""

    request_id: UUID | None = None
    outcome: PeerToPeerOutcome
    at: Moment | None = None
    level: str | None = None
    units: int | None = None
    from_date: date | None = None
    through_date: date | None = None
    number: str | None = None
    criteria: str | None = None
    reviewer_credentials: str | None = None
    call_reference: str | None = None
    evidence_id: UUID | None = None


class FileAppeal(CaseCommand):
    """File the next appeal that is open: `kind` reconsideration, appeal (its level follows) or external review.
    `by_hand` None: as the payer takes it."""

    request_id: UUID | None = None
    kind: DisputeKind = DisputeKind.APPEAL
    expedited: bool = False
    by_hand: bool | None = None
    representative: Representative = Representative.CLINICIAN
    attachments: tuple[Attachment, ...] = ()
    call_reference: str | None = None
    evidence_id: UUID | None = None


class ChooseOption(CaseCommand):
    """The answer to a lower level or fewer days than asked (AUTH-07)."""

    request_id: UUID | None = None
    option: GapOption
    expedited: bool = True


class SubmitInformation(CaseCommand):
    """Documents a pended request waits for: `by_hand` when they went by fax or portal (AUTH-12)."""

    request_id: UUID | None = None
    attachments: tuple[Attachment, ...]
    by_hand: bool = False
    call_reference: str | None = None


class CancelReview(CaseCommand):
    """Take back a question that the payer has not decided (UM02 3)."""

    request_id: UUID | None = None
    reason: str


class RecordAgreement(CaseCommand):
    """A single-case agreement (E43). `signed_at` None: proposed only."""

    level: str
    amount: Money
    from_date: date
    through_date: date
    number: str | None = None
    signed_at: Moment | None = None


class AssignCase(CaseCommand):
    """Who works on the case; None: nobody in particular."""

    owner: str | None = None


REQUEST_KIND: dict[DisputeKind, RequestKind] = {
    DisputeKind.RECONSIDERATION: RequestKind.RECONSIDERATION,
    DisputeKind.APPEAL: RequestKind.APPEAL,
    DisputeKind.EXTERNAL_REVIEW: RequestKind.EXTERNAL_REVIEW,
}
"""What is sent for a dispute; a peer-to-peer is a call and sends nothing."""
