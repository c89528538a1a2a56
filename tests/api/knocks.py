"""What to knock with: for every route real rows behind its ids and a body its reader takes, so that the answer is about
rights and nothing else. A new route needs a line here only when it has a body or a parameter of a new name."""

import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from runtime.keyring_file import load_keyring
from runtime.people import seal_message
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted, referral, started, wish

AT: Final = MOMENT.isoformat()
DAY: Final = MOMENT.date().isoformat()
ROW: Final = "00000000-0000-5000-8000-000000000000"

BODIES: Final[dict[str, dict[str, Any]]] = {
    "POST /fhir/payers/{payer}/notifications": {"resourceType": "Bundle"},
    "POST /codec/decode": {"payloads": []},
    "POST /v1/me/sign-out": {"reason": "lost_device"},
    "POST /v1/users": {"username": "somebody-new", "role": "clinician", "facilities": ["harbor"]},
    "POST /v1/users/{username}/changes": {"reason": "changed_duties"},
    "POST /v1/users/{username}/password": {"reason": "forgotten"},
    "POST /v1/users/{username}/sign-out": {"reason": "left"},
    "POST /v1/payers/{payer}/clients": {"reason": "new_here"},
    "POST /v1/payers/{payer}/clients/{client_id}/end": {"reason": "rotated"},
    "POST /v1/episodes/{episode_id}/coverages": {
        "act": "switch", "payer": "meridian", "from_date": DAY, "reason": "coverage_found", "version": 1,
    },
    "POST /v1/people/search": {"family": "Testerman"},
    "POST /v1/people/duplicates": {},
    "POST /v1/people/{person_id}/merge/preview": {"merged": ROW},
    "POST /v1/people/{person_id}/merge": {
        "merged": ROW, "version": 1, "merged_version": 1, "reason": "document_seen",
    },
    "POST /v1/people/{person_id}/unmerge": {"merge_id": ROW, "version": 1, "reason": "document_seen"},
    "POST /v1/people/duplicates/{pair_id}/dismiss": {"reason": "twin"},
    "POST /v1/episodes/{episode_id}/assessments": {"instrument": "PRE_SCREEN", "answers": {}, "performed_at": AT},
    "POST /v1/alerts/{alert_id}/acknowledge": {},
    "POST /v1/alerts/{alert_id}/clear": {"reason": "seen"},
    "POST /v1/episodes/{episode_id}/consents": {"form": "treatment", "signed_at": AT},
    "POST /v1/episodes/{episode_id}/guardians": {
        "family": "Nobody", "given": "N", "relationship": "parent", "document": "d-1", "from_date": DAY,
    },
    "POST /v1/consents/{consent_id}/condition": {"happened_at": AT},
    "POST /v1/episodes/{episode_id}/guardians/{guardian_id}/end": {"ended_at": AT, "reason": "revoked"},
    "POST /v1/consents/{consent_id}/revoke": {"received_at": AT, "channel": "letter"},
    "POST /v1/episodes/{episode_id}/leave": {"left_at": AT, "reason": "pass"},
    "POST /v1/episodes/{episode_id}/return": {"returned_at": AT},
    "POST /v1/episodes/{episode_id}/discharge": {"disposition": "completed", "effective_at": AT, "reason": "done"},
    "POST /v1/episodes/{episode_id}/bed": {"bed_id": "harbor/R-101A", "effective_at": AT, "reason": "quieter"},
    "POST /v1/episodes/{episode_id}/corrections": {"movement_id": ROW, "reason": "wrong", "void": True},
    "POST /v1/episodes/{episode_id}/misfilings/preview": {"kind": "assessment", "subject": ROW},
    "POST /v1/episodes/{episode_id}/misfilings": {
        "kind": "assessment", "subject": ROW, "reason": "same_name", "seen": "0" * 64,
    },
    "POST /v1/items/{item_id}/resolve": {"resolution": "done"},
    "POST /v1/episodes/{episode_id}/transitions/preview": {"to_level": "2.5", "effective_at": AT},
    "POST /v1/episodes/{episode_id}/transitions": wish(),
    "POST /v1/transitions/{transition_id}/sign-off": {"order": False},
    "POST /v1/transitions/{transition_id}/decision": {"decision": "deny", "version": 1, "reason": "not yet"},
    "POST /v1/transitions/{transition_id}/withdraw": {"reason": "changed"},
    "POST /v1/authorizations/{case_id}/reviews": {"units": 3, "from_date": DAY, "through_date": DAY},
    "POST /v1/authorizations/{case_id}/decisions": {"action": "A4", "call_reference": "c1"},
    "POST /v1/authorizations/{case_id}/sendings": {
        "request_id": ROW, "channel": "fax", "call_reference": "c1", "sent_at": AT,
    },
    "POST /v1/authorizations/{case_id}/receipts": {"request_id": ROW, "outcome": "received", "call_reference": "c1"},
    "POST /v1/authorizations/{case_id}/peer-to-peer": {"outcome": "scheduled", "at": AT},
    "POST /v1/authorizations/{case_id}/appeals": {"representative": "form"},
    "POST /v1/authorizations/{case_id}/options": {"option": "accept_gap"},
    "POST /v1/authorizations/{case_id}/information": {"attachments": [{"kind": "OZ", "control_number": "DOC-1"}]},
    "POST /v1/authorizations/{case_id}/cancellations": {"reason": "asked twice"},
    "POST /v1/authorizations/{case_id}/agreements": {
        "level": "2.5", "amount": "700.00", "from_date": DAY, "through_date": DAY,
    },
    "POST /v1/authorizations/{case_id}/owner": {"owner": "reviewer"},
    "POST /v1/exchange/quarantine/{message_id}/release": {"trace": "none-of-ours"},
    "POST /v1/exchange/quarantine/{message_id}/discard": {"reason": "nobody's"},
    "POST /v1/sessions/{session_id}/attendance": {"attendees": [{"episode_id": ROW, "status": "no_show"}]},
    "POST /v1/facilities/{facility}/midnight-close": {"date": "2026-03-01"},
    "POST /v1/charges/exceptions/{exception_id}/resolve": {"resolution": "checked"},
    "POST /v1/episodes/{episode_id}/disclosures": {
        "content": "handoff", "purpose": "treatment", "recipient": "clinic/next", "recipient_class": "nobody",
        "channel": "telephone", "disclosed_at": AT, "words": "made for a test",
    },
    "POST /v1/episodes/{episode_id}/disclosures/preview": {
        "content": "handoff", "purpose": "treatment", "recipient": "clinic/next", "recipient_class": "nobody",
    },
    "POST /v1/disclosures/{disclosure_id}/outcome": {"outcome": "sent"},
    "POST /v1/episodes/{episode_id}/exceptions": {
        "kind": "court_order", "recipient": "court/first", "contents": ["handoff"], "valid_from": AT,
    },
    "POST /v1/facilities/{facility}/exceptions": {
        "kind": "service_organization", "recipient": "vendor/lab", "contents": ["claim"], "valid_from": AT,
    },
    "POST /v1/disclosure-exceptions/{ground_id}/end": {"reason": "over"},
    "POST /v1/episodes/{episode_id}/legal-demands": {
        "kind": "subpoena", "recipient": "court/first", "contents": ["handoff"], "received_at": AT, "court": "c1",
    },
    "POST /v1/break-glass": {"episode_id": ROW, "reason": "emergency", "words": "made for a test"},
    "POST /v1/break-glass/{glass_id}/review": {"finding": "justified"},
    "POST /v1/people/{person_id}/access": {"kind": "blocked", "username": "neighbour", "reason": "neighbour"},
    "POST /v1/people/{person_id}/access/lift": {"kind": "blocked", "username": "neighbour", "reason": "neighbour"},
    "POST /v1/episodes/{episode_id}/documents": {},
    "POST /v1/documents/{document_id}/sign": {},
    "POST /v1/documents/{document_id}/amend": {},
    "POST /v1/documents/{document_id}/void": {"reason": "duplicate"},
    "POST /fhir/DocumentReference": {"resourceType": "DocumentReference", "status": "current"},
    "POST /v1/patients/{person_id}/legal-holds": {"reason": "subpoena", "authority": "case-1"},
    "POST /v1/legal-holds/{hold_id}/release": {"reason": "over", "authority": "case-1"},
    "POST /v1/patients/{person_id}/deletions": {"reason": "period_over"},
    "POST /v1/deletions/{deletion_id}/approve": {},
    "POST /v1/patients/{person_id}/exports": {},
    "POST /v1/exports/{export_id}/hand-over": {"channel": "post"},
    "POST /v1/exports/{export_id}/extend": {"reason": "archive"},
    "POST /v1/deletions/{deletion_id}/decline": {"reason": "too_early"},
}  # fmt: skip
"""Bodies of routes that act on one row. They need not succeed: they must be read."""

