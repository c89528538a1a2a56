"""What a request meets before its route: size, depth, origin, time and how often; and what every answer says."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest

from api.guard import BODY_BYTES, DEPTH, SIGN_IN_BYTES, Guard, too_deep, unwritable
from api.headers import HEADERS
from api.rates import Buckets, Rate, Rates, address_key
from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from runtime.settings import Settings
from tests.api.test_policy import settings

HOME = "http://127.0.0.1:8700"


def test_every_answer_carries_the_headers(house: House, caller: Caller) -> None:
    with httpx2.Client(base_url=house.url, timeout=20) as client:
        answers = [
            client.get("/healthz"), client.get("/login"), client.get("/v1/episodes"), client.get("/no/such/page"),
            client.post("/v1/episodes", json={}), client.get("/queue"), client.get("/static/page.css"),
            client.post("/oauth/token", data={"grant_type": "x"}), client.get("/static/none.css"),
        ]  # fmt: skip
    for answer in answers:
        for name, value in HEADERS.items():
            if name == "Cache-Control" and "/static/" in str(answer.url):
                continue
            assert answer.headers[name] == value, f"{answer.url}: {name}"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    assert answers[6].headers["cache-control"].startswith("public")


@pytest.mark.parametrize(
    ("path", "most"), [("/v1/episodes", BODY_BYTES), ("/oauth/token", SIGN_IN_BYTES), ("/login", SIGN_IN_BYTES)]
)
def test_a_body_that_is_too_large_is_refused_said_or_not(house: House, path: str, most: int) -> None:
    with httpx2.Client(base_url=house.url, timeout=20) as client:
        said = client.post(path, content=b" " * (most + 1), headers={"Content-Type": "application/json"})
        unsaid = client.post(path, content=iter([b" " * most, b" "]), headers={"Content-Type": "application/json"})
    assert [said.status_code, unsaid.status_code] == [413, 413]
    assert said.json()["type"] == "urn:stepdown:error:invalid_request"


@pytest.mark.parametrize("path", ["/v1/payers/meridian/x12", "/v1/episodes/import"])
def test_files_ask_for_the_token_before_they_are_read(house: House, path: str) -> None:
    """Nobody can make the house hold megabytes without a token."""
    with httpx2.Client(base_url=house.url, timeout=20) as client:
        answer = client.post(path, content=b"x" * 1_500_000, headers={"Idempotency-Key": "a-large-file-1"})
    assert answer.status_code == 401


def test_json_that_nests_too_deep_is_refused_before_it_is_parsed(house: House, caller: Caller) -> None:
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    headers = {**caller._headers("admissions"), "Idempotency-Key": "deep-0001", "Content-Type": "application/json"}
    with httpx2.Client(base_url=house.url, timeout=20) as client:
        answer = client.post("/v1/episodes", content=deep, headers=headers)
        bundle = client.post("/v1/episodes/import", content=deep, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (422, f"the body is nested more than {DEPTH} deep")
    assert (bundle.status_code, bundle.json()["code"]) == (422, "import_invalid")


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        (b"[" * DEPTH + b"]" * DEPTH, False),
        (b"[" * (DEPTH + 1), True),
        (b'{"a":' * (DEPTH + 1), True),
        (b'["' + b"[" * 500 + b'"]', False),
        (b'["\\"' + b"[" * 500 + b'"]', False),
        (b'["\\\\",' + b"[" * DEPTH, True),
        (b"[],{}" * 1000, False),
    ],
)
def test_depth_counts_brackets_outside_of_texts(text: bytes, deep: bool) -> None:
    assert too_deep(text) is deep


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 401),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 401),
    ],
)
def test_a_browser_on_another_site_sends_nothing_here(house: House, said: dict[str, str], status: int) -> None:
    """Signing in included: nobody is signed in as somebody else from a page of theirs."""
    with httpx2.Client(base_url=house.url, timeout=20) as client:
        for path in ("/login", "/oauth/token"):
            form = {"grant_type": "password", "username": "ghost", "password": "x"}
            answer = client.post(path, data=form, headers=said)
            assert answer.status_code == status, (path, answer.text)
            assert "set-cookie" not in answer.headers


def test_headers_have_a_limit(house: House) -> None:
    with httpx2.Client(base_url=house.url, timeout=20) as client:
        try:
            status = client.get("/healthz", headers={"X-Long": "x" * 200_000}).status_code
        except httpx2.HTTPError:
            status = 400  # the connection was closed while we were still sending
        assert status == 400
        assert client.get("/healthz").status_code == 200


class Spoken:
    """An app that reads its body and says so, and a sender that gives parts when asked."""

    def __init__(self, *parts: bytes | None) -> None:
        self.parts = list(parts)
        self.received: list[bytes] = []
        self.sent: list[MutableMapping[str, Any]] = []

    async def app(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            self.received.append(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive(self) -> MutableMapping[str, Any]:
        part = self.parts.pop(0) if self.parts else None
        if part is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)


def a_request(path: str, client: str = "192.0.2.1", **headers: str) -> dict[str, Any]:
    said = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    return {"type": "http", "method": "POST", "path": path, "headers": said, "client": (client, 1), "query_string": b""}


async def test_a_body_that_dribbles_ends() -> None:
    spoken = Spoken(b"a", b"b")
    guard = Guard(spoken.app, public_url=HOME, rates=Rates(settings(), time.monotonic), body_seconds=0.05)
    await guard(a_request("/v1/episodes", transfer_encoding="chunked"), spoken.receive, spoken.send)
    assert (spoken.sent[0]["status"], spoken.received) == (408, [])


async def test_a_file_that_dribbles_counts_as_a_sender_that_went_away() -> None:
    spoken = Spoken(b"a", b"b")
    guard = Guard(spoken.app, public_url=HOME, rates=Rates(settings(), time.monotonic), body_seconds=0.05)
    await guard(a_request("/v1/episodes/import", transfer_encoding="chunked"), spoken.receive, spoken.send)
    assert spoken.received == [b"a", b"b", b""]


class Watch:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_bucket_empties_and_fills_again() -> None:
    watch = Watch()
    buckets = Buckets(Rate(per_second=2, burst=4), watch)
    assert [buckets.take("a") for _ in range(6)] == [0, 0, 0, 0, 1, 1]
    assert buckets.take("b") == 0
    watch.at = 0.5
    assert [buckets.take("a") for _ in range(2)] == [0, 1]
    watch.at = 1000
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0, 1]


def test_a_flood_of_addresses_takes_no_more_memory() -> None:
    buckets = Buckets(Rate(1, 1), Watch(), remembered=50)
    for number in range(5000):
        buckets.take(str(number))
    assert len(buckets._held) == 50


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::/64"), ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"), ("testclient", "testclient"),
    ],
)  # fmt: skip
def test_one_household_is_one_key(host: str, key: str) -> None:
    assert address_key(host) == key


def limited(**changes: float) -> Settings:
    return Settings.model_validate(settings().model_dump() | changes)


@pytest.mark.parametrize(("path", "most"), [("/oauth/token", 3), ("/login", 3), ("/v1/me", 20)])
async def test_one_address_that_asks_too_often_waits_and_others_do_not(path: str, most: int) -> None:
    spoken = Spoken()
    rates = Rates(limited(sign_ins_per_minute=3, address_requests_per_second=2), Watch())
    guard = Guard(spoken.app, public_url="https://house.example", rates=rates)

    async def empty() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    for _ in range(most + 1):
        await guard(a_request(path), empty, spoken.send)
    heads = [m for m in spoken.sent if m["type"] == "http.response.start"]
    assert [m["status"] for m in heads] == [200] * most + [429]
    told = {n.decode().lower(): v.decode() for n, v in heads[-1]["headers"]}
    assert int(told["retry-after"]) >= 1
    assert told["strict-transport-security"].startswith("max-age=")
    await guard(a_request(path, client="192.0.2.2"), empty, spoken.send)
    assert [m["status"] for m in spoken.sent if m["type"] == "http.response.start"][-1] == 200


def test_a_client_that_says_it_is_tls_is_not_understood_and_nothing_breaks(house: House) -> None:
    """Garbage where a request line should be."""
    host = urlsplit(house.url)
    assert host.hostname
    assert host.port
    with socket.create_connection((host.hostname, host.port), timeout=10) as raw:
        context = ssl.create_default_context()
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(raw, server_hostname="localhost")
    assert httpx2.get(f"{house.url}/healthz", timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "refused"),
    [
        (b'{"reason": "a\\u0000b"}', "application/json", True),
        (b'{"reason": "a\\\\\\u0000"}', "application/json", True),
        (b'{"reason": "a\\\\u0000"}', "application/json", False),  # a backslash and five characters
        (b"reason=a%00b", "application/x-www-form-urlencoded", True),
        (b"reason=a%2500b", "application/x-www-form-urlencoded", False),
        (b"\x00\x01", "application/pdf", False),
    ],
)
def test_a_text_with_the_null_character_is_refused_at_the_door(body: bytes, kind: str, refused: bool) -> None:
    """It was a fault of the house, and in a command to a workflow one that would be tried again for ever."""
    assert unwritable(body, kind) is refused


def test_the_null_character_is_refused_in_addresses_and_bodies(caller: Caller) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: caller.get("reviewer", "/v1/authorizations", payer="\x00"),
        lambda: caller.get("reviewer", "/v1/definitions/a%00b"),
        lambda: caller.post("reviewer", f"/v1/items/{UUID(int=5)}/resolve", {"resolution": "a\x00b"}),
    ]
    for ask in asks:
        with pytest.raises(Refused) as refused:
            ask()
        assert (refused.value.status, refused.value.code) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/codec/decode", "https://temporal.example", 200),
        ("/codec/decode", "https://other.example", 403),
        ("/v1/episodes", "https://temporal.example", 403),
    ],
)
async def test_the_one_other_origin_may_send_to_its_one_path(path: str, origin: str, status: int) -> None:
    spoken = Spoken()
    guard = Guard(
        spoken.app, public_url="https://house.example", rates=Rates(settings(), Watch()),
        also={"/codec/decode": "https://temporal.example"},
    )  # fmt: skip

    async def empty() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    asked = a_request(path, origin=origin, sec_fetch_site="cross-site")
    await guard(asked | {"method": "POST"}, empty, spoken.send)
    assert [m["status"] for m in spoken.sent if m["type"] == "http.response.start"] == [status]
