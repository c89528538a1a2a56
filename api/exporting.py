"""A copy of the record for its patient: asked for with a clock of 30 days, made in the background and taken up again when a
process dies, sealed until it is handed over (45 CFR 164.524, domain 3.6)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see, scope
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.record_gathering import PersonErased, gather
from api.record_letter import record_pdf
from api.retention import audit_record, moment, see_person
from api.tokens import User
from api.viewing import purpose_of
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.vocabulary import ContentClass, OpenItemStatus, Role
from interchange.fhir.record import record_bundle
from rules.grounds import consents_on_file
from runtime.keyring import SealBroken
from runtime.people import open_copy, seal_copy
from storage.models import Consent, OpenItem, PatientExport, Person
from storage.reads import retention as reads
from storage.repositories import command as memory
from storage.repositories import export as exports
from storage.repositories import work
from storage.repositories.command import Remembered
from storage.repositories.person import lock_person
from storage.repositories.viewing import note_view
from storage.scope import HouseAct

DAYS: Final = timedelta(days=30)
"""Right of access: within 30 days, once 30 more with a reason (domain 3.6)."""
LEASE: Final = timedelta(seconds=60)
ITEM: Final = "right_of_access"
PATIENT: Final = "patient/self"
"""How a consent names the patient as who receives something."""
COPIES: Final = {"bundle": "application/fhir+json", "pdf": "application/pdf"}
log = structlog.get_logger()
_running: dict[UUID, asyncio.Task[None]] = {}


async def ask(services: Services, user: User, key: str, person_id: UUID, notes_consent: UUID | None) -> CommandResult:
    async with services.database.write(services.house(HouseAct.EXPORT, user)) as session:
        person = await see_person(session, services, user, person_id, lock=True)
        said = {"person": str(person_id), "notes_consent": str(notes_consent) if notes_consent else None}
        stored = await accept(services, session, user, key, "request_export", said)
        first = answered(stored, 201)
        if first is not None:
            return first
        if person.wrapped_key is None:
            raise problem(ErrorType.STALE, "this person's record was erased; there is nothing to copy")
        moments = await reads.last_moments(session, person_id)
        assert moments is not None
        if not set(moments.facilities) <= set(scope(user, services)):
            raise problem(ErrorType.FORBIDDEN, "this is for somebody who may see the whole of the record")
        now = stored.accepted_at
        if notes_consent is not None:
            await _notes_may(session, person_id, notes_consent, now)
        row = PatientExport(
            id=derived(stored.key, "export"), person_id=person_id, episode_id=moments.episodes[0],
            facility=moments.facilities[0], status=exports.REQUESTED, requested_at=now, requested_by=user.actor,
            due_at=now + DAYS, notes_consent_id=notes_consent, with_notes=notes_consent is not None, done=0, total=0,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        await work.open_item(
            session, item_id=_item(row), episode_id=row.episode_id, facility=row.facility, kind=ITEM,
            owner_role=Role.DIRECTOR.value,
            why=f"the patient asked for a copy of their record ({row.id}): hand it over within 30 days",
            opened_at=now, due_at=row.due_at, subject_id=str(row.id), rule="45 CFR 164.524",
        )  # fmt: skip
        audit_record(
            session, user, row.facility, "export_requested", person_id, now, {"export": str(row.id), **said}
        )  # fmt: skip
        done = await _done(session, stored, row, 201)
    start(services, row.id)
    return done


async def _notes_may(session: AsyncSession, person_id: UUID, consent_id: UUID, now: datetime) -> None:
    """The patient's own consent, in force, to counselling notes and nothing beside them, given to themselves (domain 3.1,
    3.5)."""
    row = await session.get(Consent, consent_id)
    found = consents_on_file([row])[0] if row is not None and row.person_id == person_id else None
    alone = found is not None and set(found.contents) == {ContentClass.COUNSELLING_NOTES}
    if found is None or not alone or not found.valid_at(now) or PATIENT not in found.recipients:
        raise problem(
            ErrorType.CONSENT_MISSING,
            f"counselling notes are in a copy only by a consent of their own that names {PATIENT}, is signed and in force; "
            "leave them out or have it signed",
        )


def start(services: Services, export_id: UUID) -> None:
    """Make it in the background, unless this process does already."""
    if export_id in _running:
        return
    task = asyncio.create_task(_make(services, export_id))
    _running[export_id] = task
    task.add_done_callback(lambda _: _running.pop(export_id, None))


async def start_unmade(services: Services) -> None:
    """Take up what another process left when it died; what one is making keeps its lease."""
    async with services.database.read(services.house(HouseAct.EXPORT)) as session:
        for export_id in await exports.unmade(session):
            start(services, export_id)


async def stop() -> None:
    """What is under way is left to whoever comes next."""
    tasks = list(_running.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _make(services: Services, export_id: UUID) -> None:
    try:
        async with services.database.write(services.house(HouseAct.EXPORT)) as session:
            mine = await exports.claim(session, export_id, moment=_machine(), until=_machine() + LEASE)
        if mine:
            await _copy(services, export_id)
    except PersonErased:
        await _cancel(services, export_id)
    except asyncio.CancelledError:
        await _leave(services, export_id, "stopped")
        raise
    except Exception as error:
        log.error("export_failed", export=str(export_id), problem=type(error).__name__)
        await _leave(services, export_id, type(error).__name__)


def _machine() -> datetime:
    """The machine's own clock: leases are about processes, not about business."""
    return datetime.now(UTC)


