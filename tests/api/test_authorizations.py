"""What reviewers do about a case, each act and each refusal, through the API against the whole product (domain 4)."""

from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from tests.api.cases import ELSEWHERE, Case, opened, reviewer_elsewhere
from tests.api.conftest import MOMENT

DAY = MOMENT.date()
WORDS = "Dr Quillfeather said the records of Robin Testerman show no withdrawal any more"


def on(days: int) -> str:
    return (DAY + timedelta(days=days)).isoformat()


DENIAL: dict[str, Any] = {
    "action": "A3", "reason": "0G", "call_reference": "CALL-77", "criteria": "Third edition, 3.5, dimension 5",
    "reviewer_credentials": "MD, psychiatry", "decided_at": MOMENT.isoformat(), "rationale": WORDS,
}  # fmt: skip
REVIEW: dict[str, Any] = {"units": 5, "from_date": on(21), "through_date": on(27)}


def test_a_case_shows_questions_answers_grants_and_what_comes_next(house: House, caller: Caller) -> None:
    case = opened(caller, house, level="3.5")
    page = case.page()
    assert (page["status"], page["clinical_level"], page["granted_level"], page["mismatch"]) == (
        "approved", "3.5", "3.5", False,
    )  # fmt: skip
    (asked,) = page["requests"]
    assert (asked["kind"], asked["units"], asked["channel"], asked["attempts"]) == ("initial", 14, "x12", 1)
    (answer,) = page["decisions"]
    assert (answer["request_id"], answer["action"], answer["stands"], answer["arrival"]) == (asked["id"], "A1", True, 1)
    (grant,) = page["grants"]
    assert (grant["units"], grant["used"], grant["left"], grant["state"]) == (14, 0, 14, "active")
    assert (page["granted_units"], page["used_units"], page["billed_units"], page["units_left"]) == (14, 0, 0, 14)
    assert page["days_left"] == 14
    assert page["next_action"] == "send_review"
    assert [c["outcome"] for c in page["clocks"] if c["whose"] == "payer"] == ["met"]
    assert {"review_due", "last_covered_day"} <= {e["kind"] for e in page["next_events"]}
    assert all(e["why_text"] for e in page["next_events"])
    assert caller.get("biller", case.path)["id"] == case.id


