"""The reviewer's list through the API: who sees what, how it is narrowed and paged, what a row says."""

import base64
from datetime import date
from typing import Any

import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from tests.api.cases import ELSEWHERE, Case, opened, reviewer_elsewhere
from tests.api.conftest import MOMENT
from tests.api.test_refusals import started

BUCKETS = ("overdue", "today", "tomorrow", "week", "later", "none", "waiting")
PATH = "/v1/authorizations"


def row_of(caller: Caller, case: Case, **narrowed: Any) -> dict[str, Any]:
    items = caller.get("reviewer", PATH, limit=200, **narrowed)["items"]
    return next(i for i in items if i["id"] == case.id)


def everything(caller: Caller, role: str = "reviewer", *, limit: int = 3, **narrowed: Any) -> list[dict[str, Any]]:
    """All pages, one after another."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    for _ in range(200):
        page = caller.get(role, PATH, limit=limit, **narrowed, **cursor)
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}
    raise AssertionError("the list never ends")


def test_a_row_says_what_is_granted_used_and_needed_next(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    row, page = row_of(caller, case), case.page()
    for name in (
        "status", "granted_units", "used_units", "billed_units", "units_left", "days_left", "last_covered_day",
        "mismatch", "clinical_level", "granted_level", "version", "next_action", "next_action_at", "next_action_why",
        "next_action_owner", "next_action_why_text",
    ):  # fmt: skip
        assert row[name] == page[name], name
    assert (row["granted_units"], row["units_left"]) == (10, 10)
    assert row["days_left"] == (date.fromisoformat(row["last_covered_day"]) - MOMENT.date()).days + 1
    assert (row["acts_on"], row["also"], row["circuit"]) == (case.id, [], None)


def test_a_row_names_the_clock_that_runs_and_whether_it_stands_still(house: House, caller: Caller) -> None:
    denied, asked = opened(caller, house, "D"), opened(caller, house, "I48")
    clock = row_of(caller, denied)["clock"]
    assert (clock["name"], clock["whose"], clock["paused_at"]) == ("peer_to_peer", "house", None)
    clock = row_of(caller, asked)["clock"]
    assert clock["whose"] == "payer"
    assert clock["paused_at"] is not None
    assert clock["rule"]
    assert row_of(caller, denied)["bucket"] == "none"


def test_counts_equal_rows_whatever_the_filter(house: House, caller: Caller) -> None:
    opened(caller, house), opened(caller, house, payer="unity")
    for narrowed in ({}, {"facility": "harbor"}, {"payer": "unity"}, {"owner": "nobody"}):
        body = caller.get("reviewer", PATH, limit=1, **narrowed)
        rows = everything(caller, limit=7, **narrowed)
        assert sum(body["buckets"].values()) == len(rows) == len({r["id"] for r in rows})
        for bucket in BUCKETS:
            inside = everything(caller, limit=7, bucket=bucket, **narrowed)
            assert len(inside) == body["buckets"][bucket], (bucket, narrowed)
            assert {r["bucket"] for r in inside} <= {bucket}
        assert [BUCKETS.index(r["bucket"]) >= BUCKETS.index("none") for r in rows] == sorted(
            BUCKETS.index(r["bucket"]) >= BUCKETS.index("none") for r in rows
        )


def test_who_pays_for_themselves_is_counted_and_not_listed(house: House, caller: Caller) -> None:
    before = caller.get("reviewer", PATH)["hidden"]
    stage = started(caller, "2.5", coverages=[{"payer": "self_pay"}])
    stage.intake("2.5")
    stage.move("2.5")
    (case,) = stage.page()["authorizations"]
    assert case["status"] == "not_required"
    body = caller.get("reviewer", PATH, limit=200)
    assert body["hidden"] == before + 1
    assert case["id"] not in {i["id"] for i in body["items"]}
    assert case["id"] in {i["id"] for i in everything(caller, bucket="hidden")}


def test_a_person_is_found_by_member_id(house: House, caller: Caller) -> None:
    case, other = opened(caller, house), opened(caller, house)
    assert case.member != other.member
    found = caller.get("reviewer", PATH, q=case.member)
    assert ([i["id"] for i in found["items"]], sum(found["buckets"].values())) == ([case.id], 1)
    found = caller.get("reviewer", PATH, q="no such name")
    assert (found["items"], sum(found["buckets"].values())) == ([], 0)


def test_a_reviewer_elsewhere_sees_none_of_it(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    reviewer_elsewhere(house)
    assert case.id not in {i["id"] for i in everything(caller, ELSEWHERE)}
    for path, narrowed in ((PATH, {"facility": "harbor"}), (PATH, {"facility": "nowhere"}), (case.path, {})):
        with pytest.raises(Refused) as caught:
            caller.get(ELSEWHERE, path, **narrowed)
        assert (caught.value.status, caught.value.code) == (404, "not_found")


@pytest.mark.parametrize(
    "narrowed",
    [
        {"bucket": "someday"},
        {"cursor": "not a cursor"},
        {"cursor": base64.urlsafe_b64encode(b"0|yesterday|x").decode()},
        {"cursor": base64.urlsafe_b64encode(b"1|2").decode()},
        {"limit": 0},
        {"limit": 201},
        {"q": "x" * 81},
    ],
)
def test_a_list_asked_for_wrongly_says_so(house: House, caller: Caller, narrowed: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        caller.get("reviewer", PATH, **narrowed)
    assert (caught.value.status, caught.value.code) == (422, "invalid_request")
