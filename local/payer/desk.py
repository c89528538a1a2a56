"""The payer's desk: takes files of 278s, writes down what came, answers, pends, appeals, or fails as it is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from definitions.acknowledgement import SyntaxFinding
from definitions.admission_notification import AdmissionNotification
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import ServicesReviewRequest
from interchange.x12 import admission_notification, review_inquiry, review_request
from interchange.x12.acknowledgement import Acknowledged, judge_group, refusing_ta1
from interchange.x12.conformance import inbound_at_payer, read_version
from interchange.x12.envelope import EnvelopeProblem, Group, Interchange, Transaction, read_file
from interchange.x12.segments import X12Problem
from local.payer.book import CALL, DELIVERY, STATES, Book, Review, Said, text_digest
from local.payer.damage import damaged
from local.payer.envelope import NOTICE, Envelope
from local.payer.followup import Asked, open_review
from local.payer.inquiries import inquiry_answer
from local.payer.instructions import Attempt, Instructions
from local.payer.notices import key_of, open_notice
from local.payer.pen import PLACE, Pen, try_out
from local.payer.script import Fault, Say, Step

HERE: Final = "LOCALPAYER"
"""Who answers when the file does not say to whom it was sent."""

Content = ServicesReviewRequest | ReviewInquiry | AdmissionNotification
READERS: Final[Mapping[str, Callable[[Interchange, Transaction], Content]]] = {
    review_request.VERSION: review_request.parse,
    review_inquiry.VERSION: review_inquiry.parse_inquiry,
    admission_notification.VERSION: admission_notification.parse_notification,
}
KINDS: Final[Mapping[type, str]] = {
    ServicesReviewRequest: "review",
    ReviewInquiry: "inquiry",
    AdmissionNotification: "notification",
}


KIND_OF: Final = {"x12": "278", "pas": "pas"}
"""What the book calls an answer by the channel it goes by."""


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
    content: Content
    key: str
    """The trace by which the book keeps it."""
    attempt: Attempt


class Desk:
    """Nothing here awaits and a file is one transaction: two calls with the same trace cannot both find no case,
    and a killed payer has taken all of a file or nothing."""

    def __init__(self, book: Book, pen: Pen, instructions: Instructions, *, inquiry: bool = True) -> None:
        self._book = book
        self._pen = pen
        self._instructions = instructions
        self._inquiry = inquiry

    def receive(self, payer: str, raw: bytes, now: datetime) -> Reply:
        """Broken envelopes get a TA1, broken transactions a 999, a known trace its first answer again."""
        file = _File(payer, text_digest(raw), now)
        text = raw.decode("utf-8", "replace")
        interchanges, problem = read_file(text)
        with self._book.transaction():
            groups = [(i, g, *self._read(file, i, g)) for i in interchanges for g in i.groups]
            # A system that fails before it takes anything remembers the attempt and nothing else.
            if Fault.BEFORE not in file.faults:
                for interchange, group, judged, questions in groups:
                    self._group(file, interchange, group, judged, questions)
                if problem is not None:
                    self._unreadable(file, text[problem.at :], problem)
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
        judged = judge_group(group, self._judge)
        found: list[_Question | Transaction] = []
        for transaction, one in zip(group.transactions, judged, strict=True):
            if one.accepted:
                found.append(self._question(file, interchange, group, transaction))
        return judged, found

    def _question(
        self, file: _File, interchange: Interchange, group: Group, transaction: Transaction
    ) -> _Question | Transaction:
        try:
            content = READERS[read_version(transaction)](interchange, transaction)
        except (X12Problem, ValueError):
            return transaction
        key = key_of(content) if isinstance(content, AdmissionNotification) else content.trace
        attempt = self._instructions.attempt(file.payer, key, content.subscriber.member_id, KINDS[type(content)])
        if attempt.faulty and attempt.script.fault is not None:
            file.faults.append(attempt.script.fault)
        file.slow_seconds = max(file.slow_seconds, attempt.script.slow_seconds)
        return _Question(interchange, Envelope.of(interchange, group, transaction), content, key, attempt)

    def _judge(self, transaction: Transaction) -> Sequence[SyntaxFinding] | None:
        """A payer without inquiry does not take that kind."""
        if not self._inquiry and read_version(transaction) == review_inquiry.VERSION:
            return None
        return inbound_at_payer(transaction)

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
        attempt, content = question.attempt, question.content
        if attempt.calls <= attempt.script.syntax_refusals:
            self._refuse(file, question.interchange, question.envelope, question.key)
            return
        if isinstance(content, ReviewInquiry):
            self._inquired(file, question, content)
            return
        known = self._book.review(file.payer, question.key)
        if known is None:
            known = self._take(*self._opened(file, question, content), file.now)
        said = self._standing(known, question.envelope, file.now)
        how = said.step.damage if attempt.faulty else None
        kind = NOTICE if isinstance(content, AdmissionNotification) else content.certification.value
        self._answer(file, said, question.interchange.control_number, kind, question.key,
                     damaged(said.body or "", how))  # fmt: skip

    def _opened(
        self, file: _File, question: _Question, content: ServicesReviewRequest | AdmissionNotification
    ) -> tuple[Review, tuple[Step, ...]]:
        attempt = question.attempt
        if isinstance(content, AdmissionNotification):
            return open_notice(self._book, file.payer, content, attempt.script, question.envelope, file.now,
                               posted=attempt.posted)  # fmt: skip
        return open_review(self._book, Asked(file.payer, content, attempt.script, question.envelope, file.now))

    def _inquired(self, file: _File, question: _Question, inquiry: ReviewInquiry) -> None:
        script = question.attempt.script
        if script.steps[0].say is Say.REFUSE:
            self._refuse(file, question.interchange, question.envelope, question.key)
            return
        control = self._pen.control(file.payer, inquiry.receiver_id, inquiry.submitter_id, file.now)
        body, action = inquiry_answer(self._book, file.payer, inquiry, script, file.now, control)
        said = self._pen.plain(file.payer, body, control, action, "278", file.now, question.key)
        how = script.steps[0].damage if question.attempt.faulty else None
        self._answer(file, said, question.interchange.control_number, "inquiry", question.key, damaged(body, how))

    def _take(self, review: Review, steps: Sequence[Step], now: datetime) -> Review:
        """The case, its answer in the call and all that will be delivered."""
        try_out(review, steps, now)
        self._book.open(review)
        kind = KIND_OF[Envelope.read(review.envelope).channel]
        for count, step in enumerate(steps):
            timed = step.on == "time"
            due = now + timedelta(hours=step.after_hours) if timed else None
            if count == 0 and timed and not step.after_hours:
                said = self._book.say(review.payer, review.trace, step, kind=kind, road=CALL, made_at=now)
                action = self._pen.write(said, review, now).action or ""
                self._book.decided(review.payer, review.trace, STATES.get(action, review.state), now, said.id)
            else:
                late = self._book.say(
                    review.payer, review.trace, step, kind=kind, road=DELIVERY, made_at=now, due_at=due
                )
                if step.stale:
                    # Made before what overtakes it: its moment and its control number say so.
                    self._pen.write(late, review, now)
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
