"""An OIDC issuer in a process of its own, for tests: `python -m tests.api.oidc_peer PORT`.

It signs what a test asks it to (`POST /control/token`), changes its keys, counts who asks for them, and answers the code
flow for one person. Everything real but the people."""

import base64
import hashlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


class Issuer:
    def __init__(self, port: int) -> None:
        self.name = f"http://127.0.0.1:{port}/realm"
        self.keys: dict[str, Any] = {}
        self.asked = 0
        self.codes: dict[str, dict[str, str]] = {}
        self.person: dict[str, Any] = {"sub": "p-17", "groups": ["reviewers"]}
        self.rotate("RS256")

    def rotate(self, algorithm: str) -> str:
        """A new key; the old ones are published no more."""
        made: Any = (
            ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
        )
        kid = f"k{time.monotonic_ns()}"
        self.keys = {kid: (made, algorithm)}
        return kid

    def jwks(self) -> dict[str, Any]:
        self.asked += 1
        found = []
        for kid, (key, algorithm) in self.keys.items():
            kind = ECAlgorithm if algorithm == "ES256" else RSAAlgorithm
            found.append({**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": algorithm})
        return {"keys": found}

    def token(self, claims: dict[str, Any], head: dict[str, Any], algorithm: str | None = None) -> str:
        kid, (key, own) = next(iter(self.keys.items()))
        now = time.time()
        whole = {"iss": self.name, "aud": "stepdown", "iat": now, "exp": now + 600, "sub": "p-17", **claims}
        said = {n: v for n, v in whole.items() if v is not None}
        secret = "none-of-yours-and-long-enough-to-pass" if algorithm == "HS256" else key
        if algorithm == "none":
            secret = None
        return jwt.encode(said, secret, algorithm=algorithm or own, headers={"kid": kid, **head})

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.name, "jwks_uri": f"{self.name}/keys", "authorization_endpoint": f"{self.name}/authorize",
            "token_endpoint": f"{self.name}/token",
        }  # fmt: skip

    def authorize(self, query: dict[str, list[str]]) -> str:
        """Signs the one person in at once."""
        code = f"c{time.monotonic_ns()}"
        self.codes[code] = {n: query[n][0] for n in ("nonce", "code_challenge", "redirect_uri", "client_id")}
        return f"{query['redirect_uri'][0]}?{urlencode({'code': code, 'state': query['state'][0]})}"

    def change(self, form: dict[str, list[str]]) -> dict[str, Any] | None:
        kept = self.codes.pop(form["code"][0], None)
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        if kept is None or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != kept["code_challenge"]:
            return None
        if form.get("client_secret") != ["pages-secret"] or form["redirect_uri"][0] != kept["redirect_uri"]:
            return None
        claims = {"aud": kept["client_id"], "nonce": kept["nonce"], **self.person}
        return {"id_token": self.token(claims, {}), "token_type": "Bearer"}


def handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def _say(self, body: Any, status: int = 200, **headers: str) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(text)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/realm/.well-known/openid-configuration":
                self._say(issuer.document())
            elif parts.path == "/realm/keys":
                self._say(issuer.jwks())
            elif parts.path == "/realm/authorize":
                self._say({}, 302, Location=issuer.authorize(parse_qs(parts.query)))
            elif parts.path == "/control/asked":
                self._say(issuer.asked)
            else:
                self._say({}, 404)

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            if self.path == "/realm/token":
                made = issuer.change(parse_qs(text))
                self._say(made or {"error": "invalid_grant"}, 200 if made else 400)
                return
            said = json.loads(text or "{}")
            if self.path == "/control/token":
                self._say(issuer.token(said.get("claims", {}), said.get("head", {}), said.get("algorithm")))
            elif self.path == "/control/rotate":
                self._say(issuer.rotate(said.get("algorithm", "RS256")))
            elif self.path == "/control/person":
                issuer.person = said
                self._say(said)
            else:
                self._say({}, 404)

    return Handler


if __name__ == "__main__":
    port = int(sys.argv[1])
    ThreadingHTTPServer(("127.0.0.1", port), handler(Issuer(port))).serve_forever()