async def _copy(services: Services, export_id: UUID) -> None:
    async with services.database.read(services.house(HouseAct.EXPORT)) as session:
        row = await session.get_one(PatientExport, export_id)
    now = await services.clock.now()

    async def told(done: int, total: int) -> None:
        async with services.database.write(services.house(HouseAct.EXPORT)) as session:
            await exports.progress(session, export_id, done=done, total=total, until=_machine() + LEASE)

    record = await gather(services, row.person_id, with_notes=row.with_notes, as_of=now, told=told)
    total = len(record.documents) + 2
    bundle = await asyncio.to_thread(
        lambda: json.dumps(record_bundle(record), separators=(",", ":"), ensure_ascii=False).encode()
    )
    await told(total - 1, total)
    pdf = await asyncio.to_thread(record_pdf, record)
    await _keep(services, row, now, {"bundle": bundle, "pdf": pdf}, total)


async def _keep(services: Services, row: PatientExport, now: datetime, copies: dict[str, bytes], total: int) -> None:
    """Under the lock of the person's row: a deletion that came first leaves nothing to keep."""
    async with services.database.write(services.house(HouseAct.EXPORT)) as session:
        person = await lock_person(session, row.person_id)
        held = await exports.locked_export(session, row.id)
        if person is None or person.wrapped_key is None or held is None:
            raise PersonErased
        if held.status != exports.REQUESTED:
            return
        wrapped = person.wrapped_key
        sealed = {
            name: await asyncio.to_thread(seal_copy, services.keyring, row.person_id, wrapped, row.id, name, body)
            for name, body in copies.items()
        }
        held.sealed_bundle, held.sealed_pdf = sealed["bundle"], sealed["pdf"]
        held.bundle_sha256 = sha256(copies["bundle"]).hexdigest()
        held.pdf_sha256 = sha256(copies["pdf"]).hexdigest()
        held.status, held.made_at, held.claimed_until, held.done, held.total = exports.READY, now, None, total, total
        audit_record(
            session, _worker(row), row.facility, "export_made", row.person_id, now,
            {"export": str(row.id), "bundle": held.bundle_sha256, "pdf": held.pdf_sha256, "notes": row.with_notes},
        )  # fmt: skip


def _worker(row: PatientExport) -> User:
    role, _, name = row.requested_by.partition(":")
    return User(name, role, ())


async def _cancel(services: Services, export_id: UUID) -> None:
    now = await services.clock.now()
    async with services.database.write(services.house(HouseAct.EXPORT)) as session:
        row = await exports.locked_export(session, export_id)
        if row is not None and row.status == exports.REQUESTED:
            row.status, row.problem, row.claimed_until = exports.CANCELLED, "erased", None
            await _settle_item(session, row, "system", now, OpenItemStatus.CANCELLED, "the record was erased")


async def _leave(services: Services, export_id: UUID, why: str) -> None:
    async with services.database.write(services.house(HouseAct.EXPORT)) as session:
        await exports.give_up(session, export_id, why)


async def how_far(services: Services, user: User, export_id: UUID) -> dict[str, Any]:
    """What is left undone is taken up by whoever looks."""
    async with services.database.read(services.house(HouseAct.EXPORT, user)) as session:
        row = await _seen(session, services, user, export_id)
        answer = shown(row)
    if row.status == exports.REQUESTED:
        start(services, export_id)
    return answer


async def opened(services: Services, user: User, export_id: UUID, name: str) -> bytes:
    """One of the two copies; whoever opens it is on record first."""
    now = await services.clock.now()
    async with services.database.write(services.house(HouseAct.EXPORT, user)) as session:
        row = await _seen(session, services, user, export_id)
        person = await session.get_one(Person, row.person_id)
        sealed = row.sealed_bundle if name == "bundle" else row.sealed_pdf
        if row.status == exports.REQUESTED:
            raise problem(ErrorType.STALE, "it is being made; look again in a moment")
        if person.wrapped_key is None or sealed is None:
            raise problem(ErrorType.NOT_FOUND, "this person was erased; the copy can no longer be opened")
        await note_view(
            session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role), page=f"export/{name}",
            people=[row.person_id], filters={"export": str(export_id)},
        )  # fmt: skip
        wrapped = person.wrapped_key
    try:
        return await asyncio.to_thread(
            open_copy, services.keyring, row.person_id, wrapped, export_id, name, sealed
        )  # fmt: skip
    except SealBroken:
        raise problem(ErrorType.NOT_FOUND, "the key of this copy is gone; it cannot be opened") from None


