"""A case as its rules see it: questions, disputes and what is granted, by ids and codes (domain 4.4)."""

from datetime import date
from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.vocabulary import AuthorizationStatus, DisputeKind, DisputeStatus, RequestKind


class QuestionState(WireModel):
    """A request as it stands. `about`: the one it continues. `asks_people`: its silence is beyond what inquiries can
    settle. `inquire_at`, `retry_at`: when the payer is asked what it has, or its line is tried again.
    `notify_by`: until when a notice must have left (domain 4.1). `confirm_by`: when somebody asks whether a notice or
    a cancellation was taken, for which no law sets a clock."""

    id: UUID
    trace: str
    kind: RequestKind
    status: AuthorizationStatus
    requested_at: Moment
    from_date: date
    about: UUID | None = None
    sent_at: Moment | None = None
    decision_due_at: Moment | None = None
    wanted_by: Moment | None = None
    inquire_at: Moment | None = None
    retry_at: Moment | None = None
    notify_by: Moment | None = None
    confirm_by: Moment | None = None
    asks_people: bool = False


class DisputeState(WireModel):
    id: UUID
    kind: DisputeKind
    level: int
    status: DisputeStatus
    opened_at: Moment
    file_by: Moment | None = None
    scheduled_at: Moment | None = None
    on_its_way: bool = False
    """Asked to be filed; it counts as filed when it has left."""


class CaseState(WireModel):
    id: UUID
    payer: str
    level: str
    zone: str
    """The facility's."""
    status: AuthorizationStatus
    opened_at: Moment
    last_covered_day: date | None = None
    review_due_at: Moment | None = None
    moves_on: date | None = None
    """The date from which an approved move takes the person elsewhere; no day from then on is asked for here."""
    questions: tuple[QuestionState, ...] = ()
    disputes: tuple[DisputeState, ...] = ()
