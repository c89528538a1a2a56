"""Which parser reads what: callers need not know the guides (domain 4.5)."""

from collections.abc import Callable
from typing import Final

from definitions.services_review import ServicesReviewResponse
from interchange.x12 import admission_notification, review_inquiry, review_response
from interchange.x12.conformance import read_version
from interchange.x12.envelope import Interchange, Transaction
from interchange.x12.segments import X12Problem

__all__ = ["ANSWERS", "parse_inbound", "read_version"]

Answering = Callable[[Interchange, Transaction], ServicesReviewResponse]
ANSWERS: Final[dict[str, Answering]] = {
    review_response.VERSION: review_response.parse_answer,
    review_inquiry.VERSION: review_inquiry.parse_inquiry_answer,
    admission_notification.VERSION: admission_notification.parse_notification_answer,
}
"""By the guide's name: who reads an answer that came under it."""


def parse_inbound(interchange: Interchange, transaction: Transaction) -> ServicesReviewResponse:
    """What a payer answers, to a request, an inquiry or a notification; `answers` says to which."""
    parse = ANSWERS.get(read_version(transaction)) if transaction.kind == "278" else None
    if parse is None:
        raise X12Problem("this is no answer that this house reads (278 of version X217, X215 or X216)")
    return parse(interchange, transaction)
