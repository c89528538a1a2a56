"""Clinical documents: filed with their bytes sealed, signed, amended by another version, voided with a reason, and opened by
those who may, each opening on record first (domain 3.1, 3.5, E23)."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from api.auth import must_see
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.document_shown import document_shown, entry_of
from api.errors import Problem, problem
from api.routes.access import about, see_episode
from api.tokens import User
from api.viewing import purpose_of
from definitions.document import DOCUMENT_BYTES, DocumentEntry, DocumentSource, DocumentType, VoidReason
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.vocabulary import Role
from rules.calendar import facility_date
from rules.documents import (
    SIGN_WITHIN,
    change_problem,
    content_problem,
    filing_problem,
    opening_problem,
    same_hand,
    signing_problem,
)
from runtime.keyring import SealBroken
from runtime.people import open_document, seal_document
from storage.models import ClinicalDocument, Episode, Person
from storage.reads.documents import document
from storage.repositories import command as memory
from storage.repositories import document as registry
from storage.repositories import timeline, work
from storage.repositories.command import Remembered
from storage.repositories.document import SealedBody, Service
from storage.repositories.viewing import note_view

UNSIGNED_ITEM = "document_unsigned"


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes somebody sent, what they are, and where from. `sign`: they sign it in the same moment."""

    body: bytes
    content_type: str
    source: DocumentSource = DocumentSource.UPLOAD
    sign: bool = False

    @property
    def sha256(self) -> str:
        return sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Filing:
    """How a document is to stand in the registry."""

    kind: DocumentType
    service: Service
    cosign: bool = False
    author: str | None = None
    """None: who files it."""


async def read_body(request: Request, most: int = DOCUMENT_BYTES) -> bytes:
    """As much as a document may have; 413 beyond it, before the rest is read."""
    said = request.headers.get("content-length", "")
    received = bytearray()
    if said.isdigit() and int(said) > most:
        raise _too_large(most)
    async for part in request.stream():
        received += part
        if len(received) > most:
            raise _too_large(most)
    return bytes(received)


def _too_large(most: int) -> Problem:
    return Problem(Refusal(code=ErrorType.INVALID_REQUEST, detail=f"send at most {most} bytes a document"), 413)


def checked(request: Request, body: bytes, expected: str | None, *, sign: bool) -> Sent:
    """The bytes when they are what they say, and have the hash their sender says."""
    declared = request.headers.get("content-type", "")
    refusal = content_problem(declared, body)
    if refusal is not None:
        raise problem(refusal.code, refusal.detail)
    sent = Sent(body, declared.split(";", 1)[0].strip().lower(), sign=sign)
    if expected is not None and expected.lower() != sent.sha256:
        raise problem(
            ErrorType.INVALID_REQUEST, "the bytes do not have the SHA-256 that was said; they changed on the way"
        )
    return sent


async def file_new(
    services: Services, user: User, key: str, episode_id: UUID, filing: Filing, sent: Sent
) -> CommandResult:
    async with services.write(user) as session:
        episode = await see_episode(session, services, user, episode_id)
        said = _said(episode_id, filing, sent)
        stored = await accept(services, session, user, key, "file_document", said)
        first = answered(stored, 201)
        if first is not None:
            return first
        return await _file(services, session, user, episode, stored, filing, sent, None)


async def amend(
    services: Services, user: User, key: str, document_id: UUID, service_date: date | None, sent: Sent
) -> CommandResult:
    """Another version of the same document, unsigned until it is signed itself; the one before stays as it was."""
    async with services.write(user) as session:
        row, episode = await _locked(session, services, user, document_id)
        said = {"document": str(document_id), "sha256": sent.sha256, "sign": sent.sign, "date": str(service_date)}
        stored = await accept(services, session, user, key, "amend_document", said)
        first = answered(stored, 201)
        if first is not None:
            return first
        entry = await entry_now(session, document_id)
        _refuse(change_problem(entry, user.actor, Role(user.role), by_director=False))
        service = Service(service_date or row.service_date, row.stay_id, row.session_id, row.authorization_id)
        filing = Filing(DocumentType(row.kind), service, row.needs_cosign, row.author)
        done = await _file(services, session, user, episode, stored, filing, sent, row)
        await close_item(session, row, user, stored.accepted_at, "amended")
        return done


