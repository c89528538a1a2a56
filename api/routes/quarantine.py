"""What came from payers and could not be applied by itself: seen, opened on record, released to a request or discarded
(E32 to E34)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api import bodies
from api.auth import must_see, require, scope
from api.commands import CommandResult, accept, answered, command_key, respond
from api.deps import Key, Services, Wired
from api.errors import PROBLEMS, body_of, problem
from api.inbound import ORPHAN
from api.routes.access import about
from api.tokens import User
from definitions.errors import ErrorType, Refusal, http_status
from definitions.exchange import Candidate
from definitions.vocabulary import Role
from rules.inbound import SENTENCES, UNREADABLE
from runtime.keyring import SealBroken
from runtime.people import open_message, seal_message
from storage.models import Authorization, ExchangeMessage, Person
from storage.reads import quarantine as reads
from storage.repositories import command as memory
from storage.repositories import inbound, timeline

router = APIRouter(prefix="/v1/exchange/quarantine", tags=["payers"])
Reviewer = Annotated[User, Depends(require(Role.REVIEWER))]


@router.get("", responses=PROBLEMS)
async def waiting(
    held: Wired, user: Reviewer, payer: str | None = None, reason: str | None = None, before: UUID | None = None
) -> JSONResponse:
    """Newest first, without content; `reason` is a code with its sentence in `why`."""
    if reason is not None and reason not in SENTENCES:
        raise problem(ErrorType.INVALID_REQUEST, f"reason is one of {', '.join(sorted(SENTENCES))}")
    async with held.read(user) as session:
        rows = await reads.waiting(session, scope(user, held), payer, reason, before)
    items = [{**row, "why": SENTENCES.get(row["reason"], SENTENCES[UNREADABLE])} for row in rows]
    following = rows[-1]["id"] if len(rows) == reads.PAGE else None
    return JSONResponse(jsonable_encoder({"items": items, "next": following}))


@router.get("/{message_id}", responses=PROBLEMS)
async def opened(message_id: UUID, held: Wired, user: Reviewer) -> JSONResponse:
    """The content. Whoever opens it is on record first."""
    now = await held.clock.now()
    async with held.write(user) as session:
        message = await _seen(session, held, user, message_id)
        _audit(session, user, "quarantine_opened", message, now, {})
    async with held.read(user) as session:
        text = await _text(held, session, message)
    reason = message.reason or UNREADABLE
    return JSONResponse(
        jsonable_encoder(
            {
                "id": message.id, "payer": message.partner, "kind": message.kind, "version": message.version,
                "reason": reason, "why": SENTENCES.get(reason, SENTENCES[UNREADABLE]), "at": message.at,
                "status": message.status, "text": text,
            }
        )
    )  # fmt: skip


@router.post("/{message_id}/release", responses=PROBLEMS)
async def release(message_id: UUID, body: bodies.ReleaseBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """It is about this request: its case takes it like any answer."""
    if (body.request_id is None) == (body.trace is None):
        raise problem(ErrorType.INVALID_REQUEST, "name the request by its id or by its trace, not both")
    said = {"message": str(message_id), **body.model_dump(mode="json")}
    async with held.write(user) as session:
        stored = await accept(held, session, user, key, "release_quarantined", said)
        first = answered(stored)
        if first is not None:
            return respond(first)
        message = await _seen(session, held, user, message_id, lock=True)
        outcome = await _released(held, session, user, message, body, stored.accepted_at, command_key(user, key))
        return respond(await _finish(session, stored, outcome))


@router.post("/{message_id}/discard", responses=PROBLEMS)
async def discard(message_id: UUID, body: bodies.ReasonBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """It is about nobody here. Kept, and out of the way."""
    said = {"message": str(message_id), **body.model_dump(mode="json")}
    async with held.write(user) as session:
        stored = await accept(held, session, user, key, "discard_quarantined", said)
        first = answered(stored)
        if first is not None:
            return respond(first)
        message = await _seen(session, held, user, message_id, lock=True)
        outcome: Refusal | dict[str, Any]
        if message.status not in reads.WAITING:
            outcome = _no_longer(message)
        else:
            _resolve(message, inbound.DISCARDED, user, stored.accepted_at)
            await _reseal_with_reason(held, session, message, body.reason)
            _audit(session, user, "quarantine_discarded", message, stored.accepted_at, {})
            outcome = {"message_id": str(message.id), "status": inbound.DISCARDED}
        return respond(await _finish(session, stored, outcome))


async def _seen(
    session: AsyncSession, held: Services, user: User, message_id: UUID, *, lock: bool = False
) -> ExchangeMessage:
    """One that this user may see; a message of no known facility is every reviewer's."""
    statement = select(ExchangeMessage).where(ExchangeMessage.id == message_id, ExchangeMessage.direction == "in")
    found = (await session.execute(statement.with_for_update() if lock else statement)).scalar_one_or_none()
    if found is None:
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: message {message_id}")
    if found.status not in (*reads.WAITING, inbound.RELEASED, inbound.DISCARDED, inbound.MATCHED):
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: message {message_id}")
    case = await reads.case_of(session, found)
    if case is not None or found.person_id in user.hidden:
        must_see(user, held, case.facility if case else None, f"message {message_id}", found.person_id, *about(case))
    return found


