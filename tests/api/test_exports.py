"""A copy of the record over HTTP: everything about one patient, by FHIR and to read, handed over in time, gone with them."""

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import fhirkit
import httpx2
import psycopg
import pytest

from definitions.document import ArrivedDocument
from definitions.referral import Referral
from interchange.fhir.document_reference import read_document_reference
from interchange.fhir.referral import read_referral
from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from runtime.catalog import load_catalog
from runtime.keyring_file import load_keyring
from runtime.people import open_person
from storage.engine import Database, make_engine
from storage.repositories.retention import erase, left_of
from tests.api.cases import Case, opened
from tests.api.conftest import MOMENT
from tests.api.test_documents import Desk

SECRET = b"what was said in confidence"


class Patient:
    """Somebody admitted, assessed, disclosed about, with documents of every state and a day of the ledger."""

    def __init__(self, house: House, caller: Caller) -> None:
        self.case: Case = opened(caller, house)
        self.stage = self.case.stage
        self.person = str(self.stage.page()["person_id"])
        self.desk = Desk(house, caller, self.stage)
        self.stage.assess("PHQ9", **{str(n): 1 for n in range(1, 9)}, **{"9": 0})
        self.signed = self.desk.filed(b"Robin Testerman went well.", sign=True)
        first = self.desk.filed(b"%PDF-1.7 as it was", kind="application/pdf", sign=True)
        self.amended = first["document_id"]
        again = self.desk.send(
            b"%PDF-1.7 as it is", kind="application/pdf", path=f"/v1/documents/{self.amended}/amend", sign=True
        )
        self.latest = again.json()["document_id"]
        voided = self.desk.filed(b"of somebody else")
        self.of_another = voided["document_id"]
        self.desk.act(self.of_another, "void", {"reason": "wrong_patient"})
        note = self.desk.http.post(
            f"/v1/episodes/{self.stage.episode}/documents",
            params={"kind": "counselling_note", "service_date": MOMENT.date().isoformat(), "sign": True},
            content=SECRET, headers=self.desk.headers("clinician", **{"Content-Type": "text/plain"}),
        )  # fmt: skip
        self.note = note.json()["document_id"]
        with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
            connection.execute(
                "INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, track, "
                "per_diem_track, revenue_code, procedure_code, amount, rate_version, authorization_state, rule, why, status, "
                "revision, posted_at, close_version) SELECT %s, s.id, s.episode_id, s.person_id, s.facility, s.payer, "
                "'2026-03-02', 'per_diem', s.level, s.track, 'main', '0912', 'H0035', 700.00, '1', 'covered', 'r', 'w', "
                "'live', 1, %s, 1 FROM stay s WHERE s.episode_id = %s",
                (uuid4(), MOMENT, self.stage.episode),
            )


@pytest.fixture(scope="module")
def patient(house: House) -> Iterator[Patient]:
    caller = Caller(house.url, prefix="exports")
    made = Patient(house, caller)
    yield made
    made.desk.http.close()
    caller.close()


def asked(caller: Caller, person: str, body: dict[str, Any] | None = None, key: str | None = None) -> dict[str, Any]:
    return caller.post("director", f"/v1/patients/{person}/exports", body or {}, key=key)


def made(caller: Caller, export: str) -> dict[str, Any]:
    for _ in range(300):
        found = caller.get("director", f"/v1/exports/{export}")
        if found["status"] != "requested":
            return found
        time.sleep(0.1)
    raise AssertionError(f"the copy was not made: {found}")


def copy(patient: Patient, export: str, name: str, role: str = "director") -> httpx2.Response:
    return patient.desk.get(f"/v1/exports/{export}/{name}", role)


def of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


