"""Blocks and restrictions of records that are joined: what one of them hides, both hide; each line returns to its own record,
and what was said meanwhile stands on both (E03, E13)."""

import uuid
from typing import Any

import httpx2

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.api.test_break_glass import Asker, sql
from tests.api.test_merging import apart, join, shown, two_records


def everywhere(house: House, role: str) -> Asker:
    """Somebody of both facilities."""
    name = f"{role[:4]}-{uuid.uuid4().hex[:8]}"
    sql(
        house,
        "INSERT INTO app_user (username, role, facilities, password_hash, disabled) "
        """SELECT %s, %s, '["harbor", "lakeside"]', password_hash, false FROM app_user WHERE username = 'director'""",
        name, role,
    )  # fmt: skip
    form = {"grant_type": "password", "username": name, "password": "local"}
    token = httpx2.post(f"{house.url}/oauth/token", data=form, timeout=30).json()["access_token"]
    return Asker(house.url, name, token)


def line(kind: str, username: str | None = None) -> dict[str, Any]:
    said = {"kind": kind, "reason": "neighbour" if kind == "blocked" else "vip"}
    return said | ({"username": username} if username else {})


def put(caller: Caller, person: str, body: dict[str, Any], lift: bool = False) -> dict[str, Any]:
    return caller.post("director", f"/v1/people/{person}/access{'/lift' if lift else ''}", body)


def sees(asker: Asker, *episodes: str) -> tuple[bool, ...]:
    found = tuple(asker.get(f"/v1/episodes/{e}").status_code for e in episodes)
    assert set(found) <= {200, 404}
    return tuple(status == 200 for status in found)


def test_who_was_blocked_by_one_record_sees_neither_while_they_are_one(house: House, caller: Caller) -> None:
    one, other, first, second = two_records(caller)
    blocked, friend = everywhere(house, "clinician"), everywhere(house, "clinician")
    put(caller, other, line("blocked", blocked.name))
    assert sees(blocked, first, second) == (True, False)
    seen = shown(caller, one, other)
    assert {"kind": "access", "act": "held", "count": 1} in seen["moves"]
    join(caller, one, other)
    assert sees(blocked, first, second) == (False, False), "fail closed: the union holds"
    assert sees(friend, first, second) == (True, True)
    for episode in (first, second):
        assert episode not in blocked.get("/v1/episodes", limit="200").text
    apart(caller, one)
    assert sees(blocked, first, second) == (True, False), "each line is its own record's again"


def test_a_restriction_of_either_holds_and_only_who_is_named_by_all_comes_in(house: House, caller: Caller) -> None:
    one, other, first, second = two_records(caller)
    both, half = everywhere(house, "clinician"), everywhere(house, "clinician")
    for person, names in ((one, [both]), (other, [both, half])):
        for named in names:
            put(caller, person, line("allowed", named.name))
        put(caller, person, line("allowed", "director"))
        put(caller, person, line("restricted"))
    assert (sees(both, first, second), sees(half, first, second)) == ((True, True), (False, True))
    join(caller, one, other)
    assert (sees(both, first, second), sees(half, first, second)) == ((True, True), (False, False))
    apart(caller, one)
    assert (sees(both, first, second), sees(half, first, second)) == ((True, True), (False, True))


def test_what_is_said_while_they_are_one_is_said_of_both(house: House, caller: Caller) -> None:
    one, other, first, second = two_records(caller)
    early, late = everywhere(house, "clinician"), everywhere(house, "clinician")
    put(caller, other, line("blocked", early.name))
    join(caller, one, other)
    put(caller, one, line("blocked", late.name))
    listed = caller.get("director", f"/v1/people/{one}/access")["items"]
    assert {(i["person_id"], i["username"]) for i in listed} == {
        (other, early.name), (one, late.name), (other, late.name),
    }  # fmt: skip
    put(caller, one, line("blocked", early.name), lift=True)
    assert sees(early, first, second) == (True, True), "lifted of the person, whichever record it stood on"
    apart(caller, one)
    assert sees(late, first, second) == (False, False)
    assert sees(early, first, second) == (True, True)
    put(caller, other, line("blocked", late.name), lift=True)
    assert sees(late, first, second) == (False, True)


def test_who_may_not_see_one_of_them_joins_and_parts_nobody(house: House, caller: Caller) -> None:
    one, other, *_ = two_records(caller)
    director = everywhere(house, "director")
    put(caller, other, line("blocked", director.name))
    asked = {"merged": other}
    nobody = str(uuid.uuid4())
    hidden = director.post(f"/v1/people/{one}/merge/preview", asked)
    unknown = director.post(f"/v1/people/{one}/merge/preview", {"merged": nobody})
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["detail"].replace(other, "x") == unknown.json()["detail"].replace(nobody, "x")
    join(caller, one, other)
    assert director.get(f"/v1/people/{one}/merges").status_code == 404
    assert director.get(f"/v1/people/{one}/access").status_code == 404


def test_broken_glass_opens_the_episode_whose_record_was_joined(house: House, caller: Caller) -> None:
    one, other, _, second = two_records(caller)
    near = everywhere(house, "clinician")
    put(caller, other, line("blocked", near.name))
    join(caller, one, other)
    assert sees(near, second) == (False,)
    words = {"episode_id": second, "reason": "emergency", "words": "brought in by ambulance"}
    assert near.post("/v1/break-glass", words).status_code == 201
    assert sees(near, second) == (True,)