QUERIES: Final[dict[str, dict[str, str]]] = {
    "GET /v1/census": {"facility": "harbor", "date": "2026-03-01"},
    "GET /v1/census/board": {"facility": "harbor"},
    "GET /v1/schedule": {"episode": "{episode_id}", "week": DAY},
    "GET /v1/charges": {"episode": "{episode_id}"},
    "GET /v1/disclosures": {"patient": "{person_id}"},
    "GET /v1/disclosures.pdf": {"patient": "{person_id}"},
    "POST /v1/episodes/{episode_id}/documents": {"kind": "progress_note", "service_date": DAY},
    "GET /": {"facility": "harbor"},
    "GET /board/now": {"facility": "harbor"},
}
"""Routes that name their row in the query, and the row: another house's is unknown there too."""

FORMS: Final[dict[str, dict[str, str]]] = {
    "POST /people/duplicates/{pair_id}/dismiss": {"reason": "twin"},
    "POST /people/duplicates/{pair_id}/join": {
        "survivor": "{person_id}",
        "reason": "other",
        "typed_code": "000000",
        "version": "1",
        "merged_version": "1",
    },
    "POST /people/{person_id}/unmerge": {"merge": ROW, "reason": "other", "typed_code": "000000", "version": "1"},
    "POST /episodes": {"q": ""},
    "POST /break-glass": {"episode_id": ROW, "reason": "safety", "words": "made for a test"},
    "POST /break-glass/{glass_id}": {"finding": "justified"},
    "POST /episodes/{episode_id}/assess": {"instrument": "PRE_SCREEN", "performed_at": AT, "item_done": "yes"},
    "POST /episodes/{episode_id}/alert": {"alert_id": "{alert_id}", "how": "acknowledge"},
    "POST /episodes/{episode_id}/{name}": {"item_id": "{item_id}", "resolution": "done"},
    "POST /episodes/new": {"how": "fields"},
    "POST /worklist": {"q": ""},
    "POST /authorizations/{case_id}/{name}": {"owner": "reviewer"},
}
ACTS: Final[dict[str, str]] = {"POST /authorizations/{case_id}/{name}": "owner"}
"""What stands for `{name}` where it is not `resolve`."""

