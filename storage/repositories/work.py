"""Open items with an owner, and the clock data of workflows (D6, D7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.deadline import Deadline
from definitions.vocabulary import DeadlineKind, OpenItemStatus
from storage.many_rows import insert_many
from storage.models import Due, OpenItem

DUE, OPEN_ITEM = cast(Table, Due.__table__), cast(Table, OpenItem.__table__)
PASSED = text(
    "DELETE FROM due WHERE owner_kind = :owner_kind AND owner_id = :owner_id AND key <> ALL(CAST(:keys AS text[]))"
)
CHANGED = """
    ON CONFLICT (owner_kind, owner_id, key) DO UPDATE SET kind = excluded.kind, at = excluded.at, why = excluded.why,
        subject_id = excluded.subject_id
    WHERE due.at <> excluded.at OR due.why <> excluded.why"""
"""Rows that say the same already are left alone."""
EPISODE = "episode"
AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be owed by a role; the same id opens once, so a repeated command does not double it."""

    item_id: UUID
    episode_id: UUID
    facility: str
    kind: str
    owner_role: str
    why: str
    opened_at: datetime
    due_at: datetime | None = None
    subject_id: str | None = None
    rule: str | None = None


async def open_items(session: AsyncSession, items: Sequence[Item]) -> None:
    """Open owned items, all in one statement."""
    rows = [
        {
            "id": item.item_id,
            "episode_id": item.episode_id,
            "facility": item.facility,
            "kind": item.kind,
            "subject_id": item.subject_id,
            "owner_role": item.owner_role,
            "why": item.why,
            "rule": item.rule,
            "opened_at": item.opened_at,
            "due_at": item.due_at,
            "status": OpenItemStatus.OPEN,
        }
        for item in items
    ]
    await insert_many(session, OPEN_ITEM, rows, "ON CONFLICT (id) DO NOTHING")


async def open_item(
    session: AsyncSession,
    *,
    item_id: UUID,
    episode_id: UUID,
    facility: str,
    kind: str,
    owner_role: str,
    why: str,
    opened_at: datetime,
    due_at: datetime | None = None,
    subject_id: str | None = None,
    rule: str | None = None,
) -> None:
    """Open one owned item."""
    item = Item(item_id, episode_id, facility, kind, owner_role, why, opened_at, due_at, subject_id, rule)
    await open_items(session, [item])


async def close_items(
    session: AsyncSession,
    *,
    episode_id: UUID,
    now: datetime,
    actor: str,
    resolution: str,
    kind: str | Collection[str] | None = None,
    subject_id: str | None = None,
    item_ids: Collection[UUID] | None = None,
    status: OpenItemStatus = OpenItemStatus.DONE,
) -> int:
    """Close open items of an episode, narrowed by kind, subject and id; answers how many."""
    statement = update(OpenItem).where(OpenItem.episode_id == episode_id, OpenItem.status == OpenItemStatus.OPEN)
    if kind is not None:
        statement = statement.where(OpenItem.kind.in_([kind] if isinstance(kind, str) else list(kind)))
    if subject_id is not None:
        statement = statement.where(OpenItem.subject_id == subject_id)
    if item_ids is not None:
        statement = statement.where(OpenItem.id.in_(list(item_ids)))
    result: Any = await session.execute(
        statement.values(status=status, resolved_at=now, resolved_by=actor, resolution=resolution)
    )
    return int(result.rowcount)


async def replace_due(session: AsyncSession, *, owner_kind: str, owner_id: UUID, deadlines: Sequence[Deadline]) -> None:
    """Make an owner's deadlines exactly these: rows are replaced, never stacked (D6)."""
    await session.execute(PASSED, {"owner_kind": owner_kind, "owner_id": owner_id, "keys": [d.key for d in deadlines]})
    rows = [
        {
            "owner_kind": owner_kind,
            "owner_id": owner_id,
            "key": d.key,
            "kind": d.kind,
            "at": d.at,
            "why": d.why,
            "subject_id": d.subject_id,
        }
        for d in deadlines
    ]
    await insert_many(session, DUE, rows, CHANGED)


async def deadlines_of(session: AsyncSession, owner_kind: str, owner_id: UUID) -> tuple[Deadline, ...]:
    """An owner's deadlines, earliest first."""
    rows = await session.execute(
        select(Due).where(Due.owner_kind == owner_kind, Due.owner_id == owner_id).order_by(Due.at, Due.key)
    )
    return tuple(
        Deadline(key=r.key, kind=DeadlineKind(r.kind), at=r.at, why=r.why, subject_id=r.subject_id)
        for r in rows.scalars()
    )
