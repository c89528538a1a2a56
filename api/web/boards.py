"""The census board and the step-down queue."""

from itertools import groupby
from typing import Any

from fastapi import APIRouter, Response

from api.staff_words import NOT_SHOWN, open_words
from api.told import titles_of
from api.web.names import WITHHELD, names_of
from api.web.places import facilities_of, facility_of
from api.web.rendering import PageRoute
from api.web.rights import must
from api.web.visit import Visit, Visiting
from definitions.facility import Facility
from definitions.vocabulary import TransitionStatus
from rules.calendar import facility_date
from storage.reads.board import Board, board
from storage.reads.queue import step_down_queue

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
async def board_page(visit: Visiting, facility: str | None = None, initials: bool = False) -> Response:
    shown = await _board(visit, facility, initials)
    return visit.page("board.html", facilities=facilities_of(visit.user, visit.held), **shown)


@router.get("/board/now")
async def board_fragment(visit: Visiting, facility: str | None = None, initials: bool = False) -> Response:
    """The part of the board that refreshes itself."""
    return visit.page("parts/board.html", **await _board(visit, facility, initials))


async def _board(visit: Visit, key: str | None, initials: bool) -> dict[str, Any]:
    must(visit.user, "see")
    held = visit.held
    place = facility_of(visit.user, held, key)
    now = await held.clock.now()
    async with held.read(visit.user) as session:
        seen = await board(session, visit.mine, place.key, now) or Board(place.key, now)
    names = await names_of(
        visit,
        [*(b.person_id for b in seen.beds), *(m.person_id for m in seen.moves), *(p[1] for p in seen.pending_in),
         *(u[1] for u in seen.unbedded)],
        "board", facility=place.key, initials=initials,
    )  # fmt: skip
    today = facility_date(now, place.zone)
    moving = [m for m in seen.moves if m.status == "scheduled" and facility_date(m.at, place.zone) <= today]
    return {
        "place": place,
        "zone": place.zone,
        "now": now,
        "initials": initials,
        "names": names,
        "board": seen,
        "units": _units(place, seen),
        "counts": seen.counts(),
        "moving": moving,
        "asking": [m for m in seen.moves if m not in moving],
        "differ": [b for b in seen.beds if b.authorized_level and b.level and b.authorized_level != b.level],
        "levels": held.catalog.latest.levels,
    }


def _units(place: Facility, seen: Board) -> list[dict[str, Any]]:
    titles = {u.key: u for u in place.units}
    found = []
    order = {key: place for place, key in enumerate(titles)}
    beds = sorted(seen.beds, key=lambda b: (order.get(b.unit, len(order)), b.unit))
    for key, group in groupby(beds, lambda b: b.unit):
        rows = list(group)
        unit = titles.get(key)
        found.append(
            {
                "key": key,
                "name": unit.name if unit else key,
                "levels": unit.levels if unit else (),
                "beds": rows,
                "free": sum(b.state == "available" for b in rows),
            }
        )
    return found


@router.get("/queue")
async def queue_page(visit: Visiting, done: str = "") -> Response:
    return await show_queue(visit, done=done)


async def show_queue(visit: Visit, *, done: str = "", refused: dict[str, Any] | None = None) -> Response:
    """`refused` names the card whose form was turned down, with what was typed."""
    must(visit.user, "see")
    held, user, mine = visit.held, visit.user, visit.mine
    now = await held.clock.now()
    async with held.read(visit.user) as session:
        waiting = await step_down_queue(session, mine)
        approved = await step_down_queue(session, mine, status=TransitionStatus.SCHEDULED)
    names = await names_of(visit, (e.person_id for _, e in (*waiting, *approved)), "queue", facilities=list(mine))
    spoken = NOT_SHOWN
    if WITHHELD not in names.values():
        async with held.read(visit.user) as session:
            spoken = await open_words(held, session, [t for t, _ in waiting])
    return visit.page(
        "queue.html",
        (refused or {}).get("status", 200),
        now=now,
        waiting=waiting,
        approved=approved,
        names=names,
        spoken=spoken,
        zones={f.key: f.zone for f in facilities_of(user, held)},
        titles=titles_of(held.catalog.latest),
        places={f.key: f.name for f in facilities_of(user, held)},
        zone=facility_of(user, held, None).zone,
        levels=held.catalog.latest.levels,
        done=done,
        refused=refused or {},
    )
