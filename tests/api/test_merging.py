"""Joining two records of one person and taking them apart (E03, E04, E14): over HTTP, with everything real."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from local.rehearsal.stage import RATINGS
from tests.api.conftest import MOMENT
from tests.api.test_people import far_token, patient, person_of, search, start
from tests.api.test_refusals import refused

MADE: list[str] = []
_families = (f"Joinable{n}" for n in range(1, 500))
READ = {
    "episode": "SELECT id, person_id, facility, coverage_id, payer, phase, level, stay_id FROM episode",
    "coverage": "SELECT id, person_id, payer, rank, from_date, through_date, voided FROM coverage",
    "consent": "SELECT id, person_id, episode_id, form, status, signed_at, reason FROM consent",
    "stay": "SELECT id, person_id, episode_id, level, period FROM stay",
    "charge": "SELECT person_id, stay_id, service_date, per_diem_track, amount FROM charge WHERE status = 'live'",
    "tokens": "SELECT person_id, kind, token FROM person_token",
    "stands": "SELECT id, merged_into FROM person",
}
"""What the lists and boards read, without versions and moments."""


def rows(house: House, statement: str, **values: Any) -> list[Any]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def read_models(house: House) -> dict[str, Any]:
    return {name: sorted(map(str, rows(house, statement))) for name, statement in READ.items()}


def two_records(caller: Caller, **second: Any) -> tuple[str, str, str, str]:
    """Ids of two people and their episodes, of two facilities: both may run."""
    family = next(_families)
    MADE.append(family)
    one = start(caller, patient(family))
    card = {"payer": "statecare", "member_id": f"SC{len(MADE):08d}"}
    other = start(caller, patient(family, birth_date="1984-03-12", **second), facility="lakeside", coverages=[card])
    return person_of(caller, one), person_of(caller, other), one["episode_id"], other["episode_id"]


def shown(caller: Caller, one: str, other: str) -> dict[str, Any]:
    return caller.post("director", f"/v1/people/{one}/merge/preview", {"merged": other})


def join(caller: Caller, one: str, other: str, key: str | None = None, **more: Any) -> dict[str, Any]:
    seen = shown(caller, one, other)
    body = {"merged": other, "version": seen["version"], "merged_version": seen["merged_version"],
            "reason": "document_seen", **more}  # fmt: skip
    return caller.post("director", f"/v1/people/{one}/merge", body, key=key)


def apart(caller: Caller, one: str, **more: Any) -> dict[str, Any]:
    listed = caller.get("director", f"/v1/people/{one}/merges")
    body = {"merge_id": listed["items"][0]["id"], "version": listed["version"], "reason": "other", **more}
    return caller.post("director", f"/v1/people/{one}/unmerge", body)


def test_a_preview_changes_nothing_and_a_merge_moves_what_it_said(house: House, caller: Caller) -> None:
    one, other, first, second = two_records(caller)
    before = read_models(house)
    seen = shown(caller, one, other)
    assert read_models(house) == before
    assert seen["must_end_one_of"] == []
    conflict = next(c for c in seen["conflicts"] if c["kind"] == "coverage")
    assert conflict["act"] == "reranked"
    answer = join(caller, one, other, key="join-000001")
    assert join_again(caller, one, other) == answer
    assert {caller.get("reviewer", f"/v1/episodes/{e}")["person_id"] for e in (first, second)} == {one}
    found = search(caller, "director", family=MADE[-1], birth_date="1984-03-12")
    assert [hit["person_id"] for hit in found if "same family name" in hit["reasons"]] == [one], (
        "by the old record's date"
    )
    ranks = rows(house, "SELECT rank FROM coverage WHERE person_id = %(p)s AND NOT voided ORDER BY 1", p=one)
    assert ranks == [(1,), (2,)]
    noted = rows(
        house, "SELECT detail FROM timeline_entry WHERE kind = 'people_merged' AND episode_id = %(e)s", e=second
    )
    assert noted[0][0]["moved"] is True
    audit = rows(
        house, "SELECT actor FROM audit_entry WHERE action = 'people_merged' AND subject = %(s)s", s=f"person/{one}"
    )
    assert audit == [("director:director",)]


def join_again(caller: Caller, one: str, other: str) -> dict[str, Any]:
    """The same command again, as a client repeats it that lost the answer: versions as they were then."""
    body = {"merged": other, "version": 2, "merged_version": 2, "reason": "document_seen"}
    return caller.post("director", f"/v1/people/{one}/merge", body, key="join-000001")


def test_stale_unknown_hidden_itself_and_wrong_roles(house: House, caller: Caller) -> None:
    one, other, *_ = two_records(caller)
    nobody = str(uuid.uuid4())
    path = f"/v1/people/{one}/merge"
    body = {"merged": other, "version": 9, "merged_version": 9, "reason": "other"}
    assert refused(caller, "director", path, body).code == "stale"
    assert refused(caller, "director", path, body | {"merged": nobody}).code == "not_found"
    assert refused(caller, "director", path, body | {"merged": one}).code == "invalid_request"
    assert refused(caller, "admissions", path, body).code == "forbidden"
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO app_user (username, role, facilities, password_hash, disabled) SELECT 'far-director', 'director', "
            "'[\"lakeside\"]', password_hash, false FROM app_user WHERE username = 'director' ON CONFLICT DO NOTHING"
        )
    form = {"grant_type": "password", "username": "far-director", "password": "local"}
    token = httpx2.post(f"{house.url}/oauth/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "far-dir-0001"}
    hidden = httpx2.post(f"{house.url}{path}", json=body, headers=headers)
    unknown = httpx2.post(f"{house.url}/v1/people/{nobody}/merge", json=body, headers=headers)
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["code"] == unknown.json()["code"] == "not_found"
    assert far_token(house)


def test_two_merges_at_once_are_one(house: House, caller: Caller) -> None:
    one, other, *_ = two_records(caller)
    seen = shown(caller, one, other)
    bodies = [
        (
            one,
            {"merged": other, "version": seen["version"], "merged_version": seen["merged_version"], "reason": "other"},
        ),
        (
            other,
            {"merged": one, "version": seen["merged_version"], "merged_version": seen["version"], "reason": "other"},
        ),
    ] * 2
    callers = [Caller(house.url, prefix=f"race{one[:8]}{n}") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: _tried(*pair), zip(callers, bodies, strict=True)))
    for each in callers:
        each.close()
    assert sorted(answers) == ["merged", "stale", "stale", "stale"]
    assert rows(
        house, "SELECT count(*) FROM person_merge WHERE %(p)s IN (survivor_id, merged_id)", p=uuid.UUID(one)
    ) == [(1,)]


def _tried(caller: Caller, asked: tuple[str, dict[str, Any]]) -> str:
    try:
        return str(caller.post("director", f"/v1/people/{asked[0]}/merge", asked[1])["status"])
    except Refused as error:
        return error.code


@pytest.mark.parametrize("swapped", [False, True])
def test_merged_and_taken_apart_is_as_if_nothing_had_been(house: House, caller: Caller, swapped: bool) -> None:
    """Nothing in between: every read model is what it was."""
    one, other, first, second = two_records(caller)
    for episode, form in ((first, "treatment"), (second, "treatment"), (second, "part2_tpo")):
        sign(caller, episode, form)
    if swapped:
        one, other = other, one
    before = read_models(house)
    join(caller, one, other)
    assert read_models(house) != before
    apart(caller, one)
    assert read_models(house) == before
    assert refused(caller, "director", f"/v1/people/{one}/unmerge", {
        "merge_id": str(rows(house, "SELECT id FROM person_merge WHERE survivor_id = %(p)s AND ends IS NULL", p=one)[0][0]),
        "version": shown(caller, one, other)["version"], "reason": "other",
    }).code == "already_decided"  # fmt: skip


def sign(caller: Caller, episode: str, form: str) -> None:
    caller.post("clinician", f"/v1/episodes/{episode}/consents", {"form": form, "signed_at": MOMENT.isoformat()})


def test_a_revocation_under_the_other_record_ends_the_signature(house: House, caller: Caller) -> None:
    """A consent of one covers the other only when true: what the person took back is taken back."""
    one, other, first, second = two_records(caller)
    sign(caller, first, "part2_tpo")
    sign(caller, second, "part2_tpo")
    taken = next(c for c in caller.get("reviewer", f"/v1/episodes/{second}")["consents"]
                 if c["form"] == "part2_tpo" and c["status"] == "signed")  # fmt: skip
    caller.post(
        "clinician", f"/v1/consents/{taken['id']}/revoke", {"received_at": MOMENT.isoformat(), "channel": "letter"}
    )
    answer = join(caller, one, other)
    assert "consent_to_renew" in answer["items"]
    states = {
        c["status"] for c in caller.get("reviewer", f"/v1/episodes/{first}")["consents"] if c["form"] == "part2_tpo"
    }
    assert "signed" not in states
    apart(caller, one)
    states = {
        c["status"] for c in caller.get("reviewer", f"/v1/episodes/{first}")["consents"] if c["form"] == "part2_tpo"
    }
    assert "signed" in states
    assert rows(house, "SELECT count(*) FROM open_item WHERE rule = 'E03' AND status = 'open' AND subject_id = %(m)s",
                m=answer["merge_id"]) == [(0,)]  # fmt: skip


def test_the_accounting_speaks_of_both_records_and_the_chain_is_whole(house: House, caller: Caller) -> None:
    one, other, _, second = two_records(caller)
    made = str(uuid.uuid4())
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO disclosure (id, person_id, episode_id, content, purpose, recipient, exception, fingerprint, "
            "intent_at, actor) VALUES (%s, %s, %s, 'handoff', 'legal', 'court/first', 'court_order', 'f', %s, 'director')",
            (made, other, second, MOMENT),
        )
    hashes = rows(house, "SELECT id, person_id, hash FROM disclosure ORDER BY seq")
    answer = join(caller, one, other)
    assert answer["disclosures_to_review"] == 1
    assert "disclosures_to_review" in answer["items"]
    listed = caller.get("auditor", "/v1/disclosures", patient=one)["items"]
    assert made in [d["id"] for d in listed]
    assert rows(house, "SELECT id, person_id, hash FROM disclosure ORDER BY seq") == hashes
    apart(caller, one)
    assert made not in [d["id"] for d in caller.get("auditor", "/v1/disclosures", patient=one)["items"]]


def test_what_happened_in_between_goes_where_somebody_says(house: House, caller: Caller) -> None:
    one, other, first, second = two_records(caller)
    join(caller, one, other)
    sign(caller, second, "treatment")
    caller.post("clinician", f"/v1/episodes/{first}/discharge", {
        "disposition": "other", "effective_at": MOMENT.isoformat(), "reason": "did not come"})  # fmt: skip
    third = start(caller, patient("Whoever", given=["Named"]), existing_person=other,
                  coverages=[{"payer": "meridian", "rank": 5, "member_id": "MB999999999"}])  # fmt: skip
    assert person_of(caller, third) == one, "the old record's id leads to the one that stands"
    since = {(f["kind"], f["id"]): f["default"] for f in
             caller.get("director", f"/v1/people/{one}/merges")["items"][0]["recorded_since"]}  # fmt: skip
    assert since["episode", third["episode_id"]] == "stays"
    assert "returns" in {goes for (kind, _), goes in since.items() if kind == "consent"}
    listed = caller.get("director", f"/v1/people/{one}/merges")
    wrong = {
        "merge_id": listed["items"][0]["id"],
        "version": listed["version"],
        "reason": "other",
        "gives_back": [first],
    }
    assert refused(caller, "director", f"/v1/people/{one}/unmerge", wrong).code == "invalid_request"
    told = apart(caller, one, gives_back=[third["episode_id"]])
    assert told["given_back"] == [third["episode_id"]]
    owners = {e: caller.get("reviewer", f"/v1/episodes/{e}")["person_id"] for e in (first, second, third["episode_id"])}
    assert owners == {first: one, second: other, third["episode_id"]: other}
    astray = rows(
        house, "SELECT count(*) FROM consent c JOIN episode e ON e.id = c.episode_id WHERE c.person_id <> e.person_id"
    )
    assert astray == [(0,)]


def test_layers_come_off_in_order(caller: Caller) -> None:
    """A into B, then B into C: A leads to C; the first merge is not taken back under the second."""
    a, b, *_ = two_records(caller)
    c, *_ = two_records(caller)
    join(caller, b, a)
    seen = shown(caller, c, b)
    ends = {"ends_episode": seen["must_end_one_of"][1]} if seen["must_end_one_of"] else {}
    join(caller, c, b, **ends)
    inner = caller.get("director", f"/v1/people/{b}/merges")
    first = next(m for m in inner["items"] if m["merged"] == a)
    body = {"merge_id": first["id"], "version": inner["version"], "reason": "other"}
    assert refused(caller, "director", f"/v1/people/{b}/unmerge", body).code == "stale"
    apart(caller, c)
    after = caller.get("director", f"/v1/people/{a}/merges")
    assert after["merged_into"] == b
    apart(caller, b)
    assert caller.get("director", f"/v1/people/{a}/merges")["merged_into"] is None


def test_what_was_signed_and_sealed_under_the_old_record_opens_for_the_survivor(house: House, caller: Caller) -> None:
    """A consent's text and a guardian's name are sealed by the key of the record they were written for: printing one was a
    fault of the house, and the guardian nobody's, once the records were joined."""
    one, other, _, second = two_records(caller)
    where = f"/v1/episodes/{second}/consents"
    text = caller.get("clinician", f"{where}/part2_tpo/presentation")
    signed = {
        "form": "part2_tpo", "signed_at": MOMENT.isoformat(), "method": "electronic", "shown_sha256": text["sha256"],
    }  # fmt: skip
    consent = caller.post("clinician", where, signed)["subject_id"]
    guardian = {
        "given": "Kim", "family": "Guardiansson", "relationship": "legal_guardian", "document": "court-order-17",
        "from_date": MOMENT.date().isoformat(),
    }  # fmt: skip
    caller.post("admissions", f"/v1/episodes/{second}/guardians", guardian)
    join(caller, one, other)
    with httpx2.Client(base_url=house.url, headers=caller._headers("clinician"), timeout=30) as client:
        printed = client.get(f"/v1/consents/{consent}.pdf")
    assert (printed.status_code, printed.content[:5]) == (200, b"%PDF-")
    listed = caller.get("clinician", f"/v1/episodes/{second}/guardians")["items"]
    assert [g["name"] for g in listed] == ["Kim Guardiansson"]
    apart(caller, one)
    with httpx2.Client(base_url=house.url, headers=caller._headers("clinician"), timeout=30) as client:
        assert client.get(f"/v1/consents/{consent}.pdf").status_code == 200


def test_words_written_while_records_were_joined_open_afterwards(house: House, caller: Caller) -> None:
    """They are sealed under the record that stood then, and say so themselves."""
    one, other, _, second = two_records(caller)
    join(caller, one, other)
    path = f"/v1/episodes/{second}"
    rated = {"instrument": "LOC_DIM", "answers": RATINGS["2.5"], "performed_at": MOMENT.isoformat()}
    caller.post("clinician", f"{path}/assessments", rated)
    asked = {
        "to_level": "2.5",
        "effective_at": MOMENT.isoformat(),
        "rationale": "said while joined",
        "deviation_reason": "same",
    }
    caller.post("clinician", f"{path}/transitions", asked)
    told = [t["rationale"] for t in caller.get("reviewer", path)["transitions"]]
    apart(caller, one)
    assert caller.get("reviewer", path)["person_id"] == other
    assert [t["rationale"] for t in caller.get("reviewer", path)["transitions"]] == told == ["said while joined"]
    owners = rows(house, "SELECT encode(substr(sealed_rationale, 1, 16), 'hex') FROM transition WHERE episode_id::text = "
                  "%(e)s", e=second)  # fmt: skip
    assert owners == [(uuid.UUID(one).hex,)]