@pytest.fixture(scope="module")
def bundle(patient: Patient, house: House) -> dict[str, Any]:
    caller = Caller(house.url, prefix="bundle")
    export = asked(caller, patient.person)["export_id"]
    found = made(caller, export)
    assert found["status"] == "ready", found
    assert found["progress"]["done"] == found["progress"]["of"] > 2
    body = copy(patient, export, "bundle")
    assert body.headers["content-type"] == "application/fhir+json"
    assert hashlib.sha256(body.content).hexdigest() == found["bundle_sha256"]
    caller.post("director", f"/v1/exports/{export}/hand-over", {"channel": "portal"})
    caller.close()
    made_of: dict[str, Any] = json.loads(body.content)
    return made_of


def test_the_bundle_is_fhir_r4_by_an_independent_judge(bundle: dict[str, Any]) -> None:
    assert fhirkit.validate(bundle) == []


def test_every_reference_leads_to_an_entry(bundle: dict[str, Any]) -> None:
    names = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
    assert len(names) == len(bundle["entry"])
    for entry in bundle["entry"]:
        assert entry["fullUrl"].endswith(f"/fhir/{entry['resource']['resourceType']}/{entry['resource']['id']}")

    def references(held: Any) -> Iterator[str]:
        if isinstance(held, dict):
            if isinstance(held.get("reference"), str):
                yield held["reference"]
            for value in held.values():
                yield from references(value)
        elif isinstance(held, list):
            for value in held:
                yield from references(value)

    found = list(references(bundle))
    assert len(found) > 20
    assert set(found) <= names


def test_everything_on_record_is_in_it(bundle: dict[str, Any], patient: Patient, house: House) -> None:
    tables = {
        "Coverage": "SELECT count(*) FROM coverage WHERE person_id = %s",
        "EpisodeOfCare": "SELECT count(*) FROM episode WHERE person_id = %s",
        "Encounter": "SELECT count(*) FROM stay WHERE person_id = %s",
        "Consent": "SELECT count(*) FROM consent WHERE person_id = %s",
        "ChargeItem": "SELECT count(*) FROM charge WHERE person_id = %s",
        "QuestionnaireResponse": "SELECT count(*) FROM assessment a JOIN episode e ON e.id = a.episode_id "
        "WHERE e.person_id = %s",
        "DocumentReference": "SELECT count(*) FROM clinical_document WHERE person_id = %s "
        "AND content_class <> 'counselling_notes' AND void_reason IS DISTINCT FROM 'wrong_patient'",
        "AuditEvent": "SELECT count(*) FROM disclosure d LEFT JOIN disclosure_outcome o ON o.disclosure_id = d.id "
        "WHERE d.person_id = %s AND o.outcome IS DISTINCT FROM 'not_sent'",
    }
    for kind, statement in tables.items():
        ((count,),) = patient.desk.sql(statement, patient.person)
        assert len(of(bundle, kind)) == count > 0, kind
    assert of(bundle, "Observation"), "a score is there"
    documents = {d["id"]: d for d in of(bundle, "DocumentReference")}
    assert documents[patient.amended]["status"] == "superseded"
    assert documents[patient.latest]["relatesTo"][0]["target"] == {"reference": f"DocumentReference/{patient.amended}"}
    assert patient.note not in documents
    assert patient.of_another not in documents, "somebody else's is theirs"
    assert SECRET not in json.dumps(bundle).encode()


def test_our_own_import_reads_the_same_person_again(bundle: dict[str, Any], patient: Patient, house: House) -> None:
    payers = {p.key: p.key for p in load_catalog().latest.payers.values()}
    referral = read_referral(bundle, payers, facility="harbor", level="2.5")
    assert isinstance(referral, Referral), referral
    ((sealed, wrapped),) = patient.desk.sql("SELECT sealed, wrapped_key FROM person WHERE id = %s", patient.person)
    known = open_person(load_keyring(house.settings), UUID(patient.person), bytes(sealed), bytes(wrapped))
    assert (referral.person.family, referral.person.given, referral.person.birth_date, referral.person.gender) == (
        known.family, known.given, known.birth_date, known.gender,
    )  # fmt: skip
    assert {c.member_id for c in referral.coverages} == set(known.member_ids.values())
    ((diagnoses,),) = patient.desk.sql("SELECT diagnoses FROM episode WHERE id = %s", patient.stage.episode)
    assert {d.code for d in referral.diagnoses} == {d["code"] for d in diagnoses}
    held = next(d for d in of(bundle, "DocumentReference") if d["id"] == patient.signed["document_id"])
    found = read_document_reference(held)
    assert isinstance(found, ArrivedDocument), found
    assert (found.body, found.kind.value) == (b"Robin Testerman went well.", patient.signed["kind"])
    assert found.episode == patient.stage.episode


