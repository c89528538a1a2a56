"""The browser's session: a random cookie, a row that can be ended, and the word every form must carry."""

import hashlib
import hmac
import ipaddress
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response

from api.deps import Services
from api.local_users import CHAIN
from api.tokens import OURS, User
from rules.sign_in import session_over
from runtime.settings import Settings
from storage.repositories import timeline
from storage.repositories.user import SSO, begin_session, came_from_issuer, end_session, find_session, session_seen
from storage.scope import NOBODY

COOKIE: Final = "stepdown_session"
QUIET: Final = frozenset({"/board/now"})
"""What pages ask by themselves: nobody sits there because of it."""
SEEN_EVERY: Final = timedelta(minutes=1)


def _wall() -> datetime:
    """Sessions end by the wall's clock, also where business time is driven."""
    return datetime.now(UTC)


def _longest(settings: Settings) -> timedelta:
    return timedelta(hours=settings.session_hours)


async def sign_in(held: Services, request: Request, response: Response, user: User) -> None:
    """A new session under a new name, whatever the browser brought; that one ends. An issuer's user gets a row to hang it
    on, with the rights of now."""
    token = secrets.token_urlsafe(32)
    now = _wall()
    async with held.database.write(NOBODY) as session:
        if COOKIE in request.cookies:
            await end_session(session, request.cookies[COOKIE], now)
        row = user.username
        if user.issuer != OURS:
            row = await came_from_issuer(
                session, subject=user.username, issuer=user.issuer, role=user.role, facilities=user.facilities
            )
        await begin_session(session, token, row, now, _longest(held.settings))
    response.set_cookie(
        COOKIE, token, httponly=True, samesite="strict", secure=secured(held.settings.public_url), path="/",
        max_age=int(_longest(held.settings).total_seconds()),
    )  # fmt: skip


def secured(public_url: str) -> bool:
    """Cookies cross the wire encrypted or not at all, except on this machine itself."""
    parts = urlsplit(public_url)
    if parts.scheme != "http":
        return True
    host = parts.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


async def sign_out(held: Services, request: Request, response: Response) -> None:
    """The session is over here, not only in this browser."""
    now = _wall()
    async with held.database.write(NOBODY) as session:
        username = await end_session(session, request.cookies.get(COOKIE, ""), now)
        if username is not None:
            timeline.audit(
                session, chain=CHAIN, at=now, actor=username, role="unknown", action="signed_out",
                subject=f"user/{username}", purpose="operations", detail={"door": "page"},
            )  # fmt: skip
    response.delete_cookie(COOKIE, path="/")


async def signed_in(held: Services, request: Request) -> User | None:
    """Who this browser is, by the user's row as it stands now: a role that was taken away is gone at once."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    async with held.database.read(NOBODY) as session:
        found = await find_session(session, token)
    if found is None:
        return None
    kept, user = found
    now, idle = _wall(), timedelta(minutes=held.settings.session_idle_minutes)
    if user.disabled or session_over(kept.started_at, kept.seen_at, now, idle, _longest(held.settings)):
        return None
    if request.url.path not in QUIET and now - kept.seen_at >= min(SEEN_EVERY, idle / 2):
        async with held.database.write(NOBODY) as session:
            await session_seen(session, token, now)
    return User(user.username.removeprefix(SSO), user.role, tuple(user.facilities), user.issuer)


def csrf_token(request: Request) -> str:
    """Bound to the session: made from its cookie, so that another session's word does not fit."""
    token = request.cookies.get(COOKIE, "")
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest() if token else ""


def csrf_holds(request: Request, said: str) -> bool:
    expected = csrf_token(request)
    return bool(expected) and hmac.compare_digest(expected.encode(), said.encode())
