"""What every request meets before its route: how often, from where, how large, how deep, how long; and the headers every
answer carries. Plain ASGI, so that streams stay streams."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from api.errors import respond
from api.headers import HEADERS, ONE_YEAR, STATIC_CACHE
from api.rates import Rates, address_key
from definitions.errors import ErrorType, Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Inner = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN: Final = frozenset({"/oauth/token", "/login"})
SIGN_IN_BYTES: Final = 8_000
FORM_BYTES: Final = 1_100_000
"""The page that takes a bundle as a file (api/web/newcomer.py), with its other fields."""
BODY_BYTES: Final = 256_000
OWN_LIMIT: Final = re.compile(
    r"/v1/episodes/import|/v1/payers/[^/]+/x12|/fhir/payers/[^/]+/notifications|/v1/episodes/[^/]+/documents|/v1/documents/[^/]+/amend|/fhir/DocumentReference"
)
"""Routes that take files: they read part by part, after asking for the token, no further than their own limit."""
BODY_SECONDS: Final = 30.0
DEPTH: Final = 32
"""Of JSON. Our deepest body has five levels; a parser's own limit is a crash of its stack."""
_MARKS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape, and not a backslash that is escaped itself."""


class Guard:
    def __init__(
        self, app: Inner, *, public_url: str, rates: Rates, body_seconds: float = BODY_SECONDS,
        also: Mapping[str, str | None] | None = None,
    ) -> None:  # fmt: skip
        """`also`: by path the one other origin whose pages may send there, with a token of their own."""
        self._also = dict(also or {})
        self._app = app
        self._rates = rates
        self._seconds = body_seconds
        parts = urlsplit(public_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._secure = parts.scheme == "https"

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        speak = self._speaking(scope["path"], send)
        headers = Headers(scope=scope)
        refused = self._too_often(scope) or self._from_elsewhere(scope["method"], scope["path"], headers)
        if refused is None and (b"%00" in scope.get("query_string", b"") or "\x00" in scope["path"]):
            refused = _unwritable()
        if refused is None and OWN_LIMIT.fullmatch(scope["path"]):
            receive = self._hurried(receive)
        elif refused is None and _has_body(headers):
            read = await self._read(scope["path"], headers, receive)
            refused = read if isinstance(read, tuple) else None
            receive = _again(read, receive) if isinstance(read, bytes) else receive
        if refused is not None:
            refusal, status, more = refused
            answer = respond(refusal, status)
            answer.headers.update(more)
            await answer(scope, receive, speak)
            return
        await self._app(scope, receive, speak)

    def _too_often(self, scope: MutableMapping[str, Any]) -> "Refused | None":
        """An address is what the server saw, or what a proxy that is trusted said (FORWARDED_ALLOW_IPS)."""
        client = scope.get("client")
        key = address_key(client[0]) if client else "unknown"
        wait = self._rates.address.take(key)
        if not wait and scope["path"] in SIGN_IN and scope["method"] == "POST":
            wait = self._rates.sign_in.take(key)
        return too_often(wait) if wait else None

    def _from_elsewhere(self, method: str, path: str, headers: Headers) -> "Refused | None":
        """A browser says where a request was made. Browsers that say nothing of it (`Sec-Fetch-Site`) say the origin;
        other programs say neither, and hold no cookie that somebody else could use."""
        if method in SAFE:
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if origin is not None and origin == self._also.get(path):
            return None
        if site in ("same-origin", "none") if site is not None else origin in (None, self._origin):
            return None
        detail = "this was sent from another site; open the page here and repeat"
        return Refusal(code=ErrorType.FORBIDDEN, detail=detail), 403, {}

    async def _read(self, path: str, headers: Headers, receive: Receive) -> "bytes | Refused | None":
        """The whole body; a refusal; None when the sender went away."""
        most = SIGN_IN_BYTES if path in SIGN_IN else FORM_BYTES if path == "/episodes/new" else BODY_BYTES
        said = headers.get("content-length", "")
        if said.isdigit() and int(said) > most:
            return _too_large(most)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > most:
                        return _too_large(most)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            return _too_slow()
        if "json" in headers.get("content-type", "json") and too_deep(bytes(body)):
            detail = f"the body is nested more than {DEPTH} deep"
            return Refusal(code=ErrorType.INVALID_REQUEST, detail=detail), 422, {}
        if unwritable(bytes(body), headers.get("content-type", "json")):
            return _unwritable()
        return bytes(body)

    def _hurried(self, receive: Receive) -> Receive:
        """The same parts, but all of them within the time a body may take; later the sender counts as gone."""
        end = asyncio.get_running_loop().time() + self._seconds
        whole = False

        async def part() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}
            whole = not message.get("more_body", False)
            return message

        return part

    def _speaking(self, path: str, send: Send) -> Send:
        async def speak(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if path.startswith("/static/"):
                    headers["Cache-Control"] = STATIC_CACHE
                if self._secure:
                    headers["Strict-Transport-Security"] = ONE_YEAR
            await send(message)

        return speak


Refused = tuple[Refusal, int, dict[str, str]]


def too_often(wait: int) -> Refused:
    refusal = Refusal(code=ErrorType.TOO_OFTEN, detail=f"too many requests; wait {wait} s and try again")
    return refusal, 429, {"Retry-After": str(wait)}


def _too_large(most: int) -> Refused:
    return Refusal(code=ErrorType.INVALID_REQUEST, detail=f"send at most {most} bytes at a time"), 413, {}


def _too_slow() -> Refused:
    return Refusal(code=ErrorType.INVALID_REQUEST, detail="the body did not arrive in time; send it again"), 408, {}


def _unwritable() -> Refused:
    detail = "the character U+0000 cannot be kept in a text; leave it out"
    return Refusal(code=ErrorType.INVALID_REQUEST, detail=detail), 422, {}


def unwritable(body: bytes, kind: str) -> bool:
    """Whether a text in it holds U+0000. No database text can; sent on in a command, it would be tried for ever."""
    if "json" in kind:
        return _NUL.search(body) is not None
    return "urlencoded" in kind and b"%00" in body


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was read, then whatever the connection says."""
    given = False

    async def part() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return part


def too_deep(body: bytes, most: int = DEPTH) -> bool:
    """Whether brackets outside of texts stand more than `most` deep."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth = 0
    for mark in _MARKS.finditer(body):
        if mark[1]:
            depth += 1
            if depth > most:
                return True
        elif mark[2]:
            depth -= 1
    return False
