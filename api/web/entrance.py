"""Signing in and out of the pages (local users; elsewhere an OIDC proxy stands in front)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.deps import Wired
from api.sessions import sign_in, sign_out
from api.web.forms import read_form
from api.web.places import inside
from api.web.rendering import PageRoute, page, see_other

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/login")
async def login_page(request: Request, held: Wired, next: str = "/") -> Response:
    return page(
        request, "login.html", onward=inside(next), failed=False, typed="", demo=held.settings.local_users,
        issuer=held.settings.oidc_client_id is not None,
    )  # fmt: skip


@router.post("/login")
async def login(
    request: Request,
    held: Wired,
    username: Annotated[str, Form(max_length=80)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    onward: Annotated[str, Form(max_length=400)] = "/",
) -> Response:
    user = await held.users.check(username, password, datetime.now(UTC), "page")
    if user is None:
        demo = held.settings.local_users
        return page(
            request, "login.html", 401, onward=inside(onward), failed=True, typed=username, demo=demo, issuer=False
        )
    response = see_other(inside(onward))
    await sign_in(held, request, response, user)
    return response


@router.post("/logout")
async def logout(request: Request, held: Wired) -> Response:
    await read_form(request)
    response = see_other("/login")
    await sign_out(held, request, response)
    return response
