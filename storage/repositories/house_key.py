"""Names of the house's keys and since when each seals; every change is in the audit."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import HouseKey
from storage.repositories.timeline import audit

KEYS: Final = "keys"
"""Audit chain of the house's keys."""


async def note_current(session: AsyncSession, *, key_id: str, now: datetime, actor: str) -> None:
    """`key_id` seals from now on. Said again, the first moment stands."""
    made = await session.execute(
        insert(HouseKey)
        .values(id=key_id, current_from=now, made_by=actor)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(HouseKey.id)
    )
    if made.first() is not None:
        audit(
            session, chain=KEYS, at=now, actor=actor, role="operator", action="house_key_current",
            subject=f"house_key/{key_id}", purpose="operations", detail={"key": key_id},
        )  # fmt: skip


async def note_retired(session: AsyncSession, *, key_id: str, now: datetime, actor: str) -> None:
    row = await session.get(HouseKey, key_id)
    if row is None:
        session.add(HouseKey(id=key_id, current_from=now, made_by=actor, retired_at=now))
    else:
        row.retired_at = now
    audit(
        session, chain=KEYS, at=now, actor=actor, role="operator", action="house_key_retired",
        subject=f"house_key/{key_id}", purpose="operations", detail={"key": key_id},
    )  # fmt: skip


async def followed_at(session: AsyncSession, key_id: str) -> datetime | None:
    """When a later key began to seal in its place; None: none is on record."""
    rows = await session.execute(select(HouseKey.id, HouseKey.current_from).order_by(HouseKey.current_from))
    known = [(name, at) for name, at in rows]
    since = next((at for name, at in known if name == key_id), None)
    later = [at for name, at in known if name != key_id and (since is None or at > since)]
    return min(later, default=None)
