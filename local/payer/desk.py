"""The payer's desk: takes files of 278s, writes down what came, answers, pends, appeals, or fails as it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from definitions.services_review import ServicesReviewRequest
from interchange.x12.acknowledgement import Acknowledged, judge_group, refusing_ta1
from interchange.x12.conformance import requests_only
from interchange.x12.envelope import EnvelopeProblem, Group, Interchange, Transaction, read_interchanges
from interchange.x12.review_request import parse
from interchange.x12.segments import X12Problem
from local.payer.book import CALL, DELIVERY, STATES, Book, Review, Said, text_digest
from local.payer.damage import damaged
from local.payer.followup import Asked, open_review
from local.payer.instructions import Attempt, Instructions
from local.payer.pen import PLACE, Envelope, Pen, try_out
from local.payer.script import Fault, Step

HERE: Final = "LOCALPAYER"
"""Who answers when the file does not say to whom it was sent."""


@dataclass(frozen=True, slots=True)
class Part:
    """One answer as it leaves in the call."""

    said: Said
    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What the call gets. `fault`: how it ends instead; `slow_seconds` before anything is said."""

    parts: tuple[Part, ...] = ()
    fault: Fault | None = None
    slow_seconds: float = 0

    @property
    def content(self) -> bytes:
        return b"".join(p.content for p in self.parts)

    @property
    def said(self) -> tuple[Said, ...]:
        return tuple(p.said for p in self.parts)


@dataclass(slots=True)
class _File:
    """One file on the desk."""

    payer: str
    digest: str
    now: datetime
    parts: list[Part] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    slow_seconds: float = 0


@dataclass(frozen=True, slots=True)
class _Question:
    """A transaction that passed the guide and can be read."""

    interchange: Interchange
    envelope: Envelope
    request: ServicesReviewRequest
    attempt: Attempt


