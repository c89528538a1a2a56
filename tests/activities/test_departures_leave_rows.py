"""Every departure of every kind leaves an intent and an outcome: by machine and by hand, in one walk; and whoever writes a
message of ours that nobody knows of is named (D11, 42 CFR 2.25)."""

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from activities.by_hand import SendingActivities
from activities.dispute import DisputeActivities
from definitions.dispute import Attachment, FileAppeal, RecordPeerToPeer, SubmitInformation
from definitions.exchange import HandChannel, ReceiptOutcome, RecordReceipt, RecordSending
from definitions.vocabulary import AuthorizationStatus, RequestKind, Role
from local.books import UNGROUNDED
from storage.engine import Database
from tests.activities import cases
from tests.activities.cases import KEYRING, NOW, Case, Exchange
from tests.activities.hold_and_stop import HOUR
from tests.activities.test_hold_and_stop import continued, queued_of, revoked
from tests.local_payer.conftest import PayerProcess

HOUSE = Path(__file__).parents[2]
PAPER = (Attachment(kind="09", control_number="REPORT1"),)
WRITERS = {
    "activities/departure.py": "what machines send: gate, intent and outcome with it",
    "activities/hand_departure.py": "what people send in a case: gate, intent and outcome with it",
    "api/disclosing.py": "what people tell: gate, intent and outcome with it",
    "api/inbound.py": "acknowledgements of what came: about a file, nobody's record",
}
"""Whoever writes a message of ours. A new one names its kind here and has its departure in the walk below."""
SPEAKERS = {
    "activities/exchange.py": "between an intent that is committed and its outcome",
    "activities/partners/payer_pas.py": "a channel, for the exchange alone",
    "activities/partners/payer_x12.py": "a channel, for the exchange alone",
    "activities/partners/subscription.py": "asks to be notified: about nobody",
}
"""Whoever lets bytes leave."""
LEFT = """
    SELECT m.kind, coalesce(r.kind, ''), d.content, o.outcome FROM exchange_message m
    LEFT JOIN authorization_request r ON r.id = m.subject_id
    LEFT JOIN disclosure d ON d.message_id = m.id
    LEFT JOIN disclosure_outcome o ON o.disclosure_id = d.id
    WHERE m.direction = 'out' AND m.person_id IS NOT NULL ORDER BY 1, 2, 3"""


@pytest.fixture
async def house(database: Database, payer: PayerProcess) -> AsyncIterator[Exchange]:
    made = Exchange(database, payer.url, timeout=0.6)
    yield made
    await made.line.close()


def sources() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("activities", "api", "storage", "workflows", "runtime", "interchange"):
        for file in sorted((HOUSE / folder).rglob("*.py")):
            yield str(file.relative_to(HOUSE)), ast.parse(file.read_text())


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if name == (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)):
                yield node


def test_nobody_writes_a_message_of_ours_or_lets_bytes_leave_unseen() -> None:
    writers, speakers = set(), set()
    for file, tree in sources():
        for call in calls(tree, "ExchangeMessage"):
            said = {k.arg: k.value for k in call.keywords}
            if isinstance(said.get("direction"), ast.Constant) and said["direction"].value == "out":  # type: ignore[attr-defined]
                writers.add(file)
        if any(calls(tree, "deliver")):
            speakers.add(file)
    assert writers == set(WRITERS)
    assert speakers == set(SPEAKERS)


async def test_every_kind_of_departure_leaves_its_rows(database: Database, house: Exchange) -> None:
    for kind in (RequestKind.INITIAL, RequestKind.NOTIFICATION, RequestKind.EXPEDITED):
        await house.send(await cases.case(database, kind=kind))
    for kind in (RequestKind.DISCHARGE, RequestKind.CANCEL, RequestKind.APPEAL, RequestKind.RECONSIDERATION):
        root = await cases.case(database, status=AuthorizationStatus.DENIED, sent_at=NOW, first_sent_at=NOW)
        await house.send(await continued(database, root, kind, {}))
    silent = await cases.case(database, "T")
    await house.send(silent)
    await house.due(silent, NOW + HOUR)
    await by_hand(database, house)
    async with database.read() as session:
        left = [tuple(row) for row in await session.execute(text(LEFT))]
        ungrounded = (await session.execute(text(UNGROUNDED))).all()
    assert ungrounded == []
    assert all(content is not None and outcome is not None for _, _, content, outcome in left)
    assert {(kind, request) for kind, request, _, _ in left} == {
        *(
            ("278", k)
            for k in ("initial", "notification", "expedited", "discharge", "cancel", "appeal", "reconsideration")
        ),
        ("telephone", "initial"),
        ("fax", "initial"),
        ("by_hand", "appeal"),
        ("by_hand", "information"),
        ("fax", "external_review"),
    }


