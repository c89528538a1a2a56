"""What may leave for a payer, by which road, and when a silent payer is asked what became of it (E30, E82, AUTH-12)."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from definitions.payer import Channel, Payer
from definitions.vocabulary import AuthorizationStatus, ContentClass, RequestKind

INQUIRIES_MAX: Final = 4
"""Asked this often without an answer, a person calls."""

INQUIRE_FIRST: Final = timedelta(minutes=2)
"""After an ambiguous send; each further inquiry waits four times as long, up to the payer's own interval."""


class Road(StrEnum):
    """How a request leaves. `by_hand`: a person calls, uploads or faxes, and records it."""

    REVIEW = "review"
    """005010X217, request."""
    NOTICE = "notice"
    """005010X216, notice of admission or discharge."""
    BY_HAND = "by_hand"


APPEALS: Final = frozenset({RequestKind.APPEAL, RequestKind.RECONSIDERATION})
NOTICES: Final = frozenset({RequestKind.NOTIFICATION, RequestKind.DISCHARGE})
CONFIRMED: Final = NOTICES | {RequestKind.CANCEL}
"""Nothing is decided on these, and somebody must know all the same that they were taken."""
OPEN_QUESTIONS: Final = frozenset(
    {AuthorizationStatus.SUBMITTED, AuthorizationStatus.PENDED, AuthorizationStatus.INFORMATION_SENT}
)
"""The payer has it and owes an answer."""


ELECTRONIC: Final = frozenset({Channel.X12_REALTIME, Channel.PAS})
CALLED: Final = {Channel.X12_REALTIME: "x12", Channel.PAS: "pas"}
"""What the record calls a machine's way."""
CANNOT_SAY: Final = {Channel.PAS: NOTICES | {RequestKind.RETROSPECTIVE}}
"""Kinds a channel has no words for: PAS has no notices, and no place for a delay reason (UM10)."""


def channel_of(kind: RequestKind, payer: Payer) -> Channel:
    """How a request of this kind leaves by machine, and how it is asked about."""
    return Channel.X12_REALTIME if _has_no_words(kind, payer) else payer.channel


def endpoint_of(kind: RequestKind, payer: Payer) -> str | None:
    """Where it goes; None: no machine takes it."""
    return payer.x12_endpoint if _has_no_words(kind, payer) else payer.endpoint


def _has_no_words(kind: RequestKind, payer: Payer) -> bool:
    return kind in CANNOT_SAY.get(payer.channel, frozenset())


def road(kind: RequestKind, payer: Payer) -> Road:
    """External review goes to another house, appeals by fax where the payer takes them so."""
    if payer.channel not in ELECTRONIC or endpoint_of(kind, payer) is None or kind is RequestKind.EXTERNAL_REVIEW:
        return Road.BY_HAND
    if kind in APPEALS and not payer.electronic_appeals:
        return Road.BY_HAND
    return Road.NOTICE if kind in NOTICES else Road.REVIEW


def content_class(kind: RequestKind, attachments: bool) -> ContentClass:
    """What the gate is asked about (domain 3.5): documents announced in the message are a clinical attachment."""
    if attachments or kind is RequestKind.INFORMATION:
        return ContentClass.CLINICAL_ATTACHMENT
    return ContentClass.AUTHORIZATION_REQUEST


def inquire_at(
    payer: Payer, status: AuthorizationStatus, sent_at: datetime | None, decision_due_at: datetime | None,
    inquiries: int, inquired_at: datetime | None,
) -> datetime | None:  # fmt: skip
    """When the payer is asked next what became of a request; None: not asked, or not any more. A send whose outcome
    nobody knows is asked about soon; one that the payer has is asked about when its decision is late (E30)."""
    if not payer.inquiry or payer.channel not in ELECTRONIC or inquiries >= INQUIRIES_MAX:
        return None
    interval = timedelta(hours=payer.decision.inquire_after_hours)
    if status is AuthorizationStatus.TIMED_OUT and sent_at is not None:
        longer: int = 4**inquiries
        return max(inquired_at or sent_at, sent_at) + min(INQUIRE_FIRST * longer, interval)
    if status in OPEN_QUESTIONS and decision_due_at is not None:
        return decision_due_at if inquired_at is None else max(decision_due_at, inquired_at + interval)
    return None


def confirm_by(payer: Payer, kind: RequestKind, sent_at: datetime | None) -> datetime | None:
    """When somebody asks whether the payer took a notice or a cancellation that it has not confirmed."""
    if kind not in CONFIRMED or sent_at is None:
        return None
    return sent_at.astimezone(UTC) + timedelta(hours=payer.decision.inquire_after_hours)


def must_call(payer: Payer, status: AuthorizationStatus, inquiries: int) -> bool:
    """A send nobody knows the outcome of, and no electronic way left to learn it: a person calls."""
    return status is AuthorizationStatus.TIMED_OUT and (not payer.inquiry or inquiries >= INQUIRIES_MAX)
