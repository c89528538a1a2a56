"""Tokens of an OIDC issuer: found by discovery, verified by its published keys, mapped to roles and facilities.

Keys are fetched when first needed, looked at again after an hour, and at once for a key nobody has seen (a rotation), but
not twice within half a minute: made-up key ids must not make us flood the issuer. While it is away, the keys held serve on."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import jwt
import structlog

from api.tokens import REQUIRED, IssuerAway, TokenRefused, User
from rules.sign_in import mapped
from runtime.settings import Settings

KEPT_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 30.0
TIMEOUT_SECONDS: Final = 5.0
LEEWAY_SECONDS: Final = 60
"""How far the issuer's clock and ours may be apart."""
DOCUMENT_BYTES: Final = 200_000
BY_KEY: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "PS256"), ("EC", "P-256"): ("ES256",), ("EC", "P-384"): ("ES384",),
    ("OKP", "Ed25519"): ("EdDSA",),
}  # fmt: skip
"""What a key of a type may have signed with. The key decides, never the token; no algorithm with a shared secret is here."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A published key with what it may have signed with."""

    key: Any
    algorithms: tuple[str, ...]


class OidcIssuer:
    """One issuer. `clock` is monotonic seconds."""

    def __init__(
        self, settings: Settings, *, client: httpx2.AsyncClient | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        if settings.oidc_issuer is None:
            raise ValueError("no issuer is set")
        self.issuer = settings.oidc_issuer
        self._audience = settings.token_audience
        self._parties = settings.oidc_parties_said
        self._grants = settings.oidc_grants
        self._jwks_url = settings.oidc_jwks_url
        self._client = client or httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False)
        self._clock = clock
        self._keys: dict[str, SigningKey] = {}
        self._fetched = self._tried = float("-inf")
        self._one = asyncio.Lock()
        self.document: dict[str, Any] = {}
        """What discovery said: where to sign in, where to sign out."""

    async def read(self, token: str) -> User:
        """Raises TokenRefused; IssuerAway when there is no key to judge by."""
        claims = await self.verified(token, self._audience)
        party = claims.get("azp")
        if self._parties and party is not None and party not in self._parties:
            raise TokenRefused("another client's token")
        return self.user_of(claims)

    def claims_of(self, token: str, key: SigningKey, audience: str) -> dict[str, Any]:
        """Verified claims. Raises TokenRefused."""
        try:
            found: dict[str, Any] = jwt.decode(
                token, key.key, algorithms=list(key.algorithms), audience=audience, issuer=self.issuer, leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from None
        return found

    def user_of(self, claims: Mapping[str, Any]) -> User:
        """Who this is here. No role that we know: a user without one, whom every route refuses by its own sentence."""
        role, facilities = mapped(claims, self._grants)
        return User(str(claims["sub"]), role, facilities, issuer=self.issuer, issued_at=float(claims["iat"]))

    async def verified(self, token: str, audience: str) -> dict[str, Any]:
        """The claims of a token made for `audience`. Raises TokenRefused, IssuerAway."""
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from None
        return self.claims_of(token, await self._key(str(head.get("kid", ""))), audience)

    async def change_code(self, form: Mapping[str, str]) -> str:
        """The ID token that a code is worth. Raises TokenRefused, IssuerAway."""
        found = await self.discovered()
        try:
            answer = await self._client.post(safe_address(str(found.get("token_endpoint", ""))), data=dict(form))
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("issuer_away", problem=type(error).__name__)
            raise IssuerAway from None
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise IssuerAway
        try:
            said = answer.json() if answer.status_code == httpx2.codes.OK else {}
        except ValueError:
            raise IssuerAway from None
        token = said.get("id_token") if isinstance(said, dict) else None
        if not isinstance(token, str):
            raise TokenRefused("the code was not taken")
        return token

    async def _key(self, kid: str) -> SigningKey:
        now = self._clock()
        stale = now - self._fetched > KEPT_SECONDS
        if (kid not in self._keys or stale) and now - self._tried > AGAIN_SECONDS:
            async with self._one:
                if self._clock() - self._tried > AGAIN_SECONDS:
                    await self._fetch()
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise IssuerAway
        raise TokenRefused("signed by a key the issuer does not publish")

    async def discovered(self) -> dict[str, Any]:
        """The issuer's own description. Raises IssuerAway."""
        if not self.document:
            async with self._one:
                if not self.document:
                    await self._discover()
        return self.document

    async def _discover(self) -> None:
        try:
            said = await self._get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("issuer_away", problem=type(error).__name__)
            raise IssuerAway from None
        if said.get("issuer") != self.issuer:
            # Whoever answers for this address speaks for somebody else (OpenID Connect Discovery 4.3).
            log.error("issuer_says_another_name")
            raise IssuerAway
        self.document = said

    async def _fetch(self) -> None:
        """New keys in place of the old ones; what goes wrong changes nothing."""
        self._tried = self._clock()
        try:
            if self._jwks_url is None and not self.document:
                await self._discover()
            address = self._jwks_url or safe_address(str(self.document.get("jwks_uri", "")))
            said = await self._get(address)
            found = dict(filter(None, map(_read_key, said.get("keys", []))))
        except (httpx2.HTTPError, ValueError, IssuerAway) as error:
            log.warning("issuer_keys_not_read", problem=type(error).__name__)
            return
        if found:
            self._keys, self._fetched = found, self._tried
            log.info("issuer_keys_read", keys=len(found))

    async def _get(self, address: str) -> dict[str, Any]:
        answer = await self._client.get(address, headers={"Accept": "application/json"})
        answer.raise_for_status()
        if len(answer.content) > DOCUMENT_BYTES:
            raise ValueError("the issuer's document is too large")
        said = answer.json()
        if not isinstance(said, dict):
            raise ValueError("the issuer's document is no object")
        return said

    async def close(self) -> None:
        await self._client.aclose()


def safe_address(address: str) -> str:
    """https, or this machine. Raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        return address
    raise ValueError("the issuer names an address that is not https")


def _read_key(said: Any) -> tuple[str, SigningKey] | None:
    """A signing key with its id; None: no id, another use, or a type we do not take."""
    if not isinstance(said, dict) or said.get("use", "sig") != "sig" or not said.get("kid"):
        return None
    allowed = BY_KEY.get((str(said.get("kty")), said.get("crv")), ())
    if said.get("alg") is not None:
        allowed = tuple(a for a in allowed if a == said["alg"])
    if not allowed:
        return None
    try:
        return str(said["kid"]), SigningKey(jwt.PyJWK.from_dict(said, allowed[0]).key, allowed)
    except jwt.PyJWTError:
        return None
