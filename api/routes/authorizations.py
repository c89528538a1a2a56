"""Authorizations for reviewers, and the door payers' systems use (api.md, Utilization review)."""

import hashlib
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from api import bodies
from api.auth import STAFF, require, scope
from api.commands import command_key, respond, run_case_command
from api.deps import Key, Services, Wired
from api.errors import problem
from api.routes.access import see_case
from api.routes.episodes import PROBLEMS
from api.shown import case
from api.tokens import User
from definitions.authorization import RecordDecision, RequestReview
from definitions.errors import ErrorType
from definitions.vocabulary import RequestKind, Role
from interchange.x12.acknowledgement import Acknowledged, encode_999
from interchange.x12.envelope import Control, Interchange, Transaction, read_interchanges
from interchange.x12.review_response import parse_answer
from interchange.x12.segments import X12Problem
from runtime.people import seal_message
from storage.models import Authorization, AuthorizationDecision, AuthorizationRequest, Charge, Person
from storage.reads.episodes import next_events
from storage.reads.queue import worklist
from storage.repositories import exchange

router = APIRouter(prefix="/v1", tags=["utilization review"])
Staff = Annotated[User, Depends(require(*STAFF))]
Reviewer = Annotated[User, Depends(require(Role.REVIEWER))]
PayerMachine = Annotated[User, Depends(require(Role.PAYER))]
EDI = "application/edi-x12"
BODY_MAX = 2_000_000
BUCKETS = ("overdue", "today", "tomorrow", "week", "later", "none", "waiting")


@router.get("/authorizations", responses=PROBLEMS)
async def listed(held: Wired, user: Staff, bucket: str | None = None) -> JSONResponse:
    """The worklist: one row per episode and payer, counts per bucket in `buckets`."""
    if bucket is not None and bucket not in BUCKETS:
        raise problem(ErrorType.INVALID_REQUEST, f"bucket is one of {', '.join(BUCKETS)}")
    now = await held.clock.now()
    async with held.database.read() as session:
        rows = await worklist(session, scope(user, held), now, now + timedelta(hours=24))
    counts = {b: sum(r["bucket"] == b for r in rows) for b in BUCKETS}
    items = [_left(r) for r in rows if bucket is None or r["bucket"] == bucket]
    return JSONResponse(jsonable_encoder({"items": items, "next": None, "buckets": counts}))


def _left(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "units_left": max(row["granted_units"] - row["used_units"], 0)}


@router.get("/authorizations/{case_id}", responses=PROBLEMS)
async def one(case_id: UUID, held: Wired, user: Staff) -> JSONResponse:
    async with held.database.read() as session:
        found = await see_case(session, held, user, case_id)
        requests = await session.execute(
            select(AuthorizationRequest)
            .where(AuthorizationRequest.authorization_id == case_id)
            .order_by(AuthorizationRequest.requested_at)
        )
        decisions = await session.execute(
            select(AuthorizationDecision)
            .where(AuthorizationDecision.authorization_id == case_id)
            .order_by(AuthorizationDecision.received_at)
        )
        used = await session.execute(
            select(func.count()).select_from(Charge).where(Charge.authorization_id == case_id, Charge.status == "live")
        )
        units = int(used.scalar_one())
        body = {
            **case(found),
            "used_units": units,
            "units_left": max(found.granted_units - units, 0),
            "requests": [_request(r) for r in requests.scalars()],
            "decisions": [_decision(d) for d in decisions.scalars()],
            "payer_clock": [e for e in await next_events(session, found.episode_id) if e["subject_id"] == str(case_id)],
        }
    return JSONResponse(jsonable_encoder(body))


def _request(r: AuthorizationRequest) -> dict[str, Any]:
    return {
        "id": r.id, "kind": r.kind, "status": r.status, "trace": r.trace, "units": r.units, "unit": r.unit,
        "from_date": r.from_date, "through_date": r.through_date, "requested_at": r.requested_at,
        "sent_at": r.sent_at, "answered_at": r.answered_at, "decision_due_at": r.decision_due_at,
        "attempts": r.attempts,
    }  # fmt: skip


def _decision(d: AuthorizationDecision) -> dict[str, Any]:
    return {
        "id": d.id, "action": d.action, "reason": d.reason, "number": d.number, "level": d.level, "units": d.units,
        "from_date": d.from_date, "through_date": d.through_date, "received_at": d.received_at, "source": d.source,
        "superseded_by": d.superseded_by,
    }  # fmt: skip


