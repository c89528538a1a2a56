"""Notices of admission and discharge (005010X216): a receipt, or what the script says about one that comes late."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from definitions.admission_notification import AdmissionNotification
from definitions.review_codes import Action
from definitions.services_review import Answers, Rejection, ServicesReviewResponse
from local.payer.book import OPEN, Book, Review, digest_of
from local.payer.decision import DESK
from local.payer.envelope import NOTICE, Envelope
from local.payer.script import Say, Script, Step

TIMELY_DAYS: Final = 2
"""Domain 4.3: a notice within two days keeps its effect in the states that replace prior authorization by it."""
TIME_LIMIT: Final = "17"
CANCELLING: Final = "/cancelled"
"""A notice that takes another back carries its trace; the book keeps the two apart."""
UNTIMELY: Final = frozenset({Say.DENY, Say.REJECT})


def key_of(notice: AdmissionNotification) -> str:
    return f"{notice.trace}{CANCELLING}" if notice.cancels else notice.trace


def open_notice(
    book: Book, payer: str, notice: AdmissionNotification, script: Script, envelope: Envelope, now: datetime, *,
    posted: bool,
) -> tuple[Review, tuple[Step, ...]]:  # fmt: skip
    """A posted script is followed as it stands; a member's suffix only speaks about what is late. A notice is a
    document too: it brings what a case of this member waits for."""
    member = digest_of(notice.subscriber.member_id)
    for review in book.awaiting_documents(payer, member):
        book.documents_came(review, now)
    if notice.cancels:
        book.decided(payer, notice.trace, "cancelled", now)
    steps = script.steps if posted else _by_suffix(notice, script, now)
    review = Review(
        payer=payer, trace=key_of(notice), root=notice.trace, number="", reference=f"NR{book.next('notice'):06d}",
        member=member, certification=NOTICE, state=OPEN, opened_at=now, request=notice.model_dump_json(),
        envelope=envelope.text(), script=script,
    )  # fmt: skip
    return review, steps


def _by_suffix(notice: AdmissionNotification, script: Script, now: datetime) -> tuple[Step, ...]:
    happened = notice.discharge_date or notice.admission_date
    late = (now.date() - happened).days > TIMELY_DAYS
    said = next((s for s in script.steps if s.say in UNTIMELY), None) if late and not notice.cancels else None
    if said is None:
        return (Step(say=Say.RECEIPT),)
    return (said.model_copy(update={"reason": said.reason or TIME_LIMIT, "after_hours": 0.0}),)


def notice_answer(notice: AdmissionNotification, step: Step, reference: str, now: datetime) -> ServicesReviewResponse:
    """What a step does not know to say about a notice is its receipt."""
    who = notice.subscriber
    head = ServicesReviewResponse(
        answers=Answers.NOTIFICATION, submitter_id=notice.receiver_id, receiver_id=notice.submitter_id,
        reviewer=notice.reviewer, reviewer_contact=DESK, requester=notice.requester, member_id=who.member_id,
        member_family=who.family, member_given=who.given, trace=notice.trace, originator=notice.originator,
        reference=notice.reference or notice.trace, category="AR", service_type=notice.service_type,
        facility_type=notice.facility_type, location_qualifier=notice.location_qualifier, created_at=now,
    )  # fmt: skip
    return head.model_copy(update=SAYINGS.get(step.say, _receipt)(step, reference, now))


def _receipt(_step: Step, reference: str, _now: datetime) -> dict[str, Any]:
    return {"reference_number": reference}


def _denied(step: Step, reference: str, now: datetime) -> dict[str, Any]:
    return {
        "action": Action.NOT_CERTIFIED, "reason": step.reason or TIME_LIMIT, "issued_on": now.date(),
        "reference_number": reference,
    }  # fmt: skip


def _rejected(step: Step, _reference: str, _now: datetime) -> dict[str, Any]:
    said = Rejection(loop=step.loop, code=step.code, follow_up=step.follow_up)
    above = {} if step.loop == "2000E" else {"trace": None, "originator": None}
    return {"rejections": (said,), **above}


SAYINGS: Final[Mapping[Say, Callable[[Step, str, datetime], dict[str, Any]]]] = {
    Say.DENY: _denied,
    Say.REJECT: _rejected,
}
