"""Seeing somebody against the ordinary rule, and being kept from seeing somebody (E13)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import break_glass, person_access
from api.access_bodies import AccessBody, BreakGlassBody, GlassReviewBody, Narrow
from api.auth import require
from api.commands import respond
from api.deps import Key, Wired
from api.errors import PROBLEMS
from api.tokens import User
from definitions.vocabulary import Role

router = APIRouter(prefix="/v1", tags=["access"])
Asker = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS, Role.REVIEWER, Role.DIRECTOR))]
Director = Annotated[User, Depends(require(Role.DIRECTOR))]
Overseer = Annotated[User, Depends(require(Role.DIRECTOR, Role.AUDITOR))]
Writer = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS, Role.DIRECTOR))]


@router.post("/break-glass", status_code=201, responses=PROBLEMS)
async def open_episode(body: BreakGlassBody, key: Key, held: Wired, user: Asker) -> JSONResponse:
    """One episode opens for reading for an hour. The director is told at once, and somebody else reviews it."""
    return respond(await break_glass.open_episode(held, user, key, body))


@router.get("/break-glass", responses=PROBLEMS)
async def listed(held: Wired, user: Overseer, show: Narrow = "unreviewed") -> JSONResponse:
    """Who broke the glass in your facilities: what waits for review, the longest overdue first, or all, newest first."""
    items = await break_glass.listed(held, user, unreviewed=show == "unreviewed")
    return JSONResponse(jsonable_encoder({"items": items, "next": None}))


@router.post("/break-glass/{glass_id}/review", responses=PROBLEMS)
async def review(glass_id: UUID, body: GlassReviewBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    return respond(await break_glass.review(held, user, key, glass_id, body))


@router.get("/people/{person_id}/access", responses=PROBLEMS)
async def lines(person_id: UUID, held: Wired, user: Overseer) -> JSONResponse:
    """Who is kept from seeing this person, and whether only a few may."""
    return JSONResponse({"items": await person_access.listed(held, user, person_id), "next": None})


@router.post("/people/{person_id}/access", status_code=201, responses=PROBLEMS)
async def put(person_id: UUID, body: AccessBody, key: Key, held: Wired, user: Writer) -> JSONResponse:
    """From the next request on the user is told nothing of the person: the same answer as for an unknown id."""
    return respond(await person_access.put(held, user, key, person_id, body))


@router.post("/people/{person_id}/access/lift", responses=PROBLEMS)
async def lift(person_id: UUID, body: AccessBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    return respond(await person_access.lift(held, user, key, person_id, body))
