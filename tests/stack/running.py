"""`python -m local.stack up` as a process of its own, for tests that watch it from outside."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "local.stack"]


class Running:
    """A running `up`, and every line it said so far."""

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "up", *options],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """The first line that holds `text`; fails with everything said when it never comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if text in line:
                    return line
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.05)
        raise AssertionError(f"it never said {text!r}: " + "\n".join(self.lines))

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop, wait, and answer its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(90)
        self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


def environment_for(folder: Path, **settings: str) -> dict[str, str]:
    """This process's environment without settings of ours, and with `folder` for the data."""
    bare = {k: v for k, v in os.environ.items() if not k.startswith("STEPDOWN_")}
    return bare | {"STEPDOWN_DATA_DIR": str(folder)} | settings


def say(environment: dict[str, str], *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run one of the other commands to its end: status and everything it said."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=environment, input=typed, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def parts(environment: dict[str, str]) -> dict[str, int]:
    """Process ids of what runs, by part."""
    said = json.loads((Path(environment["STEPDOWN_DATA_DIR"]) / "running.json").read_text())
    return {name: pid for name, (pid, _born) in said.items()}
