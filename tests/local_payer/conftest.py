"""A real payer process, and a real door for what it delivers late."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from definitions.services_review import ServicesReviewRequest, ServicesReviewResponse
from interchange.x12.acknowledgement import acknowledgements
from interchange.x12.envelope import read_interchanges
from interchange.x12.review_response import parse_answer
from local.stack.process import free_port
from tests.interchange.x12.samples import emitted, only_set

EDI = "application/edi-x12"
SECRET = "test-secret"


@dataclass
class Door:
    """The provider's side: gives tokens, takes X12. `closed`: answers 503; `strange`: no longer knows its tokens."""

    url: str = ""
    closed: bool = False
    tokens: list[str] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    taken: list[tuple[str, str, str | None]] = field(default_factory=list)
    refused: int = 0

    def answers(self) -> list[ServicesReviewResponse]:
        return [parse_answer(*only_set(body)) for _, body, _ in self.taken]

    def wait_for(self, count: int, seconds: float = 15.0) -> None:
        wait_until(lambda: len(self.taken) >= count, seconds)


def wait_until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.03)


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode("utf-8", "replace")
            if door.closed:
                door.refused += 1
                self._say(503, {})
            elif self.path == "/oauth/token":
                door.asked.append(parse_qs(body))
                door.tokens.append(f"token-{len(door.tokens) + 1}")
                self._say(200, {"access_token": door.tokens[-1], "token_type": "bearer"})
            elif not door.tokens or self.headers["authorization"] != f"Bearer {door.tokens[-1]}":
                door.refused += 1
                self._say(401, {})
            else:
                door.taken.append((self.path, body, self.headers["x-business-time"]))
                self._say(200, {})

        def _say(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the test says what matters."""

    return Handler


@pytest.fixture
def door() -> Iterator[Door]:
    with opened_door() as opened:
        yield opened


@contextmanager
def opened_door() -> Iterator[Door]:
    opened = Door()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(opened))
    opened.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield opened
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


class PayerProcess:
    """`python -m local.payer` on a free port."""

    def __init__(self, book: Path, door: Door, *options: str, controlled: bool = False) -> None:
        self._controlled = controlled
        self._command = ["--book", str(book), "--deliver-to", door.url, *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx2.Client(timeout=20)
        self.start()

    def start(self) -> None:
        port = free_port()
        self.url = self.book_url = f"http://127.0.0.1:{port}"
        ports = ["--port", str(port)]
        if self._controlled:
            control = free_port()
            self.book_url = f"http://127.0.0.1:{control}"
            ports += ["--control-port", str(control)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.payer", *ports, *self._command],
            env={**os.environ, "STEPDOWN_LOCAL_PAYER_SECRET": SECRET}, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        wait_until(self._healthy, 30)

    def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the payer did not start"
        try:
            return self.client.get(f"{self.book_url}/healthz").is_success
        except httpx2.HTTPError:
            return False

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(timeout=15)

    def send(
        self, text: str, *, at: str | None = None, payer: str = "meridian", seconds: float = 20
    ) -> httpx2.Response:
        headers = {"content-type": EDI} | ({"x-business-time": at} if at else {})
        return self.client.post(f"{self.url}/x12/{payer}", content=text, headers=headers, timeout=seconds)

    def ask(self, request: ServicesReviewRequest, *, at: str | None = None) -> ServicesReviewResponse:
        said = self.send(emitted(request), at=at)
        assert said.status_code == 200
        assert said.headers["content-type"].startswith(EDI)
        return parse_answer(*only_set(said.text))

    def verdicts(self, text: str, *, at: str | None = None) -> list[str]:
        """AK901 of every 999, or TA1 codes, of what it says to `text`."""
        (interchange,) = read_interchanges(self.send(text, at=at).text)
        return [a.verdict for a in acknowledgements(interchange)] + [a.code for a in interchange.acknowledgements]

    def cases(self) -> list[dict[str, Any]]:
        return self._rows("/book", "cases")

    def reviews(self) -> list[dict[str, Any]]:
        return self._rows("/book/cases", "cases")

    def states(self) -> list[str]:
        return [r["state"] for r in self.reviews()]

    def messages(self, direction: str | None = None) -> list[dict[str, Any]]:
        found = self._rows("/book/messages", "messages")
        return [m for m in found if direction in (None, m["direction"])]

    def _rows(self, path: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"{self.book_url}{path}").json()[name]
        return found

    def next_due(self) -> str | None:
        said: str | None = self.client.get(f"{self.book_url}/book/due").json()["next"]
        return said

    def advance(self, to: str) -> httpx2.Response:
        return self.client.post(f"{self.book_url}/book/advance", json={"to": to})

    def script(self, script: dict[str, Any], **which: Any) -> None:
        said = self.client.post(f"{self.book_url}/script", json={"script": script, **which})
        assert said.status_code == 201, said.text

    def control(self, what: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        said = self.client.post(f"{self.book_url}/control/{what}", json=body)
        assert said.status_code == 200, said.text
        found: dict[str, Any] = said.json()
        return found


Start = Callable[..., PayerProcess]


@pytest.fixture
def start(tmp_path: Path, door: Door) -> Iterator[Start]:
    """Starts a payer on this test's book; several may follow one another."""
    started: list[PayerProcess] = []

    def make(*options: str, controlled: bool = False) -> PayerProcess:
        started.append(PayerProcess(tmp_path / "book.sqlite", door, *options, controlled=controlled))
        return started[-1]

    yield make
    for process in started:
        process.stop(signal.SIGKILL)
        process.client.close()


@pytest.fixture
def driven(start: Start) -> PayerProcess:
    return start("--drive", "driven", "--silence-seconds", "3")
