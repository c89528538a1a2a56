"""Contesting answers on real rows: calls, appeals by level, options, documents, cancellations (AUTH-07, AUTH-12 to 14)."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from activities.case_clocks import start_decision
from activities.departed import follow_departure
from definitions.authorization import RequestReview
from definitions.dispute import (
    Attachment,
    CancelReview,
    ChooseOption,
    FileAppeal,
    RecordAgreement,
    RecordPeerToPeer,
    SubmitInformation,
)
from definitions.vocabulary import AuthorizationStatus
from storage.engine import Database
from storage.models import AuthorizationRequest
from tests.activities.case_desk import FIRST, LAST, Desk, desk
from tests.activities.nights import at

NOW = at("2026-03-06 15:00").astimezone(UTC)
"""Elapsed hours are counted in UTC: clocks go forward in the night to 8 March."""
PAPER = (Attachment(kind="09", control_number="ATT1"),)


async def disputes(one: Desk) -> list[tuple[Any, ...]]:
    return await one.rows(
        "SELECT kind, level, status FROM authorization_dispute WHERE authorization_id = :case "
        "ORDER BY opened_at, kind DESC, level"
    )


async def test_a_denial_opens_call_and_appeal_and_reminds_in_time(database: Database) -> None:
    """AUTH-13: reminders at half and four fifths of 72 hours, then the way of appeal is shown (E46)."""
    one = await desk(database)
    record = await one.answer("A3", now=NOW)
    assert [d.at for d in record.deadlines if d.kind == "peer_to_peer"] == [
        NOW + timedelta(hours=h) for h in (36, 57.6, 72)
    ]
    await one.fire(NOW + timedelta(hours=40))
    assert {"authorization_denied", "peer_to_peer_half"} <= await one.items()
    await one.fire(NOW + timedelta(hours=73))
    assert await disputes(one) == [("peer_to_peer", 0, "missed"), ("appeal", 1, "open")]
    assert "appeal_open" in await one.items()
    again = await one.do("record_peer_to_peer", RecordPeerToPeer, NOW + timedelta(hours=74), outcome="upheld")
    assert again.refusal is not None
    assert again.refusal.code == "dispute_not_open"


async def test_a_call_that_overturns_grants_and_closes_the_other_ways(database: Database) -> None:
    one = await desk(database)
    await one.answer("A3", now=NOW)
    later = NOW + timedelta(hours=20)
    planned = await one.do("record_peer_to_peer", RecordPeerToPeer, NOW, outcome="scheduled", at=later)
    assert planned.refusal is None
    record = await one.record(NOW)
    assert (await one.case()).next_action == "hold_peer_to_peer"
    assert later + timedelta(hours=1) in [d.at for d in record.deadlines]
    absent = await one.do("record_peer_to_peer", RecordPeerToPeer, later, outcome="clinician_absent")
    assert absent.refusal is None
    assert "peer_to_peer_again" in await one.items()
    won = await one.do(
        "record_peer_to_peer", RecordPeerToPeer, later + timedelta(hours=3), outcome="overturned", units=14,
        number="P2P9", call_reference="CALL1", reviewer_credentials="MD",
    )  # fmt: skip
    assert won.refusal is None
    case = await one.case()
    assert (case.status, case.granted_units, case.number) == ("approved", 14, "P2P9")
    assert await disputes(one) == [("peer_to_peer", 0, "overturned"), ("appeal", 1, "withdrawn")]
    assert not {"authorization_denied", "peer_to_peer_again", "appeal_open"} & await one.items()


async def test_deny_two_appeals_and_an_external_review(database: Database) -> None:
    """ERISA: two internal levels, then the external review, which a person files; won at the end (E47)."""
    one = await desk(database)
    await one.answer("A3", now=NOW)
    for level in (1, 2):
        filed = await one.do("file_appeal", FileAppeal, NOW + timedelta(days=level), representative="form")
        assert filed.refusal is None
        appeal = (await one.requests())[-1]
        assert (appeal.kind, appeal.status, appeal.about) == ("appeal", AuthorizationStatus.READY, one.request_id)
        await sent(one, appeal.id, NOW + timedelta(days=level))
        await one.answer("A3", now=NOW + timedelta(days=level, hours=5), request=appeal.id)
    assert await disputes(one) == [
        ("peer_to_peer", 0, "open"), ("appeal", 1, "upheld"), ("appeal", 2, "upheld"), ("external_review", 0, "open"),
    ]  # fmt: skip
    outside = await one.do("file_appeal", FileAppeal, NOW + timedelta(days=3), kind="external_review")
    assert outside.refusal is None
    request = (await one.requests())[-1]
    assert (request.kind, request.status) == ("external_review", AuthorizationStatus.SUBMITTED)
    assert request.decision_due_at is not None
    await one.answer("A1", 14, now=NOW + timedelta(days=20), request=request.id)
    case = await one.case()
    assert (case.status, case.granted_units) == ("approved", 14)
    assert [row[2] for row in await disputes(one)] == ["withdrawn", "upheld", "upheld", "overturned"]


async def test_when_nothing_is_left_to_contest_somebody_decides_who_pays(database: Database) -> None:
    one = await desk(database, payer="statecare")
    await one.answer("A3", now=NOW)
    await one.do("record_peer_to_peer", RecordPeerToPeer, NOW, outcome="upheld")
    await one.do("file_appeal", FileAppeal, NOW, expedited=True)
    appeal = (await one.requests())[-1]
    await sent(one, appeal.id, NOW)
    await one.answer("A3", now=NOW + timedelta(days=1), request=appeal.id)
    await one.do("file_appeal", FileAppeal, NOW + timedelta(days=1), kind="external_review")
    hearing = (await one.requests())[-1]
    await one.answer("A3", now=NOW + timedelta(days=30), request=hearing.id)
    assert "denial_final" in await one.items()
    assert (await one.case()).next_action is None


@pytest.mark.parametrize(
    ("act", "command", "fields", "code"),
    [
        ("file_appeal", FileAppeal, {}, "invalid_request"),  # a standard appeal without the signed form (AUTH-14)
        ("file_appeal", FileAppeal, {"kind": "external_review"}, "dispute_not_open"),
        ("file_appeal", FileAppeal, {"kind": "peer_to_peer"}, "invalid_request"),
        ("record_peer_to_peer", RecordPeerToPeer, {"outcome": "scheduled"}, "invalid_request"),
        ("record_peer_to_peer", RecordPeerToPeer, {"outcome": "scheduled", "at": NOW + timedelta(days=9)},
         "invalid_request"),
        ("choose_option", ChooseOption, {"option": "accept_and_transfer"}, "dispute_not_open"),
        ("submit_information", SubmitInformation, {"attachments": PAPER}, "request_not_open"),
        ("cancel_review", CancelReview, {"reason": "x"}, "request_not_open"),
        ("record_agreement", RecordAgreement,
         {"level": "3.5", "amount": "-5.00", "from_date": FIRST, "through_date": LAST}, "invalid_request"),
        ("record_agreement", RecordAgreement,
         {"level": "3.5", "amount": "5.00", "from_date": LAST, "through_date": FIRST}, "invalid_request"),
        ("file_appeal", FileAppeal, {"expedited": True, "expected_version": 1}, "stale"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_and_leaves_nothing(
    database: Database, act: str, command: type[Any], fields: dict[str, Any], code: str
) -> None:
    one = await desk(database)
    await one.answer("A3", now=NOW)
    before = await disputes(one), len(await one.requests())
    outcome = await one.do(act, command, NOW, **fields)
    assert outcome.refusal is not None
    assert outcome.refusal.code == code
    assert (await disputes(one), len(await one.requests())) == before


async def test_fewer_days_are_a_gap_to_remember_and_may_be_contested_from_the_answer_on(database: Database) -> None:
    """E28: nothing is pressed on the reviewer, and the window still counts from the payer's answer (AUTH-13)."""
    one = await desk(database)
    await one.answer("A6", 7, now=NOW)
    assert await disputes(one) == []
    assert ("authorization_gap" in await one.items(), (await one.case()).next_action) == (True, "send_review")
    filed = await one.do("file_appeal", FileAppeal, NOW + timedelta(hours=30), expedited=True)
    assert filed.refusal is None
    await sent(one, (await one.requests())[-1].id, NOW + timedelta(hours=30))
    assert await disputes(one) == [("peer_to_peer", 0, "open"), ("appeal", 1, "filed")]
    opened = await one.rows("SELECT opened_at FROM authorization_dispute WHERE authorization_id = :case")
    assert {row[0] for row in opened} == {NOW}