STARTS: Final[frozenset[str]] = frozenset({"POST /v1/episodes", "POST /v1/episodes/import", "POST /episodes/new"})
"""Routes that make something new: there is no row of another house to ask for."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One of everything, at the facility `harbor`."""

    ids: dict[str, str]

    def fill(self, text: str) -> str:
        return text.format(**self.ids)

    @property
    def unknown(self) -> "Rows":
        """The same names with ids nobody has."""
        said = {name: ROW if _is_id(value) else "nowhere" for name, value in self.ids.items()}
        return Rows(said | {"name": self.ids["name"], "kind": "levels", "key": "no-such-command"})


def _is_id(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def make_rows(house: House, caller: Caller) -> Rows:
    started(caller)
    stage = admitted(caller)
    stage.assess("CSSRS_SCREEN", **{"1": 1, "2": 1, "3": 1, "4": 1, "5": 0, "6": 0})
    stage.rate("2.5")
    asked = caller.post("clinician", f"/v1/episodes/{stage.episode}/transitions", wish())
    way = f"/v1/episodes/{stage.episode}/consents"
    text = caller.get("clinician", f"{way}/telehealth/presentation")["sha256"]
    signed = {"form": "telehealth", "signed_at": AT, "method": "electronic", "shown_sha256": text}
    consent = caller.post("clinician", way, signed)["subject_id"]
    guardian = caller.post(
        "admissions", f"/v1/episodes/{stage.episode}/guardians", BODIES["POST /v1/episodes/{episode_id}/guardians"]
    )["id"]
    page = stage.page()
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        stay = _one(connection, "SELECT id FROM stay WHERE episode_id = %s", stage.episode)
        exception, item, message = (str(uuid.uuid4()) for _ in range(3))
        connection.execute(
            "INSERT INTO charge_exception (id, episode_id, stay_id, facility, service_date, cause, why, opened_at, version) "
            "VALUES (%s, %s, %s, 'harbor', %s, 'made_for_a_test', 'made for a test', %s, 1)",
            (exception, stage.episode, stay, DAY, AT),
        )
        connection.execute(
            "INSERT INTO open_item (id, episode_id, facility, kind, owner_role, why, opened_at, status) "
            "VALUES (%s, %s, 'harbor', 'made_for_a_test', 'reviewer', 'made for a test', %s, 'open')",
            (item, stage.episode, AT),
        )
        request = _one(
            connection,
            'SELECT r.id FROM authorization_request r JOIN "authorization" a ON a.id = r.authorization_id '
            "WHERE a.episode_id = %s",
            stage.episode,
        )
        connection.execute(
            "INSERT INTO exchange_message (id, partner, direction, kind, subject_id, sealed, fingerprint, status, at, reason) "
            "VALUES (%s, 'meridian', 'in', '278', %s, %s, %s, 'quarantined', %s, 'unreadable')",
            (message, request, b"not ours to open", message, AT),
        )
        evidence = _sealed_words(house, connection, page["authorizations"][0]["id"], page["person_id"])
        disclosure, ground = (str(uuid.uuid4()) for _ in range(2))
        connection.execute(
            "INSERT INTO disclosure (id, person_id, episode_id, content, purpose, recipient, exception, fingerprint, "
            "intent_at, actor) VALUES (%s, %s, %s, 'handoff', 'legal', 'court/first', 'court_order', 'f', %s, 'director')",
            (disclosure, page["person_id"], stage.episode, AT),
        )
        connection.execute(
            "INSERT INTO disclosure_exception (id, chain, person_id, episode_id, facility, kind, recipient, contents, "
            "valid_from, evidence, declared_at, declared_by) VALUES (%s, '', %s, %s, 'harbor', 'court_order', "
            "'court/first', '[\"handoff\"]', %s, '{}', %s, 'director')",
            (ground, page["person_id"], stage.episode, AT, AT),
        )
        pair = _one(
            connection,
            "INSERT INTO person_pair (id, one_id, other_id, rank, reasons, status, found_at, version) SELECT "
            "gen_random_uuid(), least(a.id, b.id), greatest(a.id, b.id), 70, '[]', 'proposed', now(), 1 FROM person a, "
            "person b WHERE a.id = %s AND b.id <> a.id AND EXISTS (SELECT 1 FROM episode e WHERE e.person_id = b.id AND "
            "e.facility = 'harbor') LIMIT 1 RETURNING id",
            page["person_id"],
        )
        records = _records(connection, page["person_id"])
        glass = _one(
            connection,
            "INSERT INTO break_glass (id, person_id, episode_id, facility, username, actor, reason, sealed, opened_at, "
            "ends_at, item_id, review_due_at) SELECT gen_random_uuid(), person_id, id, 'harbor', 'nobody', 'clinician:nobody', "
            "'safety', 'x', opened_at, opened_at + interval '1 s', gen_random_uuid(), opened_at FROM episode WHERE id = %s "
            "RETURNING id",
            stage.episode,
        )
        session = _one(connection, "SELECT id FROM session WHERE facility = 'harbor' LIMIT 1", None)
    return Rows(
        {
            "episode_id": stage.episode, "transition_id": asked["subject_id"], "case_id": page["authorizations"][0]["id"],
            "form": "treatment", "consent_id": consent, "alert_id": page["alerts"][0]["id"], "item_id": item,
            "person_id": page["person_id"], "evidence_id": evidence, "message_id": message, "session_id": session,
            "disclosure_id": disclosure, "ground_id": ground, "document_id": _document(house, stage.episode),
            "pair_id": pair, "glass_id": glass, "guardian_id": guardian,
            **records, "export_id": _export(caller, page["person_id"]),
            "exception_id": exception, "facility": "harbor", "payer": "meridian", "kind": "levels",
            "key": "no-such-command", "name": "resolve", "username": "nobody-here", "client_id": "payer-none",
        }
    )  # fmt: skip


def _sealed_words(house: House, connection: psycopg.Connection[Any], case: str, person: str) -> str:
    made = str(uuid.uuid4())
    found = connection.execute("SELECT wrapped_key FROM person WHERE id = %s", (person,)).fetchone()
    assert found is not None
    sealed = seal_message(load_keyring(house.settings), uuid.UUID(person), bytes(found[0]), "made for a test")
    connection.execute(
        "INSERT INTO case_evidence (id, authorization_id, person_id, kind, sealed, at, recorded_by) "
        "VALUES (%s, %s, %s, 'call', %s, %s, 'reviewer:reviewer')",
        (made, case, person, sealed, AT),
    )
    return made


def _records(connection: psycopg.Connection[Any], person: str) -> dict[str, str]:
    """A hold on the person's record and a wish to delete it."""
    hold, deletion = (str(uuid.uuid4()) for _ in range(2))
    connection.execute(
        "INSERT INTO legal_hold (id, person_id, facility, reason, authority, placed_at, placed_by) "
        "VALUES (%s, %s, 'harbor', 'made_for_a_test', 'case-1', %s, 'director:other')",
        (hold, person, AT),
    )
    connection.execute(
        "INSERT INTO record_deletion (id, person_id, facility, reason, status, requested_at, requested_by) "
        "VALUES (%s, %s, 'harbor', 'made_for_a_test', 'requested', %s, 'director:other')",
        (deletion, person, AT),
    )
    return {"hold_id": hold, "deletion_id": deletion}


def _export(caller: Caller, person: str) -> str:
    """A copy of the record, made."""
    asked = caller.post("director", f"/v1/patients/{person}/exports", {})
    for _ in range(300):
        found = caller.get("director", f"/v1/exports/{asked['export_id']}")
        if found["status"] == "ready":
            return str(asked["export_id"])
        time.sleep(0.1)
    raise AssertionError(f"the copy was not made: {found}")


def _document(house: House, episode: str) -> str:
    """A note in the registry, filed by the clinician of the demo."""
    caller = Caller(house.url, prefix="knocks-document")
    answer = caller._client.post(
        f"/v1/episodes/{episode}/documents", params={"kind": "progress_note", "service_date": DAY},
        content=b"made for a test",
        headers={**caller._headers("clinician"), "Idempotency-Key": "knocks-document", "Content-Type": "text/plain"},
    )  # fmt: skip
    caller.close()
    assert answer.status_code == 201, answer.text
    return str(answer.json()["document_id"])


def _one(connection: psycopg.Connection[Any], statement: str, value: str | None) -> str:
    row = connection.execute(statement.encode(), (value,) if value else None).fetchone()
    assert row is not None, statement
    return str(row[0])


def starting(door: str) -> dict[str, Any]:
    """A body that the reader takes for a new episode."""
    return referral() if door == "POST /v1/episodes" else {}
