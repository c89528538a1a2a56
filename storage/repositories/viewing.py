"""Who looked at whom: one audit entry per view, before anything is opened (HIPAA audit controls, D15)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.repositories import timeline

VIEWED = "viewed_person"
# The same lock as the chain's trigger, taken before the row has its id: two views of one person at once then stand in
# the chain in the order of their ids.
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:chain, 7))")


def chain_of(actor: str) -> str:
    """Views are one chain per person who looks: nobody waits for somebody else's reading."""
    return f"views/{actor}"


async def note_view(
    session: AsyncSession,
    *,
    actor: str,
    role: str,
    at: datetime,
    purpose: str,
    page: str,
    people: Sequence[UUID],
    filters: dict[str, Any],
) -> None:
    """One entry for one page or answer: of a single person by their id, of a list by its filter, with everybody on it.
    `filters` hold codes and ids, never what was searched for."""
    chain = chain_of(actor)
    await session.execute(LOCK, {"chain": chain})
    subject = f"person/{people[0]}" if len(people) == 1 else f"list/{page}"
    timeline.audit(
        session,
        chain=chain,
        at=at,
        actor=actor,
        role=role,
        action=VIEWED,
        subject=subject,
        purpose=purpose,
        detail={
            "page": page,
            "filter": {name: value for name, value in filters.items() if value not in (None, "", False)},
            "count": len(people),
            "people": [str(person) for person in people],
        },
    )
    await session.flush()
