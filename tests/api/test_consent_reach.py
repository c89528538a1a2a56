"""A consent signed for one legal entity is asked anew where another one treats, over HTTP (domain 3.4)."""

from typing import Any

import psycopg
import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted


def previewed(caller: Caller, episode: str, level: str) -> list[dict[str, Any]]:
    """The consents for treatment, payment and operations that the plan of this move presents."""
    body = {"to_level": level, "effective_at": MOMENT.isoformat()}
    made = caller.post("reviewer", f"/v1/episodes/{episode}/transitions/preview", body)
    return [c for c in made["consents"] if c["form"] == "part2_tpo"]


def test_a_move_to_another_legal_entity_presents_the_consent_there(caller: Caller) -> None:
    stage = admitted(caller)
    assert previewed(caller, stage.episode, "2.5") == []
    caller.post(
        "clinician", f"/v1/episodes/{stage.episode}/consents",
        {"form": "part2_tpo", "program": "harbor_inpatient", "signed_at": MOMENT.isoformat()},
    )  # fmt: skip
    assert previewed(caller, stage.episode, "3.7-WM") == []
    (asked,) = previewed(caller, stage.episode, "2.5")
    assert asked["program"] == "harbor_outpatient"
    assert "Harbor Outpatient LLC" in asked["why"]

    stage.rate("2.5")
    stage.move("2.5")
    (waiting,) = [c for c in stage.page()["consents"] if (c["form"], c["status"]) == ("part2_tpo", "presented")]
    caller.post(
        "clinician", f"/v1/episodes/{stage.episode}/consents",
        {"form": "part2_tpo", "program": "harbor_outpatient", "signed_at": MOMENT.isoformat()},
    )  # fmt: skip
    assert {c["id"]: c["status"] for c in stage.page()["consents"]}[waiting["id"]] == "signed"
    assert previewed(caller, stage.episode, "2.1") == []


@pytest.mark.parametrize(("programs", "presented"), [(["harbor_inpatient"], 1), (["harbor_outpatient"], 0)])
def test_a_scope_limited_to_programs_is_read_as_the_gate_reads_it(
    house: House, caller: Caller, programs: list[str], presented: int
) -> None:
    stage = admitted(caller)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute(
            "UPDATE consent SET scope = jsonb_set(scope, '{programs}', to_jsonb(%s::text[])) "
            "WHERE episode_id = %s AND form = 'part2_tpo' AND status = 'signed'",
            (programs, stage.episode),
        )
    assert len(previewed(caller, stage.episode, "2.5")) == presented
