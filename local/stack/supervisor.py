"""Keeps the parts running: one that dies is started again, later each time, with a line that says so."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from local.stack.errors import StackError

BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_SECONDS: Final = 60.0
"""After running this long a part counts as healthy, and its next restart is quick again."""


class Part(Protocol):
    """Something that runs: a server or a process of ours."""

    @property
    def pid(self) -> int | None: ...

    @property
    def status(self) -> int | None: ...

    def start(self) -> None: ...

    def stop(self, seconds: float = ...) -> bool: ...


@dataclass
class Watched:
    name: str
    part: Part
    falls: int = 0
    started: float = field(default_factory=time.monotonic)
    restart_at: float | None = None

    @property
    def backoff_seconds(self) -> float:
        return BACKOFF_SECONDS[min(self.falls, len(BACKOFF_SECONDS)) - 1]


class Supervisor:
    """`say` gets sentences for the terminal; `changed` is called after a start or restart, with the pids."""

    def __init__(
        self, *, say: Callable[[str], None], changed: Callable[[dict[str, int]], None], log_hint: Callable[[str], str]
    ) -> None:
        self._say = say
        self._changed = changed
        self._log_hint = log_hint
        self._parts: list[Watched] = []

    def adopt(self, name: str, part: Part) -> None:
        """Watch a part that runs already. Parts are stopped in the reverse order of adoption."""
        self._parts.append(Watched(name, part))
        self._changed(self.pids())

    def pids(self) -> dict[str, int]:
        return {w.name: w.part.pid for w in self._parts if w.part.pid is not None}

    def tend(self, now: float) -> None:
        """Look at every part once: note who died, start again whose time has come. `now` is monotonic."""
        for watched in self._parts:
            if watched.part.pid is not None:
                if watched.falls and now - watched.started > STEADY_SECONDS:
                    watched.falls = 0
            elif watched.restart_at is None:
                watched.falls += 1
                watched.restart_at = now + watched.backoff_seconds
                self._say(
                    f"{watched.name} stopped ({_ending(watched.part.status)}); starting it again in "
                    f"{watched.backoff_seconds:g} s{self._log_hint(watched.name)}"
                )
            elif now >= watched.restart_at:
                self._restart(watched, now)

    def stop(self, seconds: Callable[[], float]) -> None:
        """Stop all parts, last first; each has `seconds()` to leave by itself before it is killed."""
        for watched in reversed(self._parts):
            if watched.part.pid is None:
                continue
            went = watched.part.stop(seconds())
            self._say(f"{watched.name} stopped" if went else f"{watched.name} did not stop in time and was ended")
        self._parts.clear()

    def _restart(self, watched: Watched, now: float) -> None:
        watched.restart_at = None
        watched.started = now
        try:
            watched.part.start()
        except StackError as error:
            self._say(f"{watched.name}: {error}")
            return
        self._say(f"{watched.name} runs again")
        self._changed(self.pids())


def _ending(status: int | None) -> str:
    if status is None:
        return "it never ran"
    return f"signal {-status}" if status < 0 else f"status {status}"
