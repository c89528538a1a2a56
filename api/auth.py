"""Who is asking, and what they may do: roles, facilities, the browser's session (api.md, Who is asking)."""

import hmac
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import policy
from api.deps import Services, Wired
from api.errors import problem
from api.policy import admits, must_pass
from api.tokens import TokenRefused, User
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.repositories.user import ensure_user, find_user

STAFF = policy.STAFF
COOKIE = "stepdown_session"
CSRF_COOKIE = "stepdown_csrf"
DEMO_PASSWORD = "local"
DEMO_ROLES = ("admissions", "reviewer", "director", "clinician", "biller", "auditor", "admin")
EVERYWHERE = "*"
_bearer = HTTPBearer(auto_error=False)
_hasher = PasswordHasher(time_cost=2, memory_cost=32768)


class LoginNeeded(Exception):
    """The browser has no session: show the sign-in page."""


async def current_user(
    request: Request, held: Wired, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> User:
    if credentials is None:
        raise problem(ErrorType.UNAUTHENTICATED, "send a bearer token from POST /oauth/token")
    try:
        user = held.tokens.read(credentials.credentials)
    except TokenRefused:
        raise problem(
            ErrorType.UNAUTHENTICATED, "the token is not valid here or has expired; ask for a new one"
        ) from None
    return _counted(request, held, user)


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


def scope(user: User, services: Services) -> tuple[str, ...]:
    """Facilities this user may see; nothing granted is nothing seen."""
    if EVERYWHERE in user.facilities:
        return tuple(services.catalog.latest.facilities)
    return user.facilities


def must_see(user: User, services: Services, facility: str | None, what: str = "it") -> None:
    """Not your facility is the same as unknown (api.md)."""
    if facility is None or facility not in scope(user, services):
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: {what}")


async def ensure_demo_users(services: Services, facilities: Sequence[str]) -> None:
    """The local demo users, named like their roles; refused by the settings in production."""
    if not services.settings.local_users:
        return
    digest = _hasher.hash(DEMO_PASSWORD)
    async with services.database.write() as session:
        for role in DEMO_ROLES:
            await ensure_user(session, username=role, role=role, facilities=list(facilities), password_hash=digest)


async def check_password(services: Services, username: str, password: str) -> User | None:
    if not services.settings.local_users:
        return None
    async with services.database.read() as session:
        row = await find_user(session, username)
    if row is None or row.disabled:
        return None
    try:
        _hasher.verify(row.password_hash, password)
    except VerificationError:
        return None
    return User(row.username, row.role, tuple(row.facilities))


def check_machine(services: Services, client_id: str, secret: str) -> User | None:
    """Payers' machines: `payer-<key>` with the installation's payer secret."""
    expected = services.settings.payer_secret.get_secret_value()
    payer = client_id.removeprefix("payer-")
    known = client_id.startswith("payer-") and payer in services.catalog.latest.payers
    if not known or not expected or not hmac.compare_digest(secret.encode(), expected.encode()):
        return None
    return User(payer, Role.PAYER.value, ())


def sign_in(services: Services, response: Response, user: User) -> None:
    """The browser's session: a signed token out of scripts' reach, and a CSRF value forms must echo."""
    secure = services.settings.public_url.startswith("https")
    response.set_cookie(COOKIE, services.tokens.mint(user), httponly=True, samesite="strict", secure=secure, path="/")
    response.set_cookie(
        CSRF_COOKIE, secrets.token_urlsafe(24), httponly=True, samesite="strict", secure=secure, path="/"
    )


def sign_out(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")
    response.delete_cookie(CSRF_COOKIE, path="/")


async def web_user(request: Request, held: Wired) -> User:
    try:
        user = held.tokens.read(request.cookies.get(COOKIE, ""))
    except TokenRefused:
        raise LoginNeeded from None
    return _counted(request, held, user)


def csrf_token(request: Request) -> str:
    return request.cookies.get(CSRF_COOKIE, "")


def csrf_holds(request: Request, said: str) -> bool:
    expected = csrf_token(request)
    return bool(expected) and hmac.compare_digest(expected, said)
