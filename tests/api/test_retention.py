"""A record's end over HTTP: when it may be deleted, what stands in the way, who does it, and the proof that it was done."""

import asyncio
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from psycopg.errors import CheckViolation, RestrictViolation

from api.erasure import proof_of
from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from runtime.keyring import SealBroken
from runtime.keyring_file import load_keyring
from runtime.people import open_document, open_person
from storage.verify import verify
from tests.api.cases import _settle, opened
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted, started

OTHER = "director_beside"
LATER = datetime(2060, 1, 4, 15, tzinfo=UTC)
_keys = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _second_director(house: House) -> None:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute(
            "INSERT INTO app_user (username, role, facilities, password_hash) SELECT %s, role, facilities, password_hash "
            "FROM app_user WHERE username = 'director' ON CONFLICT DO NOTHING",
            (OTHER,),
        )


@contextmanager
def decades_later(house: House) -> Iterator[None]:
    """The house's clock stands where every period is over."""
    _clock(house, LATER)
    try:
        yield
    finally:
        _clock(house, MOMENT)


def _clock(house: House, at: datetime) -> None:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute("UPDATE business_clock SET now = %s", (at,))


def sql(house: House, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def post(caller: Caller, role: str, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Any:
    return caller.post(role, path, body or {}, key=key or f"retention-{next(_keys):06d}")


def refused(caller: Caller, role: str, path: str, body: dict[str, Any] | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        post(caller, role, path, body)
    return caught.value


class Ended:
    """Somebody who was here, has a case, words of a call, a document and disclosures, and has left."""

    def __init__(self, caller: Caller, house: House, says: str = "") -> None:
        self.case = opened(caller, house, says)
        self.stage = self.case.stage
        self.person = str(self.stage.page()["person_id"])
        answer = httpx2.post(
            f"{house.url}/v1/episodes/{self.stage.episode}/documents",
            params={"kind": "progress_note", "service_date": MOMENT.date().isoformat(), "sign": True},
            content=b"Robin Testerman went home", timeout=30,
            headers={**caller._headers("clinician"), "Idempotency-Key": f"ended-{self.person}", "Content-Type": "text/plain"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        self.document = str(answer.json()["document_id"])
        self.stage.end("completed", "goals met")
        asyncio.run(_settle(house))
        for request, kind in sql(
            house,
            "SELECT id, kind FROM authorization_request WHERE episode_id = %s AND status IN ('ready', 'waiting_consent', "
            "'submitted', 'pended', 'timed_out', 'contact_payer', 'data_problem', 'held')",
            self.stage.episode,
        ):
            raise AssertionError(f"the payer left {kind} request {request} undecided")
        with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
            connection.execute(
                "UPDATE charge_exception SET resolved_at = %s, resolved_by = 'test' WHERE episode_id = %s",
                (MOMENT, self.stage.episode),
            )


@pytest.fixture(scope="module")
def ended(house: House) -> Iterator[Ended]:
    caller = Caller(house.url, prefix="ended")
    yield Ended(caller, house)
    caller.close()


def way(caller: Caller, person: str) -> dict[str, Any]:
    return caller.get("director", f"/v1/patients/{person}/retention")


def test_a_record_in_care_is_kept_and_says_why(caller: Caller, house: House) -> None:
    stage = admitted(caller, "2.5")
    person = stage.page()["person_id"]
    found = way(caller, person)
    assert not found["may_be_deleted"]
    assert date.fromisoformat(found["kept_until"]) > date(2035, 1, 1)
    assert {p["record"] for p in found["periods"]} >= {"medical_record", "consent"}
    codes = {p["code"] for p in found["in_the_way"]}
    assert codes >= {"record_in_use", "retention_runs"}
    error = refused(caller, "director", f"/v1/patients/{person}/deletions", {"reason": "asked"})
    assert (error.status, error.code) == (409, "record_in_use")
    assert {p["code"] for p in error.body["in_the_way"]} == codes
    assert "Testerman" not in str(error.body)


def test_an_ended_record_is_kept_for_its_period(caller: Caller, ended: Ended) -> None:
    error = refused(caller, "director", f"/v1/patients/{ended.person}/deletions", {"reason": "asked"})
    assert error.code == "retention_runs", error.body
    assert [p["code"] for p in error.body["in_the_way"]] == ["retention_runs"]


def test_a_hold_blocks_and_is_released_once_with_its_authority(caller: Caller, house: House, ended: Ended) -> None:
    path = f"/v1/patients/{ended.person}"
    said = {"reason": "subpoena", "authority": "case-77"}
    hold = post(caller, "director", f"{path}/legal-holds", said, key="retention-hold-1")
    assert post(caller, "director", f"{path}/legal-holds", said, key="retention-hold-1") == hold
    with decades_later(house):
        error = refused(caller, "director", f"{path}/deletions", {"reason": "period_over"})
        assert error.code == "legal_hold", error.body
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection, pytest.raises(RestrictViolation):
        connection.execute("UPDATE person SET wrapped_key = NULL WHERE id = %s", (ended.person,))
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection, pytest.raises(RestrictViolation):
        connection.execute("UPDATE legal_hold SET authority = 'other' WHERE id = %s", (hold["hold_id"],))
    release = f"/v1/legal-holds/{hold['hold_id']}/release"
    done = post(caller, "director", release, {"reason": "settled", "authority": "order-9"})
    assert (done["released_by"], done["release_authority"]) == ("director:director", "order-9")
    assert refused(caller, "director", release, said).code == "stale"
    listed = caller.get("director", f"{path}/legal-holds")["items"]
    assert [h["hold_id"] for h in listed] == [hold["hold_id"]]
    actions = sql(
        house, "SELECT action FROM audit_entry WHERE subject = %s AND action LIKE 'legal_hold%%' ORDER BY id",
        f"person/{ended.person}",
    )  # fmt: skip
    assert [a for (a,) in actions] == ["legal_hold_placed", "legal_hold_released"]


def test_a_legal_demand_that_is_not_settled_blocks_too(caller: Caller, house: House) -> None:
    stage = started(caller)
    person = stage.page()["person_id"]
    post(
        caller, "director", f"/v1/episodes/{stage.episode}/legal-demands",
        {"kind": "subpoena", "recipient": "court/first", "contents": ["handoff"], "received_at": MOMENT.isoformat(),
         "court": "c1"},
    )  # fmt: skip
    assert "legal_hold" in {p["code"] for p in way(caller, person)["in_the_way"]}


def test_two_people_erase_and_the_proof_is_kept(caller: Caller, house: House, ended: Ended) -> None:
    keyring = load_keyring(house.settings)
    ((sealed, wrapped),) = sql(house, "SELECT sealed, wrapped_key FROM person WHERE id = %s", ended.person)
    name = open_person(keyring, UUID(ended.person), bytes(sealed), bytes(wrapped)).family
    assert _found(caller, name) == [ended.stage.episode]
    ((kept,),) = sql(house, "SELECT sealed FROM clinical_document WHERE id = %s", ended.document)
    assert b"went home" in open_document(keyring, UUID(ended.person), bytes(wrapped), UUID(ended.document), bytes(kept))
    with decades_later(house):
        due = {i["person_id"]: i for i in caller.get("director", "/v1/retention/due", limit=200)["items"]}
        assert due[ended.person]["may_be_deleted"]
        asked = post(caller, "director", f"/v1/patients/{ended.person}/deletions", {"reason": "period_over"})
        path = f"/v1/deletions/{asked['deletion_id']}"
        again = refused(caller, "director", f"/v1/patients/{ended.person}/deletions", {"reason": "twice"})
        assert again.code == "stale"
        assert refused(caller, "director", f"{path}/approve").code == "forbidden"
        assert way(caller, ended.person)["erased_at"] is None
        with psycopg.connect(house.postgres.dsn("stepdown")) as connection, pytest.raises(CheckViolation):
            connection.execute(
                "UPDATE record_deletion SET status = 'erased', decided_by = 'admin:director' WHERE id = %s",
                (asked["deletion_id"],),
            )
        done = post(caller, OTHER, f"{path}/approve", key="retention-approve-1")
        assert done["status"] == "proved", done
        assert post(caller, OTHER, f"{path}/approve", key="retention-approve-1") == done
        assert refused(caller, OTHER, f"{path}/approve").code == "already_decided"
        assert refused(caller, OTHER, f"{path}/decline", {"reason": "late"}).code == "already_decided"
        assert not way(caller, ended.person)["may_be_deleted"]
        assert ended.person not in {
            i["person_id"] for i in caller.get("director", "/v1/retention/due", limit=200)["items"]
        }
    certificate = done["certificate"]
    assert (certificate["requested_by"], certificate["approved_by"]) == ("director:director", f"director:{OTHER}")
    assert proof_of(certificate) == done["proof"]
    assert set(certificate["left_afterwards"].values()) == {0}
    emptied = certificate["rows"]["emptied"]
    assert emptied["clinical_document.sealed"] == 1
    assert emptied["exchange_message.sealed"] > 0
    assert emptied["person.wrapped_key"] == 1
    assert {c["ledger"] for c in certificate["chains_whole"]} >= {"audit_entry", "disclosure"}
    _nothing_of(caller, house, ended, name)
    ((entry,),) = sql(
        house, "SELECT detail ->> 'proof' FROM audit_entry WHERE action = 'deletion_proved' AND subject = %s",
        f"person/{ended.person}",
    )  # fmt: skip
    assert entry == done["proof"]
    breaks, _, _ = verify(house.postgres.dsn("stepdown"))
    assert breaks == []
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection, pytest.raises(RestrictViolation):
        connection.execute("UPDATE record_deletion SET proof = 'other' WHERE id = %s", (asked["deletion_id"],))


def _nothing_of(caller: Caller, house: House, ended: Ended, name: str) -> None:
    """Nothing sealed opens, nothing finds them, the rows stay by their ids."""
    keyring = load_keyring(house.settings)
    ((sealed, wrapped),) = sql(house, "SELECT sealed, wrapped_key FROM person WHERE id = %s", ended.person)
    assert (bytes(sealed), wrapped) == (b"", None)
    with pytest.raises(SealBroken):
        keyring.data_key(b"", UUID(ended.person).bytes)
    for statement in (
        "SELECT count(*) FROM clinical_document WHERE person_id = %s AND sealed IS NOT NULL",
        "SELECT count(*) FROM exchange_message WHERE person_id = %s AND length(sealed) > 0",
        "SELECT count(*) FROM case_evidence WHERE person_id = %s AND length(sealed) > 0",
        "SELECT count(*) FROM person_token WHERE person_id = %s",
    ):
        assert sql(house, statement, ended.person) == [(0,)], statement
    assert sql(house, "SELECT count(*) FROM disclosure WHERE person_id = %s", ended.person) > [(0,)]
    assert _found(caller, name) == []
    body = httpx2.get(
        f"{house.url}/v1/documents/{ended.document}/body", headers=caller._headers("clinician"), timeout=30
    )  # fmt: skip
    assert (body.status_code, body.json()["code"]) == (404, "not_found")
    assert caller.get("clinician", f"/v1/documents/{ended.document}")["opens"] is False
    late = httpx2.post(
        f"{house.url}/v1/episodes/{ended.stage.episode}/documents",
        params={"kind": "progress_note", "service_date": MOMENT.date().isoformat()}, content=b"afterwards", timeout=30,
        headers={**caller._headers("clinician"), "Idempotency-Key": "after-the-end", "Content-Type": "text/plain"},
    )  # fmt: skip
    assert (late.status_code, late.json()["code"]) == (404, "not_found")


def _found(caller: Caller, name: str) -> list[str]:
    return [e["id"] for e in caller.get("admissions", "/v1/episodes", q=name)["items"]]


def test_of_two_who_approve_at_once_one_does_and_a_hold_in_time_wins(caller: Caller, house: House) -> None:
    one = Ended(caller, house)
    with decades_later(house):
        asked = post(caller, "director", f"/v1/patients/{one.person}/deletions", {"reason": "period_over"})
        path = f"/v1/deletions/{asked['deletion_id']}"
        post(caller, "director", f"/v1/patients/{one.person}/legal-holds", {"reason": "suit", "authority": "s-1"})
        assert refused(caller, OTHER, f"{path}/approve").code == "legal_hold"
        ((hold,),) = sql(house, "SELECT id FROM legal_hold WHERE person_id = %s", one.person)
        post(caller, "director", f"/v1/legal-holds/{hold}/release", {"reason": "over", "authority": "s-2"})

        def attempt(number: int) -> int:
            answer = httpx2.post(
                f"{house.url}{path}/approve", json={}, timeout=60,
                headers={**caller._headers(OTHER), "Idempotency-Key": f"approve-at-once-{number}"},
            )  # fmt: skip
            return answer.status_code

        caller._headers(OTHER)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(attempt, range(4)))
    assert 200 in answers, answers
    assert set(answers) <= {200, 409}, answers
    assert sql(house, "SELECT count(*) FROM audit_entry WHERE action = 'record_erased' AND subject = %s",
               f"person/{one.person}") == [(1,)]  # fmt: skip
    assert sql(house, "SELECT count(*) FROM audit_entry WHERE action = 'deletion_proved' AND subject = %s",
               f"person/{one.person}") == [(1,)]  # fmt: skip


def test_a_proof_that_was_cut_off_is_made_afterwards(caller: Caller, house: House) -> None:
    """The key is destroyed and the power went: whoever approves again gets the certificate."""
    one = Ended(caller, house)
    with decades_later(house):
        asked = post(caller, "director", f"/v1/patients/{one.person}/deletions", {"reason": "period_over"})
        with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
            connection.execute("UPDATE person SET wrapped_key = NULL, sealed = '' WHERE id = %s", (one.person,))
            for table, empty in (("exchange_message", "''"), ("clinical_document", "NULL"), ("case_evidence", "''")):
                connection.execute(f"UPDATE {table} SET sealed = {empty} WHERE person_id = %s".encode(), (one.person,))
            connection.execute("DELETE FROM person_token WHERE person_id = %s", (one.person,))
            connection.execute(
                "UPDATE record_deletion SET status = 'erased', erased_at = %s, decided_at = %s, decided_by = %s, "
                "counts = '{}' WHERE id = %s",
                (LATER, LATER, f"director:{OTHER}", asked["deletion_id"]),
            )
        done = post(caller, OTHER, f"/v1/deletions/{asked['deletion_id']}/approve")
    assert done["status"] == "proved"
    assert proof_of(done["certificate"]) == done["proof"]


def test_a_declined_wish_changes_nothing(caller: Caller, house: House) -> None:
    one = Ended(caller, house)
    with decades_later(house):
        asked = post(caller, "director", f"/v1/patients/{one.person}/deletions", {"reason": "period_over"})
        owed = "SELECT status FROM open_item WHERE kind = 'record_deletion' AND subject_id = %s"
        assert sql(house, owed, asked["deletion_id"]) == [("open",)]
        done = post(caller, OTHER, f"/v1/deletions/{asked['deletion_id']}/decline", {"reason": "research"})
        assert (done["status"], done["certificate"]) == ("declined", None)
        assert sql(house, owed, asked["deletion_id"]) == [("done",)]
        assert way(caller, one.person)["may_be_deleted"]
    assert sql(house, "SELECT wrapped_key IS NOT NULL FROM person WHERE id = %s", one.person) == [(True,)]
