"""Bad input and bad days: each a refusal with a stable type and a sentence, nothing half-written (issue 2)."""

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from local.bundles.generate import bundle
from local.rehearsal.caller import Caller, Refused
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.conftest import MOMENT

_people = itertools.count(1)


class Steady:
    """A clock that stands; the intake of a test happens an hour before."""

    def __init__(self) -> None:
        self.now = MOMENT


def referral(**changes: Any) -> dict[str, Any]:
    number = next(_people)
    return {
        "facility": "harbor",
        "requested_level": "3.5",
        "source": "call",
        "patient": {"family": f"Testerman{number}", "given": ["Robin"], "birth_date": "1990-02-03", "gender": "F"},
        "coverages": [{"payer": "meridian", "member_id": f"MB{10**8 + number}A"}],
        "diagnoses": [{"code": "F10.20"}],
    } | changes


def started(caller: Caller, level: str = "3.5", **changes: Any) -> Stage:
    stage = Stage(caller, Steady(), f"api-{next(_people)}", lambda _: None)  # type: ignore[arg-type]  # a clock that stands
    stage.episode = caller.post("admissions", "/v1/episodes", referral(requested_level=level, **changes))["episode_id"]
    return stage


def admitted(caller: Caller, level: str = "3.5") -> Stage:
    stage = started(caller, level)
    stage.driver.now = MOMENT - timedelta(hours=1)
    stage.intake(level)
    stage.driver.now = MOMENT
    stage.move(level)
    return stage


def refused(caller: Caller, role: str, path: str, body: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        caller.post(role, path, body)
    return caught.value


def wish(level: str = "2.5", **changes: Any) -> dict[str, Any]:
    return {"to_level": level, "effective_at": MOMENT.isoformat(), "rationale": "goals met"} | changes


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"facility": "nowhere"}, 422, "unknown_facility"),
        ({"requested_level": "9.9"}, 422, "unknown_level"),
        ({"coverages": [{"payer": "ghost"}]}, 422, "unknown_payer"),
        ({"diagnoses": [{"code": "not a code"}]}, 422, "invalid_request"),
        ({"surprise": True}, 422, "invalid_request"),
        ({"coverages": []}, 422, "invalid_request"),
    ],
)
def test_a_bad_referral_is_refused_and_leaves_nothing(
    house: House, caller: Caller, changes: dict[str, Any], status: int, code: str
) -> None:
    before = _counts(house)
    error = refused(caller, "admissions", "/v1/episodes", referral(**changes))
    assert (error.status, error.code) == (status, code)
    assert error.body["type"] == f"urn:stepdown:error:{code}"
    assert "Testerman" not in str(error.body)
    assert _counts(house) == before


def _counts(house: House) -> tuple[Any, ...]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM episode), (SELECT count(*) FROM movement)"
        ).fetchone()
    assert row is not None
    return row


def test_keys_tokens_and_rights(house: House, caller: Caller) -> None:
    with httpx2.Client(base_url=house.url, timeout=10) as bare:
        assert bare.get("/v1/episodes").status_code == 401
        assert bare.post("/v1/episodes", json=referral(), headers=caller._headers("admissions")).status_code == 400
        odd = bare.get("/v1/episodes", headers={"Authorization": "Bearer not.a.token"})
        assert (odd.status_code, odd.headers["content-type"]) == (401, "application/problem+json")
        wrong = bare.post("/oauth/token", data={"grant_type": "password", "username": "director", "password": "guess"})
        assert wrong.status_code == 401
    assert refused(caller, "biller", "/v1/episodes", referral()).status == 403
    unknown = "00000000-0000-5000-8000-000000000000"
    with pytest.raises(Refused) as missing:
        caller.get("reviewer", f"/v1/episodes/{unknown}")
    assert missing.value.status == 404


def test_a_second_copy_of_the_same_person_finds_the_open_episode(caller: Caller) -> None:
    """E04; the same bundle twice under another key."""
    made = bundle(77, 3)
    first = caller.post("admissions", "/v1/episodes/import", made)
    error = refused(caller, "admissions", "/v1/episodes/import", made)
    assert (error.status, error.code) == (409, "episode_open_elsewhere")
    assert error.body["episode_id"] == first["episode_id"]


