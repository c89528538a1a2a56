"""Clinical documents as the registry shows them: of an episode, of an author, and the signed ones that packets and billing
ask for. No body is read here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, defer

from definitions.document import DocumentType
from storage.models import ClinicalDocument
from storage.reach import Reach

Later = aliased(ClinicalDocument)


@dataclass(frozen=True, slots=True)
class Registered:
    """A version, the version that stands instead, and whether its bytes are there."""

    row: ClinicalDocument
    superseded_by: UUID | None
    opens: bool


def registered(*conditions: ColumnElement[bool]) -> Select[ClinicalDocument, UUID, bool]:
    return (
        select(ClinicalDocument, Later.id, ClinicalDocument.sealed.is_not(None))
        .join(Later, Later.supersedes == ClinicalDocument.id, isouter=True)
        .where(*conditions)
        .options(defer(ClinicalDocument.sealed))
    )


async def rows_of(session: AsyncSession, statement: Select[ClinicalDocument, UUID, bool]) -> list[Registered]:
    return [Registered(row, later, opens) for row, later, opens in await session.execute(statement)]


async def document(session: AsyncSession, document_id: UUID) -> Registered | None:
    found = await rows_of(session, registered(ClinicalDocument.id == document_id))
    return found[0] if found else None


async def documents_of(
    session: AsyncSession, episode_id: UUID, *, after: tuple[date, UUID] | None, limit: int, standing_only: bool
) -> list[Registered]:
    """Newest service first. `standing_only`: without what was voided or amended."""
    statement = registered(ClinicalDocument.episode_id == episode_id)
    if standing_only:
        statement = statement.where(ClinicalDocument.voided_at.is_(None), Later.id.is_(None))
    if after is not None:
        statement = statement.where(tuple_(ClinicalDocument.service_date, ClinicalDocument.id) < tuple_(*after))
    return await rows_of(
        session,
        statement.order_by(ClinicalDocument.service_date.desc(), ClinicalDocument.id.desc()).limit(limit),
    )


async def unsigned_of(
    session: AsyncSession, facilities: Reach, *, author: str | None, after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Registered]:  # fmt: skip
    """Waiting for their author's signature, the longest first; `author` None: everybody's."""
    statement = registered(
        ClinicalDocument.facility.in_(facilities),
        facilities.shows(ClinicalDocument.episode_id),
        ClinicalDocument.signed_at.is_(None),
        ClinicalDocument.voided_at.is_(None),
        Later.id.is_(None),
    )
    if author is not None:
        statement = statement.where(ClinicalDocument.author == author)
    if after is not None:
        statement = statement.where(tuple_(ClinicalDocument.received_at, ClinicalDocument.id) > tuple_(*after))
    return await rows_of(session, statement.order_by(ClinicalDocument.received_at, ClinicalDocument.id).limit(limit))


async def signed_between(
    session: AsyncSession, episode_id: UUID, first: date, last: date, kinds: Collection[DocumentType]
) -> list[Registered]:
    """Documents of these kinds that stand, are wholly signed and are about days from `first` through `last`: what a packet
    may hold and a bill may wait for (4.6, 6.9). Never a counselling note, whatever is asked (E23)."""
    wanted = [kind for kind in kinds if kind is not DocumentType.COUNSELLING_NOTE]
    cosigned = or_(ClinicalDocument.needs_cosign.is_(False), ClinicalDocument.cosigned_at.is_not(None))
    return await rows_of(
        session,
        registered(
            ClinicalDocument.episode_id == episode_id,
            and_(ClinicalDocument.service_date >= first, ClinicalDocument.service_date <= last),
            ClinicalDocument.kind.in_(wanted),
            ClinicalDocument.signed_at.is_not(None),
            cosigned,
            ClinicalDocument.voided_at.is_(None),
            ClinicalDocument.sealed.is_not(None),
            Later.id.is_(None),
        ).order_by(ClinicalDocument.service_date, ClinicalDocument.id),
    )


async def documents_by_id(session: AsyncSession, ids: Collection[UUID]) -> list[Registered]:
    return await rows_of(session, registered(ClinicalDocument.id.in_(list(ids)))) if ids else []
