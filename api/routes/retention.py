"""Retention, legal holds and deletion of records (issue 4, item 10; domain 3.6, E24)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from api import erasure, retention
from api.auth import must_see, require, scope
from api.bodies import Body
from api.commands import respond
from api.deps import Key, Wired
from api.disclosure_bodies import Code
from api.errors import PROBLEMS
from api.tokens import User
from definitions.vocabulary import Role

router = APIRouter(prefix="/v1", tags=["records"])
Director = Annotated[User, Depends(require(Role.DIRECTOR))]
Overseer = Annotated[User, Depends(require(Role.DIRECTOR, Role.AUDITOR))]


class HoldBody(Body):
    """`authority`: what asks for it, such as the number of a subpoena; `reason`: a code."""

    reason: Code
    authority: Code


class ReasonBody(Body):
    reason: Code


class ApproveBody(Body):
    pass


@router.get("/retention/due", responses=PROBLEMS)
async def due(
    held: Wired, user: Director, facility: Annotated[str | None, Query(max_length=80)] = None,
    cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> JSONResponse:  # fmt: skip
    """Records whose every period is over, with what still stands in the way. A page may be empty and go on."""
    if facility is not None:
        must_see(user, held, facility, f"facility {facility}")
    mine = scope(user, held)
    facilities = mine.only([facility]) if facility is not None else mine
    return JSONResponse(await retention.due_list(held, user, facilities, cursor, limit))


@router.get("/patients/{person_id}/retention", responses=PROBLEMS)
async def kept_until(person_id: UUID, held: Wired, user: Overseer) -> JSONResponse:
    """From when, until when and why it is kept, and what stands in the way of its deletion."""
    return JSONResponse(await retention.looked_at(held, user, person_id))


@router.get("/patients/{person_id}/legal-holds", responses=PROBLEMS)
async def holds(person_id: UUID, held: Wired, user: Overseer) -> JSONResponse:
    return JSONResponse({"items": await retention.holds(held, user, person_id)})


@router.post("/patients/{person_id}/legal-holds", status_code=201, responses=PROBLEMS)
async def place(person_id: UUID, body: HoldBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    """Nothing about the person is destroyed while it stands."""
    return respond(await retention.place_hold(held, user, key, person_id, body.reason, body.authority))


@router.post("/legal-holds/{hold_id}/release", responses=PROBLEMS)
async def release(hold_id: UUID, body: HoldBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    return respond(await retention.release_hold(held, user, key, hold_id, body.reason, body.authority))


@router.post("/patients/{person_id}/deletions", status_code=201, responses=PROBLEMS)
async def ask(person_id: UUID, body: ReasonBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    """Ask for the deletion of a record; refused with everything in the way (`in_the_way`)."""
    return respond(await erasure.request(held, user, key, person_id, body.reason))


@router.get("/deletions/{deletion_id}", responses=PROBLEMS)
async def one(deletion_id: UUID, held: Wired, user: Overseer) -> JSONResponse:
    """How far it is, and its certificate."""
    return JSONResponse(await erasure.one(held, user, deletion_id))


@router.post("/deletions/{deletion_id}/approve", responses=PROBLEMS)
async def approve(deletion_id: UUID, body: ApproveBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    """By somebody other than who asked. It cannot be taken back."""
    return respond(await erasure.approve(held, user, key, deletion_id))


@router.post("/deletions/{deletion_id}/decline", responses=PROBLEMS)
async def decline(deletion_id: UUID, body: ReasonBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    return respond(await erasure.decline(held, user, key, deletion_id, body.reason))
