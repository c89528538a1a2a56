"""Cases for the pages: people whose payers deny, shorten, lower, pend and want documents."""

import time
from datetime import UTC, datetime
from typing import Any

from local.rehearsal.caller import Caller
from local.rehearsal.stage import Stage
from tests.web.house import Wall

SAYS = {"granted": "", "denied": "D", "fewer": "F7", "lower": "L", "pended": "P48", "documents": "I48"}
"""By what the member id's end makes the local payer do (local/payer/suffix.py)."""
PATIENCE_SECONDS = 60


def cases(url: str) -> dict[str, str]:
    """Case ids by what their payer said."""
    caller = Caller(url, prefix="cases")
    found = {name: _case(caller, name, says, number) for number, (name, says) in enumerate(SAYS.items())}
    caller.close()
    return found


def _case(caller: Caller, name: str, says: str, number: int) -> str:
    level = "3.7-WM" if name == "lower" else "2.5"
    stage = Stage(caller, Wall(), f"case-{name}", lambda _: None)  # type: ignore[arg-type]  # a clock that runs
    body = {
        "facility": "harbor", "requested_level": level, "source": "call",
        "patient": {"family": f"Casewright{number}", "given": ["Ash"], "birth_date": "1988-05-06", "gender": "U"},
        "coverages": [{"payer": "meridian", "member_id": f"MBW{number:04d}{says}"}],
        "diagnoses": [{"code": "F10.20"}],
    }  # fmt: skip
    stage.episode = caller.post("admissions", "/v1/episodes", body)["episode_id"]
    stage.intake(level)
    stage.move(level)
    return _answered(stage)


def _answered(stage: Stage) -> str:
    """The case once its payer has said something; wall time, so it is waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for case in stage.page()["authorizations"]:
            page: dict[str, Any] = stage.caller.get("reviewer", f"/v1/authorizations/{case['id']}")
            if page["decisions"]:
                return str(case["id"])
        time.sleep(0.2)
    raise TimeoutError(f"no payer answered {stage.name} by {datetime.now(UTC).isoformat()}")
