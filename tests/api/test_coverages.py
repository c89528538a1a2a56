"""Who pays, over HTTP: the member id stays sealed, refusals have stable types, a repeat is one change (E38 to E41)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from runtime.keyring_file import load_keyring
from runtime.people import open_person
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted, refused, started

TODAY = MOMENT.date()
MEMBER = "UN700000001Z"


def version(stage: Stage) -> int:
    return int(stage.page()["version"])


def body(stage: Stage, **said: Any) -> dict[str, Any]:
    return {
        "payer": "unity", "member_id": MEMBER, "from_date": TODAY.isoformat(), "reason": "plan_changed",
        "version": version(stage),
    } | said  # fmt: skip


def path(stage: Stage) -> str:
    return f"/v1/episodes/{stage.episode}/coverages"


def listed(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.caller.get("clinician", path(stage))["items"]
    return found


def members(house: House, stage: Stage) -> dict[str, str]:
    """The sealed document's member ids, by payer."""
    keyring = load_keyring(house.settings)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute(
            "SELECT p.id, p.sealed, p.wrapped_key FROM person p JOIN episode e ON e.person_id = p.id WHERE e.id = %s",
            (stage.episode,),
        ).fetchone()
        assert row is not None
        payers = dict(
            connection.execute(
                "SELECT id, payer FROM coverage WHERE person_id = %s AND NOT voided", (row[0],)
            ).fetchall()
        )
    details = open_person(keyring, row[0], bytes(row[1]), bytes(row[2]))
    return {payers.get(UUID(str(c)), "nobody"): m for c, m in details.member_ids.items()}


def test_another_payer_takes_over(house: House, caller: Caller) -> None:
    stage = admitted(caller)
    asked = body(stage)
    answer = caller.post("admissions", path(stage), asked, key="switch-once-0001")
    assert (answer["status"], answer["detail"]["payer"]) == ("switched", "unity")
    # The same key and body gives the same answer; another body is another command.
    assert caller.post("admissions", path(stage), asked, key="switch-once-0001") == answer
    with pytest.raises(Refused) as reused:
        caller.post("admissions", path(stage), {**asked, "member_id": "UN9"}, key="switch-once-0001")
    assert (reused.value.status, reused.value.code) == (422, "idempotency_key_reused")
    page = stage.page()
    assert (page["payer"], page["stay"]["payer"], page["coverage_id"]) == ("unity", "unity", answer["subject_id"])
    assert [(c["payer"], c["rank"], c["in_force"], c["reason"], c["changed_by"]) for c in listed(stage)] == [
        ("meridian", 1, "never", "plan_changed", "admissions:admissions"),
        ("unity", 1, "now", "plan_changed", "admissions:admissions"),
    ]
    assert page["coverages"] == listed(stage)
    assert {c["payer"] for c in page["authorizations"]} == {"meridian", "unity"}
    assert members(house, stage)["unity"] == MEMBER


