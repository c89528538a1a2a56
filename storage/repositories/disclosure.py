"""The ledger of disclosures: intent committed before bytes leave, outcome after (D11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Consent, Disclosure, DisclosureOutcome
from storage.repositories.person import same_person

NOT_SENT = "not_sent"
NO_GROUND = "no_ground"
"""Stands for the exception of what was told although nothing covered it: the patient is accounted for it like the rest."""


@dataclass(frozen=True, slots=True)
class DisclosureGround:
    """What a disclosure rides on: a consent with the scope and the notice that go with it, or an exception with its
    evidence. Never neither; what a person told on nothing says so (`NO_GROUND`)."""

    consent_id: UUID | None = None
    notice: str | None = None
    scope: Mapping[str, Any] | None = None
    exception: str | None = None
    evidence: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if (self.consent_id is None) == (self.exception is None):
            raise ValueError("a disclosure rides on a consent or on an exception, and on one of them only")


async def consents_of(session: AsyncSession, person_id: UUID) -> list[Consent]:
    """Every consent of a person, read under the transaction's own snapshot: the gate decides on these."""
    rows = await session.execute(
        select(Consent).where(Consent.person_id.in_(same_person(person_id))).order_by(Consent.presented_at)
    )
    return list(rows.scalars())


async def intend(
    session: AsyncSession,
    *,
    disclosure_id: UUID,
    person_id: UUID,
    episode_id: UUID,
    content: str,
    purpose: str,
    recipient: str,
    ground: DisclosureGround,
    subject_id: UUID,
    message_id: UUID,
    fingerprint: str,
    now: datetime,
    actor: str,
) -> None:
    await session.execute(
        insert(Disclosure)
        .values(
            id=disclosure_id, person_id=person_id, episode_id=episode_id, content=content, purpose=purpose,
            recipient=recipient, consent_id=ground.consent_id, exception=ground.exception, notice=ground.notice,
            scope=ground.scope, evidence=ground.evidence, subject_id=subject_id, message_id=message_id,
            fingerprint=fingerprint, intent_at=now, actor=actor,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip


async def outcome(session: AsyncSession, *, disclosure_id: UUID, outcome: str, now: datetime) -> None:
    """`sent`, `unknown` (counts as disclosed) or `not_sent`. The first outcome stands."""
    await session.execute(
        insert(DisclosureOutcome)
        .values(disclosure_id=disclosure_id, outcome=outcome, at=now)
        .on_conflict_do_nothing(index_elements=["disclosure_id"])
    )


async def departures_of(session: AsyncSession, person_id: UUID, message_id: UUID) -> tuple[int, UUID | None]:
    """How often a message may have left so far, and the newest of these disclosures."""
    rows = await session.execute(
        select(Disclosure.id)
        .where(Disclosure.person_id.in_(same_person(person_id)), Disclosure.message_id == message_id)
        .order_by(Disclosure.intent_at.desc(), Disclosure.seq.desc())
    )
    ids = list(rows.scalars())
    return len(ids), ids[0] if ids else None


async def newest_about(session: AsyncSession, person_id: UUID, subject_id: UUID) -> Disclosure | None:
    """The last time something about this subject may have left; what surely stayed is none."""
    rows = await session.execute(
        select(Disclosure)
        .join(DisclosureOutcome, DisclosureOutcome.disclosure_id == Disclosure.id, isouter=True)
        .where(
            Disclosure.person_id.in_(same_person(person_id)),
            Disclosure.subject_id == subject_id,
            DisclosureOutcome.outcome.is_distinct_from(NOT_SENT),
        )
        .order_by(Disclosure.intent_at.desc(), Disclosure.seq.desc())
        .limit(1)
    )
    return rows.scalar_one_or_none()


def left_of(person_id: UUID, *columns: Any) -> Select[Any]:
    """What left about somebody under every record of theirs, or may have: what nobody said of what became of it counts."""
    return (
        select(*columns)
        .outerjoin(DisclosureOutcome, DisclosureOutcome.disclosure_id == Disclosure.id)
        .where(
            Disclosure.person_id.in_(same_person(person_id)), DisclosureOutcome.outcome.is_distinct_from(NOT_SENT)
        )
        .order_by(Disclosure.seq)
    )  # fmt: skip


async def left_on(
    session: AsyncSession,
    person_id: UUID,
    consent_id: UUID,
    *,
    since: datetime,
    until: datetime,
    recipient: str | None = None,
) -> list[Disclosure]:
    """What left, or may have, on one consent in a time, oldest first."""
    query = left_of(person_id, Disclosure).where(
        Disclosure.consent_id == consent_id, Disclosure.intent_at > since, Disclosure.intent_at <= until
    )
    if recipient is not None:
        query = query.where(Disclosure.recipient == recipient)
    return list((await session.execute(query)).scalars())
