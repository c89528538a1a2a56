"""What was refused is contested: calls between doctors and appeals, through the API against the whole product (domain 4.5)."""

from datetime import timedelta

import psycopg

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.api.cases import opened
from tests.api.conftest import MOMENT
from tests.api.test_authorizations import WORDS


def test_a_peer_to_peer_is_set_held_and_overturns_the_denial(house: House, caller: Caller) -> None:
    case = opened(caller, house, "D")
    assert case.page()["status"] == "denied"
    at = MOMENT + timedelta(hours=20)
    case.act("peer-to-peer", {"outcome": "scheduled", "at": at.isoformat()})
    [call] = [d for d in case.page()["disputes"] if d["kind"] == "peer_to_peer"]
    assert (call["status"], call["open"]) == ("scheduled", True)
    case.act("peer-to-peer", {"outcome": "clinician_absent"})
    heard = {"outcome": "overturned", "units": 9, "call_reference": "P2P-5", "rationale": WORDS, "number": "AN-9"}
    case.act("peer-to-peer", heard)
    page = case.page()
    assert (page["status"], page["granted_units"], page["number"]) == ("partial", 9, "AN-9")
    [call] = [d for d in page["disputes"] if d["kind"] == "peer_to_peer"]
    assert (call["status"], call["open"]) == ("overturned", False)
    error = case.refused("peer-to-peer", {"outcome": "withdrawn"})
    assert (error.status, error.code) == (409, "dispute_not_open")


def test_a_call_after_the_payers_window_is_refused(house: House, caller: Caller) -> None:
    case = opened(caller, house, "D")
    [call] = [d for d in case.page()["disputes"] if d["kind"] == "peer_to_peer"]
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        # A window that closed: business time stands still in this house.
        connection.execute(
            "UPDATE authorization_dispute SET file_by = %s WHERE id = %s", (MOMENT - timedelta(hours=1), call["id"])
        )
    error = case.refused("peer-to-peer", {"outcome": "withdrawn"})
    assert (error.status, error.code) == (409, "dispute_not_open")
    assert "had to be asked for by" in error.body["detail"]
    assert [d["open"] for d in case.page()["disputes"] if d["kind"] == "peer_to_peer"] == [False]


def test_an_appeal_is_filed_with_its_documents_and_overturns_the_denial(house: House, caller: Caller) -> None:
    case = opened(caller, house, "DG")
    filed = {"expedited": True, "attachments": [{"kind": "OZ", "control_number": "LTR-1"}], "rationale": WORDS}
    case.act("appeals", filed)
    case.settle()
    page = case.page()
    [appeal] = [r for r in page["requests"] if r["kind"] == "appeal"]
    assert appeal["attachments"] == [{"kind": "OZ", "transmission": "EL", "control_number": "LTR-1"}]
    assert [(d["kind"], d["status"]) for d in page["disputes"] if d["kind"] == "appeal"] == [("appeal", "overturned")]
    assert page["status"] == "approved"


def test_a_standard_appeal_needs_the_representative_form(house: House, caller: Caller) -> None:
    """AUTH-14."""
    case = opened(caller, house, "D")
    error = case.refused("appeals", {})
    assert (error.status, error.code) == (422, "invalid_request")
    assert "representative form" in error.body["detail"]
    case.act("appeals", {"representative": "form", "by_hand": True, "call_reference": "FAX-3"})
    [appeal] = [d for d in case.page()["disputes"] if d["kind"] == "appeal"]
    assert (appeal["status"], appeal["channel"], appeal["representative"]) == ("filed", "by_hand", "form")