def test_the_copy_to_read_is_a_tagged_pdf_and_lies_sealed(caller: Caller, patient: Patient) -> None:
    export = asked(caller, patient.person)["export_id"]
    found = made(caller, export)
    body = copy(patient, export, "pdf")
    assert body.content.startswith(b"%PDF-")
    assert b"pdfuaid" in body.content
    assert hashlib.sha256(body.content).hexdigest() == found["pdf_sha256"]
    ((bundle_kept, pdf_kept),) = patient.desk.sql(
        "SELECT sealed_bundle, sealed_pdf FROM patient_export WHERE id = %s", export
    )
    assert b"Testerman" not in bytes(bundle_kept)
    assert not bytes(pdf_kept).startswith(b"%PDF-")
    views = patient.desk.sql(
        "SELECT detail ->> 'page' FROM audit_entry WHERE action = 'viewed_person' AND detail -> 'filter' ->> 'export' = %s",
        export,
    )
    assert views == [("export/pdf",)]
    assert copy(patient, export, "pdf", "clinician").status_code == 403
    caller.post("director", f"/v1/exports/{export}/hand-over", {"channel": "post"})


def test_the_clock_runs_from_the_asking_and_is_extended_once(caller: Caller, patient: Patient) -> None:
    first = asked(caller, patient.person, key="export-same-key")
    assert asked(caller, patient.person, key="export-same-key") == first
    export = first["export_id"]
    assert datetime.fromisoformat(first["due_at"]) == MOMENT + timedelta(days=30)
    owed = "SELECT status, due_at FROM open_item WHERE kind = 'right_of_access' AND subject_id = %s"
    assert patient.desk.sql(owed, export) == [("open", MOMENT + timedelta(days=30))]
    made(caller, export)
    done = caller.post("director", f"/v1/exports/{export}/extend", {"reason": "archive"})
    assert datetime.fromisoformat(done["due_at"]) == MOMENT + timedelta(days=60)
    assert patient.desk.sql(owed, export) == [("open", MOMENT + timedelta(days=60))]
    with pytest.raises(Refused) as twice:
        caller.post("director", f"/v1/exports/{export}/extend", {"reason": "again"})
    assert twice.value.code == "stale"
    handed = caller.post("director", f"/v1/exports/{export}/hand-over", {"channel": "in_person"})
    assert (handed["status"], handed["channel"]) == ("handed_over", "in_person")
    assert patient.desk.sql(owed, export)[0][0] == "done"
    with pytest.raises(Refused) as again:
        caller.post("director", f"/v1/exports/{export}/hand-over", {"channel": "post"})
    assert again.value.code == "stale"


