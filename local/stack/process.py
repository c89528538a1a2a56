"""One child process: started apart from the terminal, stopped by its own signal, logged to a file."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from local.stack.account import Account
from local.stack.errors import StackError

LOG_BYTES_MAX: Final = 10_000_000
STOP_SECONDS: Final = 20.0
FIRST_PORT: Final = 15_000
LAST_PORT: Final = 32_000
PORT_TRIES: Final = 200
_PR_SET_PDEATHSIG: Final = 1


class ChildProcess:
    """A command that runs until told to stop.

    It gets a session of its own, so that Ctrl-C reaches the supervisor only and the order of stopping is
    ours. On Linux it is told to stop when the thread that started it ends, however that happens: start from
    the main thread."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        account: Account | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = environment
        self.folder = folder
        self.stop_signal = stop_signal
        self.account = account
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs or before it started. Negative: ended by that signal."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        if self.pid is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(self.log)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.environment) if self.environment is not None else None,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=_die_with_parent(self.stop_signal),  # noqa: PLW1509  # we start from one thread only
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
            )

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Ask it to stop and wait; after `seconds` it is killed. Answers whether it went by itself."""
        if self._process is None or self._process.poll() is not None:
            return True
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def last_lines(self, count: int = 8) -> str:
        """The end of its log, for a person who has to know why it did not start."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-count:])


def free_port() -> int:
    """A port that nobody listens on now, on the loopback address. It lies below those that systems hand out for outgoing
    connections: one of these could take it before its owner listens."""
    for _ in range(PORT_TRIES):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        if not port_taken(port):
            return port
    raise StackError(f"no free port between {FIRST_PORT} and {LAST_PORT}; stop what listens there")


def port_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody already listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a connection can be made."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def wait_until(ready: Callable[[], bool], *, seconds: float, pause_seconds: float = 0.05) -> bool:
    """Ask `ready` until it says yes; False when `seconds` passed first."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
    return True


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))


def _die_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    parent = os.getpid()
    # Loaded before the fork: the child of a fork should allocate as little as possible.
    prctl = ctypes.CDLL(None).prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(with_signal))
        if os.getppid() != parent:
            os._exit(1)

    return arrange
