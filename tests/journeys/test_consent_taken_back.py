"""Journeys of a consent that is taken back and of what leaves without one, through HTTP only, the payer in its own process;
then the accounting of everybody against what the payer says it received (E16, E21, E24, E25, 42 CFR 2.25)."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx2
import pytest

from local.rehearsal.caller import Refused
from storage.verify import verify
from tests.journeys.review_audit import books_differ
from tests.journeys.review_house import ReviewHouse
from tests.journeys.review_story import Clockwork, Person, Told, moment

START = moment("2026-03-02 10:00")
"""A Monday; the ninth day of a stay is Tuesday of the week after."""
SCRIPT = {
    "steps": [
        {"say": "ask_documents", "due_hours": 48},
        {"say": "approve", "on": "documents", "after_hours": 1},
        {"say": "deny", "after_hours": 48, "unless_documents": True},
    ]
}
"""Pends the continued stay until documents come, and denies it when none come in two days."""


async def pended_on_the_ninth_day(p: Person, number: int) -> None:
    """Fourteen days granted; on the eighth day more are asked for, and the payer wants documents."""
    p.admit(number, "meridian", "3.5")
    await p.until("2026-03-09 15:00")
    p.tell_payer(p.house.payer_url, member_suffix=f"{number:04d}", script=SCRIPT)
    p.reviewer.ask_for_more(7, date(2026, 3, 16), date(2026, 3, 22))
    await p.until("2026-03-10 09:00")
    p.seen["pended"] = p.reviewer.request("concurrent")
    p.seen["revocation"] = p.stage.post(
        "clinician", f"/v1/consents/{tpo(p)}/revoke",
        {"received_at": p.stage.now(), "channel": "fax", "written_at": moment("2026-03-09 12:00").isoformat()},
    )  # fmt: skip
    p.seen["owed"] = {i["kind"]: i["owner_role"] for i in p.stage.page()["open_items"]}
    p.reviewer.send_documents(f"ATT-{number}")
    await p.until("2026-03-10 12:00")
    p.seen["held"] = p.reviewer.request("information")


def tpo(p: Person) -> str:
    return str(
        next(c["id"] for c in p.stage.page()["consents"] if c["form"] == "part2_tpo" and c["status"] == "signed")
    )


async def never_signed_again(p: Person) -> None:
    """Nothing follows the pended request: it lapses at the payer, and its answer is recorded."""
    await pended_on_the_ninth_day(p, 61)
    await p.until("2026-03-13 09:00")
    p.seen["lapsed"] = p.reviewer.request("concurrent")
    await p.until("2026-03-17 09:00")
    p.seen["days"] = p.days()
    p.stage.end("completed", "goals met")
    await p.until("2026-03-18 10:00")


async def signed_again(p: Person) -> None:
    """What was held goes by itself and brings the approval."""
    await pended_on_the_ninth_day(p, 62)
    await p.until("2026-03-11 09:00")
    p.stage.sign("part2_tpo")
    await p.until("2026-03-12 09:00")
    p.seen["given"] = p.reviewer.request("information")
    p.seen["decided"] = p.reviewer.request("concurrent")
    p.seen["owed after"] = {i["kind"] for i in p.stage.page()["open_items"]}
    p.stage.end("completed", "goals met")
    await p.until("2026-03-13 10:00")


async def emergency(p: Person) -> None:
    """An overdose in the lobby, told to the hospital at once; the patient hears of it a day later (E25)."""
    p.admit(63, "meridian", "3.5")
    await p.until("2026-03-04 22:15")
    p.stage.post("clinician", f"/v1/consents/{tpo(p)}/revoke", {"received_at": p.stage.now(), "channel": "letter"})
    p.seen["told"] = p.stage.post("clinician", disclosures(p), emergency_body(p))
    await p.until("2026-03-05 10:00")
    notice = next(i for i in p.stage.page()["open_items"] if i["kind"] == "emergency_disclosure_notice")
    p.seen["notice"] = notice
    p.stage.post("clinician", f"/v1/items/{notice['id']}/resolve", {"resolution": "told"})
    p.stage.end("completed", "goals met")
    await p.until("2026-03-06 10:00")


def disclosures(p: Person) -> str:
    return f"/v1/episodes/{p.stage.episode}/disclosures"


def emergency_body(p: Person) -> dict[str, Any]:
    return {
        "content": "handoff", "purpose": "treatment", "recipient": "hospital/mercy", "recipient_class": "emergency",
        "channel": "telephone", "disclosed_at": p.stage.now(), "words": "what was said", "received_by": "who heard it",
        "emergency": {
            "medical_facility": "hospital/mercy", "nature_of_emergency": "overdose",
            "consent_not_obtainable": "unconscious",
        },
    }  # fmt: skip


async def court(p: Person) -> None:
    """A subpoena comes first and gets nothing; the order of a court a day later opens what it names (E24)."""
    p.admit(64, "meridian", "3.5")
    await p.until("2026-03-04 11:00")
    demand = {
        "kind": "subpoena", "recipient": "court/cook", "contents": ["clinical_attachment"], "court": "il/cook",
        "received_at": p.stage.now(), "valid_until": moment("2026-04-30 17:00").isoformat(), "subpoena": "SUB-1",
    }  # fmt: skip
    record = {
        "content": "clinical_attachment", "purpose": "legal", "recipient": "court/cook", "recipient_class": "courts",
        "channel": "in_person", "words": "the record from March", "disclosed_at": p.stage.now(),
    }  # fmt: skip
    demands = f"/v1/episodes/{p.stage.episode}/legal-demands"
    p.seen["subpoena"] = p.stage.post("director", demands, demand)
    with pytest.raises(Refused) as refused:
        p.stage.post("director", disclosures(p), record)
    p.seen["refused"] = refused.value.code
    await p.until("2026-03-05 11:00")
    order = demand | {"kind": "court_order", "order": "ORD-1", "received_at": p.stage.now()}
    p.seen["order"] = p.stage.post("director", demands, order)
    p.seen["released"] = p.stage.post("director", disclosures(p), record | {"disclosed_at": p.stage.now()})
    p.stage.end("completed", "goals met")
    await p.until("2026-03-06 12:00")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A house and a clock of their own: these journeys end before those of utilization review begin."""
    house = ReviewHouse(tmp_path_factory.mktemp("consents"))
    try:
        house.start()
        running = Clockwork(house)
        yield running.tell(
            START, {"lapses": never_signed_again, "again": signed_again, "emergency": emergency, "court": court}
        )
        running.close()
    finally:
        house.stop()


