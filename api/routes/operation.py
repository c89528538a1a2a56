"""Tokens, health, commands, definitions, metrics."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from api.auth import STAFF, Asking, require
from api.commands import command_key, look_up
from api.deps import Wired
from api.errors import PROBLEMS, problem
from api.local_users import machine, machine_of
from api.tokens import LIFETIME, User
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.reads import quarantine
from storage.repositories import payer_circuit
from storage.scope import NOBODY, HouseAct

router = APIRouter(tags=["operation"])
Reader = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]


@router.post("/oauth/token", responses=PROBLEMS)
async def token(
    held: Wired,
    grant_type: Annotated[str, Form(max_length=40)],
    username: Annotated[str, Form(max_length=80)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    client_id: Annotated[str, Form(max_length=80)] = "",
    client_secret: Annotated[str, Form(max_length=200)] = "",
) -> dict[str, Any]:
    """`password` for local demo users, `client_credentials` for payers' machines."""
    user = None
    if grant_type == "password":
        user = await held.users.check(username, password, datetime.now(UTC), "token")
    elif grant_type == "client_credentials":
        payers = tuple(held.catalog.latest.payers)
        async with held.database.read(NOBODY) as session:
            user = await machine(session, client_id, client_secret, payers)
        user = user or machine_of(client_id, client_secret, held.settings.payer_secret.get_secret_value(), payers)
        await held.users.record(user, datetime.now(UTC), "machine", None if user else "unknown")
    else:
        raise problem(ErrorType.INVALID_REQUEST, "grant_type is password or client_credentials")
    if user is None:
        raise problem(ErrorType.UNAUTHENTICATED, "these credentials are not known here")
    return {
        "access_token": held.tokens.mint(user),
        "token_type": "bearer",
        "expires_in": int(LIFETIME.total_seconds()),
        "role": user.role,
    }


@router.get("/.well-known/jwks.json")
async def jwks(held: Wired) -> dict[str, Any]:
    return held.tokens.jwks()


@router.get("/healthz")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "not ready; says what is missing"}})
async def ready(held: Wired) -> JSONResponse:
    """In words what is missing."""
    missing = []
    try:
        async with held.database.read(NOBODY) as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError):
        missing.append("the database does not answer")
    try:
        if not await held.client.service_client.check_health():
            missing.append("Temporal is not serving")
    except (RPCError, RuntimeError):
        missing.append("Temporal does not answer")
    status = 503 if missing else 200
    return JSONResponse({"status": "not ready" if missing else "ready", "missing": missing}, status)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(held: Wired) -> Response:
    with suppress(SQLAlchemyError, OSError):
        # Without the database the other numbers are still told.
        async with held.database.read(held.house(HouseAct.COUNTS)) as session:
            circuits = {row.payer: row.state.value for row in await payer_circuit.circuits(session)}
            waiting, quarantined = await payer_circuit.held_counts(session), await quarantine.counts(session)
        held.metrics.payer_lines(circuits, waiting, quarantined)
    return PlainTextResponse(held.metrics.exposition(), media_type="text/plain; version=0.0.4")


@router.get("/v1/commands/{key}", responses=PROBLEMS)
async def command(key: str, held: Wired, user: Asking) -> JSONResponse:
    """What became of a command of yours."""
    result = await look_up(held, user, command_key(user, key))
    return JSONResponse(result.body, result.status_code, result.headers)


@router.get("/v1/definitions/{kind}", responses=PROBLEMS)
async def definitions(kind: str, held: Wired, user: Reader, edition: str | None = None) -> dict[str, Any]:
    """All definitions of a kind in an edition: contracts and rates of every payer among them, so staff's alone."""
    kinds = ("levels", "instruments", "consents", "payers", "schedules", "facilities")
    if kind not in kinds:
        raise problem(ErrorType.NOT_FOUND, f"no such kind; choose from {', '.join(kinds)}")
    editions = held.catalog.editions
    if edition is not None and edition not in editions:
        raise problem(ErrorType.NOT_FOUND, f"no such edition; known are {', '.join(sorted(editions))}")
    chosen = editions[edition] if edition else held.catalog.latest
    found = getattr(chosen, kind)
    return {"edition": chosen.name, "items": [d.model_dump(mode="json") for d in found.values()], "next": None}
