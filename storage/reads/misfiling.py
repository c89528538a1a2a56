"""What was charted on the wrong episode, and what it may have done there (E03)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import derived
from definitions.vocabulary import AssessmentStatus, TransitionStatus
from storage.models import (
    Alert,
    Assessment,
    AssessmentDue,
    Authorization,
    AuthorizationRequest,
    Disclosure,
    Misfiling,
    Stay,
    Transition,
)
from storage.repositories.authorization import AT_REST
from storage.repositories.disclosure import left_of

OPEN_WISHES = (
    TransitionStatus.NEEDS_SIGN_OFF, TransitionStatus.PENDING, TransitionStatus.SCHEDULED, TransitionStatus.BLOCKED,
)  # fmt: skip


def stands() -> ColumnElement[bool]:
    """An assessment that was not recorded on the wrong episode."""
    return ~exists().where(Misfiling.subject_id == Assessment.id, Misfiling.kind != "attendance")


async def misfilings_of(session: AsyncSession, episode_id: UUID) -> Sequence[Misfiling]:
    """Out of the episode and into it, oldest first."""
    rows = await session.execute(
        select(Misfiling)
        .where(or_(Misfiling.episode_id == episode_id, Misfiling.right_episode_id == episode_id))
        .order_by(Misfiling.at, Misfiling.id)
    )
    return rows.scalars().all()


async def said_already(session: AsyncSession, subject_id: UUID) -> bool:
    """Of anything but attendance."""
    found = exists().where(Misfiling.subject_id == subject_id, Misfiling.kind != "attendance")
    return bool((await session.execute(select(found))).scalar_one())


async def misfiled_among(session: AsyncSession, subjects: Collection[UUID]) -> frozenset[UUID]:
    rows = await session.execute(
        select(Misfiling.subject_id).where(Misfiling.subject_id.in_(list(subjects)), Misfiling.kind != "attendance")
    )
    return frozenset(rows.scalars())


async def other_results(session: AsyncSession, wrong: Assessment) -> Sequence[Assessment]:
    """Results of the same instrument in the same episode that stand."""
    rows = await session.execute(
        select(Assessment)
        .where(
            Assessment.episode_id == wrong.episode_id, Assessment.instrument == wrong.instrument,
            Assessment.id != wrong.id, stands(),
        )
        .order_by(Assessment.recorded_at, Assessment.id)
    )  # fmt: skip
    return rows.scalars().all()


async def satisfied_by(session: AsyncSession, assessment_id: UUID) -> Sequence[AssessmentDue]:
    rows = await session.execute(
        select(AssessmentDue).where(AssessmentDue.satisfied_by == assessment_id).order_by(AssessmentDue.id)
    )
    return rows.scalars().all()


async def repeat_of(session: AsyncSession, assessment_id: UUID) -> AssessmentDue | None:
    """The repeat that this result made owed, while nobody has done it."""
    row = await session.get(AssessmentDue, derived(assessment_id, "repeat"), populate_existing=True)
    open_now = (AssessmentStatus.DUE, AssessmentStatus.SUSPENDED)
    return row if row is not None and row.status in open_now else None


async def alerts_of(session: AsyncSession, assessment_id: UUID) -> Sequence[Alert]:
    rows = await session.execute(
        select(Alert).where(Alert.assessment_id == assessment_id, Alert.cleared_at.is_(None)).order_by(Alert.id)
    )
    return rows.scalars().all()


async def open_stays(session: AsyncSession, episode_id: UUID) -> frozenset[UUID]:
    rows = await session.execute(select(Stay.id, Stay.period).where(Stay.episode_id == episode_id))
    return frozenset(i for i, period in rows if period.upper is None and not period.isempty)


async def wishes_since(session: AsyncSession, episode_id: UUID, since: datetime) -> list[UUID]:
    """Open requests for a level that were made when the result stood, and moves that were executed since."""
    rows = await session.execute(
        select(Transition.id)
        .where(
            Transition.episode_id == episode_id, Transition.requested_at >= since,
            or_(Transition.status.in_(OPEN_WISHES), Transition.executed_at.is_not(None)),
        )
        .order_by(Transition.requested_at, Transition.id)
    )  # fmt: skip
    return list(rows.scalars())


async def cases_asked_since(session: AsyncSession, episode_id: UUID, since: datetime) -> list[UUID]:
    """Cases not at rest of which something was asked since."""
    rows = await session.execute(
        select(Authorization.id)
        .where(
            Authorization.episode_id == episode_id, Authorization.status.not_in(AT_REST),
            exists().where(
                AuthorizationRequest.authorization_id == Authorization.id, AuthorizationRequest.first_sent_at >= since
            ),
        )
        .order_by(Authorization.id)
    )  # fmt: skip
    return list(rows.scalars())


async def left_since(
    session: AsyncSession, person_id: UUID, since: datetime, *, consent_id: UUID | None = None
) -> list[tuple[UUID, str]]:
    """Disclosures about the person since, as (id, content). With `consent_id` those that rode on it."""
    query = left_of(person_id, Disclosure.id, Disclosure.content).where(Disclosure.intent_at >= since)
    if consent_id is not None:
        query = query.where(Disclosure.consent_id == consent_id)
    return [(row[0], row[1]) for row in await session.execute(query)]
