"""A discharge is recorded, not requested: an open suicide alert holds a planned one, and a reviewer looks afterwards
(decision 0005, ALR-02)."""

from datetime import timedelta
from typing import Any

import psycopg

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.test_refusals import MOMENT, admitted, refused


def at_risk(caller: Caller) -> Stage:
    stage = admitted(caller)
    raised = stage.assess("CSSRS_SCREEN", **{"1": 1, "2": 1, "3": 1, "4": 1, "5": 0, "6": 0})
    assert [a["rule"] for a in raised["alerts"]] == ["ALR-02"]
    return stage


def ending(disposition: str) -> dict[str, Any]:
    return {"disposition": disposition, "effective_at": MOMENT.isoformat(), "reason": "as discussed"}


def owed(stage: Stage) -> dict[str, tuple[str, str]]:
    return {i["kind"]: (i["owner_role"], i["due_at"][:16]) for i in stage.page()["open_items"]}


def ever_owed(house: House, stage: Stage) -> dict[str, str]:
    """Every item the episode ever had, done ones too: the payer may take the notice before anybody looks."""
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        rows = connection.execute(
            "SELECT kind, to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI') FROM open_item "
            "WHERE episode_id = %s",
            (stage.episode,),
        )
        return dict(rows.fetchall())


def after(hours: int) -> str:
    return (MOMENT + timedelta(hours=hours)).isoformat()[:16]


def test_an_open_alert_holds_a_planned_discharge_until_a_clinician_clears_it(house: House, caller: Caller) -> None:
    stage = at_risk(caller)
    path = f"/v1/episodes/{stage.episode}/discharge"
    assert refused(caller, "clinician", path, ending("completed")).code == "alert_open"
    assert stage.page()["phase"] == "in_care"
    stage.clear_alerts()
    stage.end("completed", "goals met")
    assert stage.page()["phase"] == "closed"
    assert owed(stage)["discharge_review"] == ("reviewer", after(48))
    assert ever_owed(house, stage)["discharge_notice"] == after(48)


def test_whoever_leaves_against_advice_has_left_and_is_reviewed_within_a_day(caller: Caller) -> None:
    stage = at_risk(caller)
    stage.end("against_advice", "left, form refused")
    page = stage.page()
    assert (page["phase"], page["disposition"], page["bed"]) == ("closed", "against_advice", None)
    assert owed(stage)["discharge_review"] == ("reviewer", after(24))
    assert owed(stage)["payer_told"] == ("reviewer", after(24))


def test_a_death_stops_everything_and_the_payer_is_told(caller: Caller) -> None:
    stage = at_risk(caller)
    stage.end("deceased", "found unresponsive")
    page = stage.page()
    assert (page["phase"], page["sessions_ahead"], page["assessments_due"][1:]) == ("closed", 0, [])
    assert {"discharge_review", "payer_told", "state_death_report", "next_of_kin"} <= set(owed(stage))
    assert "follow_up_contact" not in owed(stage)
