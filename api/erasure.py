"""Deleting a person's record: asked for by one, approved by another, done by destroying the person's key, and proved: nothing
opens, nothing is found, every chain is whole, and a certificate says what was done (domain 3.6, D15)."""

import asyncio
import json
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see, scope
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.retention import Judged, audit_record, judged, moment, see_person
from api.tokens import User
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.vocabulary import Role
from rules.documents import same_hand
from runtime.people import open_person, tokens_of
from storage.chains import LEDGERS, walk
from storage.models import Person, RecordDeletion
from storage.reads import retention as reads
from storage.reads.disclosures import known_to
from storage.repositories import command as memory
from storage.repositories import retention as repository
from storage.repositories import work
from storage.repositories.command import Remembered
from storage.repositories.person import Token, lock_person, people_with, same_person
from storage.scope import CLAIMED, HouseAct, Scope
from storage.staff_words import forget_words

WHAT_STAYS = (
    "rows, audit and ledgers stay by their ids: they name nobody; backups from before hold the sealed key until they are "
    "gone themselves, and open it only while a house key of then is kept"
)


async def request(services: Services, user: User, key: str, person_id: UUID, reason: str) -> CommandResult:
    """Refused with everything that stands in the way; else it waits for somebody else."""
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        person = await see_person(session, services, user, person_id, lock=True)
        said = {"person": str(person_id), "reason": reason}
        stored = await accept(services, session, user, key, "request_deletion", said)
        first = answered(stored, 201)
        if first is not None:
            return first
        found = await _may_go(session, services, user, person, stored.accepted_at)
        if await repository.open_deletion(session, person_id) is not None:
            raise problem(ErrorType.STALE, "its deletion was asked for already; somebody else approves or declines it")
        now = stored.accepted_at
        facility = next(f for f in found.moments.facilities if f in scope(user, services))
        row = RecordDeletion(
            id=derived(stored.key, "deletion"), person_id=person_id, facility=facility, reason=reason,
            status=repository.REQUESTED, requested_at=now, requested_by=user.actor,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        await work.open_item(
            session, item_id=derived(row.id, "item"), episode_id=found.moments.episodes[0], facility=facility,
            kind="record_deletion", owner_role=Role.DIRECTOR.value,
            why=f"deletion {row.id} of a record was asked for: somebody other than who asked approves or declines it",
            opened_at=now, subject_id=str(row.id), rule="domain 3.6",
        )  # fmt: skip
        audit_record(session, user, facility, "deletion_requested", person_id, now, {"deletion": str(row.id), **said})
        return await _done(session, stored, row, 201)


async def _may_go(session: AsyncSession, services: Services, user: User, person: Person, now: datetime) -> Judged:
    found = await judged(session, services, person, now)
    if not set(found.moments.facilities) <= set(scope(user, services)):
        raise problem(ErrorType.FORBIDDEN, "this is for somebody who may see the whole of the record")
    if found.problems:
        raise problem(
            found.problems[0].code, found.problems[0].detail,
            in_the_way=[{"code": p.code.value, "detail": p.detail} for p in found.problems],
        )  # fmt: skip
    return found


async def decline(services: Services, user: User, key: str, deletion_id: UUID, reason: str) -> CommandResult:
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        row = await _seen(session, services, user, deletion_id)
        said = {"deletion": str(deletion_id), "reason": reason}
        stored = await accept(services, session, user, key, "decline_deletion", said)
        first = answered(stored)
        if first is not None:
            return first
        if row.status != repository.REQUESTED:
            raise problem(ErrorType.ALREADY_DECIDED, f"it is {row.status} already; look again")
        now = stored.accepted_at
        await repository.decided(
            session, row, status=repository.DECLINED, actor=user.actor, now=now, reason=reason
        )  # fmt: skip
        await _close_item(session, row, user, now)
        audit_record(session, user, row.facility, "deletion_declined", row.person_id, now, said)
        return await _done(session, stored, row)


async def approve(services: Services, user: User, key: str, deletion_id: UUID) -> CommandResult:
    """Erase, then prove, in two transactions: the proof reads what is committed. Who repeats it after a power cut in
    between gets the proof that was missing."""
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        row = await _seen(session, services, user, deletion_id)
        stored = await accept(
            services, session, user, key, "approve_deletion", {"deletion": str(deletion_id)}
        )  # fmt: skip
        first = answered(stored)
        if first is not None:
            return first
        if row.status == repository.REQUESTED:
            await _erase(session, services, user, row, stored.accepted_at)
        elif row.status != repository.ERASED:
            raise problem(ErrorType.ALREADY_DECIDED, f"it is {row.status} already; look again")
    return await _prove(services, user, stored, deletion_id)


async def _erase(session: AsyncSession, services: Services, user: User, row: RecordDeletion, now: datetime) -> None:
    if same_hand(row.requested_by, user.actor):
        raise problem(ErrorType.FORBIDDEN, "who asked for a deletion does not approve it; somebody else does")
    person = await lock_person(session, row.person_id)
    assert person is not None
    found = await _may_go(session, services, user, person, now)
    assert found.verdict is not None
    tokens = _tokens(services, person)
    counts = await repository.erase(session, row.person_id)
    left = await repository.left_of(session, row.person_id)
    if any(left.values()) or row.person_id in await people_with(session, tokens):
        raise RuntimeError(f"deletion {row.id} left something behind; nothing was done")
    row.counts = {
        "emptied": counts, "left": left, "searched_for": len(tokens), "found": 0,
        "retention": found.verdict.model_dump(mode="json", exclude={"periods": {"__all__": {"why"}}}),
    }  # fmt: skip
    row.erased_at = now
    await repository.decided(session, row, status=repository.ERASED, actor=user.actor, now=now)
    await _close_item(session, row, user, now)
    audit_record(
        session, user, row.facility, "record_erased", row.person_id, now, {"deletion": str(row.id), "rows": counts}
    )  # fmt: skip


def _tokens(services: Services, person: Person) -> list[Token]:
    """What the person could be found by, before."""
    assert person.wrapped_key is not None
    return tokens_of(services.keyring, open_person(services.keyring, person.id, person.sealed, person.wrapped_key))


async def _prove(services: Services, user: User, stored: Remembered, deletion_id: UUID) -> CommandResult:
    async with services.database.read(services.house(HouseAct.ERASURE, user)) as session:
        row = await session.get_one(RecordDeletion, deletion_id)
        moments = await reads.last_moments(session, row.person_id)
    chains = [str(row.person_id), f"records/{row.facility}", *(str(e) for e in (moments.episodes if moments else ()))]
    everywhere = services.house(HouseAct.ERASURE, user)
    walked = await asyncio.to_thread(_walk, services.settings.address_of("api"), chains, everywhere)
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        kept = await repository.locked_deletion(session, deletion_id)
        assert kept is not None
        if kept.status == repository.ERASED:
            # An erasure from before words were sealed left the words of staff in clear.
            await forget_words(session, list((await session.execute(same_person(kept.person_id))).scalars()))
            left = await repository.left_of(session, kept.person_id)
            if any(left.values()) or walked["broken"]:
                raise RuntimeError(f"deletion {deletion_id} is done and cannot be proved; verify the chains")
            kept.certificate = _certificate(kept, left, walked, stored.accepted_at)
            kept.proof = proof_of(kept.certificate)
            kept.status = repository.PROVED
            await session.flush()
            audit_record(
                session, user, kept.facility, "deletion_proved", kept.person_id, stored.accepted_at,
                {"deletion": str(kept.id), "proof": kept.proof},
            )  # fmt: skip
        return await _done(session, stored, kept)


def _walk(url: str, chains: list[str], scope: Scope) -> dict[str, Any]:
    """The person's chains of every ledger, their hashes computed anew, in one snapshot."""
    heads: list[dict[str, Any]] = []
    broken: list[str] = []
    dsn = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(dsn, options="-c timezone=UTC -c statement_timeout=0") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute(CLAIMED, scope.claims())
        for ledger in LEDGERS:
            for one in walk(connection, ledger, chains=chains):
                heads.append({"ledger": one.head.ledger, "chain": one.head.chain, "length": one.head.length,
                              "head": one.head.head})  # fmt: skip
                if one.broken is not None:
                    broken.append(one.broken.sentence())
    return {"heads": heads, "broken": broken}


def _certificate(row: RecordDeletion, left: dict[str, int], walked: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "deletion_id": str(row.id), "person_id": str(row.person_id), "facility": row.facility, "reason": row.reason,
        "requested_at": moment(row.requested_at), "requested_by": row.requested_by,
        "approved_at": moment(row.decided_at), "approved_by": row.decided_by, "erased_at": moment(row.erased_at),
        "method": "the person's data key was destroyed, what it sealed was emptied, search tokens were deleted",
        "rows": row.counts, "left_afterwards": left, "chains_whole": walked["heads"], "proved_at": moment(now),
        "what_stays": WHAT_STAYS,
    }  # fmt: skip


def proof_of(certificate: dict[str, Any]) -> str:
    return sha256(json.dumps(certificate, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def shown(row: RecordDeletion) -> dict[str, Any]:
    return {
        "deletion_id": str(row.id), "person_id": str(row.person_id), "status": row.status, "reason": row.reason,
        "requested_at": moment(row.requested_at), "requested_by": row.requested_by,
        "decided_at": moment(row.decided_at), "decided_by": row.decided_by, "decline_reason": row.decline_reason,
        "erased_at": moment(row.erased_at), "certificate": row.certificate, "proof": row.proof,
    }  # fmt: skip


async def one(services: Services, user: User, deletion_id: UUID) -> dict[str, Any]:
    async with services.database.read(services.house(HouseAct.ERASURE, user)) as session:
        row = await session.get(RecordDeletion, deletion_id)
        await _visible(session, services, user, row, deletion_id)
        assert row is not None
        return shown(row)


async def _seen(session: AsyncSession, services: Services, user: User, deletion_id: UUID) -> RecordDeletion:
    row = await repository.locked_deletion(session, deletion_id)
    await _visible(session, services, user, row, deletion_id)
    assert row is not None
    return row


async def _visible(
    session: AsyncSession, services: Services, user: User, row: RecordDeletion | None, deletion_id: UUID
) -> None:
    known = row is not None and await known_to(session, row.person_id, scope(user, services))
    must_see(user, services, row.facility if row is not None and known else None, f"deletion {deletion_id}")


async def _close_item(session: AsyncSession, row: RecordDeletion, user: User, now: datetime) -> None:
    moments = await reads.last_moments(session, row.person_id)
    for episode_id in moments.episodes if moments else ():
        await work.close_items(
            session, episode_id=episode_id, now=now, actor=user.actor, resolution=row.status, kind="record_deletion",
            subject_id=str(row.id),
        )  # fmt: skip


async def _done(session: AsyncSession, stored: Remembered, row: RecordDeletion, status: int = 200) -> CommandResult:
    answer = shown(row)
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=stored.actor, now=stored.accepted_at, status=memory.DONE,
        answer=answer, subject_id=row.person_id,
    )  # fmt: skip
    return CommandResult(status, answer, {"Location": f"/v1/deletions/{row.id}"} if status == 201 else {})