def test_a_review_goes_out_and_is_answered(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    answer = case.act("reviews", REVIEW)
    assert answer["record"]["authorization_id"] == case.id
    case.settle()
    page = case.page()
    [asked] = [r for r in page["requests"] if r["kind"] == "concurrent"]
    assert (asked["units"], asked["status"]) == (5, "approved")
    assert (page["granted_units"], page["last_covered_day"]) == (15, on(27))
    assert sorted((g["units"], g["state"]) for g in page["grants"]) == [(5, "active"), (10, "active")]


@pytest.mark.parametrize(
    "body",
    [
        REVIEW | {"units": 0},
        REVIEW | {"units": True},
        REVIEW | {"from_date": on(27), "through_date": on(21)},
        REVIEW | {"through_date": on(2000)},
        REVIEW | {"from_date": "1026-03-02"},
        REVIEW | {"kind": "appeal"},
        REVIEW | {"surprise": 1},
        REVIEW | {"version": 0},
        {"units": 5},
    ],
)
def test_a_review_that_makes_no_sense_never_reaches_the_case(
    house: House, caller: Caller, standing: Case, body: dict[str, Any]
) -> None:
    before = standing.page()
    error = standing.refused("reviews", body)
    assert (error.status, error.code) == (422, "invalid_request")
    assert standing.page() == before


@pytest.fixture(scope="module")
def standing(house: House) -> Any:
    """One approved case that refusals leave as it is."""
    own = Caller(house.url, prefix="standing")
    yield opened(own, house)
    own.close()


def test_a_review_of_past_days_says_why_it_comes_late(standing: Case) -> None:
    late = {"kind": "retrospective", "units": 3, "from_date": on(-9), "through_date": on(-7)}
    error = standing.refused("reviews", late)
    assert (error.status, error.code) == (422, "invalid_request")
    assert "delay_reason" in error.body["detail"]
    assert standing.refused("reviews", late | {"delay_reason": "99"}).code == "invalid_request"


EVERY: dict[str, dict[str, Any]] = {
    "reviews": REVIEW,
    "decisions": DENIAL,
    "peer-to-peer": {"outcome": "scheduled", "at": (MOMENT + timedelta(hours=5)).isoformat()},
    "appeals": {"representative": "form"},
    "options": {"option": "accept_gap"},
    "information": {"attachments": [{"kind": "OZ", "control_number": "DOC-1"}]},
    "cancellations": {"reason": "asked twice"},
    "agreements": {"level": "2.5", "amount": "700.00", "from_date": on(0), "through_date": on(5)},
    "owner": {"owner": "reviewer"},
}


@pytest.mark.parametrize("name", list(EVERY))
def test_only_a_reviewer_of_the_facility_may_act(house: House, standing: Case, name: str) -> None:
    reviewer_elsewhere(house)
    before = standing.page()
    for role, status, code in (("clinician", 403, "forbidden"), (ELSEWHERE, 404, "not_found")):
        error = standing.refused(name, EVERY[name], role=role)
        assert (error.status, error.code, error.body["type"]) == (status, code, f"urn:stepdown:error:{code}")
    assert standing.page() == before


@pytest.mark.parametrize("name", list(EVERY))
def test_who_acts_on_an_old_view_is_told_what_changed_and_who_did_it(standing: Case, name: str) -> None:
    version = standing.act("owner", {"owner": "reviewer"})["record"]["version"]
    error = standing.refused(name, EVERY[name] | {"version": version - 1})
    assert (error.status, error.code) == (409, "stale")
    assert error.body["current_version"] == version
    assert error.body["changed_by"] == "reviewer:reviewer"
    assert "authorization assigned" in error.body["detail"]


@pytest.mark.parametrize("name", list(EVERY))
def test_every_act_needs_its_key_and_no_field_of_its_own(house: House, standing: Case, name: str) -> None:
    with httpx2.Client(base_url=house.url, timeout=30) as bare:
        headers = standing.caller._headers("reviewer")
        answer = bare.post(f"{standing.path}/{name}", json=EVERY[name], headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert standing.refused(name, EVERY[name] | {"surprise": "x"}).code == "invalid_request"


@pytest.mark.parametrize("name", ["reviews", "agreements", "owner"])
def test_the_same_key_twice_is_one_act_and_one_answer(house: House, caller: Caller, name: str) -> None:
    case = opened(caller, house)
    version = case.page()["version"]
    body, key = EVERY[name] | {"version": version}, f"twice-{name}-{case.id}"
    first = case.act(name, body, key=key)
    after = case.page()
    assert case.act(name, body, key=key) == first
    assert case.caller.get("reviewer", f"/v1/commands/{key}") == first
    assert case.page() == after
    changed = body | {"version": version + 1}
    error = case.refused(name, changed, key=key)
    assert (error.status, error.code) == (422, "idempotency_key_reused")


def test_a_denial_by_telephone_keeps_its_evidence_and_opens_the_ways_to_contest_it(
    house: House, caller: Caller
) -> None:
    """AUTH-12, AUTH-13."""
    case = opened(caller, house, "P48")
    case.act("decisions", DENIAL)
    page = case.page()
    assert page["status"] == "denied"
    newest = page["decisions"][-1]
    assert (newest["call_reference"], newest["criteria"], newest["reviewer_credentials"], newest["source"]) == (
        "CALL-77", "Third edition, 3.5, dimension 5", "MD, psychiatry", "by_hand",
    )  # fmt: skip
    assert {(d["kind"], d["level"], d["open"]) for d in page["disputes"]} == {
        ("peer_to_peer", 0, True), ("appeal", 1, True),
    }  # fmt: skip
    (kept,) = page["evidence"]
    assert (kept["id"], kept["kind"], kept["decision_id"]) == (newest["evidence_id"], "rationale", newest["id"])
    assert "Quillfeather" not in str(page)


def test_sealed_words_are_opened_by_a_reviewer_only_and_the_opening_is_on_record(house: House, caller: Caller) -> None:
    """D15: the words stand nowhere in clear, and whoever reads them is in the audit."""
    case = opened(caller, house, "P48")
    case.act("decisions", DENIAL)
    (kept,) = case.page()["evidence"]
    path = f"{case.path}/evidence/{kept['id']}"
    reviewer_elsewhere(house)
    for role, status in (("clinician", 403), (ELSEWHERE, 404)):
        with pytest.raises(Refused) as caught:
            caller.get(role, path)
        assert caught.value.status == status
    assert _openings(house, kept["id"]) == []
    assert caller.get("reviewer", path)["words"] == WORDS
    assert _openings(house, kept["id"]) == [("reviewer:reviewer", "payment")]
    with pytest.raises(Refused) as missing:
        caller.get("reviewer", f"{case.path}/evidence/00000000-0000-5000-8000-000000000000")
    assert missing.value.status == 404
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM command WHERE answer::text LIKE '%%Quillfeather%%') "
            "+ (SELECT count(*) FROM timeline_entry WHERE detail::text LIKE '%%Quillfeather%%') "
            "+ (SELECT count(*) FROM case_evidence WHERE position('Quillfeather'::bytea in sealed) > 0)"
        ).fetchone()
    assert found == (0,)