async def _file(
    services: Services, session: AsyncSession, user: User, episode: Episode, stored: Remembered, filing: Filing,
    sent: Sent, before: ClinicalDocument | None,
) -> CommandResult:  # fmt: skip
    now = stored.accepted_at
    zone = services.catalog.latest.facilities[episode.facility].zone
    _refuse(filing_problem(filing.kind, Role(user.role), filing.service.service_date, facility_date(now, zone)))
    foreign = await registry.belongs(session, episode.id, filing.service)
    if foreign is not None:
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: {foreign}")
    document_id = derived(stored.key, "document")
    row = await registry.file_document(
        session, document_id=document_id, person_id=episode.person_id, episode_id=episode.id, facility=episode.facility,
        kind=filing.kind, author=filing.author or user.actor, service=filing.service, source=sent.source, now=now,
        body=await sealed_under(services, session, episode.person_id, document_id, sent), received_by=user.actor,
        needs_cosign=filing.cosign, supersedes=before,
    )  # fmt: skip
    if sent.sign and same_hand(row.author, user.actor):
        await registry.sign(session, row, actor=user.actor, now=now)
    await owe_signature(session, row, now)
    await note_document(session, user, episode, row, stored, "document_amended" if before else "document_filed")
    answer = document_shown(await entry_now(session, document_id))
    return await _finish(session, user, stored, answer, 201)


async def sealed_under(
    services: Services, session: AsyncSession, person_id: UUID, document_id: UUID, sent: Sent
) -> SealedBody:
    """Under the lock of the person's row: a document that is filed while they are erased comes before, or not at all."""
    person = await session.get(Person, person_id, with_for_update={"read": True})
    if person is None or person.wrapped_key is None:
        raise problem(ErrorType.NOT_FOUND, "the person's record was erased; nothing can be filed about them")
    sealed = await asyncio.to_thread(
        seal_document, services.keyring, person_id, person.wrapped_key, document_id, sent.body
    )
    return SealedBody(sealed, sent.content_type, len(sent.body), sent.sha256)


async def sign(services: Services, user: User, key: str, document_id: UUID) -> CommandResult:
    async with services.write(user) as session:
        row, episode = await _locked(session, services, user, document_id)
        stored = await accept(services, session, user, key, "sign_document", {"document": str(document_id)})
        first = answered(stored)
        if first is not None:
            return first
        _refuse(signing_problem(await entry_now(session, document_id), user.actor, Role(user.role)))
        second = await registry.sign(session, row, actor=user.actor, now=stored.accepted_at)
        await close_item(session, row, user, stored.accepted_at, "signed")
        await owe_signature(session, row, stored.accepted_at)
        await note_document(session, user, episode, row, stored, "document_cosigned" if second else "document_signed")
        return await _finish(session, user, stored, document_shown(await entry_now(session, document_id)))


async def void(services: Services, user: User, key: str, document_id: UUID, reason: VoidReason) -> CommandResult:
    async with services.write(user) as session:
        row, episode = await _locked(session, services, user, document_id)
        said = {"document": str(document_id), "reason": reason.value}
        stored = await accept(services, session, user, key, "void_document", said)
        first = answered(stored)
        if first is not None:
            return first
        entry = await entry_now(session, document_id)
        _refuse(change_problem(entry, user.actor, Role(user.role), by_director=True))
        await registry.void(session, row, actor=user.actor, now=stored.accepted_at, reason=reason)
        await close_item(session, row, user, stored.accepted_at, "voided")
        await note_document(session, user, episode, row, stored, "document_voided")
        return await _finish(session, user, stored, document_shown(await entry_now(session, document_id)))


async def opened(services: Services, user: User, document_id: UUID) -> tuple[DocumentEntry, bytes]:
    """The bytes. Who opens them is on record before they are opened, and who was refused too."""
    now = await services.clock.now()
    refusal: Refusal | None = None
    async with services.write(user) as session:
        entry = await see_document(session, services, user, document_id)
        row = await session.get_one(ClinicalDocument, document_id, populate_existing=True)
        refusal = opening_problem(entry, user.actor, Role(user.role))
        await note_view(
            session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role),
            page="document" if refusal is None else "document_refused", people=[row.person_id],
            filters={"document": str(document_id)},
        )  # fmt: skip
        person = await session.get_one(Person, row.person_id)
        sealed, wrapped = row.sealed, person.wrapped_key
    _refuse(refusal)
    if sealed is None or wrapped is None:
        raise problem(ErrorType.NOT_FOUND, "this person was erased; the document can no longer be opened")
    try:
        body = await asyncio.to_thread(
            open_document, services.keyring, row.person_id, wrapped, document_id, sealed
        )  # fmt: skip
    except SealBroken:
        raise problem(ErrorType.NOT_FOUND, "the key of this document is gone; it cannot be opened") from None
    if sha256(body).hexdigest() != row.sha256:
        raise RuntimeError(f"document {document_id} opens and is not what was filed")
    return entry, body


