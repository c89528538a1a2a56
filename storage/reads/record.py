"""All rows about one person, in the order they happened: what a copy of their record is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.document import VoidReason
from definitions.vocabulary import ContentClass
from storage.models import Assessment, Charge, ClinicalDocument, Consent, Coverage, Episode, Person, Stay
from storage.reads.documents import Registered, registered, rows_of
from storage.reads.misfiling import stands
from storage.repositories.person import same_person


@dataclass(frozen=True, slots=True)
class RecordRows:
    episodes: Sequence[Episode]
    stays: Sequence[Stay]
    coverages: Sequence[Coverage]
    assessments: Sequence[Assessment]
    consents: Sequence[Consent]
    documents: Sequence[Registered]
    """Without their bytes; those are read one by one."""
    charges: Sequence[Charge]


async def record_rows(session: AsyncSession, person_id: UUID, *, with_notes: bool) -> RecordRows:
    """Every version of every document, voided ones too: nothing of the record is hidden from the person it is about, but
    counselling notes are read only when asked for. What was charted here by mistake is about somebody else, and is theirs."""
    every = same_person(person_id)
    mine = select(Episode.id).where(Episode.person_id.in_(every))
    episodes = await session.execute(select(Episode).where(Episode.person_id.in_(every)).order_by(Episode.opened_at))
    # A stay whose movement was taken back, or that ended the moment it began, was none.
    stays = await session.execute(
        select(Stay).where(Stay.person_id.in_(every), ~func.isempty(Stay.period)).order_by(Stay.period, Stay.id)
    )
    coverages = await session.execute(
        select(Coverage).where(Coverage.person_id.in_(every)).order_by(Coverage.from_date, Coverage.rank)
    )
    assessments = await session.execute(
        select(Assessment)
        .where(Assessment.episode_id.in_(mine), stands())
        .order_by(Assessment.performed_at, Assessment.id)
    )
    consents = await session.execute(
        select(Consent).where(Consent.person_id.in_(every)).order_by(Consent.presented_at, Consent.id)
    )
    charges = await session.execute(
        select(Charge).where(Charge.person_id.in_(every)).order_by(Charge.service_date, Charge.id)
    )
    wanted = registered(
        ClinicalDocument.person_id.in_(every),
        ClinicalDocument.void_reason.is_distinct_from(VoidReason.WRONG_PATIENT),
    )
    if not with_notes:
        wanted = wanted.where(ClinicalDocument.content_class != ContentClass.COUNSELLING_NOTES)
    documents = await rows_of(session, wanted.order_by(ClinicalDocument.service_date, ClinicalDocument.id))
    return RecordRows(
        episodes.scalars().all(), stays.scalars().all(), coverages.scalars().all(), assessments.scalars().all(),
        consents.scalars().all(), documents, charges.scalars().all(),
    )  # fmt: skip


async def sealed_of(session: AsyncSession, document_id: UUID) -> tuple[bytes | None, UUID, bytes | None] | None:
    """The sealed bytes with the record and the key they are under: that of a record that was merged, perhaps (E03)."""
    found = await session.execute(
        select(ClinicalDocument.sealed, ClinicalDocument.person_id, Person.wrapped_key)
        .join(Person, Person.id == ClinicalDocument.person_id)
        .where(ClinicalDocument.id == document_id)
    )
    row = found.one_or_none()
    return (row[0], row[1], row[2]) if row is not None else None
