"""The case page: what is granted beside what is given, questions and answers in order, and the acts on it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from api.case_acts import ACTS, act_on_case
from api.case_words import open_words
from api.errors import Problem, problem
from api.shown_case import case_shown
from api.told import titles_of
from api.web.case_acts import body_of_form
from api.web.forms import Form, outcome_of, read_form, refusal_of
from api.web.names import names_of
from api.web.rendering import PageRoute, see_other
from api.web.rights import must
from api.web.visit import Visit, Visiting
from definitions.dispute import GapOption, PeerToPeerOutcome
from definitions.errors import ErrorType
from definitions.review_codes import Action
from definitions.vocabulary import GrantState
from rules.calendar import facility_date
from storage.reads.case import CasePage, case_page

router = APIRouter(route_class=PageRoute, include_in_schema=False)
WAITING: Final = "Accepted and under way: the answer takes longer than usual. Load the page again in a moment."
ACTIONS: Final = {
    Action.CERTIFIED: "granted as asked", Action.MODIFIED: "granted otherwise: level, days or units differ",
    Action.NOT_CERTIFIED: "denied", Action.PENDED: "pended", Action.CONTACT_PAYER: "wants a call",
    Action.CANCELLED: "taken back", Action.NO_ACTION_REQUIRED: "no authorization needed",
}  # fmt: skip
OPEN_STATES: Final = (
    "ready", "waiting_consent", "held", "submitted", "pended", "timed_out", "contact_payer", "data_problem",
    "information_requested", "information_sent",
)  # fmt: skip


@router.get("/authorizations/{case_id}")
async def show(visit: Visiting, case_id: UUID, done: str = "") -> Response:
    said = WAITING if done == "waiting" else ACTS[done].said if done in ACTS else ""
    return await _show(visit, case_id, done=said)


@router.get("/authorizations/{case_id}/evidence/{evidence_id}")
async def evidence(visit: Visiting, case_id: UUID, evidence_id: UUID) -> Response:
    """The page with one piece of evidence opened; the opening is on record."""
    must(visit.user, "review")
    return await _show(visit, case_id, opened=await open_words(visit.held, visit.user, case_id, evidence_id))


@router.post("/authorizations/{case_id}/{name}")
async def act(visit: Visiting, case_id: UUID, name: str) -> Response:
    """Any act of the table. The key in the page makes a double click one command."""
    if name not in ACTS:
        raise problem(ErrorType.NOT_FOUND, "no such act; go back to the case")
    must(visit.user, "review")
    form = await read_form(visit.request)
    try:
        found = await _found(visit, case_id)
        body = body_of_form(name, form, _zone(visit, found))
        result = await act_on_case(visit.held, visit.user, form.key, case_id, name, body)
    except Problem as error:
        return await _again(visit, case_id, name, form, outcome_of(error))
    if result.refused:
        return await _again(visit, case_id, name, form, refusal_of(result))
    done = "waiting" if result.status_code == 202 else name
    return see_other(f"/authorizations/{case_id}?done={done}#main")


async def _again(visit: Visit, case_id: UUID, name: str, form: Form, said: dict[str, Any]) -> Response:
    return await _show(visit, case_id, refused={"act": name, **said, "typed": form.typed})


async def _found(visit: Visit, case_id: UUID) -> CasePage:
    async with visit.held.read(visit.user) as session:
        found = await case_page(session, visit.mine, case_id)
    if found is None:
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: authorization {case_id}")
    return found


def _zone(visit: Visit, found: CasePage) -> str:
    return visit.held.catalog.latest.facilities[found.case.facility].zone


async def _show(
    visit: Visit, case_id: UUID, *, done: str = "", refused: dict[str, Any] | None = None,
    opened: dict[str, Any] | None = None,
) -> Response:  # fmt: skip
    """`refused`: the act that was turned down, why, and what was typed."""
    must(visit.user, "see")
    found = await _found(visit, case_id)
    names = await names_of(visit, [found.case.person_id], "authorization", authorization=str(case_id))
    now, zone = await visit.held.clock.now(), _zone(visit, found)
    edition = visit.held.catalog.edition(found.episode.edition)
    today = facility_date(now, zone)
    shown = case_shown(found, edition, now)
    payer = edition.payers[found.case.payer]
    return visit.page(
        "case.html", (refused or {}).get("status", 200), now=now, today=today, zone=zone,
        place=edition.facilities[found.case.facility], who=names[found.case.person_id], case=shown, payer=payer,
        terms=payer.terms(found.case.level), levels=edition.levels, titles=titles_of(edition),
        numbered={r["id"]: n for n, r in enumerate(shown["requests"], 1)},
        answers={r["id"]: [d for d in shown["decisions"] if d["request_id"] == r["id"]] for r in shown["requests"]},
        open_requests=[r for r in shown["requests"] if r["status"] in OPEN_STATES and r["about"] is None],
        band=band_of(found, today, zone), actions=ACTIONS, options=list(GapOption), outcomes=list(PeerToPeerOutcome),
        next_from=_next_from(found, today), done=done, refused=refused or {}, opened=opened,
    )  # fmt: skip


def _next_from(found: CasePage, today: date) -> date:
    """The first day a next review would ask for."""
    last = found.case.last_covered_day
    return last + timedelta(days=1) if last is not None else max(found.case.from_date, today)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the band, in days from its beginning; `width` at least one."""

    label: str
    left: int
    width: int
    said: str
    open_end: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """Granted spans above the clinical level, over the same days, so that what lies uncovered is seen."""

    first: date
    last: date
    days: int
    today: int | None
    granted: tuple[Span, ...]
    clinical: tuple[Span, ...]

    @property
    def weeks(self) -> tuple[tuple[int, date], ...]:
        return tuple((n, self.first + timedelta(days=n)) for n in range(0, self.days, 7))


def band_of(found: CasePage, today: date, zone: str) -> Band:
    active = [g for g in found.grants if g.state is GrantState.ACTIVE]
    stays = [
        (s.level, facility_date(s.started_at, zone), facility_date(s.ended_at, zone) if s.ended_at else None)
        for s in found.stays
    ]
    first = min([found.case.from_date, *(g.from_date for g in active)])
    ends = [found.case.end_dated_on] if found.case.end_dated_on else [today]
    last = max([first + timedelta(days=6), *(g.through_date for g in active), *ends])

    def span(label: str, begins: date, ends_on: date, said: str, *, open_end: bool = False) -> Span | None:
        begins, ends_on = max(begins, first), min(ends_on, last)
        if ends_on < begins:
            return None
        return Span(label, (begins - first).days, (ends_on - begins).days + 1, said, open_end)

    granted = [
        span(g.level, g.from_date, g.through_date, f"{g.level} granted {g.from_date} through {g.through_date}")
        for g in sorted(active, key=lambda g: (g.from_date, g.through_date))
    ]
    clinical = [
        span(level, begins, ends_on or today, f"{level} from {begins}", open_end=ends_on is None)
        for level, begins, ends_on in stays
    ]
    return Band(
        first, last, (last - first).days + 1, (today - first).days if first <= today <= last else None,
        tuple(s for s in granted if s), tuple(s for s in clinical if s),
    )  # fmt: skip
