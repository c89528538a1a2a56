"""The registry of clinical documents over HTTP: what is kept, who signs and opens it, and what cannot be done to it."""

import base64
import hashlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from psycopg.errors import RestrictViolation

from definitions.document import DOCUMENT_BYTES, DocumentType
from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from storage.engine import Database, make_engine
from storage.reads.documents import signed_between
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted

DAY = MOMENT.date()
WORDS = b"Robin Testerman came to the group and spoke of the week."
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"
_keys = itertools.count(1)


class Desk:
    """Somebody who files documents of one episode."""

    def __init__(self, house: House, caller: Caller, stage: Stage) -> None:
        self.house, self.caller, self.stage = house, caller, stage
        self.http = httpx2.Client(base_url=house.url, timeout=60)

    def headers(self, role: str, key: str | None = None, **more: str) -> dict[str, str]:
        said = key or f"documents-{next(_keys):06d}"
        return {**self.caller._headers(role), "Idempotency-Key": said, **more}

    def send(
        self, body: bytes = WORDS, *, role: str = "clinician", key: str | None = None, kind: str = "text/plain",
        path: str | None = None, **params: Any,
    ) -> httpx2.Response:  # fmt: skip
        said = {"kind": "progress_note", "service_date": DAY.isoformat(), **params} if path is None else params
        return self.http.post(
            path or f"/v1/episodes/{self.stage.episode}/documents", params=said, content=body,
            headers=self.headers(role, key, **{"Content-Type": kind}),
        )  # fmt: skip

    def filed(self, body: bytes = WORDS, **more: Any) -> dict[str, Any]:
        answer = self.send(body, **more)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def act(self, document: str, name: str, body: dict[str, Any], role: str = "clinician") -> httpx2.Response:
        return self.http.post(f"/v1/documents/{document}/{name}", json=body, headers=self.headers(role))

    def get(self, path: str, role: str = "clinician", **params: Any) -> httpx2.Response:
        return self.http.get(path, params=params, headers=self.caller._headers(role))

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.house.postgres.dsn("stepdown")) as connection:
            return connection.execute(statement.encode(), values).fetchall()


@pytest.fixture(scope="module")
def desk(house: House) -> Iterator[Desk]:
    caller = Caller(house.url, prefix="documents")
    made = Desk(house, caller, admitted(caller))
    yield made
    made.http.close()
    caller.close()


def test_what_was_filed_opens_as_it_was_and_lies_sealed(desk: Desk) -> None:
    for body, kind in ((WORDS, "text/plain"), (PDF, "application/pdf")):
        mark = hashlib.sha256(body).hexdigest()
        found = desk.filed(body, kind=kind, sha256=mark)
        assert (found["sha256"], found["size"], found["content_type"]) == (mark, len(body), kind)
        assert (found["status"], found["version"], found["author"]) == ("unsigned", 1, "clinician:clinician")
        opened = desk.get(f"/v1/documents/{found['document_id']}/body", "reviewer")
        assert (opened.status_code, opened.content, opened.headers["content-type"]) == (200, body, kind)
        assert opened.headers["content-disposition"].startswith("attachment")
        assert opened.headers["x-content-type-options"] == "nosniff"
        ((sealed,),) = desk.sql("SELECT sealed FROM clinical_document WHERE id = %s", found["document_id"])
        assert body not in bytes(sealed)
        assert b"Testerman" not in bytes(sealed)


def test_a_wrong_document_is_refused_and_leaves_nothing(desk: Desk) -> None:
    before = desk.sql("SELECT count(*) FROM clinical_document")
    for body, kind, more, status in (
        (PDF, "text/plain", {}, 422),
        (WORDS, "application/pdf", {}, 422),
        (b"<script>", "text/html", {}, 422),
        (b"PK\x03\x04", "application/zip", {}, 422),
        (b"", "text/plain", {}, 422),
        (WORDS, "text/plain", {"sha256": "0" * 64}, 422),
        (WORDS, "text/plain", {"sha256": "short"}, 422),
        (WORDS, "text/plain", {"service_date": "2026-03-09"}, 422),
        (WORDS, "text/plain", {"stay_id": str(UUID(int=7))}, 404),
        (WORDS, "text/plain", {"session_id": str(UUID(int=7))}, 404),
        (WORDS, "text/plain", {"authorization_id": str(UUID(int=7))}, 404),
    ):
        answer = desk.http.post(
            f"/v1/episodes/{desk.stage.episode}/documents",
            params={"kind": "progress_note", "service_date": DAY.isoformat(), **more}, content=body,
            headers=desk.headers("clinician", **{"Content-Type": kind}),
        )  # fmt: skip
        assert answer.status_code == status, (kind, more, answer.text)
        assert b"Testerman" not in answer.content
    assert desk.sql("SELECT count(*) FROM clinical_document") == before