async def hand_over(services: Services, user: User, key: str, export_id: UUID, channel: str) -> CommandResult:
    async with services.database.write(services.house(HouseAct.EXPORT, user)) as session:
        row = await _locked(session, services, user, export_id)
        said = {"export": str(export_id), "channel": channel}
        stored = await accept(services, session, user, key, "hand_over_export", said)
        first = answered(stored)
        if first is not None:
            return first
        if row.status != exports.READY:
            raise problem(ErrorType.STALE, f"it is {row.status.replace('_', ' ')}; look again")
        now = stored.accepted_at
        row.status, row.handed_over_at, row.handed_over_by, row.channel = exports.HANDED_OVER, now, user.actor, channel
        await _settle_item(session, row, user.actor, now, OpenItemStatus.DONE, f"handed over, {channel}")
        audit_record(session, user, row.facility, "export_handed_over", row.person_id, now, said)
        return await _done(session, stored, row)


async def extend(services: Services, user: User, key: str, export_id: UUID, reason: str) -> CommandResult:
    """Once, within the first 30 days, by 30 more; the patient is told why and until when."""
    async with services.database.write(services.house(HouseAct.EXPORT, user)) as session:
        row = await _locked(session, services, user, export_id)
        said = {"export": str(export_id), "reason": reason}
        stored = await accept(services, session, user, key, "extend_export", said)
        first = answered(stored)
        if first is not None:
            return first
        now = stored.accepted_at
        if row.status not in (exports.REQUESTED, exports.READY) or row.extended_at is not None or now > row.due_at:
            raise problem(ErrorType.STALE, "it is extended once, before its first 30 days are over; look again")
        row.due_at, row.extended_at, row.extension_reason = row.due_at + DAYS, now, reason
        await session.execute(update(OpenItem).where(OpenItem.id == _item(row)).values(due_at=row.due_at))
        audit_record(session, user, row.facility, "export_extended", row.person_id, now, said)
        return await _done(session, stored, row)


def shown(row: PatientExport) -> dict[str, Any]:
    return {
        "export_id": str(row.id), "person_id": str(row.person_id), "status": row.status,
        "requested_at": moment(row.requested_at), "requested_by": row.requested_by, "due_at": moment(row.due_at),
        "extended_at": moment(row.extended_at), "with_notes": row.with_notes,
        "progress": {"done": row.done, "of": row.total}, "problem": row.problem, "made_at": moment(row.made_at),
        "bundle_sha256": row.bundle_sha256, "pdf_sha256": row.pdf_sha256,
        "handed_over_at": moment(row.handed_over_at), "handed_over_by": row.handed_over_by, "channel": row.channel,
    }  # fmt: skip


async def _seen(session: AsyncSession, services: Services, user: User, export_id: UUID) -> PatientExport:
    """For whoever may see the whole of the record, like the copy itself."""
    row = await session.get(PatientExport, export_id)
    moments = await reads.last_moments(session, row.person_id) if row is not None else None
    whole = moments is not None and set(moments.facilities) <= set(scope(user, services))
    must_see(
        user,
        services,
        row.facility if row is not None and whole else None,
        f"export {export_id}",
        row.person_id if row else None,
    )
    assert row is not None
    return row


async def _locked(session: AsyncSession, services: Services, user: User, export_id: UUID) -> PatientExport:
    await _seen(session, services, user, export_id)
    row = await exports.locked_export(session, export_id)
    assert row is not None
    return row


def _item(row: PatientExport) -> UUID:
    return derived(row.id, "item", ITEM)


async def _settle_item(
    session: AsyncSession, row: PatientExport, actor: str, now: datetime, status: OpenItemStatus, how: str
) -> None:
    await work.close_items(
        session, episode_id=row.episode_id, now=now, actor=actor, resolution=how, kind=ITEM, subject_id=str(row.id),
        status=status,
    )  # fmt: skip


async def _done(session: AsyncSession, stored: Remembered, row: PatientExport, status: int = 200) -> CommandResult:
    await session.flush()
    answer = shown(row)
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=stored.actor, now=stored.accepted_at, status=memory.DONE,
        answer=answer, subject_id=row.person_id,
    )  # fmt: skip
    return CommandResult(status, answer, {"Location": f"/v1/exports/{row.id}"} if status == 201 else {})
