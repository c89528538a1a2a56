"""The payer says that it has no such request: nothing was received, so the same bytes may go again (E82)."""

from typing import Final

from activities.case_clocks import stop
from activities.case_record import CaseWriting
from activities.messages.inquiry import MARK
from definitions.vocabulary import AuthorizationStatus
from rules.sending import OPEN_QUESTIONS
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories.exchange import ABSENT, inquiry_message, request_message

NEVER_CAME: Final = "never_received"


async def asked_since(w: CaseWriting, asked: AuthorizationRequest, inquiry_trace: str | None) -> bool:
    """Whether the question that is answered was asked after the request last left. An answer that was overtaken says
    nothing about what was sent since, and believing it would send the request twice."""
    if asked.sent_at is None:
        return True
    number = (inquiry_trace or "").removeprefix(f"{asked.trace}{MARK}")
    if not (number.isascii() and number.isdigit()):
        return False
    message = await w.session.get(ExchangeMessage, inquiry_message(asked.id, int(number)))
    return message is not None and message.at > asked.sent_at


async def absent(w: CaseWriting, asked: AuthorizationRequest, source: str) -> bool:
    """Only a send of unknown outcome goes again by itself. One that the payer had acknowledged and now denies is a
    person's: false when neither applies."""
    if asked.status is AuthorizationStatus.TIMED_OUT:
        await _ready_again(w, asked, source)
        return True
    if asked.status in OPEN_QUESTIONS:
        await w.owe(
            "payer_silent",
            f"{w.payer.key} says it has no request with trace {asked.trace}, and had taken it before: call",
            subject=f"{asked.trace}:lost",
            rule="E82",
        )
        await w.note("payer_lost_request", {"request": str(asked.id), "source": source})
        return True
    return False


async def _ready_again(w: CaseWriting, asked: AuthorizationRequest, source: str) -> None:
    """The payer's clock never began: what never came cannot be late."""
    message = await w.session.get(ExchangeMessage, request_message(asked.id))
    if message is not None:
        message.status = ABSENT
    await stop(w, asked.id, cancelled=True)
    asked.first_sent_at = asked.decision_due_at = None
    w.follow(asked, AuthorizationStatus.READY)
    await w.done("payer_silent", NEVER_CAME)
    await w.note("authorization_never_received", {"request": str(asked.id), "source": source})
