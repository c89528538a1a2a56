"""Who may sign in: users, their rights, their sessions; payers' machines."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import user_desk as desk
from api.auth import Asking, require
from api.commands import respond
from api.deps import Key, Wired
from api.errors import PROBLEMS, problem
from api.tokens import OURS, User
from api.user_bodies import NewUserBody, SignInReasonBody, UserChangesBody, UserSignOutBody
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.repositories.payer_client import clients
from storage.repositories.user import SSO, open_sessions, users

router = APIRouter(prefix="/v1", tags=["users"])
Admin = Annotated[User, Depends(require(Role.ADMIN))]


@router.get("/me/sessions", responses=PROBLEMS)
async def my_sessions(held: Wired, user: Asking) -> JSONResponse:
    """Browsers signed in as you."""
    async with held.read(user) as session:
        rows = await open_sessions(session, user.username if user.issuer == OURS else f"{SSO}{user.username}")
    items = [{"started_at": r.started_at, "seen_at": r.seen_at} for r in rows]
    return JSONResponse(jsonable_encoder({"items": items, "next": None}))


@router.post("/me/sign-out", responses=PROBLEMS)
async def sign_me_out(body: SignInReasonBody, key: Key, held: Wired, user: Asking) -> JSONResponse:
    """Everywhere: your browsers, and every token made until now, this one too."""
    machine = user.role == Role.PAYER.value
    said = UserSignOutBody(reason=body.reason, local=user.issuer == OURS, machine=machine)
    return respond(await desk.sign_out_everywhere(held, user, key, user.username, said))


@router.get("/users", responses=PROBLEMS)
async def listed(held: Wired, user: Admin) -> JSONResponse:
    async with held.read(user) as session:
        items: list[dict[str, Any]] = [desk.shown(row) for row in await users(session)]
    return JSONResponse(jsonable_encoder({"items": items, "next": None}))


@router.post("/users", responses=PROBLEMS)
async def add(body: NewUserBody, key: Key, held: Wired, user: Admin) -> JSONResponse:
    """The password stands in this answer and nowhere else."""
    if body.role in (Role.SYSTEM, Role.PAYER):
        raise problem(
            ErrorType.INVALID_REQUEST, "that is no role of a person; payers' machines have a route of their own"
        )
    return respond(await desk.add_user(held, user, key, body))


@router.post("/users/{username}/changes", responses=PROBLEMS)
async def change(username: str, body: UserChangesBody, key: Key, held: Wired, user: Admin) -> JSONResponse:
    if body.role in (Role.SYSTEM, Role.PAYER):
        raise problem(ErrorType.INVALID_REQUEST, "that is no role of a person")
    return respond(await desk.change_user(held, user, key, username, body))


@router.post("/users/{username}/password", responses=PROBLEMS)
async def password(username: str, body: SignInReasonBody, key: Key, held: Wired, user: Admin) -> JSONResponse:
    """A new one, told once."""
    return respond(await desk.new_password(held, user, key, username, body))


@router.post("/users/{username}/sign-out", responses=PROBLEMS)
async def sign_out(username: str, body: UserSignOutBody, key: Key, held: Wired, user: Admin) -> JSONResponse:
    return respond(await desk.sign_out_everywhere(held, user, key, username, body))


@router.get("/payers/{payer}/clients", responses=PROBLEMS)
async def machines(payer: str, held: Wired, user: Admin) -> JSONResponse:
    if payer not in held.catalog.latest.payers:
        raise problem(ErrorType.NOT_FOUND, "no such payer")
    async with held.read(user) as session:
        rows = await clients(session, payer)
    items = [
        {"client_id": r.client_id, "made_at": r.made_at, "made_by": r.made_by, "ended_at": r.ended_at} for r in rows
    ]
    return JSONResponse(jsonable_encoder({"items": items, "next": None}))


@router.post("/payers/{payer}/clients", responses=PROBLEMS)
async def add_machine(payer: str, body: SignInReasonBody, key: Key, held: Wired, user: Admin) -> JSONResponse:
    """The secret stands in this answer and nowhere else."""
    return respond(await desk.add_payer_client(held, user, key, payer, body))


@router.post("/payers/{payer}/clients/{client_id}/end", responses=PROBLEMS)
async def end_machine(
    payer: str, client_id: str, body: SignInReasonBody, key: Key, held: Wired, user: Admin
) -> JSONResponse:  # fmt: skip
    return respond(await desk.end_payer_client(held, user, key, payer, client_id, body))
