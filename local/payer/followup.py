"""What a request is to the cases already in the book, by its UM02: new, longer, more documents, cancelled, appealed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from definitions.review_codes import Certification
from definitions.services_review import ServicesReviewRequest
from local.payer.book import OPEN, Book, Review, digest_of
from local.payer.decision import reference_of
from local.payer.envelope import Envelope
from local.payer.script import Say, Script, Step
from local.payer.suffix import rejection

NUMBER_UNKNOWN: Final = rejection("2000E", "AA", "C")
APPEAL_HOURS: Final = {
    Certification.APPEAL_IMMEDIATE: 0.0,
    Certification.APPEAL_STANDARD: 24.0 * 30,
    Certification.RECONSIDERATION: 72.0,
}
"""Domain 4.3: a standard pre-service appeal is decided in 30 days; an expedited one is answered at once here."""
STANDING: Final = frozenset({"approved", "pended", OPEN, "contact"})
"""States that a cancellation ends."""


@dataclass(frozen=True, slots=True)
class Asked:
    payer: str
    request: ServicesReviewRequest
    script: Script
    envelope: Envelope
    now: datetime

    @property
    def member(self) -> str:
        return digest_of(self.request.subscriber.member_id)

    @property
    def name(self) -> str | None:
        """How it names its case: the certification number (REF BB), or the tracking id (REF NT) while there is none."""
        return self.request.previous_number or self.request.reference_number


def open_review(book: Book, asked: Asked) -> tuple[Review, tuple[Step, ...]]:
    """The new row of the book, not yet written, and what will be said about it."""
    return BY_CERTIFICATION[asked.request.certification](book, asked)


def _review(
    book: Book, asked: Asked, number: str | None, case: Review | None = None, script: Script | None = None
) -> Review:
    request = asked.request
    own = number or (case.number if case else f"AUTH{book.next('case'):06d}")
    return Review(
        payer=asked.payer, trace=request.trace, root=case.root if case else request.trace, number=own,
        reference=case.reference if case else reference_of(own), member=asked.member,
        certification=request.certification.value, state=OPEN, opened_at=asked.now,
        request=request.model_dump_json(), envelope=asked.envelope.text(), script=script or asked.script,
    )  # fmt: skip


def _initial(book: Book, asked: Asked) -> tuple[Review, tuple[Step, ...]]:
    return _review(book, asked, None), asked.script.steps


def _longer(book: Book, asked: Asked) -> tuple[Review, tuple[Step, ...]]:
    """An extension keeps its case's number. Documents that come with it are documents that came."""
    if asked.name is None:
        return _initial(book, asked)
    case = book.named(asked.payer, asked.name)
    if case is None:
        return _unknown(book, asked, asked.script.steps)
    if asked.request.attachments:
        _documents(book, asked, [r for r in book.awaiting_documents(asked.payer, asked.member) if r.root == case.root])
    return _review(book, asked, None, case), asked.script.steps


def _revised(book: Book, asked: Asked) -> tuple[Review, tuple[Step, ...]]:
    """More documents for a request that waits for them get what they decide, as the waiting request does."""
    waiting = book.awaiting_documents(asked.payer, asked.member)
    named = book.named(asked.payer, asked.name) if asked.name else None
    if named is not None:
        waiting = [r for r in waiting if r.root == named.root]
    if not waiting:
        return _longer(book, asked)
    case = waiting[-1]
    decided = tuple(
        s.model_copy(update={"on": "time"}) for s in case.script.steps if s.on == "documents" and not s.unless_documents
    )
    _documents(book, asked, waiting)
    return _review(book, asked, None, case, case.script), decided


def _documents(book: Book, asked: Asked, waiting: list[Review]) -> None:
    for review in waiting:
        book.documents_came(review, asked.now)


def _cancel(book: Book, asked: Asked) -> tuple[Review, tuple[Step, ...]]:
    """Ends every request of the case; a script may answer it all the same."""
    case = book.named(asked.payer, asked.name) if asked.name else _latest(book, asked, STANDING)
    if case is None:
        return _unknown(book, asked, (Step(say=Say.CANCEL),))
    for review in book.of_case(asked.payer, case.root):
        if review.state in STANDING:
            book.decided(asked.payer, review.trace, "cancelled", asked.now)
        if not review.script.answers_cancelled:
            book.withdraw(asked.payer, review.trace, asked.now)
    return _review(book, asked, None, case), (Step(say=Say.CANCEL),)


def _appeal(book: Book, asked: Asked) -> tuple[Review, tuple[Step, ...]]:
    """Ruled level by level as the denied request's script says; upheld when it says nothing."""
    denied = book.named(asked.payer, asked.name) if asked.name else _latest(book, asked, frozenset({"denied"}))
    root = book.review(asked.payer, denied.root) if denied else None
    if root is None:
        return _unknown(book, asked, (NUMBER_UNKNOWN,))
    rulings = root.script.appeals
    ruling = rulings[min(root.appeals, len(rulings) - 1)] if rulings else None
    book.appealed(asked.payer, root.trace)
    hours = APPEAL_HOURS[asked.request.certification]
    if hours and ruling is not None and ruling.hours is not None:
        hours = ruling.hours
    reason = next((s.reason for s in root.script.steps if s.say is Say.DENY), None)
    outcome = Step(say=Say.APPROVE if ruling and ruling.overturn else Say.DENY, reason=reason, after_hours=hours)
    pend = (Step(say=Say.PEND, reason="0V"),) if hours else ()
    return _review(book, asked, None, root, root.script), (*pend, outcome)


def _unknown(book: Book, asked: Asked, otherwise: tuple[Step, ...]) -> tuple[Review, tuple[Step, ...]]:
    """AAA AA, unless the script takes over numbers that another house gave."""
    if asked.script.takes_unknown_numbers and asked.name is not None:
        return _review(book, asked, asked.name), otherwise
    return _nobody(asked), (NUMBER_UNKNOWN,)


def _nobody(asked: Asked) -> Review:
    """A request without a case: it gets no number, and nothing can be named by it."""
    return Review(
        payer=asked.payer, trace=asked.request.trace, root=asked.request.trace, number="", reference="",
        member=asked.member, certification=asked.request.certification.value, state=OPEN, opened_at=asked.now,
        request=asked.request.model_dump_json(), envelope=asked.envelope.text(), script=asked.script,
    )  # fmt: skip


def _latest(book: Book, asked: Asked, states: frozenset[str]) -> Review | None:
    found = [book.latest(asked.payer, asked.member, state) for state in sorted(states)]
    return max((r for r in found if r is not None), key=lambda r: r.opened_at, default=None)


Opening = Callable[[Book, Asked], tuple[Review, tuple[Step, ...]]]
BY_CERTIFICATION: Final[Mapping[Certification, Opening]] = {
    Certification.INITIAL: _initial,
    Certification.EXTENSION: _longer,
    Certification.RENEWAL: _longer,
    Certification.REVISED: _revised,
    Certification.CANCEL: _cancel,
    Certification.APPEAL_IMMEDIATE: _appeal,
    Certification.APPEAL_STANDARD: _appeal,
    Certification.RECONSIDERATION: _appeal,
}
