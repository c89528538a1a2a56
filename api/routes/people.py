"""People before their episodes: is somebody on record already, and which records may be one person (E02, E03, E04)."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import identity, merging, unmerging
from api.auth import require, scope
from api.commands import respond
from api.deps import Key, Wired
from api.errors import PROBLEMS, problem
from api.identity_bodies import DismissBody, MergeBody, MergePreviewBody, PersonSearchBody, UnmergeBody
from api.tokens import User
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.models import PersonPair
from storage.reads.identity import episodes_of, proposed_pairs
from storage.scope import HouseAct

router = APIRouter(prefix="/v1/people", tags=["people"])
Director = Annotated[User, Depends(require(Role.DIRECTOR))]
Registrars = Annotated[User, Depends(require(Role.ADMISSIONS, Role.DIRECTOR))]


@router.post("/search", responses=PROBLEMS)
async def search(body: PersonSearchBody, held: Wired, user: Registrars) -> JSONResponse:
    """Who on record may be meant, most alike first, with reasons in words. By POST: what was searched for stands in no
    address and no log. Nobody is told from a hidden person that there is one."""
    return JSONResponse(await identity.search(held, user, body.sketch()))


@router.get("/duplicates", responses=PROBLEMS)
async def duplicates(
    held: Wired, user: Registrars, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> JSONResponse:
    """Pairs that may be one person, most alike first."""
    mine = scope(user, held)
    async with held.database.read(held.house(HouseAct.ALIKE, user)) as session:
        rows = await proposed_pairs(session, mine, after=_read_cursor(cursor), limit=limit + 1)
        shown = rows[:limit]
        episodes = await episodes_of(session, sorted({i for r in shown for i in (r.one_id, r.other_id)}), mine)
    items = [
        {
            "id": r.id, "rank": r.rank, "reasons": r.reasons, "found_at": r.found_at, "version": r.version,
            "people": [{"person_id": i, "episodes": episodes[i]} for i in (r.one_id, r.other_id)],
        }
        for r in shown
    ]  # fmt: skip
    following = _cursor(shown[-1]) if len(rows) > limit else None
    return JSONResponse(jsonable_encoder({"items": items, "next": following}))


@router.post("/duplicates", responses=PROBLEMS)
async def look(key: Key, held: Wired, user: Registrars) -> JSONResponse:
    """Look for pairs among everybody on record; again while `more`."""
    return respond(await identity.look_for_pairs(held, user, key))


@router.post("/duplicates/{pair_id}/dismiss", responses=PROBLEMS)
async def dismiss(pair_id: UUID, body: DismissBody, key: Key, held: Wired, user: Registrars) -> JSONResponse:
    return respond(await identity.dismiss(held, user, key, pair_id, body.reason))


def _cursor(row: PersonPair) -> str:
    return base64.urlsafe_b64encode(f"{row.rank}|{row.id}".encode()).decode()


def _read_cursor(text: str | None) -> Any:
    if text is None:
        return None
    try:
        rank, _, row_id = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        return int(rank), UUID(row_id)
    except (ValueError, UnicodeDecodeError):
        raise problem(
            ErrorType.INVALID_REQUEST, "the cursor is not one this list gave; start from the beginning"
        ) from None


@router.get("/{person_id}/merges", responses=PROBLEMS)
async def merges(person_id: UUID, held: Wired, user: Director) -> JSONResponse:
    """Merges that stand, with what was recorded since and where it would go if the merge were taken back."""
    return JSONResponse(await unmerging.merges_of(held, user, person_id))


@router.post("/{person_id}/merge/preview", responses=PROBLEMS)
async def preview_merge(person_id: UUID, body: MergePreviewBody, held: Wired, user: Director) -> JSONResponse:
    """What would move to the record in the address and what cannot be true of one person."""
    return JSONResponse(await merging.preview(held, user, person_id, body.merged))


@router.post("/{person_id}/merge", responses=PROBLEMS)
async def merge(person_id: UUID, body: MergeBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    """Join `merged` to the record in the address. Taken back by unmerge."""
    return respond(await merging.join(held, user, key, person_id, body))


@router.post("/{person_id}/unmerge", responses=PROBLEMS)
async def unmerge(person_id: UUID, body: UnmergeBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    return respond(await unmerging.take_apart(held, user, key, person_id, body))