class Desk:
    """Nothing here awaits and a file is one transaction: two calls with the same trace cannot both find no case,
    and a killed payer has taken all of a file or nothing."""

    def __init__(self, book: Book, pen: Pen, instructions: Instructions) -> None:
        self._book = book
        self._pen = pen
        self._instructions = instructions

    def receive(self, payer: str, raw: bytes, now: datetime) -> Reply:
        """Broken envelopes get a TA1, broken transactions a 999, a known trace its first answer again."""
        file = _File(payer, text_digest(raw), now)
        text = raw.decode("utf-8", "replace")
        try:
            interchanges = read_interchanges(text, strict=False)
        except EnvelopeProblem as problem:
            with self._book.transaction():
                self._unreadable(file, text, problem)
            return Reply(tuple(file.parts))
        with self._book.transaction():
            groups = [(i, g, *self._read(file, i, g)) for i in interchanges for g in i.groups]
            # A system that fails before it takes anything remembers the attempt and nothing else.
            for interchange, group, judged, questions in groups if Fault.BEFORE not in file.faults else ():
                self._group(file, interchange, group, judged, questions)
        fault = next((f for f in Fault if f in file.faults), None)
        return Reply(tuple(file.parts), fault, file.slow_seconds)

    def _unreadable(self, file: _File, text: str, problem: EnvelopeProblem) -> None:
        control = self._pen.control(file.payer, HERE, "UNKNOWN", file.now)
        said = self._pen.plain(file.payer, refusing_ta1(text, problem, control), control, "TA1", "TA1", file.now)
        self._answer(file, said, None, "unreadable", None)

    def _read(
        self, file: _File, interchange: Interchange, group: Group
    ) -> tuple[list[Acknowledged], list[_Question | Transaction]]:
        """Each accepted transaction as a question, or as it is when its values do not add up."""
        judged = judge_group(group, requests_only)
        found: list[_Question | Transaction] = []
        for transaction, one in zip(group.transactions, judged, strict=True):
            if one.accepted:
                found.append(self._question(file, interchange, group, transaction))
        return judged, found

    def _question(
        self, file: _File, interchange: Interchange, group: Group, transaction: Transaction
    ) -> _Question | Transaction:
        try:
            request = parse(interchange, transaction)
        except (X12Problem, ValueError):
            return transaction
        attempt = self._instructions.attempt(file.payer, request.trace, request.subscriber.member_id, "review")
        if attempt.faulty and attempt.script.fault is not None:
            file.faults.append(attempt.script.fault)
        file.slow_seconds = max(file.slow_seconds, attempt.script.slow_seconds)
        return _Question(interchange, Envelope.of(interchange, group, transaction), request, attempt)

    def _group(
        self, file: _File, interchange: Interchange, group: Group, judged: Sequence[Acknowledged],
        questions: Sequence[_Question | Transaction],
    ) -> None:  # fmt: skip
        for question in questions:
            if isinstance(question, Transaction):
                self._refuse(file, interchange, Envelope.of(interchange, group, question), None)
                continue
            try:
                with self._book.transaction():
                    self._one(file, question)
            except (X12Problem, ValueError):
                # It passed the guide and still cannot be answered, for one because its ids hold our delimiters.
                self._refuse(file, interchange, question.envelope, None)
        if len(questions) < len(judged) or not judged:
            envelope = Envelope(interchange.sender, interchange.receiver, group.control, group.functional_id,
                                group.version, "", "")  # fmt: skip
            said = self._pen.acknowledge(file.payer, envelope, judged, file.now)
            self._answer(file, said, interchange.control_number, "refused", None)

    def _one(self, file: _File, question: _Question) -> None:
        request, attempt = question.request, question.attempt
        if attempt.calls <= attempt.script.syntax_refusals:
            self._refuse(file, question.interchange, question.envelope, request.trace)
            return
        known = self._book.review(file.payer, request.trace)
        if known is None:
            asked = Asked(file.payer, request, attempt.script, question.envelope, file.now)
            known = self._take(*open_review(self._book, asked), file.now)
        said = self._standing(known, question.envelope, file.now)
        how = said.step.damage if attempt.faulty else None
        self._answer(file, said, question.interchange.control_number, request.certification.value, request.trace,
                     damaged(said.body or "", how))  # fmt: skip

    def _take(self, review: Review, steps: Sequence[Step], now: datetime) -> Review:
        """The case, its answer in the call and all that will be delivered."""
        try_out(review, now)
        self._book.open(review)
        for count, step in enumerate(steps):
            timed = step.on == "time"
            due = now + timedelta(hours=step.after_hours) if timed else None
            if count == 0 and timed and not step.after_hours:
                said = self._book.say(review.payer, review.trace, step, kind="278", road=CALL, made_at=now)
                action = self._pen.write(said, review, now).action or ""
                self._book.decided(review.payer, review.trace, STATES.get(action, review.state), now, said.id)
            else:
                self._book.say(review.payer, review.trace, step, kind="278", road=DELIVERY, made_at=now, due_at=due)
        return self._book.review(review.payer, review.trace) or review

    def _standing(self, review: Review, envelope: Envelope, now: datetime) -> Said:
        """The answer this trace has; while it has none, that its question could be read (999 A)."""
        if review.standing is not None:
            return self._book.said(review.standing)
        one = Acknowledged(envelope.transaction, envelope.version, True, envelope.kind)
        return self._pen.acknowledge(review.payer, envelope, [one], now, review.trace)

    def _refuse(self, file: _File, interchange: Interchange, envelope: Envelope, trace: str | None) -> None:
        """A 999 about one transaction whose values do not add up, or that the script does not take."""
        one = Acknowledged(envelope.transaction, envelope.version, False, envelope.kind, (PLACE,))
        said = self._pen.acknowledge(file.payer, envelope, [one], file.now, trace)
        self._answer(file, said, interchange.control_number, "refused", trace)

    def _answer(
        self, file: _File, said: Said, control: str | None, kind: str, trace: str | None, content: bytes | None = None
    ) -> None:  # fmt: skip
        """What came is written down with what it got."""
        self._book.received(file.payer, file.digest, control_number=control, kind=kind, trace=trace, at=file.now,
                            answered=said.id)  # fmt: skip
        file.parts.append(Part(said, content if content is not None else (said.body or "").encode()))