async def _released(
    held: Services, session: AsyncSession, user: User, message: ExchangeMessage, body: bodies.ReleaseBody,
    now: datetime, key: str,
) -> Refusal | dict[str, Any]:  # fmt: skip
    if message.status not in reads.WAITING:
        return _no_longer(message)
    request = await _named(session, body)
    case = await session.get(Authorization, request.authorization_id) if request is not None else None
    if request is None or case is None or not scope(user, held).sees(case.facility, *about(case)):
        return Refusal(code=ErrorType.NOT_FOUND, detail="no such thing is on record: that request")
    if request.payer != message.partner:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail=f"that request was asked of {request.payer}, and this came from {message.partner}; "
            "call the payer and record its decision by hand",
        )
    if body.version is not None and body.version != case.version:
        return Refusal(
            code=ErrorType.STALE, detail=f"the case is at version {case.version}, you saw {body.version}; look again",
            current_version=case.version,
        )  # fmt: skip
    text = await _text(held, session, message)
    person = await session.get(Person, request.person_id)
    if text is None or person is None or person.wrapped_key is None:
        return Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail="the person's record was erased; nothing can be kept")
    message.sealed = seal_message(held.keyring, person.id, person.wrapped_key, text)
    message.person_id, message.subject_id = person.id, request.request_id
    _resolve(message, inbound.RELEASED, user, now)
    await inbound.tell_case(session, case_id=case.id, kept=message.id, now=now, because=f":{key}")
    _audit(session, user, "quarantine_released", message, now, {"request": str(request.request_id)})
    return {"message_id": str(message.id), "status": inbound.RELEASED, "authorization_id": str(case.id)}


async def _named(session: AsyncSession, body: bodies.ReleaseBody) -> Candidate | None:
    if body.request_id is not None:
        return await inbound.candidate_of(session, body.request_id)
    return await inbound.candidate_by_trace(session, body.trace or "")


async def _text(held: Services, session: AsyncSession, message: ExchangeMessage) -> str | None:
    """None: it was erased with its person."""
    try:
        if message.person_id is None:
            return held.keyring.open(message.sealed, ORPHAN).decode()
        person = await session.get(Person, message.person_id)
        if person is None or person.wrapped_key is None:
            return None
        return open_message(held.keyring, person.id, person.wrapped_key, message.sealed)
    except SealBroken:
        return None


async def _reseal_with_reason(held: Services, session: AsyncSession, message: ExchangeMessage, reason: str) -> None:
    """The words may name people, so they stand behind the content under its own seal, never in the audit."""
    text = await _text(held, session, message)
    if text is None:
        return
    kept = f"{text}\n\ndiscarded: {reason}"
    person = await session.get(Person, message.person_id) if message.person_id is not None else None
    if person is not None and person.wrapped_key is not None:
        message.sealed = seal_message(held.keyring, person.id, person.wrapped_key, kept)
    else:
        message.sealed = held.keyring.seal(kept.encode(), ORPHAN)


def _resolve(message: ExchangeMessage, status: str, user: User, now: datetime) -> None:
    message.status, message.resolved_at, message.resolved_by = status, now, user.actor


def _no_longer(message: ExchangeMessage) -> Refusal:
    return Refusal(
        code=ErrorType.ALREADY_DECIDED, detail=f"the message is {message.status} by now", changed_by=message.resolved_by
    )


def _audit(
    session: AsyncSession, user: User, action: str, message: ExchangeMessage, now: datetime, detail: dict[str, str]
) -> None:
    timeline.audit(
        session, chain=timeline.HOUSE, at=now, actor=user.actor, role=user.role, action=action,
        subject=f"message/{message.id}", purpose="payment",
        detail={"payer": message.partner, "reason": message.reason or UNREADABLE, **detail},
    )  # fmt: skip


async def _finish(session: AsyncSession, stored: memory.Remembered, outcome: Refusal | dict[str, Any]) -> CommandResult:
    refused = isinstance(outcome, Refusal)
    answer = outcome.model_dump(mode="json") if isinstance(outcome, Refusal) else outcome
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=stored.actor, now=stored.accepted_at,
        status=memory.REFUSED if refused else memory.DONE, answer=answer,
    )  # fmt: skip
    if isinstance(outcome, Refusal):
        status = http_status(outcome.code)
        return CommandResult(status, body_of(outcome, status), {})
    return CommandResult(200, outcome, {})
