"""Who is hidden from whom, and who broke the glass (E13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from definitions.break_glass import AccessKind
from storage.models import BreakGlass, Episode, Person, PersonAccess
from storage.repositories.person import same_person

HIDDEN: Final = text(
    """
    WITH listed AS (
        SELECT person_id FROM person_access WHERE kind = 'blocked' AND username = :username AND lifted_at IS NULL
        UNION
        SELECT r.person_id FROM person_access r
        WHERE r.kind = 'restricted' AND r.lifted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM person_access a WHERE a.person_id = r.person_id AND a.kind = 'allowed'
               AND a.username = :username AND a.lifted_at IS NULL)
    ), stands AS (
        -- Records of one person are hidden as one, whichever of them a line stands on (E03).
        SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM listed l JOIN person p ON p.id = l.person_id
    ), barred AS (
        SELECT id AS person_id, id AS stands FROM stands
        UNION ALL
        SELECT p.id, s.id FROM stands s JOIN person p ON p.merged_into = s.id
    ), glass AS (
        SELECT coalesce(p.merged_into, p.id) AS stands, k.episode_id FROM break_glass k JOIN person p ON p.id = k.person_id
        WHERE CAST(:glass AS boolean) AND k.username = :username AND k.opened_at <= :now AND k.ends_at > :now
           AND k.finding IS DISTINCT FROM 'not_justified'
    )
    SELECT 'hidden' AS what, b.person_id AS id FROM barred b
    WHERE NOT EXISTS (SELECT 1 FROM glass g WHERE g.stands = b.stands)
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
    """Under every record of the person: what one of them hides, all hide (E03)."""
    rows = await session.execute(
        select(PersonAccess)
        .where(PersonAccess.person_id.in_(same_person(person_id)), PersonAccess.lifted_at.is_(None))
        .order_by(PersonAccess.set_at, PersonAccess.id)
    )
    return list(rows.scalars())


async def records_of(session: AsyncSession, person_id: UUID) -> list[UUID]:
    """Every record of the person, that of the address first: a line is written on each, so that it goes on standing on
    each when they are taken apart."""
    rows = await session.execute(same_person(person_id))
    return sorted(rows.scalars(), key=lambda one: (one != person_id, one))


async def lines_of(
    session: AsyncSession, person_id: UUID, kind: AccessKind, username: str | None
) -> list[PersonAccess]:
    """The line as it stands under each record of the person, locked."""
    rows = await session.execute(
        select(PersonAccess)
        .where(
            PersonAccess.person_id.in_(same_person(person_id)),
            PersonAccess.kind == kind,
            PersonAccess.username.is_not_distinct_from(username),
            PersonAccess.lifted_at.is_(None),
        )
        .order_by(PersonAccess.person_id != person_id, PersonAccess.id)
        .with_for_update()
    )
    return list(rows.scalars())


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
    """Under whichever record of the person."""
    own, listed = aliased(Person), aliased(Person)
    return exists().where(
        PersonAccess.kind == AccessKind.BLOCKED, PersonAccess.username == username, PersonAccess.lifted_at.is_(None),
        listed.id == PersonAccess.person_id, own.id == person_id,
        func.coalesce(listed.merged_into, listed.id) == func.coalesce(own.merged_into, own.id),
    )  # fmt: skip


async def episode_to_open(session: AsyncSession, episode_id: UUID) -> Episode | None:
    """Of any facility: who asks may not see it, which is why they ask."""
    return await session.get(Episode, episode_id)
