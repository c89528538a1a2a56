"""What one facility's night needs, each kind in one set-based statement (D5)."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.accrual import Absence, DayAttendance, StaySpan
from definitions.charging import CoverageFact, NightStay
from definitions.vocabulary import AuthorizationStatus, BillingBehaviour, Track

STAYS = text(
    """
    SELECT s.id, s.episode_id, s.person_id, s.program, s.level, s.track, s.billing, s.payer, s.edition,
           lower(s.period), upper(s.period), s.arrival, s.departure
    FROM stay s
    WHERE s.facility = :facility AND s.period && tstzrange(:begins, :ends, '[)')
    ORDER BY s.person_id, lower(s.period), s.id
    """
)
ABSENCES = text(
    """
    SELECT a.stay_id, a.kind, a.left_at, a.returned_at
    FROM absence a JOIN stay s ON s.id = a.stay_id
    WHERE s.facility = :facility AND s.period && tstzrange(:begins, :ends, '[)')
      AND a.left_at < :ends AND (a.returned_at IS NULL OR a.returned_at >= :begins)
    ORDER BY a.left_at
    """
)
ATTENDANCE = text(
    """
    SELECT a.stay_id, sum(a.minutes), count(*)
    FROM attendance a JOIN session m ON m.id = a.session_id
    WHERE a.service_date = :on AND a.minutes IS NOT NULL AND a.status = 'attended' AND m.counts
      AND m.facility = :facility
    GROUP BY a.stay_id
    """
)
GRANTS = text(
    """
    SELECT c.episode_id, d.level, c.id
    FROM authorization_decision d JOIN "authorization" c ON c.id = d.authorization_id
    WHERE c.facility = :facility AND d.superseded_by IS NULL AND d.units > 0
      AND d.from_date <= :on AND d.through_date >= :on
      AND (c.end_dated_on IS NULL OR c.end_dated_on >= :on)
    """
)
CASES = text(
    """
    SELECT c.episode_id, c.level, c.id, c.status
    FROM "authorization" c
    WHERE c.facility = :facility AND c.from_date <= :on AND (c.end_dated_on IS NULL OR c.end_dated_on >= :on)
    """
)
USED = text(
    """
    SELECT person_id, level,
           count(*) FILTER (WHERE kind = 'per_diem' AND service_date >= :week),
           count(*) FILTER (WHERE kind = 'bed_hold')
    FROM charge
    WHERE facility = :facility AND status = 'live' AND service_date >= :year AND service_date < :on
      AND (kind = 'bed_hold' OR service_date >= :week)
    GROUP BY person_id, level
    """
)
ASKED = (
    AuthorizationStatus.READY,
    AuthorizationStatus.WAITING_CONSENT,
    AuthorizationStatus.SUBMITTED,
    AuthorizationStatus.PENDED,
    AuthorizationStatus.TIMED_OUT,
    AuthorizationStatus.CONTACT_PAYER,
    AuthorizationStatus.DATA_PROBLEM,
)


async def read_stays(
    session: AsyncSession, facility: str, begins: datetime, ends: datetime
) -> list[tuple[NightStay, StaySpan]]:
    rows = await session.execute(STAYS, {"facility": facility, "begins": begins, "ends": ends})
    tracks, behaviours = {t.value: t for t in Track}, {b.value: b for b in BillingBehaviour}
    # model_construct: the database's own constraints vouch for these values, and a night reads all of them.
    return [
        (
            NightStay(r[0], r[1], r[2], r[3], r[7], r[8]),
            StaySpan.model_construct(
                stay_id=str(r[0]), level=r[4], track=tracks[r[5]], billing=behaviours[r[6]], started_at=r[9],
                ended_at=r[10], arrival=r[11], departure=r[12],
            ),
        )
        for r in rows
    ]  # fmt: skip


async def read_absences(
    session: AsyncSession, facility: str, begins: datetime, ends: datetime
) -> dict[str, list[Absence]]:
    rows = await session.execute(ABSENCES, {"facility": facility, "begins": begins, "ends": ends})
    found: dict[str, list[Absence]] = {}
    for stay_id, kind, left_at, returned_at in rows:
        absence = Absence(stay_id=str(stay_id), kind=kind, left_at=left_at, returned_at=returned_at)
        found.setdefault(str(stay_id), []).append(absence)
    return found


async def read_attendance(session: AsyncSession, facility: str, on: date) -> dict[str, DayAttendance]:
    rows = await session.execute(ATTENDANCE, {"facility": facility, "on": on})
    return {
        str(stay_id): DayAttendance(stay_id=str(stay_id), service_date=on, minutes=minutes, services=services)
        for stay_id, minutes, services in rows
    }


async def read_coverage(session: AsyncSession, facility: str, on: date) -> dict[UUID, dict[str, CoverageFact]]:
    """By episode and level: what its cases say on the date; a grant beats everything (AUTH-06)."""
    found: dict[UUID, dict[str, CoverageFact]] = {}
    for episode_id, level, case_id, status in await session.execute(CASES, {"facility": facility, "on": on}):
        levels = found.setdefault(episode_id, {})
        if status == AuthorizationStatus.NOT_REQUIRED:
            levels[level] = CoverageFact(case_id, "not_required")
        elif status in ASKED:
            levels.setdefault(level, CoverageFact(case_id, "at_risk"))
    for episode_id, level, case_id in await session.execute(GRANTS, {"facility": facility, "on": on}):
        found.setdefault(episode_id, {})[level] = CoverageFact(case_id, "covered")
    return found


async def read_used(
    session: AsyncSession, facility: str, on: date
) -> tuple[dict[UUID, dict[str, int]], dict[UUID, int]]:
    """Payable days this week by person and level, and bed-hold days this year by person (BILL-12, weekly caps)."""
    week = on - timedelta(days=on.weekday())
    rows = await session.execute(
        USED, {"facility": facility, "on": on, "week": week, "year": min(week, date(on.year, 1, 1))}
    )
    weeks: dict[UUID, dict[str, int]] = {}
    holds: dict[UUID, int] = {}
    for person_id, level, days, held in rows:
        if days:
            weeks.setdefault(person_id, {})[level] = days
        if held:
            holds[person_id] = holds.get(person_id, 0) + held
    return weeks, holds
