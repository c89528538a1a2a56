"""Open stays of a facility with what they were granted, asked, charged, attended and placed: one statement a night."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.drift import DriftFacts
from definitions.vocabulary import Track
from storage.reads.night import ASKED

FACTS = text(
    """
    SELECT s.id, s.episode_id, s.level, s.track, (lower(s.period) AT TIME ZONE f.zone)::date AS started_on, s.payer,
           s.edition, coalesce(granted.levels, '{}') AS levels, asked.episode_id IS NOT NULL AS asked,
           c.authorization_state, coalesce(met.minutes, 0) AS attended, coalesce(ahead.minutes, 0) AS ahead
    FROM stay s JOIN facility f ON f.key = s.facility
    LEFT JOIN (
        SELECT g.episode_id, array_agg(DISTINCT g.level) AS levels
        FROM authorization_grant g JOIN "authorization" a ON a.id = g.authorization_id
        WHERE g.facility = :facility AND g.state = 'active' AND g.from_date <= :on AND g.through_date >= :on
          AND (a.end_dated_on IS NULL OR a.end_dated_on >= :on)
        GROUP BY g.episode_id
    ) granted ON granted.episode_id = s.episode_id
    LEFT JOIN (
        SELECT DISTINCT r.episode_id, r.level
        FROM authorization_request r JOIN "authorization" a ON a.id = r.authorization_id
        WHERE a.facility = :facility AND r.status = ANY(:undecided)
    ) asked ON asked.episode_id = s.episode_id AND asked.level = s.level
    LEFT JOIN (
        SELECT c.stay_id, max(c.authorization_state) AS authorization_state
        FROM charge c
        WHERE c.facility = :facility AND c.service_date = :on AND c.status = 'live' AND c.kind = 'per_diem'
        GROUP BY c.stay_id
    ) c ON c.stay_id = s.id
    LEFT JOIN (
        SELECT t.stay_id, sum(t.minutes) AS minutes
        FROM attendance t JOIN session m ON m.id = t.session_id
        WHERE m.facility = :facility AND t.service_date BETWEEN :monday AND :on AND t.status = 'attended' AND m.counts
        GROUP BY t.stay_id
    ) met ON met.stay_id = s.id
    LEFT JOIN (
        SELECT t.stay_id, sum(m.minutes) AS minutes
        FROM attendance t JOIN session m ON m.id = t.session_id
        WHERE m.facility = :facility AND t.service_date > :on AND t.service_date <= :ahead AND t.status = 'scheduled'
          AND m.counts
        GROUP BY t.stay_id
    ) ahead ON ahead.stay_id = s.id
    WHERE s.facility = :facility AND s.period @> CAST(:ends AS timestamptz)
    """
)
STANDING = text(
    """
    SELECT id, kind, subject_id FROM open_item
    WHERE facility = :facility AND status = 'open' AND kind = ANY(:kinds)
    """
)
COVERED = ("covered", "not_required")


async def read_drift(
    session: AsyncSession, facility: str, on: date, ends: datetime
) -> list[tuple[DriftFacts, str, str]]:
    """Facts of every stay open at the ending midnight, with its payer and edition."""
    values = {
        "facility": facility, "on": on, "ends": ends, "monday": on - timedelta(days=on.weekday()),
        "ahead": on + timedelta(days=7), "undecided": [s.value for s in ASKED],
    }  # fmt: skip
    return [
        (
            DriftFacts(
                stay_id=r.id, episode_id=r.episode_id, level=r.level, track=Track(r.track), started_on=r.started_on,
                granted_levels=tuple(r.levels), asked=r.asked, covered=r.authorization_state in COVERED,
                charged=r.authorization_state is not None, attended_this_week=r.attended, scheduled_ahead=r.ahead,
            ),
            r.payer,
            r.edition,
        )
        for r in await session.execute(FACTS, values)
    ]  # fmt: skip


async def standing_items(session: AsyncSession, facility: str, kinds: tuple[str, ...]) -> dict[tuple[str, str], UUID]:
    """Open items of the kinds, by kind and subject."""
    rows = await session.execute(STANDING, {"facility": facility, "kinds": list(kinds)})
    return {(r.kind, r.subject_id): r.id for r in rows}
