"""Documents, consents and movements that were charted on the wrong episode (domain 3.1, 3.4, D14, E08, E23)."""

import asyncio
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select

from api.documents import Sent, close_item, entry_now, note_document, owe_signature, sealed_under
from api.errors import problem
from api.misfiled import Found, Handled, Wrong
from definitions.document import DocumentSource, DocumentType, VoidReason
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.misfiling import Effect, MisfiledKind
from definitions.vocabulary import ConsentStatus, MovementKind, Role
from rules.documents import change_problem, filing_problem
from rules.misfiling import REVIEW_WITHIN
from runtime.keyring import SealBroken
from runtime.people import open_document
from storage.models import ClinicalDocument, Consent, Episode, Movement, Person
from storage.repositories import document as registry
from storage.repositories import work
from storage.repositories.command import Remembered
from storage.repositories.document import Service

SAID: Final = (ConsentStatus.SIGNED, ConsentStatus.REFUSED, ConsentStatus.UNABLE_TO_SIGN, ConsentStatus.EXPIRED)
"""What somebody wrote down about a consent; a revocation is never undone by this."""


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise problem(refusal.code, refusal.detail)


# --- documents --------------------------------------------------------------------------------------------------


async def find_document(wrong: Wrong) -> Found:
    """Its author or the director, as for voiding; a counselling note its author alone (42 CFR 2.11)."""
    row = await registry.locked(wrong.session, wrong.subject)
    if row is None or row.episode_id != wrong.episode.id:
        raise wrong.unknown()
    entry = await entry_now(wrong.session, row.id)
    _refuse(change_problem(entry, wrong.user.actor, Role(wrong.user.role), by_director=True))
    if wrong.right is not None:
        _refuse(filing_problem(entry.kind, Role(wrong.user.role), row.service_date, row.service_date))
        if not entry.opens:
            raise problem(ErrorType.NOT_FOUND, "the bytes of this document are gone; it cannot be filed again")
    versions = [row, *await _earlier(wrong, row)]
    effects = [Effect(what="document", id=str(v.id), act="voided") for v in versions]
    first = min(v.received_at for v in versions)
    return Found(row, first, effects, parts={"versions": versions, "status": entry.status})


async def _earlier(wrong: Wrong, row: ClinicalDocument) -> list[ClinicalDocument]:
    found: list[ClinicalDocument] = []
    current = row
    while current.supersedes is not None:
        current = await wrong.session.get_one(ClinicalDocument, current.supersedes)
        found.append(current)
    return found


async def void_document(wrong: Wrong, found: Found, misfiling: UUID) -> None:
    """Every version: all of them are about somebody else."""
    for version in found.parts["versions"]:
        if version.voided_at is None:
            await registry.void(
                wrong.session, version, actor=wrong.user.actor, now=wrong.now, reason=VoidReason.WRONG_PATIENT
            )
            await close_item(wrong.session, version, wrong.user, wrong.now, "voided")


async def record_document(wrong: Wrong, found: Found, stored: Remembered) -> UUID | None:
    """The last version under the right person's key. Unsigned: its author signs what it is about now. What it was about
    besides its episode was the other episode's, and is left out."""
    if wrong.right is None:
        return None
    row: ClinicalDocument = found.row
    document_id = derived(stored.key, "document")
    sent = Sent(await _bytes(wrong, row), row.content_type, DocumentSource(row.source))
    made = await registry.file_document(
        wrong.session, document_id=document_id, person_id=wrong.right.person_id, episode_id=wrong.right.id,
        facility=wrong.right.facility, kind=DocumentType(row.kind), author=row.author,
        service=Service(row.service_date), source=sent.source, now=stored.accepted_at,
        body=await sealed_under(wrong.services, wrong.session, wrong.right.person_id, document_id, sent),
        received_by=wrong.user.actor, needs_cosign=row.needs_cosign,
    )  # fmt: skip
    await owe_signature(wrong.session, made, stored.accepted_at)
    await note_document(wrong.session, wrong.user, wrong.right, made, stored, "document_filed")
    return document_id


async def _bytes(wrong: Wrong, row: ClinicalDocument) -> bytes:
    person = await wrong.session.get_one(Person, row.person_id)
    if row.sealed is None or person.wrapped_key is None:
        raise problem(ErrorType.NOT_FOUND, "the bytes of this document are gone; it cannot be filed again")
    try:
        return await asyncio.to_thread(
            open_document, wrong.services.keyring, row.person_id, person.wrapped_key, row.id, row.sealed
        )
    except SealBroken:
        raise problem(ErrorType.NOT_FOUND, "the key of this document is gone; it cannot be opened") from None


