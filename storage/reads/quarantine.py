"""What came from partners and waits for a person: without content, seen by whoever may see its facility."""

from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Authorization, AuthorizationRequest, ExchangeMessage
from storage.reach import Reach
from storage.repositories.inbound import QUARANTINED

WAITING = (QUARANTINED, "orphan", "refused")
"""The last two are older words for the first."""
PAGE = 100


async def waiting(
    session: AsyncSession, facilities: Reach, payer: str | None, reason: str | None, before: UUID | None
) -> list[dict[str, Any]]:
    """Newest first. A message nobody could match belongs to no facility and is shown to every reviewer."""
    statement = (
        select(ExchangeMessage, Authorization.id, Authorization.facility, AuthorizationRequest.trace)
        .join(AuthorizationRequest, AuthorizationRequest.id == ExchangeMessage.subject_id, isouter=True)
        .join(Authorization, Authorization.id == AuthorizationRequest.authorization_id, isouter=True)
        .where(
            ExchangeMessage.direction == "in",
            ExchangeMessage.status.in_(WAITING),
            or_(Authorization.facility.is_(None), Authorization.facility.in_(facilities)),
            facilities.shows(Authorization.episode_id),
            facilities.shows(ExchangeMessage.person_id),
        )
    )
    if payer is not None:
        statement = statement.where(ExchangeMessage.partner == payer)
    if reason is not None:
        statement = statement.where(ExchangeMessage.reason == reason)
    if before is not None:
        mark = select(ExchangeMessage.at, ExchangeMessage.id).where(ExchangeMessage.id == before).subquery()
        statement = statement.where(
            tuple_(ExchangeMessage.at, ExchangeMessage.id) < tuple_(select(mark.c.at).scalar_subquery(), before)
        )
    rows = await session.execute(statement.order_by(ExchangeMessage.at.desc(), ExchangeMessage.id.desc()).limit(PAGE))
    return [_row(message, case_id, facility, trace) for message, case_id, facility, trace in rows]


def _row(m: ExchangeMessage, case_id: UUID | None, facility: str | None, trace: str | None) -> dict[str, Any]:
    return {
        "id": m.id, "payer": m.partner, "kind": m.kind, "version": m.version, "reason": m.reason or "unreadable",
        "at": m.at, "control_number": m.control_number, "facility": facility, "authorization_id": case_id,
        "trace": trace,
    }  # fmt: skip


async def case_of(session: AsyncSession, message: ExchangeMessage) -> Authorization | None:
    """The case of the request that the message is probably about; None: nobody knows."""
    if message.subject_id is None:
        return None
    found = await session.execute(
        select(Authorization)
        .join(AuthorizationRequest, AuthorizationRequest.authorization_id == Authorization.id)
        .where(AuthorizationRequest.id == message.subject_id)
    )
    return found.scalar_one_or_none()


async def counts(session: AsyncSession) -> dict[tuple[str, str], int]:
    """How many wait, by payer and reason."""
    rows = await session.execute(
        select(ExchangeMessage.partner, func.coalesce(ExchangeMessage.reason, "unreadable"), func.count())
        .where(and_(ExchangeMessage.direction == "in", ExchangeMessage.status == QUARANTINED))
        .group_by(ExchangeMessage.partner, ExchangeMessage.reason)
    )
    return {(payer, reason): int(count) for payer, reason, count in rows}