@pytest.mark.parametrize("name", ["lapses", "again"])
def test_what_had_left_is_said_to_have_left_and_people_are_told(told: Told, name: str) -> None:
    p = told.person(name)
    assert p.seen["pended"]["status"] == "information_requested"
    detail = p.seen["revocation"]["detail"]
    (gone,) = detail["already_gone"]
    assert (gone["kind"], gone["recipient"], gone["subject_id"]) == (
        "concurrent", "payer/meridian", p.seen["pended"]["id"],
    )  # fmt: skip
    assert gone["disclosure_id"] in detail["left_before_receipt"], "it left after the date on the paper (E21)"
    owed = {"request_lapses": "reviewer", "self_pay_risk": "biller", "revocation_counselling": "admissions",
            "privacy_review": "director"}  # fmt: skip
    assert owed.items() <= p.seen["owed"].items()
    assert p.seen["held"]["status"] == "waiting_consent"


def test_a_pended_request_lapses_and_its_answer_is_recorded(told: Told) -> None:
    """E16: no documents, no cancellation; what the payer says is taken, and days after the grant are at risk."""
    p = told.person("lapses")
    assert p.seen["lapsed"]["status"] == "denied"
    assert machine(p) == ["initial", "concurrent"], "nothing followed"
    after = {state for day, _, _, state, _ in p.seen["days"] if day >= date(2026, 3, 16)}
    assert after
    assert "covered" not in after


def test_signing_again_sends_what_was_held_once(told: Told) -> None:
    p = told.person("again")
    assert (p.seen["given"]["status"], p.seen["decided"]["status"]) == ("approved", "approved")
    assert machine(p)[:3] == ["initial", "concurrent", "information"]
    assert Counter(machine(p))["information"] == 1
    assert not {"consent_needed", "self_pay_risk", "revocation_counselling", "request_lapses"} & p.seen["owed after"]


def machine(p: Person) -> list[str]:
    """Kinds of request that left by machine, in the order of the ledger."""
    rows = p.rows(
        "SELECT r.kind FROM disclosure d JOIN authorization_request r ON r.id = d.subject_id LEFT JOIN "
        "disclosure_outcome o ON o.disclosure_id = d.id WHERE d.episode_id = %(e)s "
        "AND o.outcome IS DISTINCT FROM 'not_sent' ORDER BY d.seq"
    )
    return [row[0] for row in rows]


def test_an_emergency_is_told_at_once_and_noticed_later(told: Told) -> None:
    p = told.person("emergency")
    assert p.seen["told"]["ground"]["exception"] == "medical_emergency"
    assert p.seen["notice"]["owner_role"] == "clinician"
    assert [row[2] for row in p.items("emergency_disclosure_notice")] == ["done"]


def test_a_subpoena_gets_nothing_and_an_order_gets_what_it_names(told: Told) -> None:
    p = told.person("court")
    assert (p.seen["subpoena"]["decision"], p.seen["refused"]) == ("denied", "disclosure_refused")
    assert p.seen["order"]["decision"] == "open"
    assert p.seen["released"]["ground"]["exception"] == "court_order"
    assert len(p.items("legal_hold")) == 2


@pytest.mark.parametrize("name", ["lapses", "again", "emergency", "court"])
def test_the_accounting_agrees_row_by_row_with_what_the_payer_received(told: Told, name: str) -> None:
    """2.25: what the patient is told over HTTP beside the payer's own book, message by message."""
    p = told.person(name)
    person = p.stage.page()["person_id"]
    items = p.stage.caller.get("auditor", "/v1/disclosures", patient=person, years=6, limit=200)["items"]
    accounted = Counter(i["fingerprint"] for i in items if i["recipient"] == "payer/meridian" and i["disclosed"])
    with httpx2.Client(base_url=p.house.payer_url, timeout=20) as client:
        book = client.get("/book/messages").raise_for_status().json()["messages"]
    traces = tuple(row[0] for row in p.rows("SELECT trace FROM authorization_request WHERE episode_id = %(e)s"))
    # A question what became of a request carries the request's trace with a mark behind it.
    received = Counter(m["digest"] for m in book if m["direction"] == "in" and str(m["trace"]).startswith(traces))
    assert received
    assert accounted == received


def test_both_books_agree_and_every_chain_is_whole(told: Told) -> None:
    assert books_differ(told) == []
    breaks, heads, _ = verify(told.dsn)
    assert breaks == []
    assert {"disclosure", "disclosure_outcome", "disclosure_exception"} <= {h.ledger for h in heads}