def test_a_bundle_with_an_unknown_payer_says_where(caller: Caller) -> None:
    made = bundle(77, 4)
    made["entry"][1]["resource"]["identifier"][0]["value"] = "ghost"
    made["entry"][1]["resource"]["name"] = "Ghost Mutual"
    error = refused(caller, "admissions", "/v1/episodes/import", made)
    assert (error.status, error.code) == (422, "unknown_payer")
    assert error.body["problems"][0]["path"] == "Bundle.entry[2].payor"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (wish("9.9"), "unknown_level"),
        (wish("3.5"), "illegal_transition"),
        (wish("2.5"), "deviation_reason_missing"),
        (wish("2.5", deviation_reason="patient_preference", urgent=True), "illegal_transition"),
        (wish("2.5", deviation_reason="patient_preference", program="harbor_transitional"), "unknown_program"),
        (wish("2.5", deviation_reason="nonsense"), "invalid_request"),
        (wish("2.5", effective_at="2026-03-02T09:00:00"), "invalid_request"),
        (wish("2.5", effective_at="2026-01-02T09:00:00Z"), "effective_too_early"),
    ],
)
def test_an_impossible_move_is_refused(caller: Caller, body: dict[str, Any], code: str) -> None:
    stage = admitted(caller)
    error = refused(caller, "clinician", f"/v1/episodes/{stage.episode}/transitions", body)
    assert error.code == code
    assert stage.page()["level"] == "3.5"
    assert [t for t in stage.page()["transitions"] if t["status"] == "pending"] == []


def test_admission_waits_for_consent_and_rating(caller: Caller) -> None:
    stage = started(caller)
    path = f"/v1/episodes/{stage.episode}/transitions"
    assert refused(caller, "clinician", path, wish("3.5")).code == "assessment_stale"
    stage.rate("3.5")
    asked = caller.post("clinician", path, wish("3.5"))
    decision = {"decision": "approve", "version": 1}
    error = refused(caller, "reviewer", f"/v1/transitions/{asked['subject_id']}/decision", decision)
    assert error.code == "consent_missing"
    assert stage.page()["phase"] == "intake"


def test_sign_off_and_order_come_before_the_reviewer(caller: Caller) -> None:
    """LOC-04."""
    stage = started(caller, "3.7-WM")
    stage.intake("3.7-WM")
    asked = caller.post("clinician", f"/v1/episodes/{stage.episode}/transitions", wish("3.7-WM"))
    error = refused(
        caller, "reviewer", f"/v1/transitions/{asked['subject_id']}/decision", {"decision": "approve", "version": 1}
    )
    assert error.code == "order_missing"


def test_two_reviewers_at_once_make_one_decision(house: House, caller: Caller) -> None:
    """E97: the second is told who was first."""
    stage = admitted(caller)
    stage.rate("2.5")
    asked = caller.post("clinician", f"/v1/episodes/{stage.episode}/transitions", wish())
    path = f"/v1/transitions/{asked['subject_id']}/decision"
    bodies = [{"decision": "approve", "version": 1}, {"decision": "deny", "version": 1, "reason": "not yet"}]

    def decide(number: int) -> str:
        own = Caller(house.url, prefix=f"race{stage.episode}{number}")
        try:
            return str(own.post("reviewer", path, bodies[number])["status"])
        except Refused as error:
            return error.code
        finally:
            own.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(decide, range(2)))
    assert answers[0] == "already_decided" or answers[1] in ("stale", "already_decided"), answers
    executed = [t for t in stage.page()["transitions"] if t["id"] == asked["subject_id"]]
    assert executed[0]["status"] in ("executed", "denied")


def test_a_double_click_is_one_request(caller: Caller) -> None:
    stage = admitted(caller)
    stage.rate("2.5")
    path = f"/v1/episodes/{stage.episode}/transitions"
    first = caller.post("clinician", path, wish(), key=f"double-{stage.episode}")
    second = caller.post("clinician", path, wish(), key=f"double-{stage.episode}")
    assert first == second
    assert refused(caller, "clinician", path, wish()).code == "transition_open"


def test_a_withdrawn_request_cannot_be_decided(caller: Caller) -> None:
    stage = admitted(caller)
    stage.rate("2.5")
    asked = caller.post("clinician", f"/v1/episodes/{stage.episode}/transitions", wish())
    path = f"/v1/transitions/{asked['subject_id']}"
    caller.post("clinician", f"{path}/withdraw", {"reason": "changed course"})
    error = refused(caller, "reviewer", f"{path}/decision", {"decision": "approve", "version": 2})
    assert (error.status, error.code) == (409, "already_decided")


