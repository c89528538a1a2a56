"""The whole product in a folder of its own: servers, payer, worker and API as separate processes."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2

from local.stack.folder import first_settings, with_keyring_file
from local.stack.postgres import QUICK, EmbeddedPostgres
from local.stack.process import ChildProcess, free_port
from local.stack.temporal import EmbeddedTemporal
from runtime.settings import Settings
from storage.row_security import DatabaseRole

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0


class HouseNotReady(Exception):
    """A part did not come up; the message holds the end of its log."""


class House:
    """Start, kill and start again any part by name: postgres, temporal, payer, worker, api."""

    def __init__(self, folder: Path, *, drive: str = "driven", extra: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.api_port, payer_port, self._payer_door = free_port(), free_port(), free_port()
        self.postgres = EmbeddedPostgres(folder / "postgres", options=QUICK)
        self.temporal = EmbeddedTemporal(folder / "temporal.db", log=folder / "temporal.log")
        # The payer's book and controls; requests go to its door, which is shut while it is down.
        self.payer_url = f"http://127.0.0.1:{payer_port}"
        settings = {
            **first_settings(),
            "STEPDOWN_DATABASE_URL": self.postgres.url("stepdown"),
            "STEPDOWN_API_DATABASE_URL": self.postgres.url("stepdown", DatabaseRole.API),
            "STEPDOWN_WORKER_DATABASE_URL": self.postgres.url("stepdown", DatabaseRole.WORKER),
            "STEPDOWN_API_PORT": str(self.api_port),
            "STEPDOWN_PUBLIC_URL": self.url,
            "STEPDOWN_PARTNER_BASE_URL": f"http://127.0.0.1:{self._payer_door}",
            "STEPDOWN_PARTNER_TIMEOUT_SECONDS": "3",
            "STEPDOWN_DRIVE": drive,
            "STEPDOWN_ALLOW_DRIVEN": "true" if drive == "driven" else "false",
            "STEPDOWN_LOG_LEVEL": "warning",
            # Everybody of a rehearsal calls from one address, as fast as the machine can: a limit meant for people would
            # refuse the fifth actor on a quick machine and nobody on a slow one.
            "STEPDOWN_ADDRESS_REQUESTS_PER_SECOND": "100000",
            "STEPDOWN_USER_REQUESTS_PER_SECOND": "100000",
            "STEPDOWN_SIGN_INS_PER_MINUTE": "100000",
            **(extra or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = with_keyring_file(settings, folder / "keyring")
        self._payer_port = payer_port
        self._drive = drive
        self.parts: dict[str, ChildProcess] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def payer_urls(self) -> tuple[str, ...]:
        """Where each payer process shows its book; there may be more than one."""
        return (self.payer_url,)

    @property
    def settings(self) -> Settings:
        names = {k.removeprefix("STEPDOWN_").lower(): v for k, v in self.environment.items()}
        return Settings(**names)  # type: ignore[arg-type]  # texts, as the environment would give them

    def start(self) -> None:
        self.start_servers()
        for name in ("payer", "worker", "api"):
            self.start_part(name)
        self.wait_ready()

    def start_servers(self) -> None:
        self.postgres.start()
        self.postgres.ensure_database("stepdown")
        self.temporal.start()
        self.environment["STEPDOWN_TEMPORAL_ADDRESS"] = self.temporal.address
        self._once("storage.migrate", "upgrade")
        self._once("runtime.temporal")

    def _once(self, module: str, *arguments: str) -> None:
        child = self._child(module, module, *arguments)
        child.start()
        while child.pid is not None:
            time.sleep(0.05)
        if child.status != 0:
            raise HouseNotReady(f"{module} ended with {child.status}:\n{child.last_lines()}")

    def _child(self, name: str, module: str, *arguments: str, without: Sequence[str] = ()) -> ChildProcess:
        environment = {**os.environ, **self.environment, "STEPDOWN_TEMPORAL_ADDRESS": self.temporal.address}
        environment = {name: said for name, said in environment.items() if name not in without}
        environment["STEPDOWN_LOCAL_PAYER_SECRET"] = self.environment["STEPDOWN_PAYER_SECRET"]
        environment["PYTHONUNBUFFERED"] = "1"
        return ChildProcess(
            name, [sys.executable, "-m", module, *arguments], log=self.folder / f"{name}.log",
            environment=environment, folder=ROOT,
        )  # fmt: skip

    def start_part(self, name: str) -> None:
        if name == "postgres":
            self.postgres.start()
            return
        if name == "temporal":
            self.temporal.start()
            return
        if name == "payer":
            child = self._child(
                name, "local.payer", "--port", str(self._payer_door), "--control-port", str(self._payer_port),
                "--book", str(self.folder / "payer.db"), "--deliver-to", self.url, "--drive", self._drive,
            )  # fmt: skip
        else:
            # What serves does not know the owner's address (docs/operations.md, Roles of the database).
            child = self._child(name, name, without=("STEPDOWN_DATABASE_URL",))
        child.start()
        self.parts[name] = child

    def kill(self, *names: str) -> None:
        """At once, as a power cut would; several together."""
        for name in names:
            if name == "postgres":
                self.postgres.kill()
            elif name == "temporal":
                self.temporal.kill()
            else:
                self.parts[name].kill()

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name, part in self.parts.items():
                if part.status is not None:
                    raise HouseNotReady(f"{name} ended with {part.status}:\n{part.last_lines(20)}")
            if self._answers(f"{self.url}/readyz") and self._answers(f"{self.payer_url}/healthz"):
                return
            time.sleep(0.1)
        raise HouseNotReady("not ready in time:\n" + "\n".join(p.last_lines() for p in self.parts.values()))

    @staticmethod
    def _answers(url: str) -> bool:
        try:
            return httpx2.get(url, timeout=2).status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            return False

    def stop(self) -> None:
        for name in ("api", "worker", "payer"):
            if name in self.parts:
                self.parts[name].stop()
        self.temporal.stop()
        self.postgres.stop()