async def test_an_appeal_that_could_not_be_read_is_no_appeal_lost(database: Database) -> None:
    """AAA is a data problem, not a decision (domain 4.5): the appeal stays filed until it is decided."""
    one = await desk(database)
    await one.answer("A3", now=NOW)
    await one.do("file_appeal", FileAppeal, NOW, expedited=True)
    appeal = (await one.requests())[-1]
    await sent(one, appeal.id, NOW)
    await one.answer("AAA", now=NOW + timedelta(hours=1), request=appeal.id)
    assert ("appeal", 1, "filed") in await disputes(one)
    assert (await one.case()).next_action == "correct_request"
    again = await one.do("file_appeal", FileAppeal, NOW + timedelta(hours=2), expedited=True)
    assert again.refusal is None
    corrected = (await one.requests())[-1]
    assert corrected.id != appeal.id
    await sent(one, corrected.id, NOW + timedelta(hours=2))
    await one.answer("A1", 14, now=NOW + timedelta(hours=9), request=corrected.id)
    assert ("appeal", 1, "overturned") in await disputes(one)


async def test_a_corrected_question_takes_the_place_of_one_the_payer_could_not_process(database: Database) -> None:
    """E02: AAA 75, the member id is corrected, the review asked again; nobody owes the old one any more."""
    one = await desk(database)
    await one.answer("AAA", now=NOW)
    assert (await one.case()).next_action == "correct_request"
    asked = await one.do(
        "request_review", RequestReview, NOW + timedelta(hours=1), kind="initial", units=14, from_date=FIRST,
        through_date=LAST,
    )  # fmt: skip
    assert asked.refusal is None
    assert {r.status for r in await one.requests()} == {AuthorizationStatus.CANCELLED, AuthorizationStatus.READY}
    assert (await one.case()).next_action == "send"
    assert "authorization_data_problem" not in await one.items()


