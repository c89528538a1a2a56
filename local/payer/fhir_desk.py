"""The same desk for FHIR: Claim/$submit and Claim/$inquire (Da Vinci PAS), with the same book, scripts and cases.

What X12 says in a 999 or in nothing at all, PAS says in words of HTTP: what cannot be read is 400 with an OperationOutcome, and
what is not decided in the call is pended in it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import ServicesReviewRequest
from interchange.fhir.pas.inquiry_bundle import encode_found, parse_inquiry
from interchange.fhir.pas.outcome import encode_outcome
from interchange.fhir.pas.request_bundle import asked_items, parse_request
from interchange.fhir.pas.response_bundle import response_bundle
from interchange.problem import InterchangeProblem
from interchange.x12.envelope import Control
from local.payer.book import Book, Review, Said, text_digest
from local.payer.damage import damaged_bundle
from local.payer.decision import Telling, tell
from local.payer.desk import Desk, Part, Reply
from local.payer.envelope import Envelope
from local.payer.followup import Asked, open_review
from local.payer.guide import guide
from local.payer.inquiries import REFUSED, RETOLD, UNDECIDED, find
from local.payer.instructions import Attempt, Instructions
from local.payer.pen import AAA, NONE_YET, PAS, Pen
from local.payer.script import Fault, Say, Step

UNREADABLE: Final = 400
REFUSING: Final = 422
OPEN_STILL: Final = Step(say=Say.PEND, reason="0W")


@dataclass(frozen=True, slots=True)
class FhirReply:
    """What the call gets: the answer with its status."""

    reply: Reply
    status: int = 200


class FhirDesk(Desk):
    """Nothing here awaits, and a call is one transaction."""

    def __init__(self, book: Book, pen: Pen, instructions: Instructions, *, inquiry: bool = True) -> None:
        super().__init__(book, pen, instructions, inquiry=inquiry)
        self._book, self._pen, self._instructions, self._takes_inquiries = book, pen, instructions, inquiry

    def submit(self, payer: str, raw: bytes, now: datetime) -> FhirReply:
        return self._call(payer, raw, now, self._submitted)

    def inquire(self, payer: str, raw: bytes, now: datetime) -> FhirReply:
        return self._call(payer, raw, now, self._inquired_about)

    def _call(
        self, payer: str, raw: bytes, now: datetime, answer: Callable[[str, str, str, datetime], FhirReply]
    ) -> FhirReply:
        digest, text = text_digest(raw), raw.decode("utf-8", "replace")
        with self._book.transaction():
            try:
                with self._book.transaction():
                    return answer(payer, text, digest, now)
            except (InterchangeProblem, ValueError) as problem:
                body = encode_outcome("invalid", str(problem)[:200])
                return self._refused(payer, digest, None, now, body, UNREADABLE)

    def _submitted(self, payer: str, text: str, digest: str, now: datetime) -> FhirReply:
        asked, _ = parse_request(text, guide())
        attempt = self._instructions.attempt(payer, asked.trace, asked.subscriber.member_id, "review")
        fault = attempt.script.fault if attempt.faulty else None
        if fault is Fault.BEFORE:
            return FhirReply(Reply(fault=fault))
        if attempt.calls <= attempt.script.syntax_refusals or attempt.script.steps[0].say is Say.REFUSE:
            body = encode_outcome("invalid", "the bundle does not follow the guide", "Bundle.entry[0].resource")
            return self._refused(payer, digest, asked.trace, now, body, REFUSING)
        known = self._book.review(payer, asked.trace)
        if known is None:
            known = self._take(*self._open(payer, asked, text, attempt, now), now)
        said = self._standing_or_pended(known, now)
        how = said.step.damage if attempt.faulty else None
        content = damaged_bundle(said.body or "", how)
        self._write_down(payer, digest, text, asked.certification.value, asked.trace, now, said)
        reply = Reply((Part(said, content),), fault, attempt.script.slow_seconds)
        return FhirReply(reply)

    def _open(
        self, payer: str, asked: ServicesReviewRequest, text: str, attempt: Attempt, now: datetime
    ) -> tuple[Review, tuple[Step, ...]]:
        items = {trace: n for n, trace in asked_items(text, guide()).items() if trace}
        envelope = Envelope(
            asked.submitter_id, asked.receiver_id, "", "", guide().name, "", "", channel=PAS, items=json.dumps(items)
        )
        return open_review(self._book, Asked(payer, asked, attempt.script, envelope, now))

    def _standing_or_pended(self, review: Review, now: datetime) -> Said:
        """What the trace has; while it has nothing, that it is being looked at."""
        if review.standing is not None:
            return self._book.said(review.standing)
        request = ServicesReviewRequest.model_validate_json(review.request)
        envelope = Envelope.read(review.envelope)
        control = self._pen.control(review.payer, envelope.receiver, envelope.sender, now)
        told = tell(Telling(request, OPEN_STILL, review.number, review.reference, now))
        bundle = response_bundle(told.model_copy(update={"message": None}), control, guide(), envelope.sequences)
        return self._pen.plain(
            review.payer, json.dumps(bundle, separators=(",", ":")), control, NONE_YET, PAS, now, review.trace
        )

    def _refused(self, payer: str, digest: str, trace: str | None, now: datetime, body: str, status: int) -> FhirReply:
        """Without a number: an OperationOutcome has none."""
        said = self._book.say(payer, trace, Step(say=Say.REFUSE), kind="outcome", road="call", made_at=now)
        self._book.written(said.id, body, "", "999")
        said = self._book.said(said.id)
        self._book.received(payer, digest, control_number=None, kind="refused", trace=trace, at=now, answered=said.id)
        return FhirReply(Reply((Part(said, body.encode()),)), status)

    def _write_down(self, payer: str, digest: str, text: str, kind: str, trace: str, now: datetime, said: Said) -> None:
        number = json.loads(text)["identifier"]["value"]
        self._book.received(payer, digest, control_number=number, kind=kind, trace=trace, at=now, answered=said.id)

    def subscribe(self, payer: str, raw: bytes) -> FhirReply:
        """From now on notifications of this payer go where it says; the newest subscription counts."""
        try:
            said = json.loads(raw)
            channel = said["channel"]
            content = channel["_payload"]["extension"][0]["valueCode"]
            good = (said["criteria"], channel["type"], content) == (
                guide().systems["topic"],
                "rest-hook",
                "full-resource",
            )
            address = str(channel["endpoint"])
        except (ValueError, KeyError, TypeError, IndexError):
            good, address = False, ""
        if not good:
            body = encode_outcome("not-supported", "one topic, rest-hook and full-resource are supported")
            return FhirReply(Reply((_unsaid(body),)), REFUSING)
        self._book.write("INSERT OR REPLACE INTO setting VALUES (?, ?)", f"subscription/{payer}", address)
        made = said | {"id": f"{payer}-{self._book.next('subscription')}", "status": "active"}
        return FhirReply(Reply((_unsaid(json.dumps(made)),)), 201)

    # --- $inquire ----------------------------------------------------------------------------------------------------

    def _inquired_about(self, payer: str, text: str, digest: str, now: datetime) -> FhirReply:
        asked = parse_inquiry(text, guide())
        attempt = self._instructions.attempt(payer, asked.trace, asked.subscriber.member_id, "inquiry")
        fault = attempt.script.fault if attempt.faulty else None
        if fault is Fault.BEFORE:
            return FhirReply(Reply(fault=fault))
        first = attempt.script.steps[0]
        if not self._takes_inquiries or first.say in (Say.REFUSE, Say.REJECT):
            body = encode_outcome("not-supported", "this payer answers no inquiries")
            return self._refused(payer, digest, asked.trace, now, body, REFUSING)
        control = self._pen.control(payer, asked.receiver_id, asked.submitter_id, now)
        body, action = self._found(payer, asked, control, now)
        said = self._pen.plain(payer, body, control, action, PAS, now, asked.trace)
        self._write_down(payer, digest, text, "inquiry", asked.trace, now, said)
        how = first.damage if attempt.faulty else None
        return FhirReply(Reply((Part(said, damaged_bundle(body, how)),), fault, attempt.script.slow_seconds))

    def _found(self, payer: str, asked: ReviewInquiry, control: Control, now: datetime) -> tuple[str, str]:
        """(Parameters, HCR01 or AAA)."""
        review = find(self._book, payer, asked)
        if review is None or review.state == REFUSED:
            return encode_found([]), AAA
        return encode_found([self._standing_bundle(review, control, now)]), ""

    def _standing_bundle(self, review: Review, control: Control, now: datetime) -> dict[str, Any]:
        step = RETOLD.get(review.state, UNDECIDED if review.standing is None else None)
        if step is None and review.standing is not None:
            found: dict[str, Any] = json.loads(self._book.said(review.standing).body or "{}")
            return found
        request = ServicesReviewRequest.model_validate_json(review.request)
        told = tell(Telling(request, step or UNDECIDED, review.number, review.reference, now))
        bare = told.model_copy(update={"message": None, "trace": request.trace, "originator": request.originator})
        return response_bundle(bare, control, guide(), Envelope.read(review.envelope).sequences, inquiry=True)


def _unsaid(body: str) -> Part:
    """A word that is no answer to anybody's request: the book does not count it."""
    return Part(Said(0, "", None, Step(say=Say.RECEIPT), "call", None, body, None, 0), body.encode())