async def see_document(session: AsyncSession, services: Services, user: User, document_id: UUID) -> DocumentEntry:
    found = await document(session, document_id)
    must_see(
        user, services, found.row.facility if found else None, f"document {document_id}", *about(found and found.row)
    )
    assert found is not None
    return entry_of(found)


async def entry_now(session: AsyncSession, document_id: UUID) -> DocumentEntry:
    found = await document(session, document_id)
    assert found is not None
    return entry_of(found)


async def _locked(
    session: AsyncSession, services: Services, user: User, document_id: UUID
) -> tuple[ClinicalDocument, Episode]:
    row = await registry.locked(session, document_id)
    must_see(user, services, row.facility if row else None, f"document {document_id}", *about(row))
    assert row is not None
    return row, await session.get_one(Episode, row.episode_id)


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise problem(refusal.code, refusal.detail)


def _said(episode_id: UUID, filing: Filing, sent: Sent) -> dict[str, Any]:
    about = filing.service
    return {
        "episode": str(episode_id), "kind": filing.kind.value, "cosign": filing.cosign, "author": filing.author,
        "about": [str(v) for v in (about.service_date, about.stay_id, about.session_id, about.authorization_id)],
        "sha256": sent.sha256, "content_type": sent.content_type, "sign": sent.sign,
    }  # fmt: skip


def _item(row: ClinicalDocument) -> UUID:
    return derived(row.id, "item", UNSIGNED_ITEM, "second" if row.signed_at is not None else "first")


async def owe_signature(session: AsyncSession, row: ClinicalDocument, now: datetime) -> None:
    """An owned item until it is wholly signed."""
    if row.signed_at is not None and (not row.needs_cosign or row.cosigned_at is not None):
        return
    whose = "its second signature" if row.signed_at is not None else f"the signature of its author {row.author}"
    await work.open_item(
        session, item_id=_item(row), episode_id=row.episode_id, facility=row.facility, kind=UNSIGNED_ITEM,
        owner_role=Role.CLINICIAN.value if row.signed_at is not None else row.author.split(":", 1)[0],
        why=f"the {row.kind.value.replace('_', ' ')} of {row.service_date.isoformat()} waits for {whose}; packets and "
        "bills that need it wait too",
        opened_at=now, due_at=now + SIGN_WITHIN, subject_id=str(row.id), rule="domain 3.5",
    )  # fmt: skip


async def close_item(session: AsyncSession, row: ClinicalDocument, user: User, now: datetime, how: str) -> None:
    await work.close_items(
        session, episode_id=row.episode_id, now=now, actor=user.actor, resolution=how, kind=UNSIGNED_ITEM,
        subject_id=str(row.id),
    )  # fmt: skip


async def note_document(
    session: AsyncSession, user: User, episode: Episode, row: ClinicalDocument, stored: Remembered, kind: str
) -> None:
    detail = {"document": str(row.id), "kind": row.kind.value, "version": row.version, "sha256": row.sha256}
    if row.void_reason is not None:
        detail["reason"] = row.void_reason.value
    await timeline.record(
        session, episode_id=episode.id, facility=episode.facility, at=stored.accepted_at,
        recorded_at=stored.accepted_at, kind=kind, actor=user.actor, role=user.role, edition=episode.edition,
        detail=detail, command_key=stored.key,
    )  # fmt: skip


async def _finish(
    session: AsyncSession, user: User, stored: Remembered, answer: dict[str, Any], status: int = 200
) -> CommandResult:
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=user.actor, now=stored.accepted_at, status=memory.DONE,
        answer=answer, subject_id=UUID(answer["document_id"]),
    )  # fmt: skip
    headers = {"Location": f"/v1/documents/{answer['document_id']}"} if status == 201 else {}
    return CommandResult(status, answer, headers)