# --- consents ---------------------------------------------------------------------------------------------------


async def find_consent(wrong: Wrong) -> Found:
    row = await wrong.session.get(Consent, wrong.subject, populate_existing=True)
    if row is None or row.episode_id != wrong.episode.id:
        raise wrong.unknown()
    if row.status not in SAID:
        raise problem(ErrorType.STALE, f"it is {row.status.value}; only what somebody said about it is taken back here")
    effects = [Effect(what="consent", id=str(row.id), act="voided")]
    return Found(row, row.signed_at or row.presented_at, effects, consent=row.id)


async def void_consent(wrong: Wrong, found: Found, misfiling: UUID) -> None:
    """A signature of somebody else covers nothing; the patient of this episode is asked."""
    row: Consent = found.row
    row.status, row.reason = ConsentStatus.VOIDED, f"misfiling {misfiling}"
    row.version += 1
    await wrong.session.flush()
    await _owed(
        wrong, wrong.episode, misfiling, "consent_to_renew", Role.CLINICIAN,
        f"the form {row.form} here was somebody else's: ask the patient for a signature",
    )  # fmt: skip


async def record_consent(wrong: Wrong, found: Found, stored: Remembered) -> UUID | None:
    """Nothing is signed by moving it: the text that was signed named another person. The right patient is asked."""
    if wrong.right is None or await _signed_there(wrong.right, wrong, found.row.form):
        return None
    await _owed(
        wrong, wrong.right, derived(stored.key, "misfiling"), "consent_to_sign", Role.CLINICIAN,
        f"a signature for the form {found.row.form} was taken on another episode's chart and covers nothing here: ask "
        "the patient to sign",
    )  # fmt: skip
    return None


async def _signed_there(right: Episode, wrong: Wrong, form: str) -> bool:
    standing = exists().where(
        Consent.person_id == right.person_id, Consent.form == form, Consent.status == ConsentStatus.SIGNED
    )
    return bool((await wrong.session.execute(select(standing))).scalar_one())


# --- movements --------------------------------------------------------------------------------------------------


async def find_movement(wrong: Wrong) -> Found:
    """Taken back by the episode's own correction, which restates stays, census, days, sessions, requirements and cases."""
    row = await wrong.session.get(Movement, wrong.subject)
    if row is None or row.episode_id != wrong.episode.id:
        raise wrong.unknown()
    newer = exists().where(Movement.supersedes == row.id)
    if not wrong.done and bool((await wrong.session.execute(select(newer))).scalar_one()):
        raise problem(ErrorType.STALE, "this movement was corrected already; look again")
    if row.kind is MovementKind.VOID:
        raise problem(ErrorType.INVALID_REQUEST, "a movement that was taken back is recorded again, not corrected")
    effects = [
        Effect(what="movement", id=str(row.id), act="voided"),
        Effect(what="days_from", id=row.effective_at.isoformat(), act="restated"),
    ]
    return Found(row, row.recorded_at, effects)


async def void_movement(wrong: Wrong, found: Found, misfiling: UUID) -> None:
    """Done before by the workflow (api/misfiling.py)."""


async def record_movement(wrong: Wrong, found: Found, stored: Remembered) -> UUID | None:
    """A movement takes decisions of its own there (a bed, a level, a hold): it is owed, with an owner."""
    if wrong.right is None:
        return None
    row: Movement = found.row
    await _owed(
        wrong, wrong.right, derived(stored.key, "misfiling"), "movement_to_record", Role.CLINICIAN,
        f"a {row.kind.value.replace('_', ' ')} at {row.effective_at.isoformat()} was recorded on another episode and "
        "belongs here: record it",
    )  # fmt: skip
    return None


async def _owed(wrong: Wrong, episode: Episode, misfiling: UUID, kind: str, owner: Role, why: str) -> None:
    await work.open_item(
        wrong.session, item_id=derived(misfiling, "item", kind), episode_id=episode.id, facility=episode.facility,
        kind=kind, owner_role=owner.value, why=why, opened_at=wrong.now, due_at=wrong.now + REVIEW_WITHIN,
        subject_id=str(misfiling), rule="E03",
    )  # fmt: skip


PAPERS: Final = {
    MisfiledKind.DOCUMENT: Handled(find_document, void_document, record_document),
    MisfiledKind.CONSENT: Handled(find_consent, void_consent, record_consent),
    MisfiledKind.MOVEMENT: Handled(find_movement, void_movement, record_movement),
}
