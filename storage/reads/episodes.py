"""Episodes for lists and for one page: a fixed number of statements, scoped to facilities, fail-closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, cast, func, select, text, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.vocabulary import AssessmentStatus, ConsentStatus, OpenItemStatus
from storage.models import (
    Alert,
    Assessment,
    AssessmentDue,
    Authorization,
    AuthorizationDecision,
    AuthorizationRequest,
    Bed,
    BedOccupancy,
    Charge,
    Consent,
    Coverage,
    Episode,
    Movement,
    OpenItem,
    TimelineEntry,
    Transition,
)
from storage.reach import Reach
from storage.reads.coverages import coverage_rows
from storage.reads.misfiling import misfiled_among
from storage.repositories.episode import away_since, stays_of

NEXT_EVENTS = text(
    """
    SELECT d.at, d.kind, d.why, d.subject_id FROM due d
    WHERE (d.owner_kind = 'episode' AND d.owner_id = :episode)
       OR (d.owner_kind = 'authorization' AND d.owner_id IN (SELECT id FROM "authorization" WHERE episode_id = :episode))
    ORDER BY d.at, d.kind LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    id: UUID
    person_id: UUID
    facility: str
    phase: str
    level: str | None
    authorized_level: str | None
    program: str | None
    payer: str
    requested_level: str
    opened_at: datetime
    admitted_at: datetime | None
    closed_at: datetime | None
    open_items: int


@dataclass(frozen=True, slots=True)
class EpisodePage:
    """Everything one page shows, as rows."""

    episode: Episode
    stays: tuple[Any, ...]
    away: bool
    bed: Bed | None
    items: list[OpenItem]
    next_events: list[dict[str, Any]]
    consents: list[Consent]
    dues: list[AssessmentDue]
    assessments: list[Assessment]
    alerts: list[Alert]
    coverages: list[Coverage]
    cases: list[Authorization]
    requests: list[AuthorizationRequest]
    decisions: list[AuthorizationDecision]
    transitions: list[Transition]
    movements: list[Movement]
    sessions_ahead: int
    charges: int
    charged: Any


