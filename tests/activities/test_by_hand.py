"""What people send and hear: the same states, clocks, gate and evidence as electronic (AUTH-12, E82, E95)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from activities.by_hand import SendingActivities
from definitions.authorization import CaseOutcome
from definitions.errors import ErrorType
from definitions.exchange import HandChannel, ReceiptOutcome, RecordReceipt, RecordSending
from definitions.vocabulary import AuthorizationStatus, ClockName, RequestKind, Role
from storage.engine import Database
from storage.models import AuthorizationClock, ExchangeMessage
from storage.repositories.exchange import ABSENT, request_message
from tests.activities import cases
from tests.activities.cases import KEYRING, NOW, Case, Exchange

HOUR = timedelta(hours=1)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def house(database: Database) -> AsyncIterator[Exchange]:
    """Nobody listens there: whatever is sent is held."""
    made = Exchange(database, NOWHERE, timeout=1)
    yield made
    await made.line.close()


def command(one: Case, **fields: Any) -> dict[str, Any]:
    return {
        "key": "reviewer:lee:key-0001", "actor": "reviewer:lee", "role": Role.REVIEWER, "now": NOW + HOUR,
        "authorization_id": one.case_id, "request_id": one.request_id, "call_reference": "CALL 77",
    } | fields  # fmt: skip


async def sent(house: Exchange, one: Case, **fields: Any) -> CaseOutcome:
    hands = SendingActivities(house.hands, KEYRING)
    said = {"channel": HandChannel.TELEPHONE, "sent_at": NOW + HOUR / 2} | fields
    return await hands.record_sending(RecordSending(**command(one, **said)))


async def heard(house: Exchange, one: Case, outcome: ReceiptOutcome, **fields: Any) -> CaseOutcome:
    hands = SendingActivities(house.hands, KEYRING)
    return await hands.record_receipt(RecordReceipt(**command(one, outcome=outcome, **fields)))


async def test_a_held_request_goes_by_telephone_and_its_copy_stays(database: Database, house: Exchange) -> None:
    first, second = await cases.case(database), await cases.case(database)
    await house.send(first)
    await house.send(second, NOW + timedelta(seconds=5))
    outcome = await sent(house, first)
    assert outcome.refusal is None
    asked = await cases.request_of(database, first)
    assert (asked.status, asked.held_at) == (AuthorizationStatus.SUBMITTED, None)
    assert (asked.sent_at, asked.first_sent_at) == (NOW + HOUR / 2, NOW + HOUR / 2)
    assert await cases.outcomes(database, first) == ["not_sent", "sent"]
    assert await cases.items(database, first) == []
    async with database.read() as session:
        clock = (
            await session.execute(select(AuthorizationClock).where(AuthorizationClock.subject_id == first.request_id))
        ).scalar_one()
    assert (clock.name, clock.started_at) == (ClockName.DECISION_URGENT, NOW + HOUR / 2)
    kept = {m.kind: m.status for m in await cases.messages(database, first)}
    assert kept == {"278": "failed", "telephone": "sent"}
    assert (await house.send(first, NOW + HOUR)).status is AuthorizationStatus.SUBMITTED
    assert await house.relay({first.case_id: first, second.case_id: second}, NOW + HOUR) == [second.case_id]


async def test_the_same_call_is_recorded_once(database: Database, house: Exchange) -> None:
    one = await cases.case(database, kind=RequestKind.EXTERNAL_REVIEW)
    await house.send(one)
    assert [(await sent(house, one, channel=HandChannel.FAX)).refusal for _ in range(2)] == [None, None]
    assert await cases.outcomes(database, one) == ["sent"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sent_at": NOW - HOUR}, ErrorType.EFFECTIVE_TOO_EARLY),
        ({"sent_at": NOW + 3 * HOUR}, ErrorType.EFFECTIVE_IN_FUTURE),
        ({"expected_version": 99}, ErrorType.STALE),
        ({"request_id": "00000000-0000-0000-0000-000000000001"}, ErrorType.NOT_FOUND),
    ],
)
async def test_a_sending_that_cannot_be_is_refused(
    database: Database, house: Exchange, fields: dict[str, Any], code: ErrorType
) -> None:
    one = await cases.case(database)
    outcome = await sent(house, one, **fields)
    assert outcome.refusal is not None
    assert outcome.refusal.code is code
    assert await cases.outcomes(database, one) == []


async def test_the_gate_is_asked_about_calls_too(database: Database, house: Exchange) -> None:
    one = await cases.case(database, consented=False)
    outcome = await sent(house, one)
    assert outcome.refusal is not None
    assert outcome.refusal.code is ErrorType.DISCLOSURE_REFUSED
    assert await cases.messages(database, one) == []


async def unknown(database: Database) -> Case:
    return await cases.case(database, status=AuthorizationStatus.TIMED_OUT, sent_at=NOW, first_sent_at=NOW, attempts=1)


async def message_of(database: Database, one: Case, status: str) -> None:
    async with database.write() as session:
        session.add(
            ExchangeMessage(
                id=request_message(one.request_id), partner="meridian", direction="out", kind="278",
                control_number="000000001", subject_id=one.request_id, person_id=one.person_id, sealed=b"x",
                fingerprint="x", status=status, at=NOW, finished_at=NOW,
            )
        )  # fmt: skip


async def test_what_may_have_arrived_is_not_sent_by_hand_but_asked_about(database: Database, house: Exchange) -> None:
    one = await unknown(database)
    outcome = await sent(house, one)
    assert outcome.refusal is not None
    assert outcome.refusal.code is ErrorType.STALE


async def test_received_makes_it_submitted_and_its_clock_runs_on(database: Database, house: Exchange) -> None:
    one = await unknown(database)
    await message_of(database, one, "unknown")
    assert (await heard(house, one, ReceiptOutcome.RECEIVED)).refusal is None
    asked = await cases.request_of(database, one)
    assert (asked.status, asked.first_sent_at) == (AuthorizationStatus.SUBMITTED, NOW)
    again = await heard(house, one, ReceiptOutcome.NOT_RECEIVED, key="reviewer:lee:key-0002")
    assert again.refusal is not None
    assert again.refusal.code is ErrorType.STALE


async def test_not_received_lets_the_same_bytes_go_again(database: Database, house: Exchange) -> None:
    one = await unknown(database)
    await message_of(database, one, "unknown")
    outcome = await heard(house, one, ReceiptOutcome.NOT_RECEIVED)
    assert outcome.record is not None
    assert outcome.record.ready_request_id == one.request_id
    asked = await cases.request_of(database, one)
    assert (asked.status, asked.first_sent_at) == (AuthorizationStatus.READY, None)
    statuses = {m.control_number: m.status for m in await cases.messages(database, one) if m.kind == "278"}
    assert statuses == {"000000001": ABSENT}
