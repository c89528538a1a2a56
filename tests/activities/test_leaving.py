"""An appeal is filed, and documents are given, when they leave: not when somebody asks for it (AUTH-12, AUTH-13). What goes
by hand passes the gate and stands in the ledger like bytes (D11)."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.by_hand import SendingActivities
from activities.departed import follow_departure
from definitions.dispute import Attachment, ChooseOption, FileAppeal, SubmitInformation
from definitions.exchange import HandChannel, RecordSending
from definitions.vocabulary import AuthorizationStatus, RequestKind, Role
from storage.engine import Database
from storage.models import AuthorizationRequest
from tests.activities.case_desk import Desk, desk
from tests.activities.cases import KEYRING
from tests.activities.nights import at
from tests.activities.test_case_goes_on import leaves

NOW = at("2026-03-06 15:00").astimezone(UTC)
HOUR = timedelta(hours=1)
PAPER = (Attachment(kind="09", control_number="ATT1"),)


async def appeal(one: Desk) -> tuple[str, Any, Any]:
    """Status and moment of filing of the first appeal, and when its filing clock stopped."""
    (row,) = await one.rows(
        "SELECT d.status, d.filed_at, c.stopped_at FROM authorization_dispute d LEFT JOIN authorization_clock c "
        "ON c.subject_id = d.id WHERE d.authorization_id = :case AND d.kind = 'appeal'"
    )
    return row[0], row[1], row[2]


async def ledger(one: Desk) -> list[tuple[Any, ...]]:
    return await one.rows(
        "SELECT d.content, d.recipient, o.outcome, d.consent_id IS NOT NULL FROM disclosure d LEFT JOIN "
        "disclosure_outcome o ON o.disclosure_id = d.id WHERE d.episode_id = :episode ORDER BY d.seq"
    )


async def held(one: Desk, now: Any) -> AuthorizationRequest:
    """The payer's system is down: what was ready waits in its queue."""
    async with one.database.write() as session:
        await session.execute(
            text(
                "UPDATE authorization_request SET status = 'held', held_at = :at "
                "WHERE authorization_id = :case AND status = 'ready'"
            ),
            {"at": now, "case": one.case_id},
        )
    return (await one.requests())[-1]


async def revoked(one: Desk) -> None:
    async with one.database.write() as session:
        await session.execute(
            text("UPDATE consent SET status = 'revoked', revoked_at = :at WHERE episode_id = :episode"),
            {"at": NOW, "episode": one.who.episode_id},
        )


async def test_an_appeal_is_filed_when_it_leaves_and_its_window_runs_till_then(database: Database) -> None:
    """It counted as filed, and its clock as met, while its bytes waited for consent or for the payer's system."""
    one = await desk(database)
    await one.answer("A3", now=NOW)
    assert (await one.do("file_appeal", FileAppeal, NOW + HOUR, expedited=True)).refusal is None
    assert await appeal(one) == ("open", None, None)
    record = await one.record(NOW + HOUR)
    assert "appeal_filing" in {d.kind for d in record.deadlines}, "the window runs on"
    assert (await one.case()).next_action != "file_appeal", "nobody is told to file what is on its way"
    await held(one, NOW + HOUR)
    later = NOW + 30 * HOUR
    async with one.database.write() as session:
        await session.execute(text("UPDATE authorization_request SET status = 'ready' WHERE status = 'held'"))
    await leaves(one, later)
    assert await appeal(one) == ("filed", later, later)


async def test_an_appeal_that_waits_past_its_window_is_missed_and_filed_late(database: Database) -> None:
    one = await desk(database)
    await one.answer("A3", now=NOW)
    await one.do("file_appeal", FileAppeal, NOW + HOUR, expedited=True)
    waiting = await held(one, NOW + HOUR)
    late = NOW + timedelta(days=200)
    await one.fire(late)
    assert (await appeal(one))[0] == "missed"
    async with one.database.write() as session:
        w = await one.hands.writing(session, one.case_id, "late", late)
        assert w is not None
        await follow_departure(w, await session.get_one(AuthorizationRequest, waiting.id))
    assert (await appeal(one))[:2] == ("filed", late)
    breaches = await one.rows(
        "SELECT outcome FROM authorization_clock WHERE authorization_id = :case AND name = 'appeal_filing'"
    )
    assert breaches == [("breached",)]


async def test_an_appeal_that_is_given_up_does_not_leave_afterwards(database: Database) -> None:
    one = await desk(database)
    await one.answer("A6", 14, now=NOW, level="3.1")
    await one.do("choose_option", ChooseOption, NOW, option="appeal_and_stay")
    await held(one, NOW)
    assert (await one.do("choose_option", ChooseOption, NOW + HOUR, option="accept_and_transfer")).refusal is None
    assert [r.status for r in await one.requests() if r.kind is RequestKind.APPEAL] == [AuthorizationStatus.CANCELLED]
    assert (await appeal(one))[0] == "withdrawn"