def test_the_largest_is_taken_and_one_byte_more_is_not(desk: Desk) -> None:
    assert desk.filed(b"x" * DOCUMENT_BYTES)["size"] == DOCUMENT_BYTES
    assert desk.send(b"x" * (DOCUMENT_BYTES + 1)).status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(12):
            yield b"y" * 1_000_000

    answer = desk.http.post(
        f"/v1/episodes/{desk.stage.episode}/documents",
        params={"kind": "progress_note", "service_date": DAY.isoformat()}, content=parts(),
        headers=desk.headers("clinician", **{"Content-Type": "text/plain"}),
    )  # fmt: skip
    assert answer.status_code == 413, "a body without a length is counted as it comes"


def test_a_repeat_is_the_same_document_and_another_body_is_refused(desk: Desk) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: desk.send(key="documents-same-key"), range(6)))
    assert {a.status_code for a in answers} == {201}, [a.text for a in answers]
    assert len({a.json()["document_id"] for a in answers}) == 1
    assert desk.send(b"other words", key="documents-same-key").json()["code"] == "idempotency_key_reused"


def test_the_author_signs_and_an_item_waits_until_then(desk: Desk) -> None:
    found = desk.filed(b"waits for its signature")
    owed = "SELECT status, owner_role, due_at FROM open_item WHERE subject_id = %s ORDER BY opened_at, id"
    ((status, owner, due),) = desk.sql(owed, found["document_id"])
    assert (status, owner) == ("open", "clinician")
    assert due > MOMENT
    waiting = desk.get("/v1/documents/unsigned", author="me", limit=200).json()["items"]
    assert found["document_id"] in [d["document_id"] for d in waiting]
    assert {d["author"] for d in waiting} == {"clinician:clinician"}
    assert desk.get("/v1/documents/unsigned", "biller", author="all").status_code == 403
    everybody = desk.get("/v1/documents/unsigned", "director", author="all", limit=200).json()["items"]
    assert found["document_id"] in [d["document_id"] for d in everybody]
    assert desk.act(found["document_id"], "sign", {}, "director").status_code == 403
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: desk.act(found["document_id"], "sign", {}).status_code, range(4)))
    assert sorted(answers) == [200, 409, 409, 409]
    assert [row[0] for row in desk.sql(owed, found["document_id"])] == ["done"]


def test_the_second_signature_is_somebody_elses(desk: Desk) -> None:
    found = desk.filed(b"needs two", cosign=True, sign=True)
    assert found["status"] == "cosign"
    assert desk.act(found["document_id"], "sign", {}).json()["code"] == "forbidden"
    assert desk.act(found["document_id"], "sign", {}, "biller").status_code == 403
    done = desk.act(found["document_id"], "sign", {}, "director").json()
    assert (done["status"], done["signed_by"], done["cosigned_by"]) == (
        "signed", "clinician:clinician", "director:director",
    )  # fmt: skip


def test_a_change_is_another_version_and_nothing_is_edited(desk: Desk) -> None:
    first = desk.filed(b"as it was", sign=True)
    path = f"/v1/documents/{first['document_id']}/amend"
    assert desk.send(b"by somebody else", role="reviewer", path=path).status_code == 403
    second = desk.send(b"as it is now", path=path)
    assert second.status_code == 201, second.text
    assert (second.json()["version"], second.json()["supersedes"], second.json()["status"]) == (
        2, first["document_id"], "unsigned",
    )  # fmt: skip
    before = desk.get(f"/v1/documents/{first['document_id']}").json()
    assert (before["status"], before["superseded_by"]) == ("amended", second.json()["document_id"])
    assert desk.get(f"/v1/documents/{first['document_id']}/body").content == b"as it was"
    assert desk.send(b"a third way", path=path).json()["code"] == "stale"
    listed = desk.get(f"/v1/episodes/{desk.stage.episode}/documents", limit=200).json()["items"]
    assert first["document_id"] not in [d["document_id"] for d in listed]
    for change in ("sha256 = 'other'", "author = 'somebody'", "sealed = 'x'", "signed_by = 'x'", "kind = 'other'"):
        with (
            psycopg.connect(desk.house.postgres.dsn("stepdown")) as connection,
            pytest.raises(RestrictViolation),
        ):
            connection.execute(f"UPDATE clinical_document SET {change} WHERE id = %s".encode(), (first["document_id"],))
    with psycopg.connect(desk.house.postgres.dsn("stepdown")) as connection, pytest.raises(RestrictViolation):
        connection.execute("DELETE FROM clinical_document WHERE id = %s", (first["document_id"],))


