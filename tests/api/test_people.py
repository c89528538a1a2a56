"""Search before create, and pairs that may be one person (E02, E03, E04, E13): over HTTP, with everything real."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from tests.api.test_refusals import referral, refused

_families = (f"Quillon{n}" for n in itertools.count(1))
"""Digits in a name tell apart, so one test's people are not alike another's."""


def patient(family: str, **changes: Any) -> dict[str, Any]:
    return {"family": family, "given": ["Robert"], "birth_date": "1984-03-02", "gender": "M"} | changes


def start(caller: Caller, who: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return caller.post("admissions", "/v1/episodes", referral(patient=who, **changes))


def search(caller: Caller, role: str = "admissions", **asked: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = caller.post(role, "/v1/people/search", asked)["items"]
    return items


def person_of(caller: Caller, episode: dict[str, Any]) -> str:
    return str(caller.get("reviewer", f"/v1/episodes/{episode['episode_id']}")["person_id"])


def far_token(house: House) -> str:
    """A registrar of the other facility."""
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO app_user (username, role, facilities, password_hash, disabled) SELECT 'far-registrar', "
            "'admissions', '[\"lakeside\"]', password_hash, false FROM app_user WHERE username = 'director' "
            "ON CONFLICT DO NOTHING"
        )
    form = {"grant_type": "password", "username": "far-registrar", "password": "local"}
    token: str = httpx2.post(f"{house.url}/oauth/token", data=form).json()["access_token"]
    return token


def as_far(house: House, path: str, body: dict[str, Any], key: str = "far-000001") -> httpx2.Response:
    headers = {"Authorization": f"Bearer {far_token(house)}", "Idempotency-Key": key}
    return httpx2.post(f"{house.url}{path}", json=body, headers=headers, timeout=60)


@pytest.mark.parametrize(
    "changes",
    [{"given": ["Bob"]}, {"birth_date": "1984-02-03"}, {"spelling": "l"}, {"swapped": True}],
    ids=["short form", "swapped date", "sounds alike", "swapped names"],
)
def test_somebody_alike_is_asked_about_before_anybody_new_is_on_record(
    house: House, caller: Caller, changes: dict[str, Any]
) -> None:
    family = next(_families)
    first = start(caller, patient(family))
    who = patient(family, **{k: v for k, v in changes.items() if k not in ("spelling", "swapped")})
    if "spelling" in changes:
        who["family"] = family.replace("ll", "l")
    if "swapped" in changes:
        who |= {"family": "Robert", "given": [family]}
    before = _people(house)
    error = refused(caller, "admissions", "/v1/episodes", referral(patient=who))
    assert (error.status, error.code) == (409, "duplicate_person")
    (candidate,) = error.body["candidates"]
    assert candidate["person_id"] == person_of(caller, first)
    assert candidate["likely"]
    assert candidate["episodes"][0]["id"] == first["episode_id"]
    assert family not in str(error.body)
    assert _people(house) == before


def _people(house: House) -> int:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute("SELECT count(*) FROM person").fetchone()
    assert row is not None
    return int(row[0])


def test_it_is_one_of_them_or_it_is_not_and_why(house: House, caller: Caller) -> None:
    family = next(_families)
    first = start(caller, patient(family))
    known = person_of(caller, first)
    other = patient(family, given=["Rob"])
    needs_why = refused(caller, "admissions", "/v1/episodes", referral(patient=other, not_duplicates_of=[known]))
    assert (needs_why.status, needs_why.code) == (422, "invalid_request")
    settled = {"not_duplicates_of": [known], "not_duplicates_reason": "twin"}
    second = caller.post("admissions", "/v1/episodes", referral(patient=other, **settled))
    assert person_of(caller, second) != known
    # Somebody who exists: found open here, so the second start is refused with the episode that is open.
    third = refused(caller, "admissions", "/v1/episodes", referral(patient=other, existing_person=known))
    assert (third.code, third.body["episode_id"]) == ("episode_open_elsewhere", first["episode_id"])
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute(
            "SELECT status, reason, decided_by FROM person_pair WHERE %s IN (one_id::text, other_id::text)", (known,)
        ).fetchone()
        said = connection.execute(
            "SELECT actor, detail FROM audit_entry WHERE action = 'told_apart' AND detail->'people' ? %s", (known,)
        ).fetchone()
    assert row == ("dismissed", "twin", "admissions:admissions")
    assert said is not None
    assert said[1]["reason"] == "twin"
    # Told apart once, nobody is asked by the queue again.
    caller.post("director", "/v1/people/duplicates", {})
    assert not [p for p in caller.get("director", "/v1/people/duplicates", limit=200)["items"]
                if known in [x["person_id"] for x in p["people"]]]  # fmt: skip


def test_the_named_person_gets_the_episode(caller: Caller) -> None:
    family = next(_families)
    first = start(caller, patient(family))
    known = person_of(caller, first)
    elsewhere = {"facility": "lakeside", "coverages": [{"payer": "statecare", "rank": 2}]}
    body = referral(patient=patient("Differently", given=["Named"]), existing_person=known, **elsewhere)
    made = caller.post("admissions", "/v1/episodes", body)
    assert made["episode_id"] != first["episode_id"]
    found = search(caller, family=family, given=["Robert"], birth_date="1984-03-02")
    assert found[0]["person_id"] == known
    unknown = "00000000-0000-5000-8000-000000000000"
    nobody = refused(caller, "admissions", "/v1/episodes", referral(existing_person=unknown))
    assert (nobody.status, nobody.code) == (404, "not_found")


def test_search_by_parts_ranks_with_reasons_and_is_on_record(house: House, caller: Caller) -> None:
    family = next(_families)
    start(caller, patient(family))
    start(caller, patient(family, given=["Marcus"], birth_date="1984-03-02"))
    both = search(caller, family=family, birth_date="1984-03-02")
    both = [hit for hit in both if "same family name" in hit["reasons"]]
    assert len(both) == 2
    ranked = search(caller, family=family, given=["Bobby"], birth_year=1984)
    assert ranked[0]["reasons"] == ["same family name", "given name is a short form", "same year of birth"]
    assert ranked[0]["rank"] > ranked[-1]["rank"]
    assert search(caller, member_id="none of ours") == []
    assert search(caller, family=family.replace("ll", "l"), given=["Marcus"])[0]["reasons"] == [
        "family name sounds alike", "same given name",
    ]  # fmt: skip
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        rows = connection.execute(
            "SELECT detail FROM audit_entry WHERE action = 'viewed_person' AND actor = 'admissions:admissions' "
            "AND detail->>'page' = 'people/search' ORDER BY id"
        ).fetchall()
    assert any({p["person_id"] for p in both} <= set(r[0]["people"]) for r in rows)
    assert rows[-1][0]["filter"]["by"] == ["family", "given"]
    assert family not in str(rows)


def test_hidden_people_are_nothing_found(house: House, caller: Caller) -> None:
    """Another house's person and nobody at all: the same answer, the same refusal, the same entry."""
    family = next(_families)
    hidden = person_of(caller, start(caller, patient(family, birth_date="1977-11-23")))
    asked = {"family": family, "given": ["Robert"], "birth_date": "1977-11-23"}
    theirs = as_far(house, "/v1/people/search", asked)
    nobody = as_far(house, "/v1/people/search", {**asked, "family": "Zzyzxborn"})
    assert theirs.status_code == nobody.status_code == 200
    assert theirs.json() == nobody.json() == {"items": []}
    assert theirs.headers["content-length"] == nobody.headers["content-length"]
    named = as_far(house, "/v1/episodes", referral(
        facility="lakeside", coverages=[{"payer": "statecare"}], existing_person=hidden), "far-000002")  # fmt: skip
    unknown = as_far(house, "/v1/episodes", referral(
        facility="lakeside", coverages=[{"payer": "statecare"}],
        existing_person="00000000-0000-5000-8000-000000000000"), "far-000003")  # fmt: skip
    assert named.status_code == unknown.status_code == 404
    assert named.json()["code"] == unknown.json()["code"] == "not_found"
    # Somebody alike, but hidden, is no reason to refuse: the refusal would tell.
    started = as_far(house, "/v1/episodes", referral(
        facility="lakeside", coverages=[{"payer": "statecare"}],
        patient=patient(family, given=["Bob"], birth_date="1977-11-23")), "far-000004",
    )  # fmt: skip
    assert started.status_code == 201, started.text
    # Whoever sees both finds the pair.
    everyone = Caller(house.url, prefix="pairs")
    everyone.post("director", "/v1/people/duplicates", {})
    far = {"Authorization": f"Bearer {far_token(house)}"}
    seen = httpx2.get(f"{house.url}/v1/people/duplicates", headers=far).json()["items"]
    assert hidden not in str(seen)
    everyone.close()


