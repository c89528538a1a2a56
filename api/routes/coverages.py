"""Coverages of an episode's person: who pays, from when until when, and why (E38 to E41)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import bodies
from api.auth import STAFF, require
from api.commands import respond
from api.coverages import change_coverage
from api.deps import Key, Wired
from api.errors import PROBLEMS
from api.routes.access import see_episode
from api.shown import coverage
from api.tokens import User
from definitions.vocabulary import Role
from rules.calendar import facility_date
from storage.reads.coverages import coverage_rows

router = APIRouter(prefix="/v1", tags=["episodes"])
Staff = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]
Changer = Annotated[User, Depends(require(Role.ADMISSIONS, Role.BILLER, Role.REVIEWER))]


@router.get("/episodes/{episode_id}/coverages", responses=PROBLEMS)
async def listed(episode_id: UUID, held: Wired, user: Staff) -> JSONResponse:
    """In order of time and rank; `in_force` says how each stands today. Member ids are not shown."""
    now = await held.clock.now()
    async with held.read(user) as session:
        episode = await see_episode(session, held, user, episode_id)
        rows = await coverage_rows(session, episode.person_id)
    zone = held.catalog.edition(episode.edition).facilities[episode.facility].zone
    today = facility_date(now, zone)
    return JSONResponse(
        jsonable_encoder({"items": [coverage(r, today) for r in rows], "next": None, "version": episode.version})
    )


@router.post("/episodes/{episode_id}/coverages", responses=PROBLEMS)
async def change(
    episode_id: UUID, body: bodies.CoverageChangeBody, key: Key, held: Wired, user: Changer
) -> JSONResponse:
    """Another payer, one more coverage, an end or a correction. What the payer said looking back is told by `reason`
    and may be older than the house's limit."""
    async with held.read(user) as session:
        episode = await see_episode(session, held, user, episode_id)
    return respond(await change_coverage(held, user, key, episode, body))
