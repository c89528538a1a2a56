"""What the reviewer does about the cases of one stage's episode: each act through the API at the business time."""

from datetime import date, datetime
from typing import Any

from local.rehearsal.stage import Stage


class Reviewer:
    """Works on the episode's newest case unless another is chosen with `take`."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._taken: str | None = None

    def cases(self, payer: str | None = None, level: str | None = None) -> list[dict[str, Any]]:
        """In the order they were opened; every field the case's own page shows."""
        found = [
            self.stage.caller.get("reviewer", f"/v1/authorizations/{c['id']}")
            for c in self.stage.page()["authorizations"]
            if payer in (None, c["payer"]) and level in (None, c["level"])
        ]
        return sorted(found, key=lambda c: c["requests"][0]["requested_at"] if c["requests"] else "")

    def take(self, payer: str | None = None, level: str | None = None) -> str:
        """From now on the acts are about this case."""
        self._taken = str(self.cases(payer, level)[-1]["id"])
        return self._taken

    @property
    def case_id(self) -> str:
        return self._taken or str(self.cases()[-1]["id"])

    def case(self) -> dict[str, Any]:
        return self.stage.caller.get("reviewer", f"/v1/authorizations/{self.case_id}")

    def request(self, kind: str, status: str | None = None) -> dict[str, Any]:
        """The newest request of a kind."""
        found = [r for r in self.case()["requests"] if r["kind"] == kind and status in (None, r["status"])]
        chosen: dict[str, Any] = found[-1]
        return chosen

    def act(self, name: str, **body: Any) -> dict[str, Any]:
        answer = self.stage.post("reviewer", f"/v1/authorizations/{self.case_id}/{name}", body)
        self.stage.say(f"{self.stage.name}: {name.replace('-', ' ')} recorded")
        return answer

    def ask_for_more(self, units: int, first: date, last: date, **more: Any) -> None:
        self.act("reviews", units=units, from_date=first.isoformat(), through_date=last.isoformat(), **more)

    def hear(self, action: str, call_reference: str, **granted: Any) -> None:
        """A decision by telephone or letter, with its evidence (AUTH-12)."""
        self.act("decisions", action=action, call_reference=call_reference, **granted)

    def schedule_call(self, at: datetime) -> None:
        self.act("peer-to-peer", outcome="scheduled", at=at.isoformat())

    def call(self, outcome: str, **said: Any) -> None:
        """What came of the peer-to-peer."""
        self.act("peer-to-peer", outcome=outcome, **said)

    def appeal(self, kind: str = "appeal", **how: Any) -> None:
        self.act("appeals", kind=kind, **how)

    def choose(self, option: str) -> None:
        self.act("options", option=option)

    def send_documents(self, *control_numbers: str) -> None:
        """Progress notes by their cover's control number; the documents go by their own road."""
        self.act("information", attachments=[{"kind": "09", "control_number": number} for number in control_numbers])

    def tell_by_telephone(self, request: dict[str, Any], call_reference: str) -> None:
        """A request read out to the payer's desk; it has left when it is recorded."""
        self.act(
            "sendings", request_id=request["id"], channel="telephone", call_reference=call_reference,
            sent_at=self.stage.now(),
        )  # fmt: skip
