"""Bearer tokens: our own for local users and payers' machines; an OIDC issuer's beside them (api/issuers.py)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from runtime.settings import Settings

LIFETIME = timedelta(hours=8)
ALGORITHMS = ["RS256"]
REQUIRED: Final = ["exp", "iat", "sub", "aud", "iss"]
OURS: Final = "local"
"""`issuer` of a user whose token is our own."""


@dataclass(frozen=True, slots=True)
class User:
    """Who is asking. `role` decides what, `facilities` whose. `issued_at`: of the token, seconds since 1970; None: a
    browser's session. `hidden` are people and episodes of whom this user is told nothing, `opened` episodes that are read
    through broken glass (api/auth.py)."""

    username: str
    role: str
    facilities: tuple[str, ...]
    issuer: str = OURS
    issued_at: float | None = None
    hidden: frozenset[UUID] = frozenset()
    opened: frozenset[UUID] = frozenset()

    @property
    def actor(self) -> str:
        return f"{self.role}:{self.username}"


class TokenRefused(Exception):
    """The token is missing, wrong, expired or from somebody else."""


class IssuerAway(Exception):
    """No key of the issuer is at hand to judge a token by."""


class TokenIssuer:
    """Our own tokens."""

    def __init__(self, settings: Settings) -> None:
        self._audience = settings.token_audience
        self.issuer = settings.public_url
        pem = settings.token_key.get_secret_value().replace("\\n", "\n") if settings.token_key else None
        key = serialization.load_pem_private_key(pem.encode(), None) if pem else None
        self._key = key if isinstance(key, rsa.RSAPrivateKey) else rsa.generate_private_key(65537, 2048)

    def mint(self, user: User, now: datetime | None = None) -> str:
        issued = now or datetime.now(UTC)
        claims = {
            "sub": user.username,
            "role": user.role,
            "facilities": list(user.facilities),
            "aud": self._audience,
            "iss": self.issuer,
            # With its fraction: a token made right after all were taken back is a new one.
            "iat": issued.timestamp(),
            "exp": issued + LIFETIME,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "local"})

    def read(self, token: str) -> User:
        """Raises TokenRefused. The algorithm, audience and issuer are fixed; nothing in the token chooses them."""
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self.issuer,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from None
        facilities = claims.get("facilities", [])
        return User(
            str(claims["sub"]),
            str(claims.get("role", "")),
            tuple(str(f) for f in facilities),
            OURS,
            float(claims["iat"]),
        )

    def jwks(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "local", "use": "sig", "alg": "RS256"}]}


def issuer_said(token: str) -> str:
    """Whose token it claims to be: only which verifier is asked depends on it. Raises TokenRefused."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise TokenRefused(type(error).__name__) from None
    return str(claims.get("iss", ""))
