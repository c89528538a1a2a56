"""People who keep working while the house goes down: one key per command, repeated until somebody answers."""

import time
from typing import Any

import httpx2

from local.bundles.generate import bundle
from local.rehearsal.caller import Caller, Refused
from local.rehearsal.driver import Driver
from local.rehearsal.stage import Stage

PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 0.2
BED_ATTEMPTS_MAX = 5
NEXT = {"3.5": "2.5", "2.5": "2.1", "2.1": None}
"""Where the next decision leads from each level; None: the episode ends."""


class NotAnswered(Exception):
    """A command got no answer within the patience of a person: it is lost."""


class Patient(Caller):
    """A caller that outlives the parts: what fails in the line or in the house is said again with the same key."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix)
        self.sent = 0
        self.repeated = 0

    def get(self, role: str, path: str, **params: Any) -> dict[str, Any]:
        return self._until_answered(path, lambda: super(Patient, self).get(role, path, **params))

    def post(self, role: str, path: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        self.sent += 1
        said = key or f"{self._prefix}-{self.sent:06d}-own"
        return self._until_answered(path, lambda: super(Patient, self).post(role, path, body, key=said))

    def _until_answered(self, path: str, ask: Any) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer: dict[str, Any] = ask()
                return answer
            except (httpx2.HTTPError, TimeoutError, ValueError) as trouble:
                problem: Exception = trouble
            except Refused as refusal:
                if refusal.status < httpx2.codes.INTERNAL_SERVER_ERROR:
                    raise
                problem = refusal
            if time.monotonic() > deadline:
                raise NotAnswered(f"{path}: {type(problem).__name__} after {PATIENCE_SECONDS:.0f} s") from problem
            self.repeated += 1
            time.sleep(PAUSE_SECONDS)


class Actor:
    """One clinician's case load: each turn somebody is admitted, moved down or discharged."""

    def __init__(self, url: str, driver: Driver, number: int) -> None:
        self._url, self._driver, self._number = url, driver, number
        self._caller = Patient(url, f"chaos-{number}")
        self._people: list[tuple[Stage, str]] = []
        self._turns = 0
        self.executed: set[str] = set()
        self.refused: list[str] = []

    @property
    def sent(self) -> int:
        return self._caller.sent

    @property
    def repeated(self) -> int:
        return self._caller.repeated

    def turn(self) -> None:
        """One person's step. A refusal is an answer; it is kept, for none is expected."""
        self._turns += 1
        try:
            if self._turns % 3 == 1 or not self._people:
                self._admit()
            else:
                self._onward(*self._people.pop(0))
        except Refused as refusal:
            self.refused.append(str(refusal))

    def _admit(self) -> None:
        name = f"chaos-{self._number}-{self._turns:04d}"
        stage = Stage(self._caller, self._driver, name, lambda _: None)
        stage.refer(bundle(1000 + self._number, self._turns))
        level = "3.5" if self._turns % 2 else "2.5"
        stage.intake(level)
        self._moved(stage, level)

    def _onward(self, stage: Stage, level: str) -> None:
        following = NEXT[level]
        if following is None:
            stage.end("completed", "goals met")
            return
        stage.clear_alerts()
        stage.sign_presented()
        stage.rate(following)
        self._moved(stage, following)

    def _moved(self, stage: Stage, level: str) -> None:
        if self._approved(stage, level) != "executed":
            self.refused.append(f"{stage.name}: the move to {level} was answered without being executed")
            return
        self.executed |= {t["id"] for t in stage.page()["transitions"] if t["status"] == "executed"}
        self._people.append((stage, level))

    def _approved(self, stage: Stage, level: str) -> str:
        """Two who approve at one moment may be given one bed; the second is told to choose again, and does."""
        try:
            return stage.move(level)
        except Refused as refusal:
            if refusal.code != "bed_taken":
                raise
        for _ in range(BED_ATTEMPTS_MAX):
            waiting = next(t["id"] for t in stage.page()["transitions"] if t["status"] == "pending")
            try:
                return str(stage.approve(waiting)["status"])
            except Refused as refusal:
                if refusal.code != "bed_taken":
                    raise
        return "bed_taken"

    def close_midnight(self, facility: str, on: str) -> None:
        self._caller.post("director", f"/v1/facilities/{facility}/midnight-close", {"date": on})

    def go_home(self) -> None:
        self._caller.close()