def test_of_all_who_change_one_document_at_once_one_does(desk: Desk) -> None:
    found = desk.filed(b"as it was")["document_id"]
    desk.caller._headers("clinician")

    def amend(number: int) -> int:
        return desk.send(f"version by {number}".encode(), path=f"/v1/documents/{found}/amend").status_code

    def void(_: int) -> int:
        return desk.act(found, "void", {"reason": "duplicate"}).status_code

    with ThreadPoolExecutor(6) as pool:
        answers = [f.result() for f in [pool.submit(act, n) for n, act in enumerate((amend, void, amend, void, amend))]]
    assert sorted(answers)[1:] == [409, 409, 409, 409], answers
    assert sorted(answers)[0] in (200, 201)
    assert desk.sql(
        "SELECT count(*) FROM audit_entry WHERE action IN ('document_amended', 'document_voided') AND chain = %s "
        "AND at = %s AND (detail ->> 'document' = %s OR detail ->> 'document' IN "
        "(SELECT id::text FROM clinical_document WHERE supersedes = %s))",
        desk.stage.episode, MOMENT, found, found,
    ) == [(1,)]  # fmt: skip


def test_what_was_voided_says_why_and_opens_for_few(desk: Desk) -> None:
    found = desk.filed(b"of somebody else")
    path = f"/v1/documents/{found['document_id']}"
    assert desk.act(found["document_id"], "void", {"reason": "because"}, "director").status_code == 422
    assert desk.act(found["document_id"], "void", {"reason": "wrong_patient"}, "biller").status_code == 403
    done = desk.act(found["document_id"], "void", {"reason": "wrong_patient"}, "director").json()
    assert (done["status"], done["void_reason"], done["voided_by"]) == ("voided", "wrong_patient", "director:director")
    assert [desk.get(f"{path}/body", role).status_code for role in ("reviewer", "director", "clinician")] == [
        403, 200, 200,
    ]  # fmt: skip
    assert desk.act(found["document_id"], "sign", {}).status_code == 409
    listed = desk.get(f"/v1/episodes/{desk.stage.episode}/documents", everything=True, limit=200).json()["items"]
    assert found["document_id"] in [d["document_id"] for d in listed]


def test_a_counselling_note_is_its_authors_alone(desk: Desk) -> None:
    assert desk.send(b"secret", role="director", kind="text/plain", **{}).status_code == 201
    refused = desk.http.post(
        f"/v1/episodes/{desk.stage.episode}/documents",
        params={"kind": "counselling_note", "service_date": DAY.isoformat()}, content=b"secret",
        headers=desk.headers("director", **{"Content-Type": "text/plain"}),
    )  # fmt: skip
    assert refused.status_code == 403
    note = _note(desk)
    assert note["content_class"] == "counselling_notes"
    opened = [desk.get(f"/v1/documents/{note['document_id']}/body", r) for r in ("clinician", "director", "reviewer")]
    assert [a.status_code for a in opened] == [200, 403, 403]
    pages = desk.sql(
        "SELECT actor, detail ->> 'page' FROM audit_entry WHERE action = 'viewed_person' "
        "AND detail -> 'filter' ->> 'document' = %s ORDER BY actor",
        note["document_id"],
    )
    assert pages == [
        ("clinician:clinician", "document"), ("director:director", "document_refused"),
        ("reviewer:reviewer", "document_refused"),
    ]  # fmt: skip


def _note(desk: Desk) -> dict[str, Any]:
    answer = desk.http.post(
        f"/v1/episodes/{desk.stage.episode}/documents",
        params={"kind": "counselling_note", "service_date": DAY.isoformat(), "sign": True}, content=b"what was said",
        headers=desk.headers("clinician", **{"Content-Type": "text/plain"}),
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_no_counselling_note_goes_with_a_request_whatever_asks_for_it(desk: Desk) -> None:
    note, paper = _note(desk)["document_id"], desk.filed(b"a paper", sign=True)["document_id"]
    ((request,),) = desk.sql("SELECT id FROM authorization_request WHERE episode_id = %s LIMIT 1", desk.stage.episode)
    line = '[{"kind": "OZ", "control_number": "%s"}]'
    named = '[{"document_id": "%s", "control_number": "D1"}]'
    with psycopg.connect(desk.house.postgres.dsn("stepdown")) as connection:
        for said in (line % note, line % note.upper(), named % note):
            with (
                connection.transaction(force_rollback=True),
                pytest.raises(RestrictViolation),
                connection.transaction(),
            ):
                connection.execute("UPDATE authorization_request SET attachments = %s WHERE id = %s", (said, request))
        for said in (line % paper, line % "not-an-id"):
            with connection.transaction(force_rollback=True):
                connection.execute("UPDATE authorization_request SET attachments = %s WHERE id = %s", (said, request))


async def test_packets_and_bills_ask_for_signed_documents_of_their_days(desk: Desk) -> None:
    signed = desk.filed(b"signed", sign=True)
    unsigned, half = desk.filed(b"unsigned"), desk.filed(b"half", sign=True, cosign=True)
    old = desk.filed(b"of another day", sign=True, service_date="2026-02-01")
    gone = desk.filed(b"voided later", sign=True)
    desk.act(gone["document_id"], "void", {"reason": "duplicate"})
    note = _note(desk)
    database = Database(make_engine(desk.house.postgres.url("stepdown"), pool_size=1))
    async with database.read() as session:
        found = await signed_between(session, UUID(desk.stage.episode), DAY, DAY, list(DocumentType))
    await database.close()
    ids = {str(r.row.id) for r in found}
    assert signed["document_id"] in ids
    assert not ids & {d["document_id"] for d in (unsigned, half, old, gone, note)}


def test_lists_go_on_where_they_stopped(desk: Desk) -> None:
    path = f"/v1/episodes/{desk.stage.episode}/documents"
    whole = [d["document_id"] for d in desk.get(path, "auditor", limit=200, everything=True).json()["items"]]
    pieces: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = desk.get(path, "auditor", limit=3, everything=True, **cursor).json()
        pieces += [d["document_id"] for d in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert pieces == whole
    assert len(whole) > 6
    assert desk.get(path, cursor="nonsense").status_code == 422


def _by_fhir(
    desk: Desk, person: str, role: str = "clinician", key: str | None = None, **changes: Any
) -> httpx2.Response:
    resource = {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "18842-5"}]},
        "subject": {"reference": f"Patient/{person}"},
        "date": DAY.isoformat(),
        "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(WORDS).decode()}}],
    } | changes
    return desk.http.post("/fhir/DocumentReference", json=resource, headers=desk.headers(role, key))


