"""What was sent and received, sealed by the caller; control numbers without gaps."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import authorization_workflow, derived
from storage.models import AuthorizationRequest, ControlNumber, ExchangeMessage
from storage.repositories.outbox import AUTHORIZATION_ANSWER, announce


async def next_control_number(session: AsyncSession, partner: str) -> int:
    """The next interchange number for a partner; the row lock keeps it gapless per partner."""
    taken = await session.execute(
        insert(ControlNumber)
        .values(partner=partner, last=1)
        .on_conflict_do_update(index_elements=["partner"], set_={"last": ControlNumber.last + 1})
        .returning(ControlNumber.last)
    )
    return int(taken.scalar_one())


async def request_by_trace(session: AsyncSession, trace: str | None) -> AuthorizationRequest | None:
    """The request a trace belongs to; the only correlation that is ours (domain 4.5 TRN)."""
    if not trace:
        return None
    return (
        await session.execute(select(AuthorizationRequest).where(AuthorizationRequest.trace == trace))
    ).scalar_one_or_none()


async def store_inbound(
    session: AsyncSession,
    *,
    partner: str,
    kind: str,
    control_number: str | None,
    sealed: bytes,
    fingerprint: str,
    trace: str | None,
    person_id: UUID | None,
    now: datetime,
    problem: str | None = None,
) -> str:
    """Keep an inbound message once and tell its case. Answers `received`, `duplicate`, `orphan` or `refused`."""
    request = await request_by_trace(session, trace)
    status = "refused" if problem else ("received" if request is not None else "orphan")
    message_id = derived(partner, "in", fingerprint)
    made = await session.execute(
        insert(ExchangeMessage)
        .values(
            id=message_id, partner=partner, direction="in", kind=kind, control_number=control_number,
            subject_id=request.id if request else None, person_id=person_id, sealed=sealed, fingerprint=fingerprint,
            status=status, at=now, problem=problem,
        )
        .on_conflict_do_nothing(constraint="uq_exchange_message_once")
        .returning(ExchangeMessage.id)
    )  # fmt: skip
    if made.first() is None:
        return "duplicate"
    if request is not None and problem is None:
        await announce(
            session,
            kind=AUTHORIZATION_ANSWER,
            target=authorization_workflow(request.authorization_id),
            payload={
                "key": f"answer:{message_id}",
                "authorization_id": str(request.authorization_id),
                "message_id": str(message_id),
                "at": now.isoformat(),
            },
            at=now,
        )
    return status
