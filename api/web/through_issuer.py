"""Signing in to the pages through the OIDC issuer: authorization code with PKCE, state and nonce bound to this browser."""

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import Services, Wired
from api.errors import problem
from api.issuers import OidcIssuer, safe_address
from api.local_users import CHAIN
from api.sessions import secured, sign_in
from api.tokens import IssuerAway, TokenRefused, User
from api.web.places import inside
from api.web.rendering import PageRoute, page
from definitions.errors import ErrorType
from runtime.keyring import SealBroken
from storage.repositories import timeline
from storage.scope import NOBODY

router = APIRouter(route_class=PageRoute, include_in_schema=False)
COOKIE: Final = "stepdown_sign_in"
PATIENCE: Final = timedelta(minutes=10)
"""How long somebody may take at the issuer's page."""
BOUND_TO: Final = b"sign-in"
WORD_BYTES: Final = 32


def _issuer(held: Services) -> tuple[OidcIssuer, str]:
    """The issuer and what it calls us. Raises a problem."""
    client_id = held.settings.oidc_client_id
    if held.issuer is None or client_id is None:
        raise problem(ErrorType.NOT_FOUND, "nobody signs in through an issuer here")
    return held.issuer, client_id


def _return_address(held: Services) -> str:
    return held.settings.public_url.rstrip("/") + "/login/return"


@router.get("/login/issuer")
async def leave_for_issuer(held: Wired, next: str = "/") -> Response:
    """To the issuer's page, with three words that only this browser and we know."""
    issuer, client_id = _issuer(held)
    said = {name: secrets.token_urlsafe(WORD_BYTES) for name in ("state", "nonce", "verifier")}
    try:
        found = await issuer.discovered()
        address = safe_address(str(found.get("authorization_endpoint", "")))
    except (IssuerAway, ValueError):
        raise problem(ErrorType.UNAVAILABLE, "the page to sign in at cannot be reached; try again soon") from None
    challenge = base64.urlsafe_b64encode(hashlib.sha256(said["verifier"].encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code", "client_id": client_id, "redirect_uri": _return_address(held),
        "scope": "openid profile groups", "state": said["state"], "nonce": said["nonce"], "code_challenge": challenge,
        "code_challenge_method": "S256",
    }  # fmt: skip
    response = RedirectResponse(f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", 303)
    until = (datetime.now(UTC) + PATIENCE).timestamp()
    kept = held.keyring.seal(json.dumps({**said, "onward": inside(next), "until": until}).encode(), BOUND_TO)
    # Lax: the way back comes from the issuer's site.
    response.set_cookie(
        COOKIE, base64.urlsafe_b64encode(kept).decode(), httponly=True, samesite="lax", path="/login",
        secure=secured(held.settings.public_url), max_age=int(PATIENCE.total_seconds()),
    )  # fmt: skip
    return response


@router.get("/login/return")
async def come_back(request: Request, held: Wired, code: str = "", state: str = "") -> Response:
    """Back with a code, which we change for the person's name at the issuer itself."""
    issuer, client_id = _issuer(held)
    kept = _kept(held, request)
    if kept is None or not code or not secrets.compare_digest(state.encode(), kept["state"].encode()):
        return await _refused(request, held, "state")
    try:
        user = await _named(held, issuer, client_id, code, kept)
    except IssuerAway:
        raise problem(ErrorType.UNAVAILABLE, "who signs in here cannot be asked for at the moment; try again") from None
    except TokenRefused:
        return await _refused(request, held, "token")
    if not user.role:
        return await _refused(request, held, "role", user)
    # A page, and not a redirect: a browser sends no strict cookie along a way that began at another site.
    response = page(request, "signed_in.html", onward=kept["onward"])
    await sign_in(held, request, response, user)
    await held.users.record(user, datetime.now(UTC), "issuer", None)
    response.delete_cookie(COOKIE, path="/login")
    return response


def _kept(held: Services, request: Request) -> dict[str, Any] | None:
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(COOKIE, ""))
        found: dict[str, Any] = json.loads(held.keyring.open(sealed, BOUND_TO))
    except (ValueError, SealBroken):
        return None
    return found if datetime.now(UTC).timestamp() < found["until"] else None


async def _named(held: Services, issuer: OidcIssuer, client_id: str, code: str, kept: dict[str, Any]) -> User:
    """Raises TokenRefused, IssuerAway."""
    secret = held.settings.oidc_client_secret
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": _return_address(held), "client_id": client_id,
        "code_verifier": kept["verifier"],
    }  # fmt: skip
    if secret is not None:
        form["client_secret"] = secret.get_secret_value()
    token = await issuer.change_code(form)
    claims = await issuer.verified(token, client_id)
    if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), kept["nonce"].encode()):
        raise TokenRefused("another sign-in's token")
    return issuer.user_of(claims)


async def _refused(request: Request, held: Services, why: str, user: User | None = None) -> Response:
    """One page for all: what went wrong is in the audit, not on the screen of whoever tried."""
    async with held.database.write(NOBODY) as session:
        now, name = datetime.now(UTC), user.username if user is not None else "unknown"
        timeline.audit(
            session, chain=CHAIN, at=now, actor=name, role="unknown", action="sign_in_refused", subject=f"user/{name}",
            purpose="operations", detail={"door": "issuer", "why": why},
        )  # fmt: skip
    detail = (
        "Nobody was signed in. Start again from here; if it happens again, ask who gives you your rights for a role."
    )
    response = page(request, "refused.html", 401, title="not signed in", detail=detail)
    response.delete_cookie(COOKIE, path="/login")
    return response