def test_an_approved_move_that_is_taken_back_takes_its_questions_back(house: House, caller: Caller) -> None:
    """E07: the payer was asked for the new level when the move was approved; the case stayed open for ever before."""
    stage = admitted(caller)
    stage.rate("2.5")
    later = (MOMENT + timedelta(days=2)).isoformat()
    asked = caller.post(
        "clinician", f"/v1/episodes/{stage.episode}/transitions", wish(effective_at=later)
    )  # fmt: skip
    assert stage.approve(asked["subject_id"])["status"] == "scheduled"
    assert {c["level"]: c["status"] for c in stage.page()["authorizations"]}["2.5"] != "cancelled"
    caller.post("clinician", f"/v1/transitions/{asked['subject_id']}/withdraw", {"reason": "relapse"})
    cases = {c["level"]: c for c in stage.page()["authorizations"]}
    assert (cases["2.5"]["status"], cases["3.5"]["status"] != "cancelled") == ("cancelled", True)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        requests = connection.execute(
            "SELECT kind, status, first_sent_at IS NOT NULL FROM authorization_request WHERE authorization_id = %s "
            "ORDER BY requested_at, kind DESC", (cases["2.5"]["id"],)
        ).fetchall()  # fmt: skip
        granted = connection.execute(
            "SELECT count(*) FROM open_item WHERE subject_id = %s AND kind = 'authorization_withdrawn' AND status = 'open'",
            (cases["2.5"]["id"],),
        ).fetchone()  # fmt: skip
    answered = requests[0][1] not in ("cancelled",)
    assert requests[0][0] == "initial"
    assert answered is (granted == (1,)), "what was granted is given back by a person; what was not is taken back"


def test_a_bed_taken_between_preview_and_execution(caller: Caller) -> None:
    """E63: the loser is told which beds are free."""
    first, second = started(caller), started(caller)
    for stage in (first, second):
        stage.intake("3.5")
    bed = "harbor/R-109A"
    preview = {"to_level": "3.5", "effective_at": MOMENT.isoformat(), "bed_id": bed}
    for stage in (first, second):
        shown = caller.post("reviewer", f"/v1/episodes/{stage.episode}/transitions/preview", preview)
        assert shown["bed"]["take"] == bed
    asks = [
        caller.post("clinician", f"/v1/episodes/{s.episode}/transitions", wish("3.5", bed_id=bed))
        for s in (first, second)
    ]
    assert first.approve(asks[0]["subject_id"])["status"] == "executed"
    error = refused(
        caller, "reviewer", f"/v1/transitions/{asks[1]['subject_id']}/decision", {"decision": "approve", "version": 1}
    )
    assert error.code == "bed_taken"
    assert "free" in error.body["detail"]
    assert second.page()["phase"] == "intake"


def test_the_plan_shown_is_the_plan_executed(house: House, caller: Caller) -> None:
    """D8: preview changes nothing; an approval may name the plan it was shown."""
    stage = admitted(caller)
    stage.rate("2.5")
    asyncio.run(_settle(house))
    before = stage.page()
    body = {"to_level": "2.5", "effective_at": MOMENT.isoformat()}
    shown = caller.post("reviewer", f"/v1/episodes/{stage.episode}/transitions/preview", body)
    assert stage.page() == before
    asked = caller.post("clinician", f"/v1/episodes/{stage.episode}/transitions", wish())
    path = f"/v1/transitions/{asked['subject_id']}/decision"
    wrong = {"decision": "approve", "version": 1, "plan_fingerprint": "another-plan"}
    assert refused(caller, "reviewer", path, wrong).code == "plan_changed"
    caller.post("reviewer", path, {"decision": "approve", "version": 1, "plan_fingerprint": shown["fingerprint"]})
    told = next(
        e for e in caller.get("reviewer", f"/v1/episodes/{stage.episode}/timeline")["items"] if e["kind"] == "step_down"
    )
    assert told["detail"]["plan"] == shown["fingerprint"]
    assert told["detail"]["families"] == shown["words"]


@pytest.mark.parametrize(
    ("instrument", "answers", "code"),
    [
        ("COWS", {"pulse": 3}, "assessment_out_of_range"),
        ("GAD7", {"1": 1}, "assessment_incomplete"),
        ("GHOST", {}, "unknown_instrument"),
        ("PHQ9", {"1": 9}, "assessment_out_of_range"),
    ],
)
def test_a_bad_assessment_names_what_is_wrong(
    caller: Caller, instrument: str, answers: dict[str, int], code: str
) -> None:
    stage = started(caller)
    body = {"instrument": instrument, "answers": answers, "performed_at": MOMENT.isoformat()}
    assert refused(caller, "clinician", f"/v1/episodes/{stage.episode}/assessments", body).code == code


