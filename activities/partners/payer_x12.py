"""X12 over HTTP: 278 of three guides out, 278s, 999s and TA1s back; at once, or in files that come later."""

from datetime import datetime
from typing import Final

from activities.partners.channel import Body, Nothing, Part, Receipt, Told
from activities.partners.line import Delivery, PayerLine
from definitions.admission_notification import AdmissionNotification
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import ServicesReviewRequest
from interchange.x12 import admission_notification, review_inquiry, review_request
from interchange.x12.acknowledgement import rejected_by
from interchange.x12.arrival import arrival_of
from interchange.x12.envelope import Control, read_interchanges
from interchange.x12.inbound import parse_inbound
from interchange.x12.pieces import pieces_of
from interchange.x12.segments import X12Problem
from rules.disclosure import Released


class X12Channel:
    kind: Final = "278"
    source: Final = "x12"
    reads_request: Final = False

    def version(self, *, inquiry: bool = False, notice: bool = False) -> str:
        if notice:
            return admission_notification.VERSION
        return review_inquiry.VERSION if inquiry else review_request.VERSION

    def review(self, released: Released[ServicesReviewRequest], control: Control) -> str:
        return review_request.encode(released, control)

    def inquiry(self, released: Released[ReviewInquiry], control: Control) -> str:
        return review_inquiry.encode_inquiry(released, control)

    def notice(self, released: Released[AdmissionNotification], control: Control) -> str:
        return admission_notification.encode_notification(released, control)

    async def deliver(
        self, line: PayerLine, endpoint: str, text: str, now: datetime, *, inquiry: bool = False
    ) -> Delivery:
        return await line.deliver(endpoint, text, now)

    def take_apart(self, body: str) -> Body:
        try:
            file = pieces_of(body)
        except X12Problem:
            return Body(rest=body)
        parts = tuple(Part(piece.text, arrival_of(piece)) for piece in file.pieces)
        rest = body if not parts else (body[file.problem.at :] if file.problem else "")
        return Body(parts, rest)

    def read(self, text: str, sent: str | None) -> Receipt | Nothing | Told:
        interchange = read_interchanges(text)[0]
        rejected = rejected_by(interchange)
        if rejected is not None:
            return Receipt(rejected)
        answer = parse_inbound(interchange, interchange.groups[0].transactions[0])
        return Told(answer)