def _openings(house: House, evidence_id: str) -> list[tuple[str, str]]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        rows = connection.execute(
            "SELECT actor, purpose FROM audit_entry WHERE action = 'viewed_person' "
            "AND detail->'filter'->>'evidence' = %s",
            (evidence_id,),
        )
        return [(row[0], row[1]) for row in rows]


def test_words_of_an_act_that_was_refused_are_not_kept(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    assert case.refused("appeals", {"rationale": WORDS}).code == "dispute_not_open"
    assert case.page()["evidence"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"units": 5}, "invalid_request"),
        ({"action": "A9"}, "invalid_request"),
        ({"call_reference": None}, "invalid_request"),
        ({"action": "A1", "level": "9.9"}, "unknown_level"),
        ({"decided_at": (MOMENT + timedelta(days=2)).isoformat()}, "invalid_request"),
        ({"decided_at": "2026-03-02T09:00:00"}, "invalid_request"),
        ({"request_id": "00000000-0000-5000-8000-000000000000"}, "not_found"),
        ({"rationale": "x" * 2001}, "invalid_request"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(standing: Case, change: dict[str, Any], code: str) -> None:
    before = standing.page()
    error = standing.refused("decisions", DENIAL | change)
    assert error.code == code
    assert standing.page() == before


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": "scheduled"},
        {"outcome": "upheld"},
        {"outcome": "upheld", "call_reference": "X1", "units": 3},
        {"outcome": "perhaps"},
    ],
)
def test_an_outcome_of_a_call_carries_what_belongs_to_it(standing: Case, body: dict[str, Any]) -> None:
    error = standing.refused("peer-to-peer", body)
    assert (error.status, error.code) == (422, "invalid_request")


def test_where_nothing_was_refused_nothing_is_contested(standing: Case) -> None:
    for name, body in (
        ("appeals", {"representative": "form"}),
        ("appeals", {"kind": "external_review"}),
        ("peer-to-peer", {"outcome": "withdrawn"}),
        ("options", {"option": "appeal_and_stay"}),
    ):
        error = standing.refused(name, body)
        assert (error.status, error.code) == (409, "dispute_not_open"), name


def test_a_lower_level_may_be_accepted_and_the_clinician_is_asked_to_move(house: House, caller: Caller) -> None:
    """AUTH-07."""
    case = opened(caller, house, "L", level="3.5")
    page = case.page()
    assert (page["status"], page["mismatch"]) == ("partial", True)
    case.act("options", {"option": "accept_and_transfer"})
    items = {i["kind"]: i["owner_role"] for i in case.page()["open_items"]}
    assert items["transition_wanted"] == "clinician"
    assert {d["status"] for d in case.page()["disputes"]} == {"withdrawn"}


