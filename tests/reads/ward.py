"""A small ward written row by row, so that every read has something to find and something to leave out."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.vocabulary import (
    AuthorizationStatus,
    BillingBehaviour,
    ChargeStatus,
    ClockName,
    CoverageKind,
    DeadlineKind,
    GrantState,
    OpenItemStatus,
    Phase,
    RequestKind,
    SessionStatus,
    Track,
    TransitionKind,
    TransitionStatus,
)
from storage.models import (
    Absence,
    Attendance,
    Authorization,
    AuthorizationClock,
    AuthorizationDecision,
    AuthorizationGrant,
    AuthorizationRequest,
    Bed,
    BedOccupancy,
    Charge,
    Coverage,
    Due,
    Episode,
    Facility,
    OpenItem,
    Person,
    Program,
    Session,
    Stay,
    Transition,
)

NOW = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)


async def facility(session: AsyncSession, key: str, beds: int = 4) -> None:
    session.add(Facility(key=key, zone="America/Chicago", name=key.title(), edition="2026-01", opened_on=NOW.date()))
    await session.flush()
    for kind in ("beds", "day"):
        session.add(Program(key=f"{key}_{kind}", facility=key, name=f"{key} {kind}", capacity=20))
    await session.flush()
    for number in range(1, beds + 1):
        session.add(
            Bed(
                id=f"{key}/{number}", facility=key, program=f"{key}_beds", unit="unit", room=f"{number}",
                label=f"Bed {number}", levels=["3.5"], attributes=[], closed_reason=None, cleaning_until=None,
            )
        )  # fmt: skip
    await session.flush()


async def episode(session: AsyncSession, place: str, *, opened_at: datetime = NOW, **more: Any) -> Episode:
    person = Person(id=uuid4(), sealed=b"sealed", wrapped_key=None, created_at=opened_at)
    session.add(person)
    await session.flush()
    coverage = Coverage(
        id=uuid4(), person_id=person.id, payer="meridian", kind=CoverageKind.INSURANCE, rank=1,
        from_date=opened_at.date(), through_date=None,
    )  # fmt: skip
    session.add(coverage)
    await session.flush()
    fields: dict[str, Any] = {
        "phase": Phase.INTAKE, "requested_level": "3.5", "level": None, "program": None, "authorized_level": None,
    } | more  # fmt: skip
    row = Episode(
        id=uuid4(), person_id=person.id, facility=place, coverage_id=coverage.id, payer="meridian", edition="2026-01",
        source="test", diagnoses=[], opened_at=opened_at, **fields,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row


async def stay(
    session: AsyncSession, of: Episode, *, bed: str | None, level: str = "3.5", since: datetime = NOW - DAY
) -> Stay:
    track = Track.DAY if level.startswith("2") else Track.BED
    row = Stay(
        id=uuid4(), episode_id=of.id, person_id=of.person_id, facility=of.facility,
        program=f"{of.facility}_{'day' if track is Track.DAY else 'beds'}", level=level, track=track,
        billing=BillingBehaviour.OVERNIGHT, payer="meridian", period=Range(since, None), arrival="admission",
        departure=None, edition="2026-01",
    )  # fmt: skip
    session.add(row)
    await session.flush()
    if bed is not None:
        session.add(
            BedOccupancy(
                id=uuid4(), bed_id=bed, episode_id=of.id, stay_id=row.id, period=Range(since, None), state="occupied"
            )
        )
        await session.flush()
    return row


async def admitted(
    session: AsyncSession, place: str, bed: str | None, level: str = "3.5", **more: Any
) -> tuple[Episode, Stay]:
    row = await episode(session, place, phase=Phase.IN_CARE, level=level, admitted_at=NOW - DAY, **more)
    return row, await stay(session, row, bed=bed, level=level)


async def away(session: AsyncSession, of: Stay) -> None:
    session.add(
        Absence(
            id=uuid4(), episode_id=of.episode_id, stay_id=of.id, kind="leave", left_at=NOW - timedelta(hours=2),
            returned_at=None, expected_return_at=NOW + DAY, hold_until=NOW + 3 * DAY,
        )
    )  # fmt: skip
    await session.flush()


async def transition(session: AsyncSession, of: Episode, status: TransitionStatus, *, at: datetime = NOW) -> Transition:
    row = Transition(
        id=uuid4(), episode_id=of.id, facility=of.facility, kind=TransitionKind.STEP_DOWN, from_level=of.level,
        to_level="2.5", rationale="ready", requested_by="clinician:lee", requested_at=NOW - DAY, effective_at=at,
        status=status,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row


async def case(session: AsyncSession, of: Episode, status: AuthorizationStatus, **more: Any) -> Authorization:
    assert of.coverage_id is not None
    fields: dict[str, Any] = {
        "payer": "meridian", "level": "3.5", "from_date": NOW.date(), "opened_at": NOW - DAY, "stay_id": None,
    }  # fmt: skip
    row = Authorization(
        id=uuid4(), episode_id=of.id, person_id=of.person_id, coverage_id=of.coverage_id,
        facility=of.facility, status=status, why="test", unit="DY", requested_units=10, **(fields | more),
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row


async def grant(session: AsyncSession, of: Authorization, units: int, first: date, last: date) -> AuthorizationGrant:
    """With the question and the answer it rests on."""
    asked = AuthorizationRequest(
        id=uuid4(), authorization_id=of.id, episode_id=of.episode_id, kind=RequestKind.INITIAL,
        status=AuthorizationStatus.APPROVED, trace=str(uuid4()), level=of.level, unit=of.unit, units=units,
        from_date=first, through_date=last, urgent=False, requested_at=of.opened_at, sent_at=of.opened_at, attempts=1,
    )  # fmt: skip
    session.add(asked)
    await session.flush()
    said = AuthorizationDecision(
        id=uuid4(), request_id=asked.id, authorization_id=of.id, action="A1", status=AuthorizationStatus.APPROVED,
        arrival=1, level=of.level, unit=of.unit, units=units, from_date=first, through_date=last,
        received_at=of.opened_at, source="test", fingerprint=str(uuid4()),
    )  # fmt: skip
    session.add(said)
    await session.flush()
    row = AuthorizationGrant(
        id=uuid4(), authorization_id=of.id, request_id=asked.id, decision_id=said.id, episode_id=of.episode_id,
        facility=of.facility, payer=of.payer, level=of.level, unit=of.unit, units=units, from_date=first,
        through_date=last, state=GrantState.ACTIVE, opened_at=of.opened_at,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row


async def charge(session: AsyncSession, at: Stay, on: date, using: AuthorizationGrant | None) -> None:
    session.add(
        Charge(
            id=uuid4(), stay_id=at.id, episode_id=at.episode_id, person_id=at.person_id, facility=at.facility,
            payer=at.payer, service_date=on, kind="per_diem", level=at.level, track=at.track, per_diem_track="main",
            amount=Decimal("800.00"), rate_version="2025-01", authorization_id=using and using.authorization_id,
            grant_id=using and using.id, authorization_state="covered" if using else "uncovered", rule="BILL-01",
            why="present at midnight", status=ChargeStatus.LIVE, posted_at=NOW, close_version=1,
        )
    )  # fmt: skip
    await session.flush()


async def clock(
    session: AsyncSession, of: Authorization, name: ClockName, due_at: datetime, paused_at: datetime | None = None
) -> None:
    session.add(
        AuthorizationClock(
            id=uuid4(), authorization_id=of.id, subject_id=uuid4(), name=name, regime="erisa", rule="72 hours",
            started_at=NOW - DAY, due_at=due_at, paused_at=paused_at,
        )
    )  # fmt: skip
    await session.flush()


async def item(session: AsyncSession, of: Episode, status: OpenItemStatus) -> None:
    session.add(
        OpenItem(
            id=uuid4(), episode_id=of.id, facility=of.facility, kind="consent_to_sign", owner_role="clinician",
            why="a form waits", opened_at=NOW, status=status,
        )
    )  # fmt: skip
    await session.flush()


async def due(session: AsyncSession, owner: str, owner_id: UUID, kind: DeadlineKind, at: datetime) -> None:
    session.add(Due(owner_kind=owner, owner_id=owner_id, key=str(kind), kind=kind, at=at, why=f"{kind.value} comes"))
    await session.flush()


async def place_in(session: AsyncSession, of: Stay, starts_at: datetime, status: SessionStatus) -> None:
    meeting = Session(
        id=uuid4(), facility=of.facility, program=of.program, template="residential", block=str(starts_at),
        title="Process group", kind="group", service_date=starts_at.date(), starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1), minutes=60, counts=True,
    )  # fmt: skip
    session.add(meeting)
    await session.flush()
    session.add(
        Attendance(
            session_id=meeting.id, stay_id=of.id, episode_id=of.episode_id, service_date=starts_at.date(), status=status
        )
    )
    await session.flush()