async def test_the_payers_clock_runs_again_when_the_documents_leave(database: Database) -> None:
    """It ran from the command, so a payer whose system was down was breached for documents it did not have."""
    one = await desk(database)
    await one.answer("A4", now=NOW, documents=True)
    assert (await one.do("submit_information", SubmitInformation, NOW + HOUR, attachments=PAPER)).refusal is None
    root = (await one.requests())[0]
    assert (root.status, root.decision_due_at) == (AuthorizationStatus.INFORMATION_REQUESTED, None)
    assert (await one.case()).next_action == "send", "they are on their way: nobody is asked for them again"
    again = await one.do("submit_information", SubmitInformation, NOW + HOUR, attachments=PAPER)
    assert again.refusal is not None
    gone = NOW + 20 * HOUR
    await leaves(one, gone)
    root = next(r for r in await one.requests() if r.about is None)
    assert root.status is AuthorizationStatus.INFORMATION_SENT
    paused = await one.rows(
        "SELECT paused_seconds FROM authorization_clock WHERE authorization_id = :case AND name = 'decision_urgent'"
    )
    assert paused == [(20 * 3600,)]


@pytest.mark.parametrize(
    ("act", "command", "fields", "answer", "content", "recipient"),
    [
        ("file_appeal", FileAppeal, {"by_hand": True, "expedited": True}, "A3", "authorization_request", "payer/meridian"),
        (
            "file_appeal", FileAppeal, {"by_hand": True, "expedited": True, "attachments": PAPER}, "A3",
            "clinical_attachment", "payer/meridian",
        ),
        (
            "submit_information", SubmitInformation, {"attachments": PAPER, "by_hand": True, "call_reference": "R3"},
            "A4", "clinical_attachment", "payer/meridian",
        ),
    ],
)  # fmt: skip
async def test_what_goes_by_hand_passes_the_gate_and_stands_in_the_ledger(
    database: Database, act: str, command: type[Any], fields: dict[str, Any], answer: str, content: str, recipient: str
) -> None:
    """Appeals and documents by hand left without a gate and without a disclosure."""
    one = await desk(database)
    await one.answer(answer, now=NOW, documents=answer == "A4")
    assert (await one.do(act, command, NOW + HOUR, **fields)).refusal is None
    assert await ledger(one) == [(content, recipient, "sent", True)]
    kept = await one.rows(
        "SELECT m.kind, m.status FROM exchange_message m JOIN disclosure d ON d.message_id = m.id "
        "WHERE d.episode_id = :episode"
    )
    assert kept == [("by_hand", "sent")]


@pytest.mark.parametrize(
    ("act", "command", "fields", "answer"),
    [
        ("file_appeal", FileAppeal, {"by_hand": True, "expedited": True}, "A3"),
        ("submit_information", SubmitInformation, {"attachments": PAPER, "by_hand": True, "call_reference": "R"}, "A4"),
    ],
)
async def test_nothing_goes_by_hand_without_consent(
    database: Database, act: str, command: type[Any], fields: dict[str, Any], answer: str
) -> None:
    one = await desk(database)
    await one.answer(answer, now=NOW, documents=answer == "A4")
    before = len(await one.requests())
    await revoked(one)
    outcome = await one.do(act, command, NOW + HOUR, **fields)
    assert outcome.refusal is not None
    assert (outcome.refusal.code, len(await one.requests())) == ("disclosure_refused", before)
    assert await ledger(one) == []


async def test_an_external_review_goes_to_another_house(database: Database) -> None:
    one = await desk(database, payer="statecare")
    await one.answer("A3", now=NOW)
    await one.do("file_appeal", FileAppeal, NOW, expedited=True)
    first = await leaves(one, NOW)
    await one.answer("A3", now=NOW + HOUR, request=first.id)
    assert (await one.do("file_appeal", FileAppeal, NOW + 2 * HOUR, kind="external_review")).refusal is None
    assert (await ledger(one))[-1] == ("authorization_request", "external_review/statecare", "sent", True)


async def test_a_held_appeal_that_a_person_faxes_is_filed_with_the_fax(database: Database) -> None:
    one = await desk(database)
    await one.answer("A3", now=NOW)
    await one.do("file_appeal", FileAppeal, NOW, expedited=True)
    waiting = await held(one, NOW)
    said = RecordSending(
        key="reviewer:fax", actor="reviewer", role=Role.REVIEWER, now=NOW + 5 * HOUR, authorization_id=one.case_id,
        request_id=waiting.id, channel=HandChannel.FAX, call_reference="FAX 9", sent_at=NOW + 3 * HOUR,
    )  # fmt: skip
    outcome = await SendingActivities(one.hands, KEYRING).record_sending(said)
    assert outcome.refusal is None
    assert (await appeal(one))[:2] == ("filed", NOW + 3 * HOUR)
    assert await ledger(one) == [("authorization_request", "payer/meridian", "sent", True)]