def test_the_member_id_stands_nowhere_but_sealed(house: House, caller: Caller) -> None:
    """D15: not in the answer, the list, the page, the timeline, the command memory, nor any other table in clear."""
    stage = admitted(caller)
    secret = "UN712345678Q"
    answer = caller.post("biller", path(stage), body(stage, member_id=secret))
    shown = [answer, listed(stage), stage.page(), caller.get("auditor", f"/v1/episodes/{stage.episode}/timeline")]
    assert secret not in str(shown)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            found = connection.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s'.encode(), (f"%{secret}%",)
            ).fetchone()
            assert found == (0,), table
    # And the person is found by it.
    found = caller.get("reviewer", "/v1/episodes", q=secret)
    assert [e["id"] for e in found["items"]] == [stage.episode]


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"payer": "ghost"}, 422, "unknown_payer"),
        ({"payer": None}, 422, "invalid_request"),
        ({"from_date": None}, 422, "invalid_request"),
        ({"from_date": (TODAY - timedelta(days=1)).isoformat()}, 422, "effective_too_early"),
        ({"from_date": "2026-02-30"}, 422, "invalid_request"),
        ({"through_date": (TODAY - timedelta(days=1)).isoformat()}, 422, "invalid_request"),
        ({"member_id": ""}, 422, "invalid_request"),
        ({"member_id": "UN*7~1"}, 422, "invalid_request"),
        ({"kind": "county_funding"}, 422, "invalid_request"),
        ({"reason": "because"}, 422, "invalid_request"),
        ({"rank": 0}, 422, "invalid_request"),
        ({"version": None}, 422, "invalid_request"),
        ({"version": 1}, 409, "stale"),
        ({"payer": "meridian"}, 422, "invalid_request"),
        ({"act": "add", "rank": 1}, 409, "coverage_overlaps"),
        ({"act": "add", "coverage_id": "00000000-0000-5000-8000-000000000000"}, 422, "invalid_request"),
        ({"act": "end", "payer": None}, 422, "invalid_request"),
        ({"act": "end", "payer": None, "coverage_id": "00000000-0000-5000-8000-000000000000",
          "through_date": TODAY.isoformat(), "from_date": None}, 404, "not_found"),
        ({"surprise": 1}, 422, "invalid_request"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(
    house: House, caller: Caller, one: Stage, said: dict[str, Any], status: int, code: str
) -> None:
    stage = Stage(caller, one.driver, "refused", lambda _: None)
    stage.episode = one.episode
    before = (listed(stage), members(house, stage), version(stage))
    error = refused(caller, "biller", path(stage), body(stage, **said))
    assert (error.status, error.code) == (status, code)
    assert error.body["type"] == f"urn:stepdown:error:{code}"
    assert MEMBER not in str(error.body)
    assert (listed(stage), members(house, stage), version(stage)) == before


@pytest.fixture(scope="module")
def one(house: House) -> Stage:
    made = Caller(house.url, prefix="coverages-one")
    stage = admitted(made)
    made.close()
    return stage


@pytest.mark.parametrize("role", ["clinician", "director", "auditor"])
def test_other_roles_may_look_and_not_change(caller: Caller, role: str) -> None:
    stage = started(caller)
    assert [c["payer"] for c in caller.get(role, path(stage))["items"]] == ["meridian"]
    error = refused(caller, role, path(stage), body(stage))
    assert (error.status, error.code) == (403, "forbidden")


def test_not_your_facility_is_unknown(house: House, caller: Caller) -> None:
    stage = admitted(caller)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute(
            "INSERT INTO app_user (username, role, facilities, password_hash, disabled) "
            "SELECT 'far', role, '[\"lakeside\"]', password_hash, false FROM app_user WHERE username = 'biller' "
            "ON CONFLICT DO NOTHING"
        )
    with httpx2.Client(base_url=house.url, timeout=10) as bare:
        sign_in = bare.post("/oauth/token", data={"grant_type": "password", "username": "far", "password": "local"})
        token = sign_in.json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "elsewhere-0001"}
        for answer in (
            bare.get(path(stage), headers=headers),
            bare.post(path(stage), json=body(stage), headers=headers),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        nobody = bare.post(path(stage), json=body(stage))
        assert nobody.status_code == 401


def test_a_closed_episode_changes_only_by_what_a_payer_says(caller: Caller) -> None:
    stage = admitted(caller)
    stage.end("against_advice", "left")
    error = refused(caller, "biller", path(stage), body(stage))
    assert (error.status, error.code) == (409, "episode_closed")
    answer = caller.post("biller", path(stage), body(stage, reason="coverage_found"))
    assert answer["status"] == "switched"


def test_a_second_coverage_ends_and_is_corrected(house: House, caller: Caller) -> None:
    stage = admitted(caller)
    added = caller.post(
        "reviewer", path(stage), body(stage, act="add", payer="statecare", member_id="SC1", reason="coverage_found")
    )
    second = added["subject_id"]
    overlapping = body(stage, act="add", payer="bluestone", reason="coverage_found")
    assert refused(caller, "reviewer", path(stage), overlapping).code == "coverage_overlaps"
    ended = caller.post(
        "biller", path(stage),
        {"act": "end", "coverage_id": second, "through_date": TODAY.isoformat(), "reason": "retro_terminated",
         "version": version(stage)},
    )  # fmt: skip
    assert ended["status"] == "ended"
    corrected = caller.post(
        "biller", path(stage),
        {"act": "correct", "coverage_id": second, "from_date": TODAY.isoformat(), "member_id": "SC2",
         "reason": "recorded_in_error", "version": version(stage)},
    )  # fmt: skip
    assert corrected["status"] == "corrected"
    assert [(c["payer"], c["rank"], c["through_date"], c["in_force"]) for c in listed(stage)] == [
        ("meridian", 1, None, "now"), ("statecare", 2, None, "now"),
    ]  # fmt: skip
    assert members(house, stage)["statecare"] == "SC2"


def test_a_referral_of_somebody_known_brings_a_new_card(caller: Caller) -> None:
    """The card of the last episode ends the day before; the old episode's days stay as they were priced."""
    stage = started(caller)
    person = {"family": "Comesback", "given": ["Robin"], "birth_date": "1988-04-05", "gender": "F"}
    stage.episode = caller.post("admissions", "/v1/episodes", referral_of(person, "meridian", "MB111"))["episode_id"]
    stage.end("lost_to_contact", "no answer")
    again = caller.post("admissions", "/v1/episodes", referral_of(person, "unity", "UN111"))["episode_id"]
    rows = caller.get("reviewer", f"/v1/episodes/{again}/coverages")["items"]
    assert [(c["payer"], c["in_force"]) for c in rows] == [("meridian", "ended"), ("unity", "now")]
    assert rows[0]["through_date"] == (TODAY - timedelta(days=1)).isoformat()


def referral_of(person: dict[str, Any], payer: str, member: str) -> dict[str, Any]:
    return {
        "facility": "harbor", "requested_level": "3.5", "source": "call", "patient": person,
        "coverages": [{"payer": payer, "member_id": member, "from_date": "2026-01-01"}],
        "diagnoses": [{"code": "F10.20"}],
    }  # fmt: skip


def test_two_cards_that_name_no_order_pay_in_the_order_they_came(caller: Caller) -> None:
    stage = started(
        caller, coverages=[{"payer": "unity", "member_id": "UN1"}, {"payer": "statecare", "member_id": "SC1"}]
    )
    assert [(c["payer"], c["rank"]) for c in listed(stage)] == [("unity", 1), ("statecare", 2)]
    assert stage.page()["payer"] == "unity"


def test_a_card_that_ends_before_it_begins_is_refused(caller: Caller) -> None:
    error = refused(
        caller, "admissions", "/v1/episodes",
        referral_of({"family": "Inverted", "given": ["Robin"], "birth_date": "1990-02-03"}, "unity", "UN1")
        | {"coverages": [{"payer": "unity", "member_id": "U", "from_date": "2026-03-01", "through_date": "2026-02-01"}]},
    )  # fmt: skip
    assert (error.status, error.code) == (422, "invalid_request")
