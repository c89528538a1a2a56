"""Disclosures that people make, over HTTP: judged by the gate, complete in the ledger, on a path without consent only with
its evidence (domain 3.5, E22, E24, E25)."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from storage.verify import verify
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted, refused, started

AT = MOMENT.isoformat()
LATER = (MOMENT + timedelta(days=30)).isoformat()
WORDS = "Robin Testerman was told of, by the nurse Avery Nightingale"
EMERGENCY = {
    "medical_facility": "hospital/mercy", "nature_of_emergency": "overdose", "consent_not_obtainable": "unconscious",
}  # fmt: skip
_keys = itertools.count(1)


@pytest.fixture(scope="module")
def shared(house: House) -> Iterator[Caller]:
    made = Caller(house.url, prefix=f"departures-{uuid4().hex[:6]}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def stage(shared: Caller) -> Stage:
    """Somebody in care who signed the consent for treatment, payment and operations."""
    return admitted(shared)


@pytest.fixture(scope="module")
def stranger(shared: Caller) -> Stage:
    """Somebody who signed nothing."""
    return started(shared)


def handoff(**changes: Any) -> dict[str, Any]:
    return {
        "content": "handoff", "purpose": "treatment", "recipient": "clinic/next", "recipient_class": "treating_providers",
        "channel": "telephone", "disclosed_at": AT, "words": WORDS,
    } | changes  # fmt: skip


def emergency(**changes: Any) -> dict[str, Any]:
    told = {"recipient": "hospital/mercy", "recipient_class": "emergency", "emergency": EMERGENCY, "received_by": WORDS}
    return handoff(**told) | changes


def path(stage: Stage, what: str = "disclosures") -> str:
    return f"/v1/episodes/{stage.episode}/{what}"


def rows(house: House, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def ledger(house: House, disclosure_id: str) -> tuple[Any, ...]:
    """Content, recipient, path, and what became of it."""
    (row,) = rows(
        house,
        "SELECT d.content, d.recipient, d.exception, o.outcome FROM disclosure d LEFT JOIN disclosure_outcome o "
        "ON o.disclosure_id = d.id WHERE d.id = %s",
        disclosure_id,
    )
    return row


def told(caller: Caller, stage: Stage, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get("auditor", "/v1/disclosures", patient=stage.page()["person_id"], **asked)[
        "items"
    ]
    return found


def test_a_handoff_rides_on_the_consent_and_is_in_the_ledger(house: House, shared: Caller, stage: Stage) -> None:
    would = shared.post("clinician", path(stage, "disclosures/preview"), asked(handoff()))
    assert (would["allowed"], would["ground"]["form"]) == (True, "part2_tpo")
    made = shared.post("clinician", path(stage), handoff())
    assert (made["ground"]["form"], made["ground"]["notice"], made["outcome"]) == ("part2_tpo", "2.32(a)(1)", "sent")
    assert ledger(house, made["disclosure_id"]) == ("handoff", "clinic/next", None, "sent")
    assert made["disclosure_id"] in {item["id"] for item in told(shared, stage)}
    assert "disclosure_made" in [e["kind"] for e in shared.get("reviewer", path(stage, "timeline"))["items"]]


def asked(body: dict[str, Any]) -> dict[str, Any]:
    return {k: body[k] for k in ("content", "purpose", "recipient", "recipient_class")}


def test_family_gets_nothing_without_a_consent_that_names_it(house: House, shared: Caller, stage: Stage) -> None:
    """E22: no confirmation that anybody is here; the refusal says which form to present, and who asked is on record."""
    body = handoff(recipient="family/sister", recipient_class="family")
    would = shared.post("reviewer", path(stage, "disclosures/preview"), asked(body))
    assert (would["allowed"], would["ground"]) == (False, None)
    error = refused(shared, "clinician", path(stage), body)
    assert (error.status, error.code) == (409, "disclosure_refused")
    assert error.body["detail"] == "; ".join(would["reasons"])
    assert "does not name family/sister" in error.body["detail"]
    (wish,) = rows(
        house, "SELECT detail FROM timeline_entry WHERE episode_id = %s AND kind = 'disclosure_refused'", stage.episode
    )
    assert wish[0]["recipient"] == "family/sister"


def test_a_refused_disclosure_stays_refused_under_its_key_and_writes_nothing(
    house: House, shared: Caller, stranger: Stage
) -> None:
    before = rows(house, "SELECT count(*) FROM disclosure")
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            shared.post("clinician", path(stranger), handoff(), key=f"refused-{stranger.episode}")
        assert caught.value.code == "disclosure_refused"
    assert rows(house, "SELECT count(*) FROM disclosure") == before


def test_an_emergency_is_told_at_once_with_its_five_facts_and_noticed_later(
    house: House, shared: Caller, stranger: Stage
) -> None:
    """E25, 2.51: no consent; recipient, facility, discloser, hour and nature are on record in the same moment, and who
    must know is told afterwards as owned items."""
    key = f"emergency-{next(_keys)}-{stranger.episode}"
    made = shared.post("clinician", path(stranger), emergency(), key=key)
    assert shared.post("clinician", path(stranger), emergency(), key=key) == made
    assert ledger(house, made["disclosure_id"]) == ("handoff", "hospital/mercy", "medical_emergency", "sent")
    (item,) = [i for i in told(shared, stranger) if i["id"] == made["disclosure_id"]]
    assert item["consent"] is None
    evidence = item["exception"]["evidence"]
    assert {
        "disclosed_by",
        "medical_personnel",
        "medical_facility",
        "nature_of_emergency",
        "consent_not_obtainable",
    } < (set(evidence))
    owed = {i["kind"]: i for i in stranger.page()["open_items"] if i["id"] in made["items"]}
    assert {k: i["owner_role"] for k, i in owed.items()} == {
        "emergency_disclosure_review": "director", "emergency_disclosure_notice": "clinician",
    }  # fmt: skip
    shared.post("clinician", f"/v1/items/{owed['emergency_disclosure_notice']['id']}/resolve", {"resolution": "told"})
    assert "emergency_disclosure_notice" not in {i["kind"] for i in stranger.page()["open_items"]}


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"emergency": {}}, 422, "needs its evidence at once: medical_facility"),
        ({"emergency": EMERGENCY, "received_by": None}, 422, "medical_personnel"),
        ({"emergency": EMERGENCY | {"nature_of_emergency": "he fell"}}, 422, ""),
        ({"purpose": "payment", "content": "claim"}, 422, "reaches"),
        ({"content": "counselling_notes"}, 422, "not counselling_notes"),
        ({"purpose": "legal"}, 409, "no ground for legal"),
    ],
)
def test_an_emergency_without_its_facts_or_for_something_else_is_refused_whole(
    house: House, shared: Caller, stranger: Stage, changes: dict[str, Any], status: int, says: str
) -> None:
    count = "SELECT (SELECT count(*) FROM disclosure), (SELECT count(*) FROM disclosure_exception)"
    before = rows(house, count)
    error = refused(shared, "clinician", path(stranger), emergency(**changes))
    assert error.status == status
    assert says in str(error.body)
    assert rows(house, count) == before


def test_a_subpoena_alone_is_denied_by_itself_and_the_record_is_held(shared: Caller, stranger: Stage) -> None:
    """E24."""
    demand = {
        "kind": "subpoena", "recipient": "court/first", "contents": ["clinical_attachment"], "received_at": AT,
        "valid_until": LATER, "court": "il/cook", "subpoena": "SUB-1",
    }  # fmt: skip
    answer = shared.post("director", path(stranger, "legal-demands"), demand)
    assert answer["decision"] == "denied"
    assert "without order releases nothing" in answer["reasons"][0]
    held = {i["id"]: i for i in stranger.page()["open_items"]}[answer["hold_item"]]
    assert (held["kind"], held["owner_role"]) == ("legal_hold", "director")
    body = handoff(content="clinical_attachment", purpose="legal", recipient="court/first", recipient_class="courts")
    assert refused(shared, "director", path(stranger), body).code == "disclosure_refused"
    assert refused(shared, "clinician", path(stranger, "legal-demands"), demand).status == 403


def test_an_order_with_its_subpoena_opens_what_it_names_until_it_ends(
    house: House, shared: Caller, stranger: Stage
) -> None:
    demand = {
        "kind": "court_order", "recipient": "court/second", "contents": ["clinical_attachment"], "received_at": AT,
        "valid_until": LATER, "court": "il/cook", "subpoena": "SUB-2", "order": "ORD-2", "words": WORDS,
    }  # fmt: skip
    answer = shared.post("director", path(stranger, "legal-demands"), demand)
    assert answer["decision"] == "open"
    ground = answer["exception"]["exception_id"]
    body = handoff(content="clinical_attachment", purpose="legal", recipient="court/second", recipient_class="courts")
    made = shared.post("director", path(stranger), body)
    assert made["ground"] == {"exception": "court_order", "exception_id": ground}
    assert ledger(house, made["disclosure_id"])[2:] == ("court_order", "sent")
    more = refused(shared, "director", path(stranger), body | {"content": "claim"})
    assert "does not reach claim" in more.body["detail"]
    on_file = shared.get("auditor", path(stranger, "exceptions"))["items"]
    assert ground in {one["exception_id"] for one in on_file}
    shared.post("director", f"/v1/disclosure-exceptions/{ground}/end", {"reason": "vacated"})
    assert refused(shared, "director", path(stranger), body).code == "disclosure_refused"
    again = refused(shared, "director", f"/v1/disclosure-exceptions/{ground}/end", {"reason": "vacated"})
    assert again.code == "stale"
    assert ground not in {one["exception_id"] for one in shared.get("auditor", path(stranger, "exceptions"))["items"]}


def test_an_order_without_an_end_opens_nothing(shared: Caller, stranger: Stage) -> None:
    demand = {
        "kind": "court_order", "recipient": "court/third", "contents": ["handoff"], "received_at": AT,
        "court": "il/cook", "subpoena": "SUB-3", "order": "ORD-3",
    }  # fmt: skip
    error = refused(shared, "director", path(stranger, "legal-demands"), demand)
    assert (error.status, "must end" in error.body["detail"]) == (422, True)


def test_a_report_of_child_abuse_leaves_as_what_the_law_asks_and_no_more(
    house: House, shared: Caller, stranger: Stage
) -> None:
    declared = {
        "kind": "child_abuse_report", "recipient": "agency/dcfs", "contents": ["mandated_report"], "valid_from": AT,
        "valid_until": LATER, "evidence": {"report": "REP-9", "agency": "il/dcfs", "state_law": "325-ILCS-5"},
    }  # fmt: skip
    shared.post("clinician", path(stranger, "exceptions"), declared)
    body = handoff(
        content="mandated_report", purpose="public_duty", recipient="agency/dcfs", recipient_class="agencies",
        parts=["identity", "contacts"],
    )  # fmt: skip
    made = shared.post("clinician", path(stranger), body)
    assert ledger(house, made["disclosure_id"])[2] == "child_abuse_report"
    more = refused(shared, "clinician", path(stranger), body | {"parts": ["identity", "charges"]})
    assert "needs no charges" in more.body["detail"]
    nothing_else = refused(shared, "clinician", path(stranger), body | {"content": "handoff", "purpose": "treatment"})
    assert nothing_else.code == "disclosure_refused"


def test_a_service_agreement_is_about_no_one_person_and_serves_everybody_of_its_house(
    house: House, shared: Caller, stranger: Stage
) -> None:
    agreement = {
        "kind": "service_organization", "recipient": "vendor/billing", "contents": ["claim"], "valid_from": AT,
        "evidence": {"service_agreement": "QSOA-4"},
    }  # fmt: skip
    assert refused(shared, "clinician", "/v1/facilities/harbor/exceptions", agreement).status == 403
    bare = refused(shared, "director", "/v1/facilities/harbor/exceptions", agreement | {"evidence": {}})
    assert "service_agreement" in bare.body["detail"]
    assert refused(shared, "director", "/v1/facilities/nowhere/exceptions", agreement).status == 404
    shared.post("director", "/v1/facilities/harbor/exceptions", agreement)
    body = handoff(content="claim", purpose="payment", recipient="vendor/billing", recipient_class="vendors")
    made = shared.post("biller", path(stranger), body)
    assert ledger(house, made["disclosure_id"])[2] == "service_organization"


def test_what_is_about_to_be_told_is_an_intent_until_somebody_says_what_became_of_it(
    house: House, shared: Caller, stage: Stage
) -> None:
    made = shared.post("clinician", path(stage), handoff(outcome="intended"))
    assert ledger(house, made["disclosure_id"])[3] is None
    (item,) = [i for i in told(shared, stage) if i["id"] == made["disclosure_id"]]
    assert item["disclosed"] is True, "nobody said that it stayed"
    where = f"/v1/disclosures/{made['disclosure_id']}/outcome"
    shared.post("clinician", where, {"outcome": "not_sent"})
    assert ledger(house, made["disclosure_id"])[3] == "not_sent"
    assert refused(shared, "clinician", where, {"outcome": "sent"}).code == "stale"


def test_what_is_about_to_be_told_is_judged_as_of_now(shared: Caller) -> None:
    """An earlier hour would go round a path that has ended since."""
    one = started(shared)
    earlier = MOMENT - timedelta(hours=2)
    declared = {
        "kind": "medical_emergency", "recipient": "hospital/mercy", "contents": ["handoff"], "words": WORDS,
        "valid_from": (earlier - timedelta(hours=1)).isoformat(), "valid_until": (earlier + timedelta(hours=1)).isoformat(),
        "evidence": EMERGENCY,
    }  # fmt: skip
    shared.post("clinician", path(one, "exceptions"), declared)
    body = handoff(recipient="hospital/mercy", recipient_class="emergency", disclosed_at=earlier.isoformat())
    assert refused(shared, "clinician", path(one), body | {"outcome": "intended"}).code == "disclosure_refused"
    assert shared.post("clinician", path(one), body)["ground"]["exception"] == "medical_emergency"


@pytest.mark.parametrize(
    ("recipient", "recipient_class", "says"),
    [
        ("payer/meridian", "treating_providers", "is of the class health_plans"),
        ("family/sister", "health_plans", "is no payer of this house"),
    ],
)
def test_nobody_is_of_a_class_that_the_definitions_know_better(
    shared: Caller, stage: Stage, recipient: str, recipient_class: str, says: str
) -> None:
    body = handoff(recipient=recipient, recipient_class=recipient_class)
    for where in ("disclosures", "disclosures/preview"):
        error = refused(shared, "clinician", path(stage, where), body if where == "disclosures" else asked(body))
        assert (error.status, says in error.body["detail"]) == (422, True)


def test_a_name_that_a_consent_names_is_not_repeated(house: House, shared: Caller) -> None:
    """Taken back for one of the recipients it names in words: neither item nor timeline nor refusal says the words."""
    one = admitted(shared)
    form = {"form": "emergency_contact", "signed_at": AT, "recipients": ["Avery Nightingale", "family/sister"]}
    signed = shared.post("clinician", path(one, "consents"), form)
    where = f"/v1/consents/{signed['subject_id']}/revoke"
    said = {"received_at": AT, "channel": "letter"}
    answer = shared.post("clinician", where, said | {"recipient": "Avery Nightingale"})
    assert answer["status"] == "signed"
    twice = refused(shared, "clinician", where, said | {"recipient": "Avery Nightingale"})
    stranger = refused(shared, "clinician", where, said | {"recipient": "Avery Nightingale's brother"})
    shown = rows(
        house,
        "SELECT (SELECT string_agg(why, ' ') FROM open_item WHERE episode_id = %s), "
        "(SELECT string_agg(detail::text, ' ') FROM timeline_entry WHERE episode_id = %s)",
        one.episode, one.episode,
    )  # fmt: skip
    assert "Nightingale" not in str([shown, answer, twice.body, stranger.body])
    whole = shared.post("clinician", where, said | {"recipient": "family/sister"})
    assert whole["status"] == "revoked", "nobody is left whom it names"


def test_nobody_says_what_became_of_what_a_machine_sent(house: House, shared: Caller, stage: Stage) -> None:
    sent = rows(
        house,
        "SELECT d.id FROM disclosure d JOIN exchange_message m ON m.id = d.message_id WHERE d.episode_id = %s "
        "AND m.kind = '278'",
        stage.episode,
    )
    assert sent
    assert (
        refused(shared, "clinician", f"/v1/disclosures/{sent[0][0]}/outcome", {"outcome": "not_sent"}).code == "stale"
    )


def test_the_accounting_leaves_no_path_out_as_data_and_as_a_letter(
    house: House, shared: Caller, stranger: Stage
) -> None:
    """2.25 and 164.528: three or six years, with exceptions; names of those who received it stay sealed."""
    found = {i["exception"]["kind"] for i in told(shared, stranger, years=6) if i["exception"]}
    assert found == {"medical_emergency", "court_order", "child_abuse_report", "service_organization"}
    with httpx2.Client(base_url=house.url, timeout=60) as client:
        letter = client.get(
            "/v1/disclosures.pdf", params={"patient": stranger.page()["person_id"], "years": 6},
            headers=shared._headers("auditor"),
        )  # fmt: skip
    assert (letter.status_code, letter.headers["content-type"]) == (200, "application/pdf")
    assert letter.content.startswith(b"%PDF-")


def test_words_are_sealed_and_every_chain_is_whole(house: House, shared: Caller, stranger: Stage) -> None:
    plain = rows(
        house,
        "SELECT count(*) FROM (SELECT evidence::text AS t FROM disclosure_exception UNION ALL SELECT detail::text FROM "
        "audit_entry UNION ALL SELECT answer::text FROM command UNION ALL SELECT why FROM open_item UNION ALL "
        "SELECT encode(sealed, 'escape') FROM exchange_message UNION ALL SELECT encode(sealed, 'escape') FROM "
        "disclosure_exception) a WHERE t LIKE '%%Nightingale%%'",
    )
    assert plain == [(0,)]
    breaks, heads, _ = verify(house.postgres.dsn("stepdown"))
    assert breaks == []
    assert "disclosure_exception" in {h.ledger for h in heads}
