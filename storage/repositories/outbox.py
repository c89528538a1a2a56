"""Id-only messages that follow a commit (D1): written here, relayed by the worker."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Outbox

EPISODE_FACT = "episode_fact"
"""Signal `fact_recorded` to an episode; payload is a FactRecorded."""
AUTHORIZATION_START = "authorization_start"
"""Start (or join) the workflow of a case; payload is an AuthorizationStart without drive."""
AUTHORIZATION_CHANGED = "authorization_changed"
"""Signal `case_changed`; payload is a CaseChanged."""
AUTHORIZATION_ANSWER = "authorization_answer"
"""Signal `answer_arrived`; payload is an AnswerArrived."""
MIDNIGHT_WANTED = "midnight_wanted"
"""Closed dates became stale: start the facility's midnight workflow; payload is a CloseFacility."""


async def announce(session: AsyncSession, *, kind: str, target: str, payload: dict[str, Any], at: datetime) -> None:
    """Add a message for workflow `target` to the current transaction."""
    session.add(Outbox(kind=kind, target=target, payload=payload, created_at=at))


async def claim(session: AsyncSession, limit: int = 50) -> list[Outbox]:
    """Unsent rows in order, locked for this transaction; other relays skip them."""
    rows = await session.execute(
        select(Outbox)
        .where(Outbox.relayed_at.is_(None), Outbox.parked.is_(False))
        .order_by(Outbox.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(rows.scalars())


async def mark_relayed(session: AsyncSession, outbox_id: int, at: datetime) -> None:
    await session.execute(update(Outbox).where(Outbox.id == outbox_id).values(relayed_at=at))


async def unsent(session: AsyncSession) -> int:
    """How many messages wait; the driven clock stands still until this is zero. Parked rows wait for a person."""
    count = await session.execute(
        select(func.count()).select_from(Outbox).where(Outbox.relayed_at.is_(None), Outbox.parked.is_(False))
    )
    return int(count.scalar_one())