async def by_hand(database: Database, house: Exchange) -> None:
    """A fax, an answer by telephone about what nobody knew, a call between physicians, an appeal, documents, an external
    review."""
    people, hands = SendingActivities(house.hands, KEYRING), DisputeActivities(house.hands, KEYRING)
    faxed = await cases.case(database, status=AuthorizationStatus.HELD, held_at=NOW)
    fax: dict[str, Any] = {"channel": HandChannel.FAX, "call_reference": "F1", "sent_at": NOW}
    await done(people.record_sending(RecordSending(**command(faxed), request_id=faxed.request_id, **fax)))
    doubted = await cases.case(database, status=AuthorizationStatus.TIMED_OUT, sent_at=NOW, first_sent_at=NOW)
    heard: dict[str, Any] = {"outcome": ReceiptOutcome.RECEIVED, "call_reference": "C1"}
    await done(people.record_receipt(RecordReceipt(**command(doubted), request_id=doubted.request_id, **heard)))
    denied = await case_denied(database)
    await done(hands.record_peer_to_peer(RecordPeerToPeer(**command(denied), outcome="upheld", call_reference="C2")))
    await done(hands.file_appeal(FileAppeal(**command(denied), by_hand=True, expedited=True, attachments=PAPER)))
    pended = await cases.case(database, status=AuthorizationStatus.PENDED, sent_at=NOW, first_sent_at=NOW)
    given: dict[str, Any] = {"attachments": PAPER, "by_hand": True, "call_reference": "C3"}
    await done(hands.submit_information(SubmitInformation(**command(pended), **given)))
    outside = await cases.case(database, kind=RequestKind.EXTERNAL_REVIEW, status=AuthorizationStatus.CONTACT_PAYER)
    await done(people.record_sending(RecordSending(**command(outside), request_id=outside.request_id, **fax)))


async def case_denied(database: Database) -> Case:
    return await cases.case(
        database, status=AuthorizationStatus.DENIED, sent_at=NOW, first_sent_at=NOW, answered_at=NOW
    )


def command(one: Case) -> dict[str, Any]:
    return {
        "key": f"reviewer:lee:{uuid4()}",
        "actor": "reviewer:lee",
        "role": Role.REVIEWER,
        "now": NOW,
        "authorization_id": one.case_id,
    }


async def done(act: Any) -> None:
    outcome = await act
    assert outcome.refusal is None, outcome.refusal


async def test_a_call_on_no_ground_is_accounted_for_and_somebody_looks_at_it(
    database: Database, house: Exchange
) -> None:
    """It was said: nobody hides it by refusing to write it down."""
    one = await case_denied(database)
    await revoked(database, queued_of(one), NOW)
    hands = DisputeActivities(house.hands, KEYRING)
    refused = await hands.record_peer_to_peer(RecordPeerToPeer(**command(one), outcome="scheduled", at=NOW + 20 * HOUR))
    assert refused.refusal is not None
    assert refused.refusal.code == "disclosure_refused"
    await done(hands.record_peer_to_peer(RecordPeerToPeer(**command(one), outcome="upheld", call_reference="C2")))
    assert "privacy_review" in await cases.items(database, one)
    (told,) = await cases.disclosures(database, one)
    assert (told.exception, told.consent_id, told.content) == ("no_ground", None, "clinical_attachment")
    assert await cases.outcomes(database, one) == ["sent"]
    kept = [m.kind for m in await cases.messages(database, one)]
    assert kept == ["telephone"]
