"""When a case looks again at what it sent or could not send (D6): inquiries and held requests. Knows rows and rules only,
so that the case's record may ask it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from definitions.payer import Payer
from definitions.vocabulary import AuthorizationStatus
from rules.circuit import look_again_at
from rules.sending import OPEN_QUESTIONS, inquire_at
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories import payer_circuit
from storage.repositories.exchange import MAY_GO_AGAIN, inquiry_message

ASKED_ABOUT: Final = OPEN_QUESTIONS | {AuthorizationStatus.TIMED_OUT}


async def to_send(session: AsyncSession, requests: Sequence[AuthorizationRequest]) -> UUID | None:
    """The request about which something is owed to the payer now: itself, or the question what became of it."""
    for asked in requests:
        if asked.status is AuthorizationStatus.READY or await inquiry_owed(session, asked):
            return asked.id
    return None


async def inquiry_owed(session: AsyncSession, asked: AuthorizationRequest) -> bool:
    """Whether a question about this request is armed and has not been asked."""
    if asked.inquiries == 0 or asked.status not in ASKED_ABOUT:
        return False
    message = await session.get(ExchangeMessage, inquiry_message(asked.id, asked.inquiries))
    return message is None or message.finished_at is None or message.status in MAY_GO_AGAIN


def inquiry_at(payer: Payer, asked: AuthorizationRequest) -> datetime | None:
    """When the payer is asked next what became of it."""
    return inquire_at(payer, asked.status, asked.sent_at, asked.decision_due_at, asked.inquiries, asked.inquired_at)


async def retries_of(
    session: AsyncSession, payer: str, now: datetime, requests: Sequence[AuthorizationRequest]
) -> dict[UUID, datetime]:
    """When each held request is looked at again."""
    found = {}
    for asked in requests:
        if asked.status is AuthorizationStatus.HELD and asked.held_at is not None:
            circuit = await payer_circuit.seen(session, payer)
            first = not await payer_circuit.older_waits(session, payer, asked.held_at, asked.id)
            found[asked.id] = look_again_at(circuit, first, now)
    return found