def test_counselling_notes_need_the_patients_own_consent(caller: Caller, patient: Patient) -> None:
    with pytest.raises(Refused) as refused:
        asked(caller, patient.person, {"notes_consent": str(uuid4())})
    assert refused.value.code == "consent_missing"
    tpo = next(c["id"] for c in patient.stage.page()["consents"] if c["form"] == "part2_tpo")
    with pytest.raises(Refused) as wide:
        asked(caller, patient.person, {"notes_consent": tpo})
    assert wide.value.code == "consent_missing"
    for recipient, code in (("clinic/next", "consent_missing"), ("patient/self", None)):
        said = {"form": "counselling_notes", "signed_at": MOMENT.isoformat(), "recipients": [recipient]}
        caller.post("clinician", f"/v1/episodes/{patient.stage.episode}/consents", said)
        own = patient.desk.sql(
            "SELECT id::text FROM consent WHERE person_id = %s AND form = 'counselling_notes' "
            "AND scope -> 'recipients' ? %s",
            patient.person, recipient,
        )[0][0]  # fmt: skip
        if code is not None:
            with pytest.raises(Refused) as another:
                asked(caller, patient.person, {"notes_consent": own})
            assert another.value.code == code
    export = asked(caller, patient.person, {"notes_consent": own})["export_id"]
    assert made(caller, export)["with_notes"] is True
    held = json.loads(copy(patient, export, "bundle").content)
    assert patient.note in {d["id"] for d in of(held, "DocumentReference")}
    assert fhirkit.validate(held) == []
    caller.post("director", f"/v1/exports/{export}/hand-over", {"channel": "portal"})


def _left_behind(patient: Patient, house: House, until: str) -> str:
    """A copy that another process claimed until then."""
    unfinished = str(uuid4())
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute(
            "INSERT INTO patient_export (id, person_id, episode_id, facility, status, requested_at, requested_by, due_at, "
            "claimed_until, done, total) VALUES (%s, %s, %s, 'harbor', 'requested', %s, 'director:director', %s, %s, 1, 9)",
            (unfinished, patient.person, patient.stage.episode, MOMENT, MOMENT, until),
        )
    return unfinished


def test_what_a_process_left_when_it_died_is_taken_up_and_what_one_makes_is_not(
    caller: Caller, patient: Patient, house: House
) -> None:
    held = _left_behind(patient, house, "2999-01-01Z")
    left = _left_behind(patient, house, "2026-01-01Z")
    assert caller.get("director", f"/v1/exports/{held}")["status"] == "requested"
    assert made(caller, left)["status"] == "ready"
    still = caller.get("director", f"/v1/exports/{held}")
    assert (still["status"], still["progress"]) == ("requested", {"done": 1, "of": 9})
    with pytest.raises(Refused) as early:
        caller.post("director", f"/v1/exports/{held}/hand-over", {"channel": "post"})
    assert early.value.code == "stale"
    assert copy(patient, held, "pdf").status_code == 409
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute("UPDATE patient_export SET status = 'cancelled' WHERE id = %s", (held,))
    caller.post("director", f"/v1/exports/{left}/hand-over", {"channel": "post"})


def test_a_deletion_waits_for_the_copy_and_a_copy_of_nobody_is_not_made(
    caller: Caller, patient: Patient, house: House
) -> None:
    export = asked(caller, patient.person)["export_id"]
    told = caller.get("director", f"/v1/patients/{patient.person}/retention")["in_the_way"]
    assert "a copy for the patient is being made or not handed over yet" in [p["detail"] for p in told]
    made(caller, export)
    # What another process left half made, and meanwhile the person was erased behind it.
    unfinished = _left_behind(patient, house, "2026-01-01Z")
    left = asyncio.run(_erased(house, patient.person))
    assert set(left.values()) == {0}
    found = made(caller, unfinished)
    assert (found["status"], found["problem"], found["bundle_sha256"]) == ("cancelled", "erased", None)
    assert copy(patient, export, "bundle").status_code == 404
    assert copy(patient, unfinished, "pdf").status_code == 404
    with pytest.raises(Refused) as refused:
        asked(caller, patient.person)
    assert refused.value.code == "stale"


async def _erased(house: House, person: str) -> dict[str, int]:
    database = Database(make_engine(house.postgres.url("stepdown"), pool_size=1))
    async with database.write() as session:
        await erase(session, UUID(person))
        left = await left_of(session, UUID(person))
    await database.close()
    return left
