"""Keeps sessions placed ahead for everybody who stays, set-based, once a night (SCH-01)."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.edition import Edition
from definitions.facility import Facility
from definitions.ids import derived
from definitions.schedule import ScheduleTemplate
from definitions.session import PlannedSession
from rules.sessions import sessions_for
from runtime.catalog import Catalog
from storage.models import Session

OWN = ("individual", "family")
PLACES = text(
    """
    INSERT INTO attendance (session_id, stay_id, episode_id, service_date, status)
    SELECT m.id, s.id, s.episode_id, m.service_date, 'scheduled'
    FROM session m JOIN stay s ON s.program = m.program AND s.level = :level AND upper_inf(s.period)
        AND NOT isempty(s.period)
    WHERE m.program = :program AND m.template = :template AND m.service_date > :after AND m.service_date <= :through
      AND (m.block NOT LIKE '%:%' OR m.block LIKE '%:' || s.id::text) AND m.starts_at >= lower(s.period)
    ON CONFLICT DO NOTHING
    """
)
OPEN_STAYS = text(
    """
    SELECT id FROM stay WHERE program = :program AND level = :level AND upper_inf(period) AND NOT isempty(period)
    """
)


async def extend_horizon(session: AsyncSession, catalog: Catalog, facility_key: str, closed: date) -> int:
    """Place the sessions of the newest day of the horizon for every open stay. Answers how many places are new."""
    edition = catalog.latest
    facility = edition.facilities.get(facility_key)
    if facility is None:
        return 0
    through = closed + timedelta(days=facility.policy.session_horizon_days)
    placed = 0
    for program in facility.programs:
        for level_key in program.levels:
            placed += await _level(session, edition, facility, program.key, level_key, closed, through)
    return placed


async def _level(
    session: AsyncSession, edition: Edition, facility: Facility, program: str, level: str, closed: date, through: date
) -> int:
    template = edition.schedules[edition.levels[level].template]
    # Three days back: a night that was missed is caught up, everything older is placed already.
    after = through - timedelta(days=3)
    planned = sessions_for(template, facility.zone, after + timedelta(days=1), through, facility.holidays)
    if not planned:
        return 0
    stays = [row[0] for row in await session.execute(OPEN_STAYS, {"program": program, "level": level})]
    if not stays:
        return 0
    rows = [_row(facility.key, program, template, p, p.block) for p in planned if p.kind not in OWN]
    rows += [
        _row(facility.key, program, template, p, f"{p.block}:{stay}")
        for p in planned
        if p.kind in OWN
        for stay in stays
    ]
    for start in range(0, len(rows), 1000):
        await session.execute(insert(Session).values(rows[start : start + 1000]).on_conflict_do_nothing())
    result = await session.execute(
        PLACES,
        {"level": level, "program": program, "template": template.key, "after": after, "through": through},
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # a cursor result: the statement writes


def _row(
    facility: str, program: str, template: ScheduleTemplate, planned: PlannedSession, block: str
) -> dict[str, object]:
    return {
        "id": derived(program, template.key, block, planned.starts_at.isoformat()),
        "facility": facility,
        "program": program,
        "template": template.key,
        "block": block,
        "title": planned.title,
        "kind": planned.kind,
        "service_date": planned.service_date,
        "starts_at": planned.starts_at,
        "ends_at": planned.ends_at,
        "minutes": planned.minutes,
        "counts": planned.counts,
        "version": 1,
    }
