"""The authorization worklist: tiles first, each the same list narrowed, then one row per episode and payer."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from api.told import day, titles_of
from api.web.forms import read_form
from api.web.names import names_of
from api.web.places import facilities_of, facility_of
from api.web.rendering import PageRoute
from api.web.rights import must
from api.web.visit import Visit, Visiting
from api.worklist import Asked, Worklist, read_worklist
from definitions.vocabulary import CoverageKind
from rules.calendar import facility_date

router = APIRouter(route_class=PageRoute, include_in_schema=False)
ROWS: Final = 50
TILES: Final = {
    "overdue": "Overdue",
    "today": "Today",
    "tomorrow": "Tomorrow",
    "week": "Next 7 days",
    "later": "Later",
    "none": "No days granted",
    "waiting": "Waiting on payer",
}


@dataclass(frozen=True, slots=True)
class Look:
    """How the list is narrowed: what its addresses carry. What is searched for is never in an address (D15)."""

    bucket: str = ""
    facility: str = ""
    payer: str = ""
    owner: str = ""

    def where(self, **changed: str) -> str:
        said = {
            "bucket": self.bucket, "facility": self.facility, "payer": self.payer, "owner": self.owner, **changed,
        }  # fmt: skip
        query = urlencode({name: value for name, value in said.items() if value})
        return f"/worklist?{query}" if query else "/worklist"


@router.get("/worklist")
async def worklist_page(
    visit: Visiting, bucket: str = "", facility: str = "", payer: str = "", owner: str = "", cursor: str = ""
) -> Response:
    return await _show(visit, Look(bucket, facility, payer, owner), cursor=cursor)


@router.post("/worklist")
async def search(visit: Visiting) -> Response:
    """A name or a member id is sent in a form, so that it stands in no address and in no log."""
    form = await read_form(visit.request)
    look = Look(*(form.text(name) for name in ("bucket", "facility", "payer", "owner")))
    return await _show(visit, look, q=form.text("q"))


async def _show(visit: Visit, look: Look, *, cursor: str = "", q: str = "") -> Response:
    must(visit.user, "see")
    found = await read_worklist(
        visit.held, visit.user,
        Asked(look.bucket or None, look.facility or None, look.payer or None, look.owner or None, q or None,
              cursor or None, ROWS),
    )  # fmt: skip
    held, places = visit.held, facilities_of(visit.user, visit.held)
    names = await names_of(
        visit, (i["person_id"] for i in found.items), "worklist", bucket=look.bucket, facility=look.facility,
        payer=look.payer, owner=look.owner,
    )  # fmt: skip
    zone = facility_of(visit.user, held, look.facility or None).zone
    edition = held.catalog.latest
    return visit.page(
        "worklist.html", now=found.now, zone=zone, found=found, look=look, q=q, names=names, tiles=TILES,
        total=sum(found.buckets.values()), places=places, zones={f.key: f.zone for f in places},
        titles=titles_of(edition), levels=edition.levels, payer_names={p.key: p.name for p in edition.payers.values()},
        payers=[p for p in edition.payers.values() if p.kind is CoverageKind.INSURANCE],
        nothing=nothing_here(look, found, zone, searched=bool(q)),
        following=look.where(cursor=found.following) if found.following else "", first=look.where() if cursor else "",
    )  # fmt: skip


def nothing_here(look: Look, found: Worklist, zone: str, *, searched: bool) -> str:
    """Why the list is empty, in plain words (features (e))."""
    if searched:
        return "Nobody with an open case was found. Search by the whole family name, a given name or a member id."
    today = facility_date(found.now, zone)
    soon, week = day(today + timedelta(days=2)), day(today + timedelta(days=8))
    said: dict[str, str] = {
        "overdue": "Nothing is overdue.",
        "today": "Nothing is due today.",
        "tomorrow": f"No reviews due before {soon}." if not found.buckets["today"] else "Nothing is due tomorrow.",
        "week": f"No reviews due before {week}.",
        "later": "Nothing is due later than in a week.",
        "none": "Every open case has days granted.",
        "waiting": "No payer owes an answer.",
        "hidden": "Nobody here pays for themselves or is funded by the county.",
    }
    return said.get(look.bucket, "No reviews are due and no payer owes an answer.")