def test_a_document_comes_by_fhir_once_and_waits_for_its_author(desk: Desk) -> None:
    person = desk.stage.page()["person_id"]
    author = [{"identifier": {"system": "urn:stepdown:user", "value": "director"}}]
    first = _by_fhir(desk, person, key="fhir-document-1", author=author)
    assert first.status_code == 201, first.text
    found = first.json()
    assert (found["kind"], found["source"], found["author"], found["received_by"], found["status"]) == (
        "discharge_summary", "fhir", "director:director", "clinician:clinician", "unsigned",
    )  # fmt: skip
    assert found["episode_id"] == desk.stage.episode
    assert found["sha256"] == hashlib.sha256(WORDS).hexdigest()
    assert _by_fhir(desk, person, key="fhir-document-1", author=author).json() == found
    assert desk.act(found["document_id"], "sign", {}).status_code == 403
    assert desk.act(found["document_id"], "sign", {}, "director").json()["status"] == "signed"


def test_an_unknown_patient_and_a_hidden_one_are_the_same(desk: Desk) -> None:
    with psycopg.connect(desk.house.postgres.dsn("stepdown")) as connection:
        connection.execute(
            "INSERT INTO app_user (username, role, facilities, password_hash) "
            "SELECT 'clinician_elsewhere', role, '[\"lakeside\"]', password_hash FROM app_user WHERE username = 'clinician' "
            "ON CONFLICT DO NOTHING"
        )
    person, nobody = desk.stage.page()["person_id"], str(UUID(int=5))
    hidden, unknown = (_by_fhir(desk, p, "clinician_elsewhere") for p in (person, nobody))
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["detail"].replace(person, "") == unknown.json()["detail"].replace(nobody, "")
    assert _by_fhir(desk, "not-an-id").status_code == 404
    other = {"encounter": [{"reference": f"EpisodeOfCare/{UUID(int=6)}"}]}
    assert _by_fhir(desk, person, context=other).status_code == 404
    stranger = [{"identifier": {"system": "urn:stepdown:user", "value": "nobody-here"}}]
    refused = _by_fhir(desk, person, author=stranger)
    assert (refused.status_code, refused.json()["problems"][0]["code"]) == (422, "unknown_author")
    path = f"/v1/episodes/{desk.stage.episode}/documents"
    assert desk.send(role="clinician_elsewhere").status_code == 404
    assert desk.get(path, "clinician_elsewhere").status_code == 404


def test_a_counselling_note_by_fhir_comes_from_its_author(desk: Desk) -> None:
    person = desk.stage.page()["person_id"]
    kind = {"coding": [{"system": "urn:stepdown:document-type", "code": "counselling_note"}]}
    director = [{"identifier": {"system": "urn:stepdown:user", "value": "director"}}]
    assert _by_fhir(desk, person, type=kind, author=director).status_code == 403
    assert _by_fhir(desk, person, "admissions", type=kind).status_code == 403
    assert _by_fhir(desk, person, type=kind).json()["content_class"] == "counselling_notes"
    wrong = [{"attachment": {"contentType": "application/pdf", "data": base64.b64encode(WORDS).decode()}}]
    assert _by_fhir(desk, person, content=wrong).status_code == 422
