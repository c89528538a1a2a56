"""Everything a transition plan needs that only PostgreSQL knows, in a fixed number of statements (D8)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.assessment_due import PriorResult
from definitions.edition import Edition
from definitions.plan_facts import (
    AlertFact,
    BedFact,
    CaseFact,
    ConsentFact,
    LevelRating,
    OpenRequirement,
    PlanFacts,
    Wish,
)
from definitions.vocabulary import AssessmentStatus, ConsentStatus, MovementKind, SessionStatus, Track
from storage.models import (
    Alert,
    Assessment,
    AssessmentDue,
    Attendance,
    Authorization,
    Bed,
    BedOccupancy,
    Consent,
    Episode,
    Movement,
    Session,
    Stay,
)
from storage.repositories.episode import away_since, stays_of

RATING = "LOC_DIM"


async def read_plan_facts(session: AsyncSession, episode: Episode, edition: Edition, wish: Wish) -> PlanFacts:
    """The facts as this transaction sees them; execution reads them again in its own (D1)."""
    facility = edition.facilities[episode.facility]
    level = edition.levels.get(wish.to_level or "")
    stays = await stays_of(session, episode.id)
    open_ids = [s.id for s in stays if s.ended_at is None]
    program = wish.program
    if program is None and level is not None:
        found = facility.program_for(level.key)
        program = found.key if found else None
    results = await _results(session, episode)
    return PlanFacts(
        episode_id=episode.id,
        facility=facility,
        phase=episode.phase,
        payer=edition.payers[episode.payer],
        levels=edition.levels,
        forms=edition.consents,
        template=edition.schedules.get(level.template) if level else None,
        stays=stays,
        away=bool(await away_since(session, episode.id)),
        requirements=await _requirements(session, episode.id),
        results=results[0],
        consents=await _consents(session, episode),
        cases=await _cases(session, episode.id),
        beds=await _beds(session, episode, wish) if level is not None and level.needs_bed else (),
        held_bed=await _held_bed(session, episode.id),
        enrolled=await _enrolled(session, program) if level is not None and level.track is Track.DAY else 0,
        future_places=await _future_places(session, open_ids, wish.effective_at),
        alerts=await _alerts(session, episode.id),
        rating=results[1],
        last_movement_at=await _last_movement(session, episode.id),
    )


async def _requirements(session: AsyncSession, episode_id: UUID) -> tuple[OpenRequirement, ...]:
    rows = await session.execute(
        select(AssessmentDue.id, AssessmentDue.instrument, AssessmentDue.due_at).where(
            AssessmentDue.episode_id == episode_id,
            AssessmentDue.status.in_([AssessmentStatus.DUE, AssessmentStatus.SUSPENDED]),
        )
    )
    return tuple(OpenRequirement(id=i, instrument=n, due_at=d) for i, n, d in rows)


async def _results(session: AsyncSession, episode: Episode) -> tuple[tuple[PriorResult, ...], LevelRating | None]:
    rows = (
        await session.execute(
            select(Assessment)
            .where(Assessment.episode_id == episode.id, Assessment.outcome == "completed")
            .order_by(Assessment.performed_at, Assessment.recorded_at)
        )
    ).scalars().all()  # fmt: skip
    superseded = {a.supersedes for a in rows if a.supersedes is not None}
    live = [a for a in rows if a.id not in superseded]
    results = tuple(PriorResult(instrument=a.instrument, assessment_id=a.id, performed_at=a.performed_at) for a in live)
    ratings = [a for a in live if a.instrument == RATING]
    if not ratings:
        return results, None
    newest = ratings[-1]
    return results, LevelRating(
        assessment_id=newest.id, performed_at=newest.performed_at, recommended_level=newest.recommended_level
    )


async def _consents(session: AsyncSession, episode: Episode) -> tuple[ConsentFact, ...]:
    """All consents of the person: one signed in an earlier episode may still cover."""
    rows = await session.execute(select(Consent).where(Consent.person_id == episode.person_id))
    return tuple(
        ConsentFact(
            id=c.id,
            form=c.form,
            program=c.program,
            status=c.status,
            signed_at=c.signed_at,
            expires_at=c.expires_at,
            revoked_at=c.revoked_at,
        )
        for c in rows.scalars()
        if c.status is not ConsentStatus.PRESENTED or c.episode_id == episode.id
    )


async def _cases(session: AsyncSession, episode_id: UUID) -> tuple[CaseFact, ...]:
    rows = await session.execute(select(Authorization).where(Authorization.episode_id == episode_id))
    return tuple(
        CaseFact(
            id=a.id,
            stay_id=a.stay_id,
            payer=a.payer,
            level=a.level,
            status=a.status,
            from_date=a.from_date,
            last_covered_day=a.last_covered_day,
            transition_id=a.transition_id,
        )
        for a in rows.scalars()
    )


async def _beds(session: AsyncSession, episode: Episode, wish: Wish) -> tuple[BedFact, ...]:
    """Beds of the facility; taken when somebody else has them at or after the effective moment."""
    taken = (
        select(BedOccupancy.id)
        .where(
            BedOccupancy.bed_id == Bed.id,
            BedOccupancy.episode_id != episode.id,
            BedOccupancy.period.op("&&")(Range(wish.effective_at, None, bounds="[)")),
        )
        .exists()
    )
    rows = await session.execute(
        select(Bed, taken.label("taken")).where(Bed.facility == episode.facility).order_by(Bed.unit, Bed.id)
    )
    return tuple(
        BedFact(
            id=bed.id,
            label=bed.label,
            program=bed.program,
            levels=tuple(bed.levels),
            taken=is_taken,
            closed_reason=bed.closed_reason
            or ("cleaning" if bed.cleaning_until and bed.cleaning_until > wish.effective_at else None),
        )
        for bed, is_taken in rows
    )


async def _held_bed(session: AsyncSession, episode_id: UUID) -> str | None:
    return (
        await session.execute(
            select(BedOccupancy.bed_id).where(
                BedOccupancy.episode_id == episode_id,
                BedOccupancy.state == "occupied",
                func.upper_inf(BedOccupancy.period),
            )
        )
    ).scalar_one_or_none()


async def _enrolled(session: AsyncSession, program: str | None) -> int:
    rows = await session.execute(
        select(func.count())
        .select_from(Stay)
        .where(
            Stay.program == program,
            Stay.track == Track.DAY,
            func.upper_inf(Stay.period),
            func.isempty(Stay.period).is_(False),
        )
    )
    return int(rows.scalar_one())


async def _future_places(session: AsyncSession, stay_ids: list[UUID], after: datetime) -> int:
    if not stay_ids:
        return 0
    rows = await session.execute(
        select(func.count())
        .select_from(Attendance)
        .join(Session, Session.id == Attendance.session_id)
        .where(
            Attendance.stay_id.in_(stay_ids),
            Attendance.status == SessionStatus.SCHEDULED,
            Session.starts_at >= after,
        )
    )
    return int(rows.scalar_one())


async def _alerts(session: AsyncSession, episode_id: UUID) -> tuple[AlertFact, ...]:
    rows = await session.execute(
        select(Alert.id, Alert.rule, Alert.severity).where(Alert.episode_id == episode_id, Alert.cleared_at.is_(None))
    )
    return tuple(AlertFact(id=i, rule=r, severity=s) for i, r, s in rows)


async def _last_movement(session: AsyncSession, episode_id: UUID) -> datetime | None:
    """When the newest movement that still stands took effect."""
    newer: Any = Movement.__table__.alias("newer")
    superseded: ColumnElement[bool] = select(newer.c.id).where(newer.c.supersedes == Movement.id).exists()
    rows = await session.execute(
        select(func.max(Movement.effective_at)).where(
            and_(Movement.episode_id == episode_id, ~superseded, Movement.kind != MovementKind.VOID)
        )
    )
    return rows.scalar_one_or_none()
