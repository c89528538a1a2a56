"""Who is hidden from whom, and who broke the glass (E13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.break_glass import AccessKind
from storage.models import BreakGlass, Episode, PersonAccess

HIDDEN: Final = text(
    """
    WITH barred AS (
        SELECT person_id FROM person_access WHERE kind = 'blocked' AND username = :username AND lifted_at IS NULL
        UNION
        SELECT r.person_id FROM person_access r
        WHERE r.kind = 'restricted' AND r.lifted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM person_access a WHERE a.person_id = r.person_id AND a.kind = 'allowed'
               AND a.username = :username AND a.lifted_at IS NULL)
    ), glass AS (
        SELECT person_id, episode_id FROM break_glass
        WHERE CAST(:glass AS boolean) AND username = :username AND opened_at <= :now AND ends_at > :now
           AND finding IS DISTINCT FROM 'not_justified'
    )
    SELECT 'hidden' AS what, b.person_id AS id FROM barred b
    WHERE NOT EXISTS (SELECT 1 FROM glass g WHERE g.person_id = b.person_id)
    UNION ALL
    SELECT 'hidden', e.id FROM barred b JOIN episode e ON e.person_id = b.person_id
    WHERE NOT EXISTS (SELECT 1 FROM glass g WHERE g.episode_id = e.id)
    UNION ALL
    SELECT 'opened', g.episode_id FROM glass g
    """
)


async def eyes_of(
    session: AsyncSession, username: str, now: datetime, *, glass: bool
) -> tuple[frozenset[UUID], frozenset[UUID]]:
    """(hidden ids of people and episodes, opened episodes). `glass`: what was broken counts, which it does for reading."""
    found: dict[str, set[UUID]] = {"hidden": set(), "opened": set()}
    for what, row_id in await session.execute(HIDDEN, {"username": username, "now": now, "glass": glass}):
        found[what].add(row_id)
    return frozenset(found["hidden"]), frozenset(found["opened"])


async def standing(session: AsyncSession, person_id: UUID) -> list[PersonAccess]:
    rows = await session.execute(
        select(PersonAccess)
        .where(PersonAccess.person_id == person_id, PersonAccess.lifted_at.is_(None))
        .order_by(PersonAccess.set_at, PersonAccess.id)
    )
    return list(rows.scalars())


async def line_of(
    session: AsyncSession, person_id: UUID, kind: AccessKind, username: str | None
) -> PersonAccess | None:
    """The line as it stands, locked."""
    rows = await session.execute(
        select(PersonAccess)
        .where(
            PersonAccess.person_id == person_id,
            PersonAccess.kind == kind,
            PersonAccess.username.is_not_distinct_from(username),
            PersonAccess.lifted_at.is_(None),
        )
        .with_for_update()
    )
    return rows.scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Opened:
    """One breaking of the glass without the words."""

    id: UUID
    episode_id: UUID
    facility: str
    actor: str
    reason: str
    opened_at: datetime
    ends_at: datetime
    review_due_at: datetime
    reviewed_at: datetime | None
    reviewed_by: str | None
    finding: str | None


async def opened(
    session: AsyncSession, facilities: Sequence[str], username: str, *, unreviewed: bool, limit: int = 200
) -> list[Opened]:
    """The longest overdue first, or the newest first when all are asked for. A restriction hides nothing here, or
    nobody could review it; a patient's own block does."""
    query = select(
        BreakGlass.id, BreakGlass.episode_id, BreakGlass.facility, BreakGlass.actor, BreakGlass.reason,
        BreakGlass.opened_at, BreakGlass.ends_at, BreakGlass.review_due_at, BreakGlass.reviewed_at,
        BreakGlass.reviewed_by, BreakGlass.finding,
    ).where(BreakGlass.facility.in_(facilities), ~_blocking(BreakGlass.person_id, username))  # fmt: skip
    if unreviewed:
        query = query.where(BreakGlass.reviewed_at.is_(None)).order_by(BreakGlass.review_due_at, BreakGlass.id)
    else:
        query = query.order_by(BreakGlass.opened_at.desc(), BreakGlass.id)
    return [Opened(*row) for row in await session.execute(query.limit(limit))]


async def blocked(session: AsyncSession, person_id: UUID, username: str) -> bool:
    """Whether the person wishes this user to see nothing of them."""
    return bool((await session.execute(select(_blocking(person_id, username)))).scalar_one())


def _blocking(person_id: Any, username: str) -> Any:
    return exists().where(
        PersonAccess.person_id == person_id, PersonAccess.kind == AccessKind.BLOCKED,
        PersonAccess.username == username, PersonAccess.lifted_at.is_(None),
    )  # fmt: skip


async def episode_to_open(session: AsyncSession, episode_id: UUID) -> Episode | None:
    """Of any facility: who asks may not see it, which is why they ask."""
    return await session.get(Episode, episode_id)
