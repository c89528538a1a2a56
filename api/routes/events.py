"""The live feed: server-sent events of what happened at your facilities, resumable (api.md)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.encoders import jsonable_encoder
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import select

from api.auth import STAFF, require, scope, with_eyes
from api.deps import Services, Wired
from api.errors import PROBLEMS
from api.tokens import User
from definitions.vocabulary import Role
from storage.models import TimelineEntry

router = APIRouter(prefix="/v1", tags=["events"])
Watcher = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]
POLL_SECONDS = 1.0


@router.get("/events", responses=PROBLEMS, response_class=EventSourceResponse)
async def events(
    held: Wired, user: Watcher, last_event_id: Annotated[int | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """One event per timeline entry: kind, episode and moment; details are read from the episode by who may."""
    seen = last_event_id if last_event_id is not None else await _newest(held, user)
    while True:
        # Looked at anew each time: a stream lives for hours, and a patient may hide from its reader meanwhile.
        now = await with_eyes(held, replace(user, hidden=frozenset(), opened=frozenset()), glass=False)
        for entry in await _after(held, now, seen):
            seen = entry["id"]
            yield ServerSentEvent(data=entry, id=str(seen), event=entry["kind"])
        await asyncio.sleep(POLL_SECONDS)


async def _newest(held: Services, user: User) -> int:
    async with held.read(user) as session:
        row = await session.execute(select(TimelineEntry.id).order_by(TimelineEntry.id.desc()).limit(1))
        return row.scalar_one_or_none() or 0


async def _after(held: Services, user: User, seen: int) -> list[dict[str, Any]]:
    facilities = scope(user, held)
    async with held.read(user) as session:
        rows = await session.execute(
            select(
                TimelineEntry.id, TimelineEntry.episode_id, TimelineEntry.facility, TimelineEntry.kind, TimelineEntry.at
            )
            .where(
                TimelineEntry.id > seen,
                TimelineEntry.facility.in_(facilities),
                facilities.shows(TimelineEntry.episode_id),
            )
            .order_by(TimelineEntry.id)
            .limit(100)
        )
        return [
            jsonable_encoder({"id": i, "episode_id": e, "facility": f, "kind": k, "at": at}) for i, e, f, k, at in rows
        ]
