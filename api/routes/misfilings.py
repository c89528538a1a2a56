"""What was charted on the wrong episode (E03): shown, said, listed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from api import misfiling
from api.auth import STAFF, require
from api.commands import respond
from api.deps import Key, Wired
from api.errors import PROBLEMS
from api.misfiling_bodies import MisfilingBody, MisfilingPreviewBody
from api.tokens import User
from definitions.vocabulary import Role

router = APIRouter(prefix="/v1/episodes/{episode_id}/misfilings", tags=["misfilings"])
Charting = Annotated[User, Depends(require(Role.CLINICIAN, Role.DIRECTOR))]
Reader = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]


@router.post("/preview", responses=PROBLEMS)
async def preview(episode_id: UUID, body: MisfilingPreviewBody, held: Wired, user: Charting) -> JSONResponse:
    """What becomes otherwise when this fact counts no more here, and what left since it was recorded."""
    return JSONResponse(await misfiling.preview(held, user, episode_id, body))


@router.post("", status_code=201, responses=PROBLEMS)
async def say(episode_id: UUID, body: MisfilingBody, key: Key, held: Wired, user: Charting) -> JSONResponse:
    """It counts no more on this episode; with `right_episode` it is recorded there. Nothing is edited."""
    return respond(await misfiling.say(held, user, key, episode_id, body))


@router.get("", responses=PROBLEMS)
async def listed(episode_id: UUID, held: Wired, user: Reader) -> JSONResponse:
    """Out of this episode and into it, oldest first."""
    return JSONResponse({"items": await misfiling.listed(held, user, episode_id)})
