"""`make up` with everything: it serves, a killed part comes back, it stops clean and continues."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # no type information
import pytest

from local.stack.process import free_port, wait_until
from tests.stack.running import Running, environment_for, parts

PARTS = ("postgres", "temporal", "payer", "worker", "api")
READY_SECONDS = 180


class House:
    """One installation on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.environment = environment_for(
            folder,
            STEPDOWN_API_PORT=str(self.port),
            STEPDOWN_PARTNER_BASE_URL=f"http://127.0.0.1:{free_port()}",
        )

    def up(self) -> Running:
        running = Running(self.environment)
        running.wait_for(f"serves at http://127.0.0.1:{self.port}", READY_SECONDS)
        running.wait_for("the password is: local")
        return running

    def get(self, path: str, token: str | None = None) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""

    def sign_in(self, name: str) -> str:
        form = urllib.parse.urlencode({"grant_type": "password", "username": name, "password": "local"}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/oauth/token", form, timeout=30) as answer:
            return str(json.loads(answer.read())["access_token"])

    def episodes(self) -> list[str]:
        status, body = self.get("/v1/episodes", self.sign_in("admissions"))
        assert status == 200
        return sorted(str(item["id"]) for item in json.loads(body)["items"])


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


@pytest.fixture
def running(house: House) -> Iterator[Running]:
    started = house.up()
    yield started
    started.end()


def test_it_serves_survives_kills_stops_clean_and_continues(house: House, running: Running) -> None:
    assert house.get("/readyz")[0] == 200
    assert house.get("/v1/episodes")[0] == 401
    people = house.episodes()
    assert people, "the demo facility is empty"

    for name in ("worker", "api", "payer"):
        psutil.Process(parts(house.environment)[name]).kill()
    for name in ("worker", "api", "payer"):
        running.wait_for(f"{name} runs again")
    assert wait_until(lambda: house.get("/readyz")[0] == 200, seconds=60)

    processes = [psutil.Process(pid) for pid in parts(house.environment).values()]
    assert len(processes) == len(PARTS)
    assert running.end() == 0
    assert not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert not [line for line in running.lines if "did not stop in time" in line]
    assert house.get("/healthz")[0] == 0

    again = house.up()
    try:
        assert not [line for line in again.lines if "demo facility is loaded" in line]
        assert house.episodes() == people
    finally:
        assert again.end() == 0