def test_an_open_critical_alert_holds_a_step_down_until_it_is_cleared(caller: Caller) -> None:
    """ALR-02; executing re-reads alerts (D1)."""
    stage = admitted(caller)
    stage.rate("2.5")
    asked = caller.post("clinician", f"/v1/episodes/{stage.episode}/transitions", wish())
    raised = stage.assess("CSSRS_SCREEN", **{"1": 1, "2": 1, "3": 1, "4": 1, "5": 0, "6": 0})
    assert [a["rule"] for a in raised["alerts"]] == ["ALR-02"]
    path = f"/v1/transitions/{asked['subject_id']}/decision"
    assert refused(caller, "reviewer", path, {"decision": "approve", "version": 1}).code == "alert_open"
    stage.clear_alerts()
    assert caller.post("reviewer", path, {"decision": "approve", "version": 1})["status"] == "executed"


def test_revoking_consent_stops_the_next_request(house: House, caller: Caller) -> None:
    """Nothing leaves without a consent that covers it at that moment (domain 3.5, E16)."""
    stage = started(caller)
    stage.intake("3.5")
    tpo = next(c for c in stage.page()["consents"] if c["form"] == "part2_tpo")
    caller.post(
        "clinician", f"/v1/consents/{tpo['id']}/revoke", {"received_at": MOMENT.isoformat(), "channel": "letter"}
    )
    stage.move("3.5")
    asyncio.run(_settle(house))
    (case,) = stage.page()["authorizations"]
    assert case["status"] == "waiting_consent"
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        sent = connection.execute("SELECT count(*) FROM disclosure WHERE episode_id = %s", (stage.episode,)).fetchone()
    assert sent == (0,)
    stage.sign("part2_tpo")
    asyncio.run(_settle(house))
    assert stage.page()["authorizations"][0]["status"] == "approved"


async def _settle(house: House) -> None:
    driver = Driver(house)
    driver.closes = False
    await driver.open(MOMENT)
    await driver.settle()
    await driver.close()


def test_leave_return_and_what_cannot_be(caller: Caller) -> None:
    stage = admitted(caller)
    path = f"/v1/episodes/{stage.episode}"
    assert refused(caller, "clinician", f"{path}/return", {"returned_at": MOMENT.isoformat()}).code == "not_on_leave"
    stage.leave(MOMENT + timedelta(days=1))
    again = {"kind": "leave", "left_at": MOMENT.isoformat(), "reason": "again"}
    assert refused(caller, "clinician", f"{path}/leave", again).code == "on_leave"
    stage.come_back()
    stage.end("completed", "goals met")
    assert refused(caller, "clinician", f"{path}/transitions", wish()).code == "episode_closed"


def test_a_correction_is_a_new_movement_with_its_diff(caller: Caller) -> None:
    stage = admitted(caller)
    (admission,) = stage.page()["movements"]
    earlier = MOMENT - timedelta(hours=3)
    body = {"movement_id": admission["id"], "effective_at": earlier.isoformat(), "reason": "arrived before noon"}
    answer = caller.post("clinician", f"/v1/episodes/{stage.episode}/corrections", body)
    assert answer["detail"] == {"before": MOMENT.isoformat(), "after": earlier.isoformat(), "restated": {}}
    page = stage.page()
    assert [m["supersedes"] for m in page["movements"]] == [None, admission["id"]]
    assert page["stay"]["started_at"].startswith("2026-03-02T12:00")
    assert refused(caller, "clinician", f"/v1/episodes/{stage.episode}/corrections", body).code == "stale"


def test_a_payer_may_only_speak_for_itself_and_a_broken_envelope_gets_a_ta1(house: House) -> None:
    secret = house.environment["STEPDOWN_PAYER_SECRET"]
    with httpx2.Client(base_url=house.url, timeout=10) as client:
        form = {"grant_type": "client_credentials", "client_id": "payer-meridian", "client_secret": secret}
        token = client.post("/oauth/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/v1/payers/unity/x12", content="ISA", headers=headers).status_code == 404
        broken = client.post("/v1/payers/meridian/x12", content="this is no interchange", headers=headers)
        assert broken.status_code == 200
        assert "~TA1*000000000*" in broken.text
        assert client.get("/v1/episodes", headers=headers).status_code == 403


def test_a_date_that_is_not_over_cannot_be_closed(caller: Caller) -> None:
    error = refused(caller, "director", "/v1/facilities/harbor/midnight-close", {"date": "2026-03-02"})
    assert (error.status, error.code) == (409, "date_not_over")


def test_openapi_describes_the_refusals(house: House) -> None:
    document = httpx2.get(f"{house.url}/openapi.json", timeout=10).json()
    start = document["paths"]["/v1/episodes"]["post"]["responses"]
    assert {"201", "400", "401", "403", "404", "409", "422"} <= set(start)
    assert "/v1/payers/{payer}/x12" in document["paths"]