def test_a_level_that_was_not_lowered_cannot_be_accepted_as_lower(house: House, caller: Caller) -> None:
    case = opened(caller, house, "F")
    assert (case.page()["status"], case.page()["mismatch"]) == ("partial", False)
    error = case.refused("options", {"option": "accept_and_transfer"})
    assert (error.status, error.code) == (422, "invalid_request")
    assert "accept_gap" in error.body["detail"]


def test_documents_go_with_a_request_that_waits_for_them_and_no_other(house: House, caller: Caller) -> None:
    case = opened(caller, house, "I48")
    page = case.page()
    assert page["requests"][0]["status"] == "information_requested"
    assert page["next_action"] == "send_documents"
    body = {"attachments": [{"kind": "OZ", "control_number": "DOC-1"}]}
    case.act("information", body)
    page = case.page()
    assert [(r["kind"], r["status"]) for r in page["requests"]] == [
        ("initial", "approved"), ("information", "approved"),
    ]  # fmt: skip
    assert page["requests"][1]["about"] == page["requests"][0]["id"]
    granted = opened(caller, house)
    error = granted.refused("information", body)
    assert (error.status, error.code) == (409, "request_not_open")
    assert granted.refused("information", {"attachments": []}).status == 422


def test_an_undecided_request_is_taken_back_and_a_decided_one_is_not(house: House, caller: Caller) -> None:
    case = opened(caller, house, "P48")
    case.act("cancellations", {"reason": WORDS})
    case.settle()
    page = case.page()
    assert page["requests"][0]["status"] == "cancelled"
    assert [r["kind"] for r in page["requests"]] == ["initial", "cancel"]
    (kept,) = page["evidence"]
    assert caller.get("reviewer", f"{case.path}/evidence/{kept['id']}")["words"] == WORDS
    decided = opened(caller, house)
    error = decided.refused("cancellations", {"reason": "no longer wanted"})
    assert (error.status, error.code) == (409, "request_not_open")
    assert decided.page()["evidence"] == []


@pytest.mark.parametrize("amount", ["-655.00", "0", "0.00", "655.005", 655, 655.5, "NaN", "many", "10000000.00"])
def test_money_is_a_decimal_in_quotes_above_zero(standing: Case, amount: Any) -> None:
    error = standing.refused("agreements", EVERY["agreements"] | {"amount": amount})
    assert (error.status, error.code) == (422, "invalid_request")


def test_an_agreement_replaces_the_one_before_and_nothing_is_edited(house: House, caller: Caller) -> None:
    """E43."""
    case = opened(caller, house)
    agreed = EVERY["agreements"]
    case.act("agreements", agreed)
    case.act("agreements", agreed | {"amount": "655.50", "signed_at": MOMENT.isoformat(), "number": "SCA-2"})
    first, second = case.page()["agreements"]
    assert (first["amount"], first["signed_at"], first["ended_at"] is None) == ("700.00", None, False)
    assert (second["amount"], second["number"], second["ended_at"]) == ("655.50", "SCA-2", None)
    assert case.refused("agreements", agreed | {"level": "9.9"}).code == "unknown_level"
    assert case.refused("agreements", agreed | {"through_date": on(-1)}).status == 422


def test_a_case_has_an_owner_or_none(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    case.act("owner", {"owner": "reviewer"})
    mine = caller.get("reviewer", "/v1/authorizations", owner="reviewer", limit=200)
    assert case.id in {i["id"] for i in mine["items"]}
    case.act("owner", {"owner": None})
    assert case.page()["owner"] is None
    assert case.refused("owner", {"owner": "two words"}).status == 422


def test_a_refused_key_stays_refused(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    key = f"refused-{case.id}"
    body = {"representative": "form", "version": case.page()["version"]}
    first = case.refused("appeals", body, key=key)
    assert first.code == "dispute_not_open"
    assert case.refused("appeals", body, key=key).body == first.body


def test_openapi_describes_every_act_and_its_refusals(house: House) -> None:
    paths = httpx2.get(f"{house.url}/openapi.json", timeout=10).json()["paths"]
    for name in EVERY:
        answers = set(paths[f"/v1/authorizations/{{case_id}}/{name}"]["post"]["responses"])
        assert {"200", "202", "400", "401", "403", "404", "409", "422", "503"} <= answers
