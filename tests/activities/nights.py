"""A facility written row by row for the midnight close: people, stays, absences, attended sessions, grants."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from activities.midnight import MidnightActivities
from definitions.accrual import AccrualPolicy
from definitions.edition import Edition
from definitions.midnight import CloseDate, DateClosed, DatesWanted
from definitions.vocabulary import (
    AuthorizationStatus,
    BillingBehaviour,
    CoverageKind,
    GrantState,
    Phase,
    RequestKind,
    SessionStatus,
    Track,
)
from runtime.catalog import Catalog, load_catalog
from storage.engine import Database
from storage.models import (
    Absence,
    Attendance,
    Authorization,
    AuthorizationDecision,
    AuthorizationGrant,
    AuthorizationRequest,
    Coverage,
    Episode,
    Facility,
    Person,
    Program,
    Session,
    Stay,
)
from storage.repositories.facility_day import mark_stale

ZONE = "America/Chicago"
TZ = ZoneInfo(ZONE)
OPENED = date(2026, 3, 1)
DAY_LEVELS = ("2.5", "2.1")


def at(local: str, fold: int = 0) -> datetime:
    """A moment by its wall time in Chicago."""
    return datetime.fromisoformat(local).replace(tzinfo=TZ, fold=fold)


def on(day: str) -> date:
    return date.fromisoformat(day)


def contracts(**policies: AccrualPolicy) -> Catalog:
    """The shipped edition with other day-counting rules for the named payers."""
    catalog = load_catalog()
    edition = catalog.latest
    payers = {
        key: payer.model_copy(update={"accrual": policies[key]}) if key in policies else payer
        for key, payer in edition.payers.items()
    }
    changed: Edition = edition.model_copy(update={"payers": payers})
    return Catalog({edition.name: changed})


@dataclass(frozen=True, slots=True)
class Someone:
    person_id: UUID
    episode_id: UUID
    coverage_id: UUID
    payer: str
    place: str


async def facility(session: AsyncSession, key: str = "north", opened: date = OPENED, zone: str = ZONE) -> None:
    session.add(Facility(key=key, zone=zone, name=key.title(), edition="2026-01", opened_on=opened))
    await session.flush()
    for kind in ("beds", "day"):
        session.add(Program(key=f"{key}_{kind}", facility=key, name=f"{key} {kind}", capacity=40))
    await session.flush()


async def someone(
    session: AsyncSession, place: str = "north", payer: str = "meridian", *, person: UUID | None = None,
    phase: Phase = Phase.IN_CARE,
) -> Someone:  # fmt: skip
    opened = datetime(2026, 2, 1, tzinfo=UTC)
    person_id = person or uuid4()
    if person is None:
        session.add(Person(id=person_id, sealed=b"sealed", wrapped_key=None, created_at=opened))
        await session.flush()
    known = await session.execute(select(func.count()).where(Coverage.person_id == person_id))
    coverage = Coverage(
        id=uuid4(), person_id=person_id, payer=payer, kind=CoverageKind.INSURANCE, rank=known.scalar_one() + 1,
        from_date=date(2026, 1, 1), through_date=None,
    )  # fmt: skip
    session.add(coverage)
    await session.flush()
    episode = Episode(
        id=uuid4(), person_id=person_id, facility=place, coverage_id=coverage.id, payer=payer, edition="2026-01",
        source="test", diagnoses=[], opened_at=opened, phase=phase, requested_level="3.5",
    )  # fmt: skip
    session.add(episode)
    await session.flush()
    return Someone(person_id, episode.id, coverage.id, payer, place)


async def stay(
    session: AsyncSession, who: Someone, start: datetime, end: datetime | None = None, *, level: str = "3.5",
    departure: str | None = "discharge", arrival: str = "admission", stay_id: UUID | None = None,
) -> UUID:  # fmt: skip
    day = level in DAY_LEVELS
    row = Stay(
        id=stay_id or uuid4(), episode_id=who.episode_id, person_id=who.person_id, facility=who.place,
        program=f"{who.place}_{'day' if day else 'beds'}", level=level, track=Track.DAY if day else Track.BED,
        billing=BillingBehaviour.ATTENDANCE if day else BillingBehaviour.OVERNIGHT, payer=who.payer,
        period=Range(start, end), arrival=arrival, departure=departure if end else None, edition="2026-01",
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row.id


async def discharge(session: AsyncSession, stay_id: UUID, when: datetime, departure: str = "discharge") -> None:
    row = await session.get_one(Stay, stay_id)
    row.period, row.departure = Range(row.period.lower, when), departure
    await session.flush()


async def away(
    session: AsyncSession, who: Someone, stay_id: UUID, left: datetime, back: datetime | None, kind: str = "leave"
) -> UUID:
    row = Absence(
        id=uuid4(), episode_id=who.episode_id, stay_id=stay_id, kind=kind, left_at=left, returned_at=back,
        expected_return_at=back, hold_until=None,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row.id


async def attended(session: AsyncSession, who: Someone, stay_id: UUID, day: date, *minutes: int) -> None:
    """One counted session for each number of minutes."""
    for number, length in enumerate(minutes):
        starts = datetime(day.year, day.month, day.day, 15 + number, tzinfo=UTC)
        meeting = Session(
            id=uuid4(), facility=who.place, program=f"{who.place}_day", template="test", block=str(uuid4()),
            title="Group", kind="group", service_date=day, starts_at=starts, ends_at=starts + timedelta(hours=3),
            minutes=180, counts=True,
        )  # fmt: skip
        session.add(meeting)
        await session.flush()
        session.add(
            Attendance(
                session_id=meeting.id, stay_id=stay_id, episode_id=who.episode_id, service_date=day,
                status=SessionStatus.ATTENDED, minutes=length, recorded_at=starts, recorded_by="clinician:lee",
            )
        )  # fmt: skip
    await session.flush()


async def case(
    session: AsyncSession, who: Someone, first: date, last: date, *, level: str = "3.5", granted: bool = True,
    status: AuthorizationStatus | None = None, units: int | None = None,
) -> UUID:  # fmt: skip
    """A case over the dates: granted, or asked for and waiting."""
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    state = status or (AuthorizationStatus.APPROVED if granted else AuthorizationStatus.PENDED)
    row = Authorization(
        id=uuid4(), episode_id=who.episode_id, person_id=who.person_id, coverage_id=who.coverage_id, stay_id=None,
        facility=who.place, payer=who.payer, level=level, status=state, why="test", unit="DY", requested_units=10,
        granted_units=10 if granted else 0, from_date=first, last_covered_day=last if granted else None,
        opened_at=moment,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    if granted:
        await grant(session, row, first, last, units)
    return row.id


async def grant(session: AsyncSession, row: Authorization, first: date, last: date, units: int | None = None) -> None:
    """As many units as dates, unless said otherwise (AUTH-01)."""
    units = units or (last - first).days + 1
    asked = AuthorizationRequest(
        id=uuid4(), authorization_id=row.id, episode_id=row.episode_id, kind=RequestKind.INITIAL,
        status=AuthorizationStatus.APPROVED, trace=str(uuid4()), level=row.level, unit="DY", units=10, from_date=first,
        through_date=last, urgent=False, requested_at=row.opened_at, attempts=1,
    )  # fmt: skip
    session.add(asked)
    await session.flush()
    decision = AuthorizationDecision(
        id=uuid4(), request_id=asked.id, authorization_id=row.id, action="A1",
        status=AuthorizationStatus.APPROVED, arrival=1, level=row.level, unit="DY", units=units,
        from_date=first, through_date=last, received_at=row.opened_at, source="test", fingerprint=str(uuid4()),
    )  # fmt: skip
    session.add(decision)
    await session.flush()
    session.add(
        AuthorizationGrant(
            id=decision.id, authorization_id=row.id, request_id=asked.id, decision_id=decision.id,
            episode_id=row.episode_id, facility=row.facility, payer=row.payer, level=row.level, unit="DY", units=units,
            from_date=first, through_date=last, state=GrantState.ACTIVE, opened_at=row.opened_at,
        )
    )  # fmt: skip
    await session.flush()


async def recorded_late(database: Database, first: date, now: datetime, place: str = "north") -> int:
    """What every late fact does in its own transaction."""
    async with database.write() as session:
        return await mark_stale(
            session, facility=place, first=first, last=None, reason="a test's late fact", key=str(uuid4()), now=now
        )


async def recorded_late_one(database: Database, day: date, now: datetime, place: str = "north") -> int:
    """The same for a fact of one date, such as attendance."""
    async with database.write() as session:
        return await mark_stale(
            session, facility=place, first=day, last=day, reason="a test's late fact", key=str(uuid4()), now=now
        )


async def close_all(hands: MidnightActivities, now: datetime, place: str = "north") -> list[DateClosed]:
    """What the workflow does, without the workflow."""
    closed: list[DateClosed] = []
    for _ in range(1000):
        wanted = await hands.dates_to_close(DatesWanted(facility=place, now=now))
        if not wanted.dates:
            return closed
        for service_date in wanted.dates:
            closed.append(await hands.close(CloseDate(facility=place, service_date=service_date, now=now)))
    raise AssertionError("closing never came to rest")


async def ledger_of(database: Database, place: str = "north") -> list[tuple[Any, ...]]:
    """The live ledger: everything a claim would be made of."""
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT service_date, stay_id, kind, level, per_diem_track, amount, authorization_state, rule, why "
                "FROM charge WHERE facility = :place AND status = 'live' ORDER BY service_date, stay_id, kind"
            ),
            {"place": place},
        )
        return [tuple(row) for row in rows]


async def billed(database: Database, stay_id: UUID, kind: str = "per_diem") -> list[date]:
    return [row[0] for row in await ledger_of(database) if row[1] == stay_id and row[2] == kind]


async def open_exceptions(database: Database, place: str = "north") -> list[tuple[date, str]]:
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT service_date, cause FROM charge_exception WHERE facility = :place AND resolved_at IS NULL "
                "ORDER BY service_date, cause"
            ),
            {"place": place},
        )
        return [(row[0], row[1]) for row in rows]


async def census_problems(database: Database, place: str = "north") -> list[tuple[Any, ...]]:
    """Lines of the newest versions that do not balance, and dates that do not open with what the date before closed
    with (invariant 4); in SQL of its own."""
    async with database.read() as session:
        rows = await session.execute(
            text(
                """
                WITH newest AS (
                    SELECT l.* FROM census_line l JOIN facility_day d
                      ON d.facility = l.facility AND d.service_date = l.service_date AND d.version = l.version
                    WHERE l.facility = :place
                )
                SELECT service_date, program, level, payer, 'line' FROM newest
                WHERE opening + admissions + transfers_in + returns - discharges - deaths - transfers_out - leaves_out
                      <> closing
                UNION ALL
                SELECT coalesce(b.service_date, a.service_date + 1), coalesce(a.program, b.program),
                       coalesce(a.level, b.level), coalesce(a.payer, b.payer), 'chain'
                FROM newest a FULL JOIN newest b ON b.service_date = a.service_date + 1 AND b.program = a.program
                     AND b.level = a.level AND b.payer = a.payer
                WHERE coalesce(a.closing, 0) <> coalesce(b.opening, 0)
                  AND coalesce(b.service_date, a.service_date + 1) <= (SELECT max(service_date) FROM newest)
                  AND coalesce(b.service_date, a.service_date + 1) > (SELECT min(service_date) FROM newest)
                """
            ),
            {"place": place},
        )
        return [tuple(row) for row in rows]


async def doubles(database: Database) -> int:
    """Patients and dates with two live per diems that are no allowed pair (invariant 1)."""
    async with database.read() as session:
        found = await session.execute(
            text(
                "SELECT count(*) FROM (SELECT 1 FROM charge WHERE status = 'live' "
                "GROUP BY person_id, service_date, per_diem_track HAVING count(*) > 1) twice"
            )
        )
        return int(found.scalar_one())


async def end_absence(session: AsyncSession, absence: UUID, back: datetime) -> None:
    await session.execute(update(Absence).where(Absence.id == absence).values(returned_at=back))


async def main_level(session: AsyncSession, who: Someone, level: str) -> None:
    """The episode's main stay is at this level; a stay written before runs beside it."""
    await session.execute(update(Episode).where(Episode.id == who.episode_id).values(level=level))