async def test_an_appeal_once_filed_is_not_filed_again(database: Database) -> None:
    one = await desk(database)
    await one.answer("A3", now=NOW)
    assert (await one.do("file_appeal", FileAppeal, NOW, expedited=True)).refusal is None
    again = await one.do("file_appeal", FileAppeal, NOW, expedited=True)
    assert again.refusal is not None
    assert again.refusal.code == "dispute_not_open"


async def test_a_lower_level_may_be_accepted_which_asks_a_clinician_to_move(database: Database) -> None:
    """AUTH-07, E27: the clinical level never changes by itself."""
    one = await desk(database)
    await one.answer("A6", 14, now=NOW, level="3.1")
    assert "authorization_gap" in await one.items()
    taken = await one.do("choose_option", ChooseOption, NOW, option="accept_and_transfer")
    assert taken.refusal is None
    assert "transition_wanted" in await one.items()
    assert {row[2] for row in await disputes(one)} == {"withdrawn"}
    assert await one.rows("SELECT level FROM episode WHERE id = :episode") == [("3.5",)]


async def test_a_lower_level_may_be_contested_while_the_patient_stays(database: Database) -> None:
    one = await desk(database)
    await one.answer("A6", 14, now=NOW, level="3.1")
    stayed = await one.do("choose_option", ChooseOption, NOW, option="appeal_and_stay")
    assert stayed.refusal is None
    assert {"financial_notice"} <= await one.items()
    appeal = (await one.requests())[-1]
    assert (appeal.kind, appeal.urgent) == ("appeal", True)
    await sent(one, appeal.id, NOW)
    await one.answer("A1", 14, now=NOW + timedelta(days=2), request=appeal.id)
    case = await one.case()
    assert (case.status, case.granted_level, case.granted_units) == ("approved", "3.5", 14)
    assert await one.rows(
        "SELECT level, state FROM authorization_grant WHERE authorization_id = :case ORDER BY opened_at"
    ) == [("3.1", "superseded"), ("3.5", "active")]


