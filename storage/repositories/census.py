"""Census snapshots: a new version only when something changed, with who stood behind each number (CEN-02)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.charging import CensusCount, PresenceRow
from storage.models import CensusLine, CensusSnapshot, FacilityDay

NEWEST = text(
    """
    SELECT l.program, l.level, l.payer, l.opening, l.admissions, l.transfers_in, l.returns, l.discharges, l.deaths,
           l.transfers_out, l.leaves_out, l.closing, l.on_leave
    FROM census_line l
    WHERE l.facility = :facility AND l.service_date = :on AND l.version = :version
    ORDER BY l.program, l.level, l.payer
    """
)
SAME_PRESENCE = text(
    """
    SELECT md5(coalesce(string_agg(stay_id::text || program || level || payer || state, ',' ORDER BY stay_id), ''))
    FROM census_presence WHERE facility = :facility AND service_date = :on AND version = :version
    """
)
REOPEN = text(
    """
    UPDATE facility_day SET stale = true, stale_reason = :reason
    WHERE facility = :facility AND service_date = :on AND closed_at IS NOT NULL AND NOT stale
    """
)
# One statement with arrays: COPY into a table with row security is refused.
PRESENT_COLUMNS = ("stay_id", "episode_id", "program", "level", "payer", "track", "state")
PRESENT = text(
    """
    INSERT INTO census_presence (stay_id, service_date, version, facility, episode_id, program, level, payer, track, state)
    SELECT p.stay_id, :on, :version, :facility, p.episode_id, p.program, p.level, p.payer, p.track, p.state
    FROM unnest(CAST(:stay_id AS uuid[]), CAST(:episode_id AS uuid[]), CAST(:program AS text[]), CAST(:level AS text[]),
                CAST(:payer AS text[]), CAST(:track AS text[]), CAST(:state AS text[]))
         AS p (stay_id, episode_id, program, level, payer, track, state)
    """
)


async def lock_day(session: AsyncSession, facility: str, on: date) -> FacilityDay:
    """The day's row, made if new, locked until the transaction ends: two closers of one date queue up."""
    await session.execute(
        insert(FacilityDay)
        .values(facility=facility, service_date=on, version=0, stale=False)
        .on_conflict_do_nothing(index_elements=["facility", "service_date"])
    )
    return (
        await session.execute(
            select(FacilityDay)
            .where(FacilityDay.facility == facility, FacilityDay.service_date == on)
            .with_for_update()
        )
    ).scalar_one()


async def newest_lines(session: AsyncSession, facility: str, on: date, version: int) -> list[CensusCount]:
    rows = await session.execute(NEWEST, {"facility": facility, "on": on, "version": version})
    return [CensusCount(*row) for row in rows]


async def same_presence(session: AsyncSession, facility: str, on: date, version: int, digest: str) -> bool:
    found = await session.execute(SAME_PRESENCE, {"facility": facility, "on": on, "version": version})
    return bool(found.scalar_one() == digest)


async def write_snapshot(
    session: AsyncSession,
    facility: str,
    on: date,
    version: int,
    lines: Sequence[CensusCount],
    presence: Sequence[PresenceRow],
    *,
    reason: str,
    now: datetime,
) -> None:
    session.add(CensusSnapshot(facility=facility, service_date=on, version=version, taken_at=now, reason=reason))
    await session.flush()
    if lines:
        await session.execute(insert(CensusLine).values([_line(facility, on, version, line) for line in lines]))
    await session.execute(
        PRESENT,
        {"on": on, "version": version, "facility": facility}
        | {column: [getattr(p, column) for p in presence] for column in PRESENT_COLUMNS},
    )


def _line(facility: str, on: date, version: int, line: CensusCount) -> dict[str, Any]:
    return {
        "facility": facility, "service_date": on, "version": version, "program": line.program, "level": line.level,
        "payer": line.payer, "opening": line.opening, "admissions": line.admissions,
        "transfers_in": line.transfers_in, "returns": line.returns, "discharges": line.discharges,
        "deaths": line.deaths, "transfers_out": line.transfers_out, "leaves_out": line.leaves_out,
        "closing": line.closing, "on_leave": line.on_leave,
    }  # fmt: skip


async def reopen_following(session: AsyncSession, facility: str, on: date) -> None:
    """The next closed date opens with what this one closes with: it is closed again after it."""
    await session.execute(
        REOPEN, {"facility": facility, "on": on + timedelta(days=1), "reason": "the date before was restated"}
    )


async def reopen_preceding(session: AsyncSession, facility: str, on: date, lines: Sequence[CensusCount]) -> None:
    """Proof of the chain: what this date opens with is what the newest version of the date before closes with. A
    break means that a late fact reached back further: that date is closed again."""
    before = on - timedelta(days=1)
    day = await session.get(FacilityDay, (facility, before))
    if day is None or day.closed_at is None or day.stale:
        return
    opened = {line.key: line.opening for line in lines if line.opening}
    standing = await newest_lines(session, facility, before, day.version)
    if opened != {line.key: line.closing for line in standing if line.closing}:
        await session.execute(
            REOPEN, {"facility": facility, "on": before, "reason": "it does not close with what the next opens with"}
        )
