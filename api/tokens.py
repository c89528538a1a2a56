"""Bearer tokens: RS256, our own issuer for local users and payer machines, any OIDC issuer in production."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from runtime.settings import Settings

LIFETIME = timedelta(hours=8)
ALGORITHMS = ["RS256"]
REQUIRED = ["exp", "iat", "sub", "aud", "iss"]


@dataclass(frozen=True, slots=True)
class User:
    """Who is asking. `role` decides what, `facilities` whose."""

    username: str
    role: str
    facilities: tuple[str, ...]

    @property
    def actor(self) -> str:
        return f"{self.role}:{self.username}"


class TokenRefused(Exception):
    """The token is missing, wrong, expired or from somebody else."""


class TokenIssuer:
    def __init__(self, settings: Settings) -> None:
        self._audience = settings.token_audience
        self._issuer = settings.oidc_issuer or settings.public_url
        self._remote = jwt.PyJWKClient(settings.oidc_jwks_url) if settings.oidc_jwks_url else None
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
            "iss": self._issuer,
            "iat": issued,
            "exp": issued + LIFETIME,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "local"})

    def read(self, token: str) -> User:
        """Raises TokenRefused. The algorithm, audience and issuer are fixed; nothing in the token chooses them."""
        try:
            key: Any = self._remote.get_signing_key_from_jwt(token).key if self._remote else self._key.public_key()
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from None
        facilities = claims.get("facilities", [])
        return User(str(claims["sub"]), str(claims.get("role", "")), tuple(str(f) for f in facilities))

    def jwks(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "local", "use": "sig", "alg": "RS256"}]}
