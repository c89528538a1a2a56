"""The episode page and the acts on it: whatever is refused stands beside the form it came from."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.bodies import AssessmentBody
from api.commands import CommandResult, run_command
from api.errors import Problem, problem
from api.facts import record_assessment, settle_alert
from api.routes.access import see_episode
from api.shown import coverage_state
from api.told import titles_of
from api.web.acts import ACTS, Ask
from api.web.boards import show_queue
from api.web.forms import Form, outcome_of, read_form, refusal_of
from api.web.level_choices import BESIDE, level_choices
from api.web.names import names_of
from api.web.preview import preview
from api.web.rendering import PageRoute, see_other
from api.web.rights import must
from api.web.visit import Visit, Visiting
from definitions.errors import ErrorType
from definitions.instrument import Instrument, Method
from definitions.vocabulary import ConsentStatus, DeviationReason, Disposition
from rules.calendar import facility_date
from storage.reads.board import board
from storage.reads.episodes import episode_page, timeline
from storage.reads.next_sessions import next_sessions

router = APIRouter(route_class=PageRoute, include_in_schema=False)
DONE: Final = {
    **{name: act.said for name, act in ACTS.items()},
    "assess": "The assessment was recorded.",
    "alert": "The alert was seen to.",
} | {"waiting": "Accepted and under way: the answer takes longer than usual. Load the page again in a moment."}
OPEN: Final = ("needs_sign_off", "pending", "scheduled", "blocked")


@router.get("/episodes/{episode_id}")
async def show(visit: Visiting, episode_id: UUID, done: str = "", assess: str = "") -> Response:
    return await show_episode(visit, episode_id, done=done, assess=assess)


async def show_episode(
    visit: Visit, episode_id: UUID, *, done: str = "", assess: str = "", refused: dict[str, Any] | None = None
) -> Response:
    """`refused`: the act that was turned down, why, and what was typed."""
    must(visit.user, "see")
    held, mine = visit.held, visit.mine
    now = await held.clock.now()
    async with held.read(visit.user) as session:
        found = await episode_page(session, mine, episode_id)
        if found is None:
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: episode {episode_id}")
        happened = await timeline(session, episode_id, limit=500)
        ahead = await next_sessions(session, mine, episode_id, now)
        beds = await board(session, mine, found.episode.facility, now)
    names = await names_of(visit, [found.episode.person_id], "episode", episode=str(episode_id))
    edition = held.catalog.edition(found.episode.edition)
    place = edition.facilities[found.episode.facility]
    wanted = assess or (refused or {}).get("typed", {}).get("instrument", "")
    beside = [s.level for s in found.stays if s.ended_at is None and s.id != found.episode.stay_id]
    return visit.page(
        "episode.html", (refused or {}).get("status", 200), now=now, zone=place.zone, place=place, edition=edition,
        levels=edition.levels, found=found, episode=found.episode, who=names[found.episode.person_id],
        happened=happened[::-1], sessions=ahead, beside=beside, open_moves=[t for t in found.transitions if t.status in OPEN],
        presented=[c for c in found.consents if c.status is ConsentStatus.PRESENTED],
        free=[b for b in (beds.beds if beds else []) if b.state == "available"],
        choices=level_choices(edition.levels, found), chosen=edition.instruments.get(wanted), titles=titles_of(edition),
        dispositions=list(Disposition), deviations=list(DeviationReason), done=DONE.get(done, ""),
        refused=refused or {}, coverages=[(c, coverage_state(c, facility_date(now, place.zone))) for c in found.coverages],
    )  # fmt: skip


@router.post("/episodes/{episode_id}/assess")
async def assess(visit: Visiting, episode_id: UUID) -> Response:
    must(visit.user, "assess")
    form = await read_form(visit.request)
    try:
        zone = await _zone(visit, episode_id)
        instrument = visit.held.catalog.latest.instruments.get(form.text("instrument"))
        if instrument is None:
            raise problem(ErrorType.UNKNOWN_INSTRUMENT, "choose an instrument from the list")
        body = AssessmentBody(
            instrument=instrument.key,
            answers={} if form.ticked("refused") else answers_of(instrument, form),
            performed_at=form.moment("performed_at", "When it was done", zone),
            refused=form.ticked("refused"),
            refusal_reason=form.maybe("refusal_reason"),
        )
        result = await record_assessment(visit.held, visit.user, form.key, episode_id, body)
    except Problem as error:
        return await _again(visit, episode_id, "assess", form, outcome_of(error))
    except ValidationError:
        wrong = {"code": "invalid_request", "detail": "a field is empty or too long", "field": None, "status": 422}
        return await _again(visit, episode_id, "assess", form, wrong)
    return await _after(visit, episode_id, "assess", form, result)


def answers_of(instrument: Instrument, form: Form) -> dict[str, Any]:
    """What was ticked: numbers for scored items, text for the rest; a blank is no answer."""
    if instrument.method is Method.COMPLETION and not form.ticked("item_done"):
        raise problem(ErrorType.ASSESSMENT_INCOMPLETE, "tick that it is completed and signed, or record a refusal")
    found: dict[str, Any] = {}
    for item in instrument.items:
        said = form.text(f"item_{item.key}")
        if said == "":
            continue
        if item.text:
            found[item.key] = said
        elif said == "yes":
            found[item.key] = 1
        elif said.isascii() and said.isdigit():
            found[item.key] = int(said)
        else:
            raise problem(ErrorType.ASSESSMENT_OUT_OF_RANGE, f"{item.label}: choose one of the answers")
    return found


@router.post("/episodes/{episode_id}/alert")
async def alert(visit: Visiting, episode_id: UUID) -> Response:
    """Acknowledge an alert, or clear it with a reason."""
    must(visit.user, "assess")
    form = await read_form(visit.request)
    try:
        await _zone(visit, episode_id)
        reason = form.needed("reason", "The reason") if form.text("how") == "clear" else None
        result = await settle_alert(visit.held, visit.user, form.key, form.identifier("alert_id"), clear=reason)
    except Problem as error:
        return await _again(visit, episode_id, "alert", form, outcome_of(error))
    return await _after(visit, episode_id, "alert", form, result)


@router.post("/episodes/{episode_id}/{name}")
async def act(visit: Visiting, episode_id: UUID, name: str) -> Response:
    """Any act of the table. The key in the page makes a double click one command."""
    if name not in ACTS:
        raise problem(ErrorType.NOT_FOUND, "no such act; go back to the episode")
    chosen = ACTS[name]
    must(visit.user, chosen.right)
    form = await read_form(visit.request)
    try:
        zone = await _zone(visit, episode_id)
        if name == "request" and (form.ticked("preview") or _unseen(form)):
            shown = {"act": name, "plan": await preview(visit, episode_id, zone, form), "typed": form.typed}
            return await show_episode(visit, episode_id, refused=shown)
        body, build = chosen.prepare(Ask(form, visit.user, episode_id, zone))
        result = await run_command(visit.held, visit.user, form.key, name, body, build, chosen.update)
    except Problem as error:
        return await _again(visit, episode_id, name, form, outcome_of(error))
    return await _after(visit, episode_id, name, form, result)


def _unseen(form: Form) -> bool:
    """A second stay beside the first is asked for only after its plan was shown."""
    level = form.text("to_level")
    return level.startswith(BESIDE) and form.text("seen") != level


async def _zone(visit: Visit, episode_id: UUID) -> str:
    async with visit.held.read(visit.user) as session:
        episode = await see_episode(session, visit.held, visit.user, episode_id)
    return visit.held.catalog.edition(episode.edition).facilities[episode.facility].zone


async def _after(visit: Visit, episode_id: UUID, name: str, form: Form, result: CommandResult) -> Response:
    if result.refused:
        return await _again(visit, episode_id, name, form, refusal_of(result))
    done = "waiting" if result.status_code == 202 else name
    if form.text("from") == "queue":
        return see_other(f"/queue?done={done}#main")
    return see_other(f"/episodes/{episode_id}?done={done}#main")


async def _again(visit: Visit, episode_id: UUID, name: str, form: Form, said: dict[str, Any]) -> Response:
    refused = {"act": name, **said, "typed": form.typed}
    if form.text("from") == "queue":
        return await show_queue(visit, refused=refused)
    return await show_episode(visit, episode_id, refused=refused)
