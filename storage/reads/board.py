"""The census board: beds now, day programs, who moves, and what contradicts itself."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.reach import Reach

BEDS = text(
    """
    SELECT b.id, b.label, b.room, b.unit, b.program, b.levels, b.closed_reason, b.cleaning_until,
           o.state, e.id AS episode_id, e.person_id, e.level, e.authorized_level, e.payer, lower(s.period) AS since,
           (SELECT a.kind FROM absence a WHERE a.stay_id = o.stay_id AND a.returned_at IS NULL AND a.left_at <= :now
            LIMIT 1) AS away,
           (SELECT a.expected_return_at FROM absence a WHERE a.stay_id = o.stay_id AND a.returned_at IS NULL
            LIMIT 1) AS back_at
    FROM bed b
    LEFT JOIN bed_occupancy o ON o.bed_id = b.id AND (o.ends_at IS NULL OR o.ends_at > :now)
         AND o.period @> CAST(:now AS timestamptz)
    LEFT JOIN episode e ON e.id = o.episode_id AND e.id <> ALL(CAST(:hidden AS uuid[]))
    LEFT JOIN stay s ON s.id = o.stay_id
    WHERE b.facility = :facility ORDER BY b.unit, b.id
    """
)
DAY = text(
    """
    SELECT s.program, s.level, count(*), p.capacity, p.name
    FROM stay s JOIN program p ON p.key = s.program
    WHERE s.facility = :facility AND s.track = 'day' AND (s.ends_at IS NULL OR s.ends_at > :now)
      AND s.period @> CAST(:now AS timestamptz)
    GROUP BY s.program, s.level, p.capacity, p.name ORDER BY s.program, s.level DESC
    """
)
MOVES = text(
    """
    SELECT t.id, t.episode_id, e.person_id, t.from_level, t.to_level, t.effective_at, t.status, t.kind
    FROM transition t JOIN episode e ON e.id = t.episode_id
    WHERE t.facility = :facility AND t.episode_id <> ALL(CAST(:hidden AS uuid[]))
      AND t.status IN ('scheduled', 'pending', 'needs_sign_off', 'blocked')
    ORDER BY t.effective_at LIMIT 100
    """
)
PENDING_IN = text(
    """
    SELECT e.id, e.person_id, e.requested_level, e.opened_at FROM episode e
    WHERE e.facility = :facility AND e.phase = 'intake' AND e.id <> ALL(CAST(:hidden AS uuid[]))
    ORDER BY e.opened_at LIMIT 100
    """
)
UNBEDDED = text(
    """
    SELECT s.episode_id, e.person_id, s.level FROM stay s JOIN episode e ON e.id = s.episode_id
    WHERE s.facility = :facility AND s.episode_id <> ALL(CAST(:hidden AS uuid[]))
      AND s.track = 'bed' AND (s.ends_at IS NULL OR s.ends_at > :now) AND s.period @> CAST(:now AS timestamptz)
      AND NOT EXISTS (SELECT 1 FROM bed_occupancy o WHERE o.episode_id = s.episode_id AND o.stay_id = s.id
                      AND o.period @> CAST(:now AS timestamptz))
    """
)


@dataclass(frozen=True, slots=True)
class BedState:
    """`state`: available, occupied, on_leave, reserved, cleaning or closed (domain 7.2)."""

    id: str
    label: str
    room: str
    unit: str
    program: str
    levels: tuple[str, ...]
    state: str
    reason: str | None
    episode_id: UUID | None
    person_id: UUID | None
    level: str | None
    authorized_level: str | None
    payer: str | None
    since: datetime | None
    back_at: datetime | None


@dataclass(frozen=True, slots=True)
class DayProgram:
    program: str
    level: str
    enrolled: int
    capacity: int
    name: str


@dataclass(frozen=True, slots=True)
class Mover:
    id: UUID
    episode_id: UUID
    person_id: UUID
    from_level: str | None
    to_level: str | None
    at: datetime
    status: str
    kind: str


@dataclass(frozen=True, slots=True)
class Board:
    """One facility now. Somebody hidden from the reader is counted and never named: their bed is taken by nobody."""

    facility: str
    at: datetime
    beds: list[BedState] = field(default_factory=list)
    day: list[DayProgram] = field(default_factory=list)
    moves: list[Mover] = field(default_factory=list)
    pending_in: list[tuple[UUID, UUID, str, datetime]] = field(default_factory=list)
    unbedded: list[tuple[UUID, UUID, str]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for bed in self.beds:
            found[bed.state] = found.get(bed.state, 0) + 1
        return found


async def board(session: AsyncSession, facilities: Reach, facility: str, now: datetime) -> Board | None:
    """Five statements whatever the size; None when the facility is not the caller's."""
    if facility not in facilities:
        return None
    here = {"facility": facility, "hidden": facilities.hidden_ids}
    where = {**here, "now": now}
    beds = [
        BedState(
            id=r.id, label=r.label, room=r.room, unit=r.unit, program=r.program, levels=tuple(r.levels),
            state=_state(r.closed_reason, r.cleaning_until, r.state, r.away, now), reason=r.closed_reason or r.away,
            episode_id=r.episode_id, person_id=r.person_id, level=r.level, authorized_level=r.authorized_level,
            payer=r.payer, since=r.since, back_at=r.back_at,
        )
        for r in await session.execute(BEDS, where)
    ]  # fmt: skip
    return Board(
        facility=facility,
        at=now,
        beds=beds,
        day=[DayProgram(*r) for r in await session.execute(DAY, {"facility": facility, "now": now})],
        moves=[Mover(*r) for r in await session.execute(MOVES, here)],
        pending_in=[(r[0], r[1], r[2], r[3]) for r in await session.execute(PENDING_IN, here)],
        unbedded=[(r[0], r[1], r[2]) for r in await session.execute(UNBEDDED, where)],
    )


def _state(
    closed: str | None, cleaning: datetime | None, occupancy: str | None, away: str | None, now: datetime
) -> str:
    if occupancy == "occupied":
        return "on_leave" if away else "occupied"
    if occupancy == "reserved":
        return "reserved"
    if closed:
        return "closed"
    return "cleaning" if cleaning and cleaning > now else "available"
