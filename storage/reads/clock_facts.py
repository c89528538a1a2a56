"""The rows an episode's deadlines come from (D6)."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.clock_facts import (
    AbsenceClock,
    AlertClock,
    ClockFacts,
    ConsentClock,
    ItemClock,
    RequirementClock,
    TransitionClock,
)
from definitions.consent import ConsentForm
from definitions.vocabulary import AssessmentStatus, ConsentStatus, OpenItemStatus, Phase, TransitionStatus
from storage.models import Alert, AssessmentDue, Consent, Episode, OpenItem, Transition
from storage.repositories.episode import away_since

RETURN_NOTICE = "return_overdue"
HOLD_NOTICE = "bed_hold_ended"
ASSESSMENT_NOTICE = "assessment_overdue"


async def read_clock_facts(session: AsyncSession, episode: Episode, forms: dict[str, ConsentForm]) -> ClockFacts:
    items = await _items(session, episode.id)
    told = {(i.kind, i.subject_id) for i in items}
    ended = episode.phase in (Phase.CLOSED, Phase.NOT_ADMITTED)
    return ClockFacts(
        phase=episode.phase,
        requirements=await _requirements(session, episode.id, told),
        consents=() if ended else await _consents(session, episode, forms),
        transitions=() if ended else await _transitions(session, episode.id),
        absences=() if ended else await _absences(session, episode.id, told),
        items=tuple(
            ItemClock(
                id=i.id, kind=i.kind, owner_role=i.owner_role, due_at=i.due_at, escalated=i.escalated_at is not None
            )
            for i in items
            if i.due_at is not None and i.status is OpenItemStatus.OPEN
        ),
        alerts=await _alerts(session, episode.id),
    )


async def _items(session: AsyncSession, episode_id: UUID) -> list[OpenItem]:
    rows = await session.execute(
        select(OpenItem).where(
            OpenItem.episode_id == episode_id,
            (OpenItem.status == OpenItemStatus.OPEN)
            | OpenItem.kind.in_([RETURN_NOTICE, HOLD_NOTICE, ASSESSMENT_NOTICE]),
        )
    )
    return list(rows.scalars())


async def _requirements(
    session: AsyncSession, episode_id: UUID, told: set[tuple[str, str | None]]
) -> tuple[RequirementClock, ...]:
    rows = await session.execute(
        select(AssessmentDue).where(
            AssessmentDue.episode_id == episode_id, AssessmentDue.status == AssessmentStatus.DUE
        )
    )
    return tuple(
        RequirementClock(
            id=d.id,
            instrument=d.instrument,
            due_at=d.due_at,
            escalate_at=d.escalate_at,
            noticed=(ASSESSMENT_NOTICE, str(d.id)) in told,
            escalated=d.escalated_at is not None,
        )
        for d in rows.scalars()
    )


async def _consents(session: AsyncSession, episode: Episode, forms: dict[str, ConsentForm]) -> tuple[ConsentClock, ...]:
    rows = (
        await session.execute(
            select(Consent).where(
                Consent.episode_id == episode.id,
                Consent.status.in_([ConsentStatus.SIGNED, ConsentStatus.PRESENTED]),
            )
        )
    ).scalars().all()  # fmt: skip
    renewing = {c.form for c in rows if c.status is ConsentStatus.PRESENTED}
    return tuple(
        ConsentClock(
            id=c.id,
            form=c.form,
            expires_at=c.expires_at,
            renew_days_before=forms[c.form].renew_days_before if c.form in forms else (),
            signed_at=c.signed_at,
            renewal_open=c.form in renewing,
        )
        for c in rows
        if c.status is ConsentStatus.SIGNED and c.expires_at is not None and c.signed_at is not None
    )


async def _transitions(session: AsyncSession, episode_id: UUID) -> tuple[TransitionClock, ...]:
    rows = await session.execute(
        select(Transition).where(Transition.episode_id == episode_id, Transition.status == TransitionStatus.SCHEDULED)
    )
    return tuple(
        TransitionClock(id=t.id, to_level=t.to_level, effective_at=t.effective_at, disposition=t.disposition)
        for t in rows.scalars()
    )


async def _absences(
    session: AsyncSession, episode_id: UUID, told: set[tuple[str, str | None]]
) -> tuple[AbsenceClock, ...]:
    return tuple(
        AbsenceClock(
            id=a.id,
            kind=a.kind,
            left_at=a.left_at,
            expected_return_at=a.expected_return_at,
            hold_until=a.hold_until,
            return_noticed=(RETURN_NOTICE, str(a.id)) in told,
            hold_noticed=(HOLD_NOTICE, str(a.id)) in told,
        )
        for a in await away_since(session, episode_id)
    )


async def _alerts(session: AsyncSession, episode_id: UUID) -> tuple[AlertClock, ...]:
    rows = await session.execute(
        select(Alert).where(
            Alert.episode_id == episode_id,
            Alert.acknowledged_at.is_(None),
            Alert.cleared_at.is_(None),
            Alert.acknowledge_by.is_not(None),
        )
    )
    return tuple(
        AlertClock(id=a.id, rule=a.rule, acknowledge_by=a.acknowledge_by)
        for a in rows.scalars()
        if a.acknowledge_by is not None
    )
