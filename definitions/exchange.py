"""What goes between us and payers' systems, as facts without content (D11, D15): circuits, arrivals, commands."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from definitions.authorization import CaseCommand
from definitions.base import Moment, WireModel
from definitions.vocabulary import AuthorizationStatus, LineState


class Attempt(StrEnum):
    """What one call to a payer showed. `answered`: an answer of any kind came, a refusal too."""

    ANSWERED = "answered"
    AMBIGUOUS = "ambiguous"
    UNREACHABLE = "unreachable"


class Circuit(WireModel):
    """`failures` in a row. `retry_at`: open: the next try; draining: when the drain counts as stalled."""

    state: LineState = LineState.CLOSED
    failures: int = 0
    opened_at: Moment | None = None
    retry_at: Moment | None = None


class HandChannel(StrEnum):
    """How a person sends what no machine takes (AUTH-12)."""

    TELEPHONE = "telephone"
    PORTAL = "portal"
    FAX = "fax"


class ReceiptOutcome(StrEnum):
    """What the payer says on the telephone about a send whose outcome nobody knew."""

    RECEIVED = "received"
    NOT_RECEIVED = "not_received"


class RecordSending(CaseCommand):
    """A request went by a person's hand. `sent_at`: when the call or upload was."""

    request_id: UUID
    channel: HandChannel
    call_reference: str
    sent_at: Moment


class RecordReceipt(CaseCommand):
    """The payer was called about an unanswered send; `not_received` is the only way to send the same bytes again
    without an electronic inquiry."""

    request_id: UUID
    outcome: ReceiptOutcome
    call_reference: str


class ArrivalKind(StrEnum):
    """What one piece of a partner's file is. `other`: a transaction this house has no use for."""

    ANSWER = "278"
    SYNTAX = "999"
    ENVELOPE = "TA1"
    PAS = "pas"
    """A PAS response bundle, or what stands in its place."""
    OTHER = "other"


class Arrival(WireModel):
    """One piece of a file, as far as it could be read, without names. `about_control`: the control number of ours that
    a 999 or TA1 is about. `first` and `last`: the span an answer speaks of."""

    kind: ArrivalKind
    fingerprint: str
    interchange_control: str = ""
    set_control: str = ""
    """Group and set as `GS06/ST02`; empty for a TA1."""
    version: str = ""
    receiver: str = ""
    usage: str = ""
    whole: bool = True
    """No fault in the set, its group or its elements: what a 999 accepts."""
    understood: bool = True
    """Its version is one we read."""
    trace: str | None = None
    member_id: str | None = Field(default=None, repr=False)
    number: str | None = None
    """HCR02, the number it grants under."""
    previous_number: str | None = None
    """REF BB, the number it continues."""
    reference: str | None = None
    procedure_code: str | None = None
    first: date | None = None
    last: date | None = None
    stated_at: Moment | None = None
    about_control: str | None = None
    rejected: bool = False


class Candidate(WireModel):
    """A request that an arrival may be about."""

    request_id: UUID
    authorization_id: UUID
    episode_id: UUID
    person_id: UUID
    payer: str
    status: AuthorizationStatus
    level: str
    from_date: date
    through_date: date
    sent: bool
    number: str | None = None
    reference: str | None = None


class Found(WireModel):
    """What the records hold about an arrival: by its trace, by our control number, by the member it names."""

    by_trace: Candidate | None = None
    by_control: Candidate | None = None
    by_member: tuple[Candidate, ...] = ()
    member_known: bool = False
    number_reused: bool = False
    """The partner used this interchange and set number before, for other content."""


class MatchedBy(StrEnum):
    TRACE = "trace"
    CONTROL = "control_number"
    MEMBER = "member_and_dates"
    PERSON = "person"
    """A reviewer said so."""
