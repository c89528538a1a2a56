"""Answers become X12 here: encoded once, when they leave, under the next control number of their payer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from definitions.acknowledgement import SyntaxFinding
from definitions.admission_notification import AdmissionNotification
from definitions.services_review import ServicesReviewRequest
from interchange.fhir.pas.outcome import encode_outcome
from interchange.fhir.pas.response_bundle import encode_response
from interchange.x12.acknowledgement import Acknowledged, encode_999
from interchange.x12.admission_notification import encode_notification_answer
from interchange.x12.envelope import Control
from interchange.x12.review_response import encode_answer
from local.payer.book import Book, Review, Said
from local.payer.decision import Telling, tell
from local.payer.envelope import NOTICE, Envelope
from local.payer.guide import guide
from local.payer.notices import notice_answer
from local.payer.script import Say, Step

PAS: Final = "pas"
AAA, NONE_YET, RECEIPT = "AAA", "", "ACK"
PLACE: Final = SyntaxFinding(tag="BHT", position=2, code="8")
"""Where a 999 points to when the values and not the syntax are what is wrong."""
TRIAL_NUMBER: Final = 1


class Pen:
    def __init__(self, book: Book) -> None:
        self._book = book

    def write(self, said: Said, review: Review, at: datetime) -> Said:
        """The answer with its body; one that has a body keeps it, so that a repeated delivery is the same bytes."""
        if said.body is not None:
            return said
        with self._book.transaction():
            step = said.step
            if step.say in (Say.AGAIN, Say.ANEW):
                first = self._book.first_said(review.payer, review.trace)
                if first is None or first.id == said.id:
                    step = Step(say=Say.APPROVE)
                elif step.say is Say.ANEW:
                    step = first.step
                else:
                    first = self.write(first, review, at)
                    number = self._book.rows("SELECT control_number FROM said WHERE id = ?", first.id)[0][0]
                    self._book.written(said.id, first.body or "", number or "", first.action or "")
                    return self._book.said(said.id)
            control = self._control(review.payer, Envelope.read(review.envelope), at)
            body, action = render(review, step, control)
            self._book.written(said.id, body, f"{control.number:09d}", action)
            return self._book.said(said.id)

    def acknowledge(
        self, payer: str, envelope: Envelope, sets: Sequence[Acknowledged], at: datetime, trace: str | None = None
    ) -> Said:
        """A 999 for one group, said in the call."""
        with self._book.transaction():
            control = self._control(payer, envelope, at)
            body = encode_999(envelope.group, envelope.functional_id, envelope.version, sets, control)
            good = all(one.accepted for one in sets) and bool(sets)
            return self.plain(payer, body, control, "999" if not good else NONE_YET, "999", at, trace)

    def plain(
        self, payer: str, body: str, control: Control, action: str, kind: str, at: datetime, trace: str | None = None
    ) -> Said:
        """An answer that is finished already."""
        said = self._book.say(payer, trace, Step(say=Say.REFUSE), kind=kind, road="call", made_at=at)
        self._book.written(said.id, body, f"{control.number:09d}", action)
        return self._book.said(said.id)

    def control(self, payer: str, sender: str, receiver: str, at: datetime) -> Control:
        return Control(sender=sender, receiver=receiver, number=self._book.next_control_number(payer), at=at)

    def _control(self, payer: str, envelope: Envelope, at: datetime) -> Control:
        return self.control(payer, envelope.receiver, envelope.sender, at)


def render(review: Review, step: Step, control: Control) -> tuple[str, str]:
    """(X12, what it decides as HCR01, AAA or 999)."""
    envelope = Envelope.read(review.envelope)
    if envelope.channel == PAS:
        return render_bundle(review, step, control, envelope)
    if step.say is Say.REFUSE:
        one = Acknowledged(envelope.transaction, envelope.version, False, envelope.kind, (PLACE,))
        return encode_999(envelope.group, envelope.functional_id, envelope.version, [one], control), "999"
    if review.certification == NOTICE:
        notice = AdmissionNotification.model_validate_json(review.request)
        receipt = notice_answer(notice, step, review.reference, control.at)
        action = AAA if receipt.rejections else (receipt.action or RECEIPT)
        return encode_notification_answer(receipt, control), action
    request = ServicesReviewRequest.model_validate_json(review.request)
    answer = tell(Telling(request, step, review.number, review.reference, control.at))
    return encode_answer(answer, control), AAA if answer.rejections else (answer.action or NONE_YET)


def render_bundle(review: Review, step: Step, control: Control, envelope: Envelope) -> tuple[str, str]:
    """The same as a PAS response bundle; a gateway that refuses says so in an OperationOutcome."""
    if step.say is Say.REFUSE:
        return encode_outcome("invalid", "the bundle does not follow the guide", "Bundle.entry[0].resource"), "999"
    request = ServicesReviewRequest.model_validate_json(review.request)
    told = tell(Telling(request, step, review.number, review.reference, control.at))
    named = told.model_copy(update={"trace": request.trace, "originator": request.originator})
    action = AAA if told.rejections else (told.action or NONE_YET)
    return encode_response(named, control, guide(), envelope.sequences), action


def try_out(review: Review, steps: Sequence[Step], at: datetime) -> None:
    """Raises X12Problem when anything that will be said to this cannot be written, for one because its ids hold our
    delimiters: a case that is taken can be answered to its end."""
    envelope = Envelope.read(review.envelope)
    control = Control(sender=envelope.receiver, receiver=envelope.sender, number=TRIAL_NUMBER, at=at)
    for step in steps:
        if step.say not in (Say.AGAIN, Say.ANEW):
            render(review, step, control)
