"""Pages as HTML: one environment, refusals as pages instead of JSON."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from api import told
from api.auth import LoginNeeded
from api.errors import Problem
from api.sessions import csrf_token
from api.tokens import User
from api.web import words
from api.web.rights import may

FOLDER = Path(__file__).parent


class Kept(dict[str, str]):
    """What was typed; a field nobody filled is empty, not an error."""

    def __missing__(self, name: str) -> str:
        return ""


def refusal_shown(refused: dict[str, Any] | None) -> dict[str, Any]:
    """A refusal as templates read it; without one, an act that no form has."""
    if not refused:
        return {"act": "", "code": "", "detail": "", "plan": None, "typed": Kept()}
    return {"code": "", "detail": "", "plan": None, **refused, "typed": Kept(refused.get("typed", {}))}


_pages = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.filters |= {
    "words": told.words,
    "sentence": told.sentence,
    "full": words.full,
    "local": told.local,
    "stamp": words.stamp,
    "clock": words.clock,
    "day": told.day,
    "typed": words.typed,
    "since": words.since,
    "plain": told.plain,
    "why_text": told.why_text,
    "actor": words.actor,
}


def page(request: Request, template: str, status: int = 200, *, user: User | None = None, **shown: Any) -> Response:
    """Render a template. Every form on it may call `new_key()` for an idempotency key of its own."""
    text = _pages.get_template(template).render(
        user=user,
        csrf=csrf_token(request),
        new_key=lambda: str(uuid4()),
        may=lambda act: user is not None and may(user, act),
        here=request.url.path,
        happening=words.happening,
        **{**shown, "refused": refusal_shown(shown.get("refused"))},
    )
    return HTMLResponse(text, status)


def see_other(where: str) -> Response:
    """After an act: look at the page again, so that a reload is no second act."""
    return RedirectResponse(where, 303)


class PageRoute(APIRoute):
    """A route whose refusals are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await _answer(request, handle)

        return answer


async def _answer(request: Request, handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
    try:
        return await handle(request)
    except LoginNeeded:
        if request.headers.get("HX-Request"):
            return Response(status_code=204, headers={"HX-Redirect": "/login"})
        return see_other(f"/login?next={quote(request.url.path)}")
    except Problem as refused:
        said = refused.refusal
        return page(request, "refused.html", refused.status, title=told.words(said.code), detail=said.detail)
    except RequestValidationError:
        detail = "Something in the form could not be read. Go back, check the fields and send it again."
        return page(request, "refused.html", 422, title="could not be read", detail=detail)
    except HTTPException as refused:
        return page(request, "refused.html", refused.status_code, title="not done", detail=str(refused.detail))