async def episode_list(
    session: AsyncSession,
    facilities: Reach,
    *,
    facility: str | None = None,
    phase: str | None = None,
    level: str | None = None,
    people: Sequence[UUID] | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[EpisodeRow]:
    """Newest first. `people`: only these persons (the caller searched the blind index). Keyset cursor."""
    wanted = [f for f in dict.fromkeys(facilities) if facility in (None, f)]
    if not wanted:
        return []
    # A facility at a time: each gives its newest from the index, and only those few are put in order. Asked for in
    # one, the rows of all facilities would be read and sorted.
    houses = func.unnest(cast(wanted, ARRAY(Text))).table_valued("house", name="houses").render_derived()
    query: Any = select(
        Episode.id, Episode.person_id, Episode.facility, Episode.phase, Episode.level, Episode.authorized_level,
        Episode.program, Episode.payer, Episode.requested_level, Episode.opened_at, Episode.admitted_at,
        Episode.closed_at,
    ).where(Episode.facility == houses.c.house, facilities.shows(Episode.id))  # fmt: skip
    for column, value in ((Episode.phase, phase), (Episode.level, level)):
        if value is not None:
            query = query.where(column == value)
    if people is not None:
        query = query.where(Episode.person_id.in_(people))
    if after is not None:
        query = query.where(tuple_(Episode.opened_at, Episode.id) < after)
    newest = query.order_by(Episode.opened_at.desc(), Episode.id.desc()).limit(limit).lateral("newest")
    items = (
        select(func.count())
        .select_from(OpenItem)
        .where(OpenItem.episode_id == newest.c.id, OpenItem.status == OpenItemStatus.OPEN)
        .scalar_subquery()
    )
    listed: Any = select(*newest.c, items).select_from(houses.join(newest, true()))
    rows = await session.execute(listed.order_by(newest.c.opened_at.desc(), newest.c.id.desc()).limit(limit))
    return [EpisodeRow(*row) for row in rows]


async def episode_page(session: AsyncSession, facilities: Reach, episode_id: UUID) -> EpisodePage | None:
    episode = await session.get(Episode, episode_id)
    if episode is None or not facilities.sees(episode.facility, episode.id, episode.person_id):
        return None

    async def rows(model: Any, *order: Any, **where: Any) -> list[Any]:
        query = select(model).where(model.episode_id == episode_id)
        for name, value in where.items():
            query = query.where(getattr(model, name) == value)
        return list((await session.execute(query.order_by(*order))).scalars())

    cases = await rows(Authorization, Authorization.opened_at)
    decisions = list(
        (
            await session.execute(
                select(AuthorizationDecision)
                .where(AuthorizationDecision.authorization_id.in_([c.id for c in cases]))
                .order_by(AuthorizationDecision.received_at)
            )
        ).scalars()
    )
    charged = (
        await session.execute(
            select(func.count(), func.coalesce(func.sum(Charge.amount), 0)).where(
                Charge.episode_id == episode_id, Charge.status == "live"
            )
        )
    ).one()
    ahead = await session.execute(
        text("SELECT count(*) FROM attendance WHERE episode_id = :e AND status = 'scheduled'"), {"e": episode_id}
    )
    results = await rows(Assessment, Assessment.performed_at.desc())
    elsewhere = await misfiled_among(session, [a.id for a in results])
    return EpisodePage(
        episode=episode,
        stays=await stays_of(session, episode_id),
        away=bool(await away_since(session, episode_id)),
        bed=await _bed(session, episode_id),
        items=await rows(OpenItem, OpenItem.due_at.asc().nulls_last(), OpenItem.opened_at, status=OpenItemStatus.OPEN),
        next_events=await next_events(session, episode_id),
        consents=await rows(Consent, Consent.presented_at),
        dues=await rows(AssessmentDue, AssessmentDue.due_at, status=AssessmentStatus.DUE),
        assessments=[a for a in results if a.id not in elsewhere],
        alerts=[a for a in await rows(Alert, Alert.opened_at) if a.cleared_at is None],
        coverages=await coverage_rows(session, episode.person_id),
        cases=cases,
        requests=await rows(AuthorizationRequest, AuthorizationRequest.requested_at),
        decisions=decisions,
        transitions=await rows(Transition, Transition.requested_at.desc()),
        movements=await rows(Movement, Movement.sequence),
        sessions_ahead=int(ahead.scalar_one()),
        charges=int(charged[0]),
        charged=charged[1],
    )


async def next_events(session: AsyncSession, episode_id: UUID, limit: int = 60) -> list[dict[str, Any]]:
    """What will happen next, when and why: the episode's own deadlines and its authorizations' (D6)."""
    rows = await session.execute(NEXT_EVENTS, {"episode": episode_id, "limit": limit})
    return [{"at": at, "kind": kind, "why": why, "subject_id": subject} for at, kind, why, subject in rows]


async def _bed(session: AsyncSession, episode_id: UUID) -> Bed | None:
    return (
        await session.execute(
            select(Bed)
            .join(BedOccupancy, BedOccupancy.bed_id == Bed.id)
            .where(
                BedOccupancy.episode_id == episode_id,
                BedOccupancy.state == "occupied",
                func.upper_inf(BedOccupancy.period),
            )
        )
    ).scalar_one_or_none()


async def timeline(
    session: AsyncSession, episode_id: UUID, *, after: int | None = None, limit: int = 200
) -> list[TimelineEntry]:
    """Everything that happened, oldest first; `after` is the last id seen."""
    query = select(TimelineEntry).where(TimelineEntry.episode_id == episode_id)
    if after is not None:
        query = query.where(TimelineEntry.id > after)
    return list((await session.execute(query.order_by(TimelineEntry.id).limit(limit))).scalars())


async def presented_forms(session: AsyncSession, episode_id: UUID) -> list[str]:
    rows = await session.execute(
        select(Consent.form).where(Consent.episode_id == episode_id, Consent.status == ConsentStatus.PRESENTED)
    )
    return list(rows.scalars())
