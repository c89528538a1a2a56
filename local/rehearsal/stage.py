"""What actors do on the stage: the commands of a scenario, each through the API at the business time."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from local.rehearsal.caller import Caller

ZONE = ZoneInfo("America/Chicago")
INTAKE_FORMS = ("treatment", "part2_tpo", "financial", "privacy_notice")
RATINGS = {
    "3.7-WM": {"d1": 4, "d2": 1, "d3": 2, "d4": 2, "d5": 2},
    "3.7": {"d1": 1, "d2": 4, "d3": 2, "d4": 2, "d5": 2},
    "3.5": {"d1": 1, "d2": 1, "d3": 4, "d4": 3, "d5": 3},
    "2.5": {"d1": 1, "d2": 1, "d3": 3, "d4": 2, "d5": 2},
    "2.1": {"d1": 1, "d2": 1, "d3": 2, "d4": 1, "d5": 1},
    "1.5": {"d1": 0, "d2": 0, "d3": 1, "d4": 1, "d5": 1},
}
"""Answers whose neutral placement is the level (LOC-02); other levels need a coded deviation."""

Say = Callable[[str], None]


class BusinessTime(Protocol):
    """A clock that a stage waits on: the driver itself, or one story's part in it."""

    closes: bool

    @property
    def now(self) -> datetime: ...

    async def advance(self, to: datetime) -> None: ...

    async def settle(self) -> None: ...


class Stage:
    """One episode's actors."""

    def __init__(self, caller: Caller, driver: BusinessTime, name: str, say: Say) -> None:
        self.caller = caller
        self.driver = driver
        self.name = name
        self.say = say
        self.episode = ""
        self._marks = 0

    def now(self) -> str:
        return self.driver.now.isoformat()

    def _key(self) -> str:
        self._marks += 1
        return f"{self.name}-{self._marks:04d}"

    def post(self, role: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.caller.post(role, path, body, key=self._key())

    def refer(self, bundle: dict[str, Any]) -> None:
        self.episode = str(self.post("admissions", "/v1/episodes/import", bundle)["episode_id"])
        self.say(f"referral {self.name} opens episode {self.episode[:8]}")

    def sign(self, *forms: str) -> None:
        for form in forms:
            self.post("clinician", f"/v1/episodes/{self.episode}/consents", {"form": form, "signed_at": self.now()})

    def sign_presented(self) -> None:
        page = self.page()
        for consent in page["consents"]:
            if consent["status"] == "presented":
                self.sign(consent["form"])

    def assess(self, instrument: str, **answers: int) -> dict[str, Any]:
        return self.post(
            "clinician",
            f"/v1/episodes/{self.episode}/assessments",
            {"instrument": instrument, "answers": answers, "performed_at": self.now()},
        )

    def rate(self, level: str) -> None:
        """A dimensional assessment that recommends `level`, or the nearest the neutral rule has."""
        self.assess("LOC_DIM", **RATINGS.get(level, RATINGS["2.1"]))

    def page(self) -> dict[str, Any]:
        return self.caller.get("reviewer", f"/v1/episodes/{self.episode}")

    def intake(self, level: str) -> None:
        self.sign(*INTAKE_FORMS)
        self.assess("PRE_SCREEN", done=1)
        self.rate(level)

    def move(self, level: str, *, at: datetime | None = None, urgent: bool = False, program: str | None = None) -> str:
        """Ask, sign off, order and approve. Answers the transition's status."""
        body: dict[str, Any] = {
            "to_level": level,
            "effective_at": (at or self.driver.now).isoformat(),
            "rationale": "criteria for this level met",
            "urgent": urgent,
        }
        if level not in RATINGS:
            body["deviation_reason"] = "clinical_override"
        if program is not None:
            body["program"] = program
        asked = self.post("clinician", f"/v1/episodes/{self.episode}/transitions", body)
        if asked["status"] == "needs_sign_off":
            self.post("clinician", f"/v1/transitions/{asked['subject_id']}/sign-off", {"order": True})
        if asked["status"] != "executed":
            asked = self.approve(asked["subject_id"])
        self.say(f"{self.name}: {level} {asked['status']}")
        return str(asked["status"])

    def approve(self, transition: str) -> dict[str, Any]:
        row = next(t for t in self.page()["transitions"] if t["id"] == transition)
        return self.post(
            "reviewer", f"/v1/transitions/{transition}/decision", {"decision": "approve", "version": row["version"]}
        )

    def clear_alerts(self) -> None:
        """A clinician looks at every open alert and clears it with a reason."""
        for alert in self.page()["alerts"]:
            self.post("clinician", f"/v1/alerts/{alert['id']}/clear", {"reason": "seen, settled, plan adjusted"})

    def leave(self, back: datetime) -> None:
        self.post(
            "clinician",
            f"/v1/episodes/{self.episode}/leave",
            {"kind": "leave", "left_at": self.now(), "expected_return_at": back.isoformat(), "reason": "weekend pass"},
        )
        self.say(f"{self.name}: on leave")

    def come_back(self) -> None:
        self.post("clinician", f"/v1/episodes/{self.episode}/return", {"returned_at": self.now()})
        self.say(f"{self.name}: back from leave")

    def end(self, disposition: str, reason: str) -> None:
        self.post(
            "clinician",
            f"/v1/episodes/{self.episode}/discharge",
            {"disposition": disposition, "effective_at": self.now(), "reason": reason},
        )
        self.say(f"{self.name}: discharged, {disposition}")

    async def wait(self, days: int = 0, hours: int = 0) -> None:
        await self.driver.advance(self.driver.now + timedelta(days=days, hours=hours))

    async def until(self, at: time, days: int = 0) -> None:
        """The next time the facility's clock shows `at`, `days` days later."""
        local = self.driver.now.astimezone(ZONE)
        target = datetime.combine(local.date() + timedelta(days=days), at, tzinfo=ZONE)
        if target <= local:
            target += timedelta(days=1)
        await self.driver.advance(target)