def test_pairs_are_proposed_compared_and_dismissed_for_good(house: House, caller: Caller) -> None:
    family = next(_families)
    first = person_of(caller, start(caller, patient(family)))
    second = person_of(caller, start(caller, patient(family, birth_date="1984-03-12")))
    (pair,) = _pairs(caller, first)
    assert {p["person_id"] for p in pair["people"]} == {first, second}
    assert pair["reasons"] == ["same family name", "same given name", "birth date differs in one digit"]
    assert family not in str(pair)
    path = f"/v1/people/duplicates/{pair['id']}/dismiss"
    done = caller.post("admissions", path, {"reason": "document_seen"}, key="dismiss-0001")
    assert done["status"] == "dismissed"
    assert caller.post("admissions", path, {"reason": "document_seen"}, key="dismiss-0001") == done
    assert refused(caller, "admissions", path, {"reason": "twin"}).code == "already_decided"
    caller.post("director", "/v1/people/duplicates", {})
    assert _pairs(caller, first) == []


def _pairs(caller: Caller, person: str) -> list[dict[str, Any]]:
    items = caller.get("admissions", "/v1/people/duplicates", limit=200)["items"]
    return [p for p in items if person in [x["person_id"] for x in p["people"]]]


def test_a_record_older_than_the_wider_search_is_found_after_one_look(house: House, caller: Caller) -> None:
    family = next(_families)
    first = person_of(caller, start(caller, patient(family)))
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "DELETE FROM person_token WHERE person_id = %s AND kind NOT IN ('name', 'name_birth', 'birth_date')",
            (first,),
        )
    asked = {"family": family, "given": ["Bob"]}
    assert search(caller, **asked) == []
    assert caller.post("director", "/v1/people/duplicates", {})["tokens_added_to"] >= 1
    assert [p["person_id"] for p in search(caller, **asked)] == [first]


def test_two_desks_with_the_same_newcomer_make_one_person(house: House, caller: Caller) -> None:
    """E04: at once, spelt differently; one is on record, the other is asked."""
    family = next(_families)
    bodies = [referral(patient=patient(family, given=[g])) for g in ("Robert", "Bob", "Rob", "Bobby")]
    with ThreadPoolExecutor(4) as pool:
        callers = [Caller(house.url, prefix=f"desk{family}{n}") for n in range(4)]
        answers = list(pool.map(lambda pair: _outcome(*pair), zip(callers, bodies, strict=True)))
        for one in callers:
            one.close()
    assert sorted(answers) == ["duplicate_person"] * 3 + ["started"]
    found = search(caller, family=family, birth_date="1984-03-02")
    assert len([hit for hit in found if "same family name" in hit["reasons"]]) == 1


def _outcome(caller: Caller, body: dict[str, Any]) -> str:
    try:
        caller.post("admissions", "/v1/episodes", body)
    except Refused as error:
        return error.code
    return "started"
