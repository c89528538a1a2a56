"""Messages of the authorization workflow: one payer, one stay (architecture 2, domain 4.4)."""

from datetime import date
from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.deadline import Deadline
from definitions.episode import Drive
from definitions.errors import Refusal
from definitions.vocabulary import AuthorizationStatus, RequestKind, Role


class AuthorizationRecord(WireModel):
    """The case as its rows say. `ready_request_id`: a request that waits to be sent."""

    authorization_id: UUID
    episode_id: UUID
    version: int
    payer: str
    level: str
    status: AuthorizationStatus
    ready_request_id: UUID | None = None
    last_covered_day: date | None = None
    deadlines: tuple[Deadline, ...] = ()
    finished: bool = False
    """End-dated, cancelled or closed with its episode: the workflow may end."""


class AuthorizationCarry(WireModel):
    record: AuthorizationRecord
    runs: int = 1


class AuthorizationStart(WireModel):
    authorization_id: UUID
    drive: Drive = Drive.WALL
    at: Moment | None = None
    """Business time of the start; the driven drive has no other until a message comes."""
    carry: AuthorizationCarry | None = None


class CaseCommand(WireModel):
    """A reviewer's act on a case."""

    key: str
    actor: str
    role: Role
    now: Moment
    authorization_id: UUID
    expected_version: int | None = None


class RequestReview(CaseCommand):
    """Ask for more: concurrent review with the units wanted. `urgent` None: as the level's care is (bed-based care
    is urgent). `delay_reason`: UM10 of a request that comes late (domain 4.5)."""

    kind: RequestKind = RequestKind.CONCURRENT
    units: int
    from_date: date
    through_date: date
    urgent: bool | None = None
    delay_reason: str | None = None


class RecordDecision(CaseCommand):
    """A decision that came by telephone, portal or fax (AUTH-12). `request_id` None: the newest question.
    `decided_at`: when the payer decided; `evidence_id`: the sealed words of the call or letter."""

    request_id: UUID | None = None
    decided_at: Moment | None = None
    criteria: str | None = None
    reviewer_credentials: str | None = None
    evidence_id: UUID | None = None
    action: str
    reason: str | None = None
    number: str | None = None
    level: str | None = None
    units: int | None = None
    from_date: date | None = None
    through_date: date | None = None
    call_reference: str | None = None


class CaseChanged(WireModel):
    """Signal: rows of this case changed elsewhere (transition end-dated it, consent signed or revoked)."""

    key: str
    authorization_id: UUID
    at: Moment


class AnswerArrived(WireModel):
    """Signal: an inbound message for this case was stored by the API; ids only."""

    key: str
    authorization_id: UUID
    message_id: UUID
    at: Moment


class ReadCase(WireModel):
    authorization_id: UUID


class SendRequest(WireModel):
    """Send one ready request: gate, intent row, bytes, outcome, answer. Safe to repeat."""

    key: str
    authorization_id: UUID
    request_id: UUID
    now: Moment


class TakeAnswer(WireModel):
    key: str
    authorization_id: UUID
    message_id: UUID
    now: Moment


class FireCaseDeadlines(WireModel):
    key: str
    authorization_id: UUID
    now: Moment
    keys: tuple[str, ...]


class CaseOutcome(WireModel):
    record: AuthorizationRecord | None = None
    refusal: Refusal | None = None
    subject_id: UUID | None = None


class CaseView(WireModel):
    authorization_id: UUID
    status: AuthorizationStatus | None = None
    version: int = 0
    next_deadlines: tuple[Deadline, ...] = ()
