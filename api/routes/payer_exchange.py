"""The door payers' systems use, and how their lines stand (api.md, Payers)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import bodies
from api.auth import require
from api.commands import command_key, respond, run_case_command
from api.deps import Key, Services, Wired
from api.errors import PROBLEMS, Problem, problem
from api.inbound import take_file
from api.routes.access import see_case
from api.tokens import User
from definitions.errors import ErrorType, Refusal
from definitions.exchange import Circuit, RecordReceipt, RecordSending
from definitions.payer import Channel, Payer
from definitions.vocabulary import LineState, Role
from storage.models import PayerCircuit
from storage.repositories import payer_circuit

router = APIRouter(prefix="/v1", tags=["payers"])
Reviewer = Annotated[User, Depends(require(Role.REVIEWER))]
PayerMachine = Annotated[User, Depends(require(Role.PAYER))]
EDI = "application/edi-x12"
BODY_MAX = 2_000_000
TOO_LARGE = 413


@router.post("/payers/{payer}/x12", responses={**PROBLEMS, 200: {"content": {EDI: {}}}, TOO_LARGE: {}})
async def inbound(payer: str, request: Request, held: Wired, user: PayerMachine) -> Response:
    """Answers and 999s from a payer's system; answers 999s and TA1s. The same bytes twice are one answer."""
    if user.username != payer:
        raise problem(ErrorType.NOT_FOUND, "no such thing is on record: that payer")
    raw = await whole_body(request)
    answer = await take_file(held, held.catalog.latest.payers[payer], raw)
    return Response(answer, media_type=EDI)


async def whole_body(request: Request) -> bytes:
    """Read as it comes, and no further than what is taken."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > BODY_MAX:
        raise _too_large()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            raise _too_large()
    return bytes(body)


def _too_large() -> Problem:
    refusal = Refusal(code=ErrorType.INVALID_REQUEST, detail=f"send at most {BODY_MAX} bytes at a time")
    return Problem(refusal, TOO_LARGE)


@router.get("/payers", responses=PROBLEMS)
async def lines(held: Wired, user: Reviewer) -> JSONResponse:
    """Every payer that is asked: how its system stands, how many requests wait for it, and the other roads to it."""
    async with held.read(user) as session:
        circuits = {row.payer: row for row in await payer_circuit.circuits(session)}
        waiting = await payer_circuit.held_counts(session)
    payers = [p for p in held.catalog.latest.payers.values() if p.channel is not Channel.NONE]
    items = [_line(p, circuits.get(p.key), waiting.get(p.key, 0)) for p in sorted(payers, key=lambda p: p.key)]
    return JSONResponse(jsonable_encoder({"items": items, "next": None}))


@router.post("/authorizations/{case_id}/sendings", responses=PROBLEMS)
async def sending(case_id: UUID, body: bodies.SendingBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """A request went by telephone, portal or fax (AUTH-12)."""
    return await _by_hand(case_id, body, key, held, user, RecordSending, "record_sending")


@router.post("/authorizations/{case_id}/receipts", responses=PROBLEMS)
async def receipt(case_id: UUID, body: bodies.ReceiptBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """What the payer says about a send nobody knew the outcome of."""
    return await _by_hand(case_id, body, key, held, user, RecordReceipt, "record_receipt")


async def _by_hand(
    case_id: UUID, body: bodies.SendingBody | bodies.ReceiptBody, key: str, held: Services, user: User,
    command: type[RecordSending] | type[RecordReceipt], update: str,
) -> JSONResponse:  # fmt: skip
    async with held.read(user) as session:
        await see_case(session, held, user, case_id)
    fields = {
        "key": command_key(user, key), "actor": user.actor, "role": Role(user.role), "authorization_id": case_id,
        "expected_version": body.version, **body.model_dump(exclude={"version"}),
    }  # fmt: skip
    return respond(
        await run_case_command(
            held, user, key, update, {"case": str(case_id), **body.model_dump(mode="json")}, case_id,
            lambda now: command(**fields, now=now), update,
        )
    )  # fmt: skip


def _line(payer: Payer, row: PayerCircuit | None, waiting: int) -> dict[str, Any]:
    circuit = payer_circuit.circuit_of(row) if row is not None else Circuit()
    up = circuit.state is LineState.CLOSED
    return {
        "payer": payer.key, "name": payer.name, "channel": payer.channel, "inquiry": payer.inquiry,
        "state": circuit.state, "since": None if up else circuit.opened_at, "failures": circuit.failures,
        "retry_at": None if up else circuit.retry_at, "why": row.why if row is not None else None, "held": waiting,
        "notifications": _notifications(payer, row),
        "fallback": {"telephone": payer.telephone or None, "fax": payer.fax or None},
    }  # fmt: skip


def _notifications(payer: Payer, row: PayerCircuit | None) -> dict[str, Any] | None:
    """Whether its system was asked to tell us of pended answers; None where its channel has no such thing."""
    if payer.channel is not Channel.PAS:
        return None
    return {
        "subscription": row.subscription if row is not None else None,
        "tried_at": row.subscribed_at if row is not None else None,
        "why": row.subscription_why if row is not None else None,
    }
