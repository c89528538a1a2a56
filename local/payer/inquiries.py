"""Inquiries (005010X215): what stands in the book about a request, asked for by its trace, its number or its member.

Nothing is kept of the answer: asked again, the book may say something else."""

from datetime import datetime
from typing import Final

from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import Answers, Rejection, ServicesReviewRequest, ServicesReviewResponse
from interchange.x12.envelope import Control, read_interchanges
from interchange.x12.inbound import parse_inbound
from interchange.x12.review_inquiry import encode_inquiry_answer
from local.payer.book import OPEN, Book, Review, digest_of
from local.payer.decision import DESK, Telling, tell
from local.payer.envelope import NOTICE
from local.payer.script import Say, Script, Step

ABSENT: Final = Rejection(loop="2000E", code="AA", follow_up="C")
"""No such request: asking for it again makes no second case."""
UNDECIDED: Final = Step(say=Say.PEND, reason="0W")
REFUSED: Final = "refused"
RETOLD: Final = {"cancelled": Step(say=Say.CANCEL), OPEN: UNDECIDED}
"""States that are told anew; every other is told as it was."""


def inquiry_answer(
    book: Book, payer: str, inquiry: ReviewInquiry, script: Script, now: datetime, control: Control
) -> tuple[str, str]:  # fmt: skip
    """(X12, HCR01 or AAA). A script may reject the inquiry itself."""
    first = script.steps[0]
    if first.say is Say.REJECT:
        told = _rejecting(inquiry, Rejection(loop=first.loop, code=first.code, follow_up=first.follow_up), now)
    else:
        found = find(book, payer, inquiry)
        told = _rejecting(inquiry, ABSENT, now) if found is None else _told(book, found, inquiry, now)
    return encode_inquiry_answer(told, control), "AAA" if told.rejections else (told.action or "")


def find(book: Book, payer: str, inquiry: ReviewInquiry) -> Review | None:
    """Only a member's own requests: a trace of somebody else's is as unknown as one nobody has. A request that the
    gateway refused never became a case. A book of the first edition did not write down whose a request was."""
    member = digest_of(inquiry.subscriber.member_id)
    name = inquiry.previous_number or inquiry.reference_number
    if inquiry.about_trace:
        found = book.review(payer, inquiry.about_trace)
    elif name:
        found = book.named(payer, name)
    else:
        found = book.newest(payer, member)
    if found is None or found.member not in (member, "") or found.state == REFUSED or found.certification == NOTICE:
        return None
    return found


def _told(book: Book, review: Review, inquiry: ReviewInquiry, now: datetime) -> ServicesReviewResponse:
    own = {
        "answers": Answers.INQUIRY, "inquiry_trace": inquiry.trace, "reference": inquiry.reference or inquiry.trace,
        "created_at": now, "submitter_id": inquiry.receiver_id, "receiver_id": inquiry.submitter_id,
    }  # fmt: skip
    return _standing(book, review, now).model_copy(update=own)


def _standing(book: Book, review: Review, now: datetime) -> ServicesReviewResponse:
    step = RETOLD.get(review.state, UNDECIDED if review.standing is None else None)
    if step is not None or review.standing is None:
        request = ServicesReviewRequest.model_validate_json(review.request)
        return tell(Telling(request, step or UNDECIDED, review.number, review.reference, now))
    (interchange,) = read_interchanges(book.said(review.standing).body or "")
    return parse_inbound(interchange, interchange.groups[0].transactions[0])


def _rejecting(inquiry: ReviewInquiry, said: Rejection, now: datetime) -> ServicesReviewResponse:
    who = inquiry.subscriber
    event = said.loop == "2000E"
    return ServicesReviewResponse(
        answers=Answers.INQUIRY, submitter_id=inquiry.receiver_id, receiver_id=inquiry.submitter_id,
        reviewer=inquiry.reviewer, reviewer_contact=DESK, requester=inquiry.requester, member_id=who.member_id,
        member_family=who.family, member_given=who.given, inquiry_trace=inquiry.trace if event else None,
        originator=inquiry.originator if event else None, reference=inquiry.reference or inquiry.trace,
        rejections=(said,), created_at=now,
    )  # fmt: skip
