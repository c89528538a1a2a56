"""What people disclose, whether they may, and the paths without consent they ride on (domain 3.5)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import disclosing, exceptions
from api import disclosure_bodies as bodies
from api.auth import STAFF, require
from api.commands import respond
from api.deps import Key, Wired
from api.errors import PROBLEMS
from api.routes.access import see_episode
from api.tokens import User
from definitions.vocabulary import Role
from storage.repositories import exception as rows

router = APIRouter(prefix="/v1", tags=["disclosures"])
Teller = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS, Role.REVIEWER, Role.BILLER, Role.DIRECTOR))]
Declarer = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS, Role.DIRECTOR))]
Director = Annotated[User, Depends(require(Role.DIRECTOR))]
Reader = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]


@router.post("/episodes/{episode_id}/disclosures", status_code=201, responses=PROBLEMS)
async def disclose(episode_id: UUID, body: bodies.DisclosureBody, key: Key, held: Wired, user: Teller) -> JSONResponse:
    """A hand-off, a call, an emergency, what a court ordered: 201 once it is in the ledger, 409 with the gate's reasons
    when it may not be made."""
    return respond(await disclosing.disclose(held, user, key, episode_id, body))


@router.post("/episodes/{episode_id}/disclosures/preview", responses=PROBLEMS)
async def preview(episode_id: UUID, body: bodies.AskBody, held: Wired, user: Teller) -> JSONResponse:
    """Would this go, on what, and why not."""
    return JSONResponse(jsonable_encoder(await disclosing.preview(held, user, episode_id, body)))


@router.post("/disclosures/{disclosure_id}/outcome", responses=PROBLEMS)
async def conclude(disclosure_id: UUID, body: bodies.OutcomeBody, key: Key, held: Wired, user: Teller) -> JSONResponse:
    """What became of a disclosure that was intended; until somebody says, it counts as disclosed."""
    return respond(await disclosing.conclude(held, user, key, disclosure_id, body))


@router.post("/episodes/{episode_id}/exceptions", status_code=201, responses=PROBLEMS)
async def declare(episode_id: UUID, body: bodies.ExceptionBody, key: Key, held: Wired, user: Declarer) -> JSONResponse:
    """With all its evidence, or not at all."""
    return respond(await exceptions.declare(held, user, key, episode_id, body))


@router.get("/episodes/{episode_id}/exceptions", responses=PROBLEMS)
async def on_file(episode_id: UUID, held: Wired, user: Reader) -> JSONResponse:
    """Those of the person and those of the house, oldest first; what has ended is left out."""
    async with held.read(user) as session:
        episode = await see_episode(session, held, user, episode_id)
        found = rows.on_file(await rows.rows_about(session, person_id=episode.person_id, facility=episode.facility))
    return JSONResponse({"items": [exceptions.shown(one) for one in found]})


@router.post("/facilities/{facility}/exceptions", status_code=201, responses=PROBLEMS)
async def declare_for_house(
    facility: str, body: bodies.HouseExceptionBody, key: Key, held: Wired, user: Director
) -> JSONResponse:
    """A service agreement, an audit: about no one person."""
    return respond(await exceptions.declare_for_house(held, user, key, facility, body))


@router.post("/disclosure-exceptions/{ground_id}/end", responses=PROBLEMS)
async def end(ground_id: UUID, body: bodies.EndExceptionBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    return respond(await exceptions.end(held, user, key, ground_id, body))


@router.post("/episodes/{episode_id}/legal-demands", status_code=201, responses=PROBLEMS)
async def demand(episode_id: UUID, body: bodies.LegalDemandBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    """A subpoena alone is denied by itself and the record is held; with an order of subpart E it opens a path (E24)."""
    return respond(await exceptions.receive_demand(held, user, key, episode_id, body))
