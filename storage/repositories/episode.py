"""Episodes, their movements and the projection of them (D13, D14)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.level import LevelOfCare
from definitions.movement import MovementFact, ProjectedStay, Projection
from definitions.vocabulary import Phase, Track
from storage.models import Absence, BedOccupancy, Episode, Movement, Stay

VOIDED = "void"
"""Departure of a stay whose movement was taken back; its period is empty and its charges go at the next close."""

# What the movements no longer say. An empty list keeps nothing: no id differs from none of none.
GONE = text(
    f"""
    WITH away AS (
        DELETE FROM absence WHERE episode_id = :episode AND id <> ALL(CAST(:absences AS uuid[]))),
    freed AS (
        DELETE FROM bed_occupancy
        WHERE episode_id = :episode AND state = 'occupied' AND id <> ALL(CAST(:beds AS uuid[])))
    UPDATE stay SET period = 'empty', departure = '{VOIDED}'
    WHERE episode_id = :episode AND id <> ALL(CAST(:stays AS uuid[]))
    """
)


async def lock_episode(session: AsyncSession, episode_id: UUID) -> Episode | None:
    """The episode's row, held until the transaction ends: one writer at a time per episode."""
    return (
        await session.execute(select(Episode).where(Episode.id == episode_id).with_for_update())
    ).scalar_one_or_none()


async def movements_of(session: AsyncSession, episode_id: UUID) -> list[MovementFact]:
    rows = await session.execute(select(Movement).where(Movement.episode_id == episode_id).order_by(Movement.sequence))
    return [
        MovementFact(
            id=m.id,
            kind=m.kind,
            effective_at=m.effective_at,
            sequence=m.sequence,
            supersedes=m.supersedes,
            level=m.level,
            program=m.program,
            track=m.track,
            bed_id=m.bed_id,
            expected_return_at=m.expected_return_at,
        )
        for m in rows.scalars()
    ]


async def add_movement(
    session: AsyncSession,
    fact: MovementFact,
    *,
    episode_id: UUID,
    recorded_at: datetime,
    actor: str,
    command_key: str,
    sealed_reason: bytes,
    disposition: str | None = None,
    transition_id: UUID | None = None,
) -> None:
    await session.execute(
        insert(Movement).values(
            id=fact.id,
            episode_id=episode_id,
            kind=fact.kind,
            effective_at=fact.effective_at,
            recorded_at=recorded_at,
            sequence=fact.sequence,
            supersedes=fact.supersedes,
            level=fact.level,
            program=fact.program,
            track=fact.track,
            bed_id=fact.bed_id,
            sealed_reason=sealed_reason,
            disposition=disposition,
            expected_return_at=fact.expected_return_at,
            transition_id=transition_id,
            actor=actor,
            command_key=command_key,
        )
    )


async def write_projection(
    session: AsyncSession,
    episode: Episode,
    projection: Projection,
    levels: dict[str, LevelOfCare],
    hold_until: datetime | None = None,
) -> None:
    """Make stays, absences and beds exactly what the movements say, and mirror the main stay on the episode."""
    await session.execute(
        GONE,
        {
            "episode": episode.id,
            "stays": [s.id for s in projection.stays],
            "absences": [a.id for a in projection.absences],
            "beds": [b.id for b in projection.beds],
        },
    )
    await _write_stays(session, episode, projection.stays, levels)
    await _write_absences(session, episode, projection, hold_until)
    await _write_beds(session, episode, projection)
    main = projection.main
    episode.stay_id = main.id if main else None
    episode.level = main.level if main else (episode.level if projection.stays else None)
    episode.program = main.program if main else (episode.program if projection.stays else None)
    episode.admitted_at = projection.stays[0].started_at if projection.stays else None
    if projection.closed_at is not None:
        episode.phase = Phase.CLOSED if projection.stays else Phase.NOT_ADMITTED
        episode.closed_at = projection.closed_at
    else:
        episode.phase = Phase.IN_CARE if projection.stays else Phase.INTAKE
        episode.closed_at = None


async def _write_stays(
    session: AsyncSession, episode: Episode, stays: Sequence[ProjectedStay], levels: dict[str, LevelOfCare]
) -> None:
    if not stays:
        return
    statement = insert(Stay).values(
        [
            {
                "id": s.id,
                "episode_id": episode.id,
                "person_id": episode.person_id,
                "facility": episode.facility,
                "program": s.program,
                "level": s.level,
                "track": s.track,
                "billing": levels[s.level].billing,
                "payer": episode.payer,
                "period": Range(s.started_at, s.ended_at, bounds="[)", empty=s.started_at == s.ended_at),
                "arrival": s.arrival,
                "departure": s.departure,
                "edition": episode.edition,
            }
            for s in stays
        ]
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={
                name: statement.excluded[name]
                for name in ("program", "level", "track", "billing", "period", "arrival", "departure")
            },
        )
    )


async def _write_absences(
    session: AsyncSession, episode: Episode, projection: Projection, hold_until: datetime | None
) -> None:
    for absence in projection.absences:
        values: dict[str, Any] = {
            "kind": absence.kind.value,
            "left_at": absence.left_at,
            "returned_at": absence.returned_at,
            "expected_return_at": absence.expected_return_at,
        }
        statement = insert(Absence).values(
            id=absence.id, episode_id=episode.id, stay_id=absence.stay_id, hold_until=hold_until, **values
        )
        await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def _write_beds(session: AsyncSession, episode: Episode, projection: Projection) -> None:
    for bed in projection.beds:
        period = Range(bed.from_at, bed.to_at, bounds="[)", empty=bed.from_at == bed.to_at)
        statement = insert(BedOccupancy).values(
            id=bed.id,
            bed_id=bed.bed_id,
            episode_id=episode.id,
            stay_id=bed.stay_id,
            period=period,
            state="occupied",
        )
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={"bed_id": bed.bed_id, "period": period, "stay_id": bed.stay_id}
            )
        )


async def stays_of(session: AsyncSession, episode_id: UUID) -> tuple[ProjectedStay, ...]:
    """Stays as projected, in order; voided ones are left out. Same-instant stays read as they were written."""
    rows = await session.execute(
        select(Stay)
        .where(Stay.episode_id == episode_id, func.isempty(Stay.period).is_(False))
        .order_by(func.lower(Stay.period), Stay.id)
    )
    found = []
    for stay in rows.scalars():
        started = stay.period.lower
        if started is None:
            raise RuntimeError(f"stay {stay.id} has no beginning")
        found.append(
            ProjectedStay(
                id=stay.id,
                level=stay.level,
                program=stay.program,
                track=Track(stay.track),
                started_at=started,
                ended_at=stay.period.upper,
                arrival=stay.arrival,
                departure=stay.departure,
            )
        )
    return tuple(found)


async def away_since(session: AsyncSession, episode_id: UUID) -> Sequence[Absence]:
    """Open absences of open stays."""
    rows = await session.execute(
        select(Absence)
        .join(Stay, Stay.id == Absence.stay_id)
        .where(
            Absence.episode_id == episode_id,
            Absence.returned_at.is_(None),
            func.upper_inf(Stay.period),
            func.isempty(Stay.period).is_(False),
        )
    )
    return rows.scalars().all()