@router.post("/authorizations/{case_id}/reviews", responses=PROBLEMS)
async def review(case_id: UUID, body: bodies.ReviewBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """Ask the payer for more."""
    async with held.database.read() as session:
        await see_case(session, held, user, case_id)
    return respond(
        await run_case_command(
            held, user, key, "request_review", {"case": str(case_id), **body.model_dump(mode="json")}, case_id,
            lambda now: RequestReview(
                key=command_key(user, key), actor=user.actor, role=Role(user.role), now=now, authorization_id=case_id,
                kind=RequestKind(body.kind), units=body.units, from_date=body.from_date, through_date=body.through_date,
            ),
            "request_review",
        )
    )  # fmt: skip


@router.post("/authorizations/{case_id}/decisions", responses=PROBLEMS)
async def record(case_id: UUID, body: bodies.CaseDecisionBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """A decision that came by telephone or fax."""
    async with held.database.read() as session:
        await see_case(session, held, user, case_id)
    fields = body.model_dump(exclude={"version"})
    return respond(
        await run_case_command(
            held, user, key, "record_decision", {"case": str(case_id), **body.model_dump(mode="json")}, case_id,
            lambda now: RecordDecision(
                key=command_key(user, key), actor=user.actor, role=Role(user.role), now=now, authorization_id=case_id,
                **fields,
            ),
            "record_decision",
        )
    )  # fmt: skip


@router.post("/payers/{payer}/x12", responses={**PROBLEMS, 200: {"content": {EDI: {}}}})
async def inbound(payer: str, request: Request, held: Wired, user: PayerMachine) -> Response:
    """278 answers and 999s from a payer's system; answers a 999. The same bytes twice are one answer."""
    if user.username != payer:
        raise problem(ErrorType.NOT_FOUND, "no such thing is on record: that payer")
    raw = await request.body()
    if len(raw) > BODY_MAX:
        raise problem(ErrorType.INVALID_REQUEST, f"send at most {BODY_MAX} bytes at a time")
    text = raw.decode("utf-8", "replace")
    now = await held.clock.now()
    async with held.database.write() as session:
        number = await exchange.next_control_number(session, f"{payer}/999")
        try:
            interchanges = read_interchanges(text)
        except X12Problem:
            await _keep(session, held, payer, text, None, None, "unreadable")
            control = Control(held.settings.submitter_id, payer, number, now, held.settings.x12_usage)
            refused = encode_999("0", "HI", "005010X217", [Acknowledged("0001", "005010X217", False)], control)
            return Response(refused, media_type=EDI)
        answers = []
        for interchange in interchanges:
            answers.append(await _take(session, held, payer, text, interchange, number))
    return Response("".join(answers), media_type=EDI)


async def _take(
    session: AsyncSession, held: Services, payer: str, text: str, interchange: Interchange, number: int
) -> str:
    sets = []
    group_control, functional, version = "0", "HI", "005010X217"
    for group in interchange.groups:
        group_control, functional, version = group.control, group.functional_id, group.version
        for transaction in group.transactions:
            accepted = await _one(session, held, payer, text, interchange, transaction)
            sets.append(Acknowledged(transaction.control, transaction.version, accepted))
    control = Control(
        held.settings.submitter_id, interchange.sender, number, await held.clock.now(), held.settings.x12_usage
    )
    return encode_999(group_control, functional, version, sets, control)


async def _one(
    session: AsyncSession, held: Services, payer: str, text: str, interchange: Interchange, transaction: Transaction
) -> bool:
    if transaction.kind != "278":
        await _keep(session, held, payer, text, interchange.control_number, None, None)
        return True
    try:
        answer = parse_answer(interchange, transaction)
    except (X12Problem, ValueError):
        await _keep(session, held, payer, text, interchange.control_number, None, "unreadable")
        return False
    await _keep(session, held, payer, text, interchange.control_number, answer.trace, None)
    return True


async def _keep(
    session: AsyncSession,
    held: Services,
    payer: str,
    text: str,
    control: str | None,
    trace: str | None,
    wrong: str | None,
) -> None:
    """Sealed under the person's key when the trace is ours, under the house key otherwise."""
    asked = await exchange.request_by_trace(session, trace)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    person = None
    if asked is not None:
        person = await _person_of(session, asked)
    if person is not None and person.wrapped_key is not None:
        sealed = seal_message(held.keyring, person.id, person.wrapped_key, text)
    else:
        sealed = held.keyring.seal(text.encode(), b"orphan-message")
    await exchange.store_inbound(
        session, partner=payer, kind="278", control_number=control, sealed=sealed, fingerprint=fingerprint,
        trace=trace, person_id=person.id if person else None, now=await held.clock.now(), problem=wrong,
    )  # fmt: skip


async def _person_of(session: AsyncSession, asked: AuthorizationRequest) -> Person | None:
    found = await session.get(Authorization, asked.authorization_id)
    return await session.get(Person, found.person_id) if found else None
