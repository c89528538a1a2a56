"""The port of every way to speak with a payer's system. Whatever the grammar, a message leaves by the same gate, counts in
the same numbers, and its answer becomes the same values; a new way is one file beside these and a line in `channels`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from activities.partners.line import Delivery, PayerLine
from definitions.admission_notification import AdmissionNotification
from definitions.exchange import Arrival
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import ServicesReviewRequest, ServicesReviewResponse
from interchange.x12.envelope import Control
from rules.disclosure import Released


@dataclass(frozen=True, slots=True)
class Part:
    """One answer of what came, fit to be kept and read by itself."""

    text: str = field(repr=False)
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Body:
    """What came, taken apart. `rest`: what could not be read, kept all the same."""

    parts: tuple[Part, ...] = ()
    rest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Whether what we sent could be read at all. `words`: how it was said, in codes."""

    rejected: bool
    words: str = "999"


@dataclass(frozen=True, slots=True)
class Nothing:
    """The answer to an inquiry: the payer has no such request."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `unread`: where it says more than we read, by path. `substance`: names what is answered, the same when it
    is said again in other bytes; None: the bytes are the name."""

    answer: ServicesReviewResponse
    unread: tuple[str, ...] = ()
    substance: str | None = None


class PayerChannel(Protocol):
    """Writing raises InterchangeProblem for what it cannot say, before anything leaves; reading, for what is no answer."""

    @property
    def kind(self) -> str:
        """What stands on every message of this channel that leaves or comes."""
        ...

    @property
    def source(self) -> str:
        """Where a decision says it was heard."""
        ...

    @property
    def reads_request(self) -> bool:
        """Whether an answer is read beside the request as it left, because it names items and not their meaning."""
        ...

    def version(self, *, inquiry: bool = False, notice: bool = False) -> str: ...

    def review(self, released: Released[ServicesReviewRequest], control: Control) -> str: ...

    def inquiry(self, released: Released[ReviewInquiry], control: Control) -> str: ...

    def notice(self, released: Released[AdmissionNotification], control: Control) -> str: ...

    async def deliver(
        self, line: PayerLine, endpoint: str, text: str, now: datetime, *, inquiry: bool = False
    ) -> Delivery: ...

    def take_apart(self, body: str) -> Body: ...

    def read(self, text: str, sent: str | None) -> Receipt | Nothing | Told:
        """One part. `sent`: the request of ours that it may be about, as it left, for a channel that reads it."""
        ...