async def test_documents_resume_the_payers_clock_by_as_long_as_it_stood(database: Database) -> None:
    """Pended on Friday 15:00 five hours after it was asked, documents on Saturday 15:00: 72 hours plus 24."""
    one = await desk(database)
    await one.answer("A4", now=NOW, documents=True)
    (asked,) = await one.requests()
    assert (asked.status, asked.decision_due_at) == (AuthorizationStatus.INFORMATION_REQUESTED, None)
    late = await one.fire(NOW + timedelta(hours=49))
    assert late.deadlines == ()
    assert "information_late" in await one.items()
    given = NOW + timedelta(hours=50)
    outcome = await one.do("submit_information", SubmitInformation, given, attachments=PAPER)
    assert outcome.refusal is None
    root, papers = sorted(await one.requests(), key=lambda r: r.about is not None)
    assert (root.status, root.decision_due_at) == (AuthorizationStatus.INFORMATION_REQUESTED, None), "asked, not sent"
    await sent(one, papers.id, given)
    root, papers = sorted(await one.requests(), key=lambda r: r.about is not None)
    assert root.status is AuthorizationStatus.INFORMATION_SENT
    assert (papers.kind, papers.about, papers.attachments) == (
        "information", one.request_id, [{"kind": "09", "transmission": "EL", "control_number": "ATT1"}],
    )  # fmt: skip
    assert root.decision_due_at == given + timedelta(hours=48), (
        "48 hours after the information, less than what was left"
    )
    clocks = await one.rows(
        "SELECT name, paused_seconds, outcome FROM authorization_clock WHERE authorization_id = :case ORDER BY name"
    )
    assert clocks == [
        ("decision_after_information", 0, None), ("decision_urgent", 50 * 3600, None), ("information", 0, "breached"),
    ]  # fmt: skip
    assert not {"information_requested", "information_late"} & await one.items()
    await one.answer("A1", 14, now=given + timedelta(hours=1), request=papers.id)
    case = await one.case()
    assert (case.status, case.granted_units) == ("approved", 14)
    assert {row[0] for row in await one.rows(
        "SELECT outcome FROM authorization_clock WHERE authorization_id = :case AND name LIKE 'decision%'"
    )} == {"met"}  # fmt: skip


async def test_taking_a_question_back_tells_the_payer_that_may_have_it(database: Database) -> None:
    one = await desk(database)
    outcome = await one.do("cancel_review", CancelReview, NOW, reason="not admitted")
    assert outcome.refusal is None
    first, cancel = sorted(await one.requests(), key=lambda r: r.about is not None)
    assert first.status is AuthorizationStatus.CANCELLED
    assert (cancel.kind, cancel.status, cancel.about) == ("cancel", AuthorizationStatus.READY, first.id)
    await one.answer("A1", 14, now=NOW + timedelta(hours=1))
    assert (await one.case()).granted_units == 0
    assert "answer_after_cancel" in await one.items()


async def test_a_newer_agreement_replaces_the_older_on_its_dates(database: Database) -> None:
    one = await desk(database)
    for amount in ("600.00", "650.00"):
        fields = {"level": "3.5", "amount": amount, "from_date": FIRST, "through_date": LAST, "signed_at": NOW}
        assert (await one.do("record_agreement", RecordAgreement, NOW, **fields)).refusal is None
    rows = await one.rows(
        "SELECT amount::text, ended_at IS NULL FROM single_case_agreement WHERE authorization_id = :case ORDER BY amount"
    )
    assert rows == [("600.00", False), ("650.00", True)]


async def sent(one: Desk, request_id: Any, now: Any) -> None:
    """The request has left."""
    async with one.database.write() as session:
        w = await one.hands.writing(session, one.case_id, "sent", now)
        assert w is not None
        asked = await session.get_one(AuthorizationRequest, request_id)
        await start_decision(w, asked)
        asked.status, asked.sent_at, asked.attempts = AuthorizationStatus.SUBMITTED, now, 1
        await follow_departure(w, asked)
