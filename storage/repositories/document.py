"""The registry of clinical documents: filed, signed, voided; never edited (domain 3.1, E23). Sealing is the caller's."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.document import DocumentSource, DocumentType, VoidReason, content_class_of
from storage.models import Attendance, Authorization, ClinicalDocument, Stay


@dataclass(frozen=True, slots=True)
class Service:
    """What a document is about besides its episode; nothing: the episode as a whole."""

    service_date: date
    stay_id: UUID | None = None
    session_id: UUID | None = None
    authorization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SealedBody:
    """The bytes as they are kept, and what is known of the plain ones."""

    sealed: bytes
    content_type: str
    size: int
    sha256: str


async def file_document(
    session: AsyncSession, *, document_id: UUID, person_id: UUID, episode_id: UUID, facility: str, kind: DocumentType,
    author: str, service: Service, body: SealedBody, source: DocumentSource, now: datetime, received_by: str,
    needs_cosign: bool, supersedes: ClinicalDocument | None = None,
) -> ClinicalDocument:  # fmt: skip
    made = ClinicalDocument(
        id=document_id, person_id=person_id, episode_id=episode_id, facility=facility, kind=kind,
        content_class=content_class_of(kind), author=author, service_date=service.service_date, stay_id=service.stay_id,
        session_id=service.session_id, authorization_id=service.authorization_id, content_type=body.content_type,
        size=body.size, sha256=body.sha256, sealed=body.sealed, source=source, received_at=now,
        received_by=received_by, needs_cosign=needs_cosign, version=supersedes.version + 1 if supersedes else 1,
        supersedes=supersedes.id if supersedes else None,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    return made


async def locked(session: AsyncSession, document_id: UUID) -> ClinicalDocument | None:
    """The row, held until the transaction ends: of two who sign, amend or void at once the second sees the first."""
    found = await session.execute(
        select(ClinicalDocument)
        .where(ClinicalDocument.id == document_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def sign(session: AsyncSession, row: ClinicalDocument, *, actor: str, now: datetime) -> bool:
    """The next signature that is owed; answers whether it was the second."""
    second = row.signed_at is not None
    if second:
        row.cosigned_at, row.cosigned_by = now, actor
    else:
        row.signed_at, row.signed_by = now, actor
    await session.flush()
    return second


async def void(session: AsyncSession, row: ClinicalDocument, *, actor: str, now: datetime, reason: VoidReason) -> None:
    row.voided_at, row.voided_by, row.void_reason = now, actor, reason
    await session.flush()


async def belongs(session: AsyncSession, episode_id: UUID, service: Service) -> str | None:
    """What of the service is not this episode's; None: all of it is."""
    stay = await session.get(Stay, service.stay_id) if service.stay_id else None
    if service.stay_id and (stay is None or stay.episode_id != episode_id):
        return f"stay {service.stay_id}"
    case = await session.get(Authorization, service.authorization_id) if service.authorization_id else None
    if service.authorization_id and (case is None or case.episode_id != episode_id):
        return f"authorization {service.authorization_id}"
    if service.session_id:
        found = await session.execute(
            select(Attendance.session_id)
            .where(Attendance.session_id == service.session_id, Attendance.episode_id == episode_id)
            .limit(1)
        )
        if found.scalar_one_or_none() is None:
            return f"session {service.session_id}"
    return None
