"""The page on which somebody asks to read a record against the ordinary rule, and the director's reviews (E13)."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api import break_glass
from api.access_bodies import BreakGlassBody, GlassReviewBody
from api.commands import CommandResult
from api.errors import Problem, problem
from api.web.forms import outcome_of, read_form, refusal_of
from api.web.rendering import PageRoute, see_other
from api.web.rights import may, must
from api.web.visit import Visit, Visiting
from definitions.break_glass import GlassFinding, GlassReason
from definitions.errors import ErrorType

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/break-glass")
async def ask_page(visit: Visiting, episode: UUID | None = None, done: str = "") -> Response:
    return await _show(visit, str(episode or ""), done=done)


async def _show(visit: Visit, episode: str, *, done: str = "", refused: dict[str, object] | None = None) -> Response:
    must(visit.user, "break_glass")
    reviews = may(visit.user, "review_glass")
    waiting = await break_glass.listed(visit.held, visit.user, unreviewed=True) if reviews else []
    return visit.page(
        "break_glass.html", int(str((refused or {}).get("status", 200))), episode=episode, reasons=list(GlassReason),
        findings=list(GlassFinding), waiting=waiting, reviews=reviews, done=done, refused=refused or {},
    )  # fmt: skip


@router.post("/break-glass")
async def ask(visit: Visiting) -> Response:
    must(visit.user, "break_glass")
    form = await read_form(visit.request)
    typed = form.text("episode_id")
    try:
        body = BreakGlassBody(
            episode_id=form.identifier("episode_id"), reason=GlassReason(form.needed("reason", "The reason")),
            words=form.needed("words", "Why"),
        )  # fmt: skip
        result = await break_glass.open_episode(visit.held, visit.user, form.key, body)
    except (ValidationError, ValueError):
        error = problem(ErrorType.INVALID_REQUEST, "choose a reason and say why in a few words")
        return await _show(visit, typed, refused={"act": "ask", **outcome_of(error), "typed": form.typed})
    except Problem as error:
        return await _show(visit, typed, refused={"act": "ask", **outcome_of(error), "typed": form.typed})
    return await _after(visit, typed, "ask", form.typed, result, f"/episodes/{body.episode_id}")


@router.post("/break-glass/{glass_id}")
async def review(visit: Visiting, glass_id: UUID) -> Response:
    must(visit.user, "review_glass")
    form = await read_form(visit.request)
    try:
        body = GlassReviewBody(finding=GlassFinding(form.needed("finding", "What you found")))
        result = await break_glass.review(visit.held, visit.user, form.key, glass_id, body)
    except ValueError:
        raise problem(ErrorType.INVALID_REQUEST, "choose what you found") from None
    return await _after(visit, "", str(glass_id), form.typed, result, "/break-glass?done=reviewed")


async def _after(
    visit: Visit, episode: str, act: str, typed: dict[str, str], result: CommandResult, onward: str
) -> Response:
    if result.refused:
        return await _show(visit, episode, refused={"act": act, **refusal_of(result), "typed": typed})
    return see_other(onward)
