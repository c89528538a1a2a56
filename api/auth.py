"""Who is asking, and what they may do: roles, facilities, the browser's session (api.md, Who is asking)."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import policy
from api.deps import EVERYWHERE, Services, Wired
from api.errors import problem
from api.policy import admits, must_pass
from api.sessions import signed_in
from api.tokens import IssuerAway, TokenRefused, User, issuer_said
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.reach import Reach
from storage.repositories.access import eyes_of
from storage.scope import HouseAct

STAFF = policy.STAFF
READING: Final = frozenset({"GET", "HEAD"})
_bearer = HTTPBearer(auto_error=False)


class LoginNeeded(Exception):
    """The browser has no session: show the sign-in page."""


async def current_user(
    request: Request, held: Wired, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> User:
    if credentials is None:
        raise problem(ErrorType.UNAUTHENTICATED, "send a bearer token from POST /oauth/token")
    try:
        user = await held.standing.now(await _read(held, credentials.credentials))
    except TokenRefused:
        raise problem(
            ErrorType.UNAUTHENTICATED, "the token is not valid here or has expired; ask for a new one"
        ) from None
    except IssuerAway:
        raise problem(
            ErrorType.UNAVAILABLE, "who signs these tokens cannot be asked for its keys at the moment; try again soon"
        ) from None
    return await with_eyes(held, _counted(request, held, user), glass=request.method in READING)


async def _read(held: Services, token: str) -> User:
    """By the verifier of the issuer that the token names: ours, or the one of the settings; no third."""
    issuer = issuer_said(token)
    if held.issuer is not None and issuer == held.issuer.issuer:
        return await held.issuer.read(token)
    return held.tokens.read(token)


def _counted(request: Request, held: Services, user: User) -> User:
    """Known, not too busy, and of a role this route takes. Raises a problem."""
    wait = held.rates.user.take(user.actor)
    if wait:
        raise problem(ErrorType.TOO_OFTEN, f"too many requests; wait {wait} s and try again")
    must_pass(request, user.role)
    return user


Asking = Annotated[User, Depends(current_user)]


def require(*roles: Role) -> Callable[..., Coroutine[Any, Any, User]]:
    """What a route says beside its code about who may use it. The policy was asked before (api/policy.py); both say the
    same (tests/api/test_policy.py), and both are asked."""
    line = frozenset(roles)

    async def allowed(user: Asking) -> User:
        if admits(line, user.role):
            return user
        raise problem(ErrorType.FORBIDDEN, f"this needs the role {' or '.join(sorted(line))}")

    allowed.roles = line  # type: ignore[attr-defined]  # read by the test that compares it with the policy
    return allowed


async def with_eyes(held: Services, user: User, *, glass: bool) -> User:
    """The user with who is hidden from them now. Broken glass opens for reading only: nothing is done, and nothing told to
    anybody outside, on the strength of it."""
    now = await held.clock.now()
    async with held.database.read(held.house(HouseAct.EYES, user)) as session:
        hidden, opened = await eyes_of(session, user.username, now, glass=glass)
    return replace(user, hidden=hidden, opened=opened) if hidden or opened else user


def scope(user: User, services: Services) -> Reach:
    """Facilities this user may see, without the people hidden from them; nothing granted is nothing seen."""
    everywhere = EVERYWHERE in user.facilities
    return Reach(services.catalog.latest.facilities if everywhere else user.facilities, user.hidden, user.opened)


def must_see(user: User, services: Services, facility: str | None, what: str = "it", *about: UUID | None) -> None:
    """Not your facility, or somebody hidden from you, is the same as unknown (api.md). `about`: the person and the episode
    of the row; a row about somebody is never asked for without them."""
    if not scope(user, services).sees(facility, *about):
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: {what}")


async def web_user(request: Request, held: Wired) -> User:
    user = await signed_in(held, request)
    if user is None:
        raise LoginNeeded
    return await with_eyes(held, _counted(request, held, user), glass=request.method in READING)
