"""A running house with a few people at every stage, for pages to show."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from local.bundles.generate import DATA, read_folder
from local.rehearsal.caller import Caller
from local.rehearsal.stage import Stage

LEVELS = ("3.7-WM", "3.5", "3.5", "2.5", "3.1", "2.1", "3.7-WM", "3.5", "3.7-WM", "2.5", "3.7", "3.5")


class Wall:
    """Stands where the rehearsal's driver does; time is the wall's."""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)


class Ward:
    """People admitted through the API, by the role that may."""

    def __init__(self, url: str, say: Callable[[str], None] = lambda _: None) -> None:
        self.caller = Caller(url, prefix="ward")
        self.say = say
        self._bundles = iter(read_folder(DATA))
        self._count = 0

    def refer(self, level: str) -> Stage:
        """Somebody new whose referral asks for `level`."""
        self._count += 1
        bundle: dict[str, Any] = next(self._bundles)
        for entry in bundle["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "ServiceRequest":
                resource["code"]["coding"][0]["code"] = level
        stage = Stage(self.caller, Wall(), f"ward-{self._count:03d}", self.say)  # type: ignore[arg-type]
        stage.refer(bundle)
        return stage

    def admit(self, level: str) -> Stage:
        stage = self.refer(level)
        stage.intake(level)
        stage.move(level)
        return stage

    def ask(self, stage: Stage, level: str, *, days: int = 0, minutes: int = 0) -> dict[str, Any]:
        """A request left waiting; a level other than the rated one carries its reason."""
        stage.clear_alerts()
        stage.assess("LOC_DIM", d1=1, d2=1, d3=3, d4=2, d5=2)
        body = {
            "to_level": level,
            "effective_at": (stage.driver.now + timedelta(days=days, minutes=minutes)).isoformat(),
            "rationale": "withdrawal settled, sleeping and eating well, wants to go on by day",
        }
        if level != "2.5":
            body["deviation_reason"] = "patient_preference"
        return stage.post("clinician", f"/v1/episodes/{stage.episode}/transitions", body)

    def close(self) -> None:
        self.caller.close()


def fill(url: str, say: Callable[[str], None] = lambda _: None, *, times: int = 1) -> dict[str, str]:
    """A ward worth looking at; episode ids by what they show. `times` as many people make it fuller."""
    ward = Ward(url, say)
    stages = [ward.admit(level) for level in LEVELS * times]
    asked = ward.ask(stages[1], "2.5")
    if asked["status"] == "needs_sign_off":
        stages[1].post("clinician", f"/v1/transitions/{asked['subject_id']}/sign-off", {"order": True})
    ward.ask(stages[2], "2.1", days=1)
    later = ward.ask(stages[7], "2.5", days=0)
    if later["status"] == "needs_sign_off":
        stages[7].post("clinician", f"/v1/transitions/{later['subject_id']}/sign-off", {"order": True})
    soon = ward.ask(stages[11], "2.5", minutes=45)
    if soon["status"] == "needs_sign_off":
        stages[11].post("clinician", f"/v1/transitions/{soon['subject_id']}/sign-off", {"order": True})
    stages[11].approve(soon["subject_id"])
    stages[4].leave(datetime.now(UTC) + timedelta(days=2))
    waiting = [ward.refer("3.7-WM"), ward.refer("3.5")]
    housed = ward.admit("3.1")
    ward.close()
    return {
        "pending": stages[1].episode,
        "unsigned": stages[2].episode,
        "second": stages[7].episode,
        "leave": stages[4].episode,
        "detox": stages[0].episode,
        "intake": waiting[0].episode,
        "soon": stages[11].episode,
        "leaving": waiting[1].episode,
        "housed": housed.episode,
    }
