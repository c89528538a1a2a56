"""Open items with an owner, and the clock data of workflows (D6, D7)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.deadline import Deadline
from definitions.vocabulary import DeadlineKind, OpenItemStatus
from storage.models import Due, OpenItem

DUE = cast(Table, Due.__table__)
EPISODE = "episode"
AUTHORIZATION = "authorization"


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
    """Open an owned item; the same id opens once, so a repeated command does not double it."""
    await session.execute(
        insert(OpenItem)
        .values(
            id=item_id,
            episode_id=episode_id,
            facility=facility,
            kind=kind,
            subject_id=subject_id,
            owner_role=owner_role,
            why=why,
            rule=rule,
            opened_at=opened_at,
            due_at=due_at,
            status=OpenItemStatus.OPEN,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )


async def close_items(
    session: AsyncSession,
    *,
    episode_id: UUID,
    now: datetime,
    actor: str,
    resolution: str,
    kind: str | None = None,
    subject_id: str | None = None,
    status: OpenItemStatus = OpenItemStatus.DONE,
) -> int:
    """Close open items of an episode, narrowed by kind and subject; answers how many."""
    statement = update(OpenItem).where(OpenItem.episode_id == episode_id, OpenItem.status == OpenItemStatus.OPEN)
    if kind is not None:
        statement = statement.where(OpenItem.kind == kind)
    if subject_id is not None:
        statement = statement.where(OpenItem.subject_id == subject_id)
    result: Any = await session.execute(
        statement.values(status=status, resolved_at=now, resolved_by=actor, resolution=resolution)
    )
    return int(result.rowcount)


async def replace_due(session: AsyncSession, *, owner_kind: str, owner_id: UUID, deadlines: Sequence[Deadline]) -> None:
    """Make an owner's deadlines exactly these: rows are replaced, never stacked (D6)."""
    keys = [d.key for d in deadlines]
    stale = delete(Due).where(Due.owner_kind == owner_kind, Due.owner_id == owner_id)
    await session.execute(stale.where(Due.key.not_in(keys)) if keys else stale)
    if not deadlines:
        return
    statement = insert(DUE)
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
    # A list of parameters, not one statement with all values: the compiled statement is then reused. Rows that say
    # the same already are left alone.
    changed = {name: statement.excluded[name] for name in ("kind", "at", "why", "subject_id")}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["owner_kind", "owner_id", "key"],
            set_=changed,
            where=(DUE.c.at != statement.excluded.at) | (DUE.c.why != statement.excluded.why),
        ),
        rows,
    )


async def deadlines_of(session: AsyncSession, owner_kind: str, owner_id: UUID) -> tuple[Deadline, ...]:
    """An owner's deadlines, earliest first."""
    rows = await session.execute(
        select(Due).where(Due.owner_kind == owner_kind, Due.owner_id == owner_id).order_by(Due.at, Due.key)
    )
    return tuple(
        Deadline(key=r.key, kind=DeadlineKind(r.kind), at=r.at, why=r.why, subject_id=r.subject_id)
        for r in rows.scalars()
    )
