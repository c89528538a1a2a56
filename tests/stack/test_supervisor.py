"""Parts that die are started again, parts that must stop stop in order, nothing outlives its starter."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no type information
import pytest

from local.stack.process import ChildProcess, wait_until
from local.stack.supervisor import BACKOFF_SECONDS, STEADY_SECONDS, Supervisor

STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"


class Told:
    """A supervisor and everything it said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pids: dict[str, int] = {}
        self.supervisor = Supervisor(
            say=self.lines.append, changed=self._changed, log_hint=lambda name: f" ({name}.log)"
        )

    def _changed(self, pids: dict[str, int]) -> None:
        self.pids = pids


def child(tmp_path: Path, name: str, code: str = "import time; time.sleep(60)") -> ChildProcess:
    made = ChildProcess(name, [sys.executable, "-c", code], log=tmp_path / f"{name}.log")
    made.start()
    return made


def test_a_part_that_dies_is_started_again_with_a_line(tmp_path: Path) -> None:
    told, part = Told(), child(tmp_path, "worker")
    told.supervisor.adopt("worker", part)
    first = part.pid
    part.kill()
    now = time.monotonic()
    told.supervisor.tend(now)
    assert told.lines == ["worker stopped (signal 9); starting it again in 0.5 s (worker.log)"]
    told.supervisor.tend(now + 0.4)
    assert part.pid is None
    told.supervisor.tend(now + 0.6)
    assert part.pid not in (None, first)
    assert told.lines[-1] == "worker runs again"
    assert told.pids == {"worker": part.pid}
    told.supervisor.stop(lambda: 10.0)


def test_a_part_that_keeps_dying_waits_longer_each_time(tmp_path: Path) -> None:
    told, part = Told(), child(tmp_path, "api", "raise SystemExit(3)")
    told.supervisor.adopt("api", part)
    now, waited = time.monotonic(), []
    for _ in range(len(BACKOFF_SECONDS) + 1):
        assert wait_until(lambda: part.status is not None, seconds=20)
        told.supervisor.tend(now)
        waited.append(float(told.lines[-1].split(" again in ")[1].split(" s")[0]))
        now += waited[-1] + 0.1
        told.supervisor.tend(now)
    assert waited == [*BACKOFF_SECONDS, BACKOFF_SECONDS[-1]]
    assert "status 3" in told.lines[0]
    told.supervisor.stop(lambda: 10.0)


def test_a_part_that_ran_long_is_restarted_quickly(tmp_path: Path) -> None:
    told, part = Told(), child(tmp_path, "api")
    told.supervisor.adopt("api", part)
    for _ in range(2):
        part.kill()
        now = time.monotonic()
        told.supervisor.tend(now)
        told.supervisor.tend(now + 5)
        told.supervisor.tend(now + 6 + STEADY_SECONDS)
    part.kill()
    told.supervisor.tend(time.monotonic())
    assert [line.split(" again in ")[1][:5] for line in told.lines if " again in " in line] == ["0.5 s"] * 3
    told.supervisor.stop(lambda: 10.0)


def test_stopping_goes_backwards_and_ends_the_stubborn(tmp_path: Path) -> None:
    told = Told()
    first, second = child(tmp_path, "first"), child(tmp_path, "second", STUBBORN)
    assert wait_until(lambda: "up" in second.last_lines(), seconds=20)
    told.supervisor.adopt("first", first)
    told.supervisor.adopt("second", second)
    told.supervisor.stop(lambda: 0.5)
    assert told.lines == ["second did not stop in time and was ended", "first stopped"]
    assert (first.pid, second.pid) == (None, None)
    told.supervisor.stop(lambda: 0.5)
    assert len(told.lines) == 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_dies_with_its_starter(tmp_path: Path, how: signal.Signals) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from local.stack.process import ChildProcess\n"
        f"log = pathlib.Path({str(tmp_path / 'c.log')!r})\n"
        "c = ChildProcess('c', [sys.executable, '-c', 'import time; time.sleep(60)'], log=log)\n"
        "c.start(); print(c.pid, flush=True); time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root) as starter:
        assert starter.stdout is not None
        grandchild = psutil.Process(int(starter.stdout.readline()))
        starter.send_signal(how)
        starter.wait()
    gone, _ = psutil.wait_procs([grandchild], timeout=10)
    assert gone or grandchild.status() == psutil.STATUS_ZOMBIE


def test_a_log_that_grew_too_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.stack.process.LOG_BYTES_MAX", 10)
    (tmp_path / "part.log").write_text("an old and long log\n")
    part = child(tmp_path, "part", "print('new')")
    assert wait_until(lambda: part.status is not None, seconds=20)
    assert part.last_lines() == "new"
    assert (tmp_path / "part.log.1").read_text() == "an old and long log\n"
