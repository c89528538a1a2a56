"""Sending to a payer in another process: never twice on a guess, never forgotten, in order (E30, E82, E95)."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.partners.line import PayerLine
from activities.partners.slots import PayerSlots
from definitions.vocabulary import AuthorizationStatus, DeadlineKind, LineState, RequestKind
from rules.circuit import OPEN_AFTER
from runtime.catalog import Catalog, load_catalog
from runtime.people import open_message
from storage.engine import Database
from storage.models import Authorization, AuthorizationRequest, ExchangeMessage
from storage.repositories import payer_circuit
from storage.repositories.exchange import misnumbered
from tests.activities import cases
from tests.activities.cases import NOW, Case, Exchange
from tests.local_payer.conftest import PayerProcess

MINUTE = timedelta(minutes=1)


class PowerCut(Exception):
    """Between a commit and what follows it."""


Open = Callable[..., Exchange]


@pytest.fixture
async def opened(database: Database) -> AsyncIterator[Open]:
    """Makes exchanges whose connections end with the test."""
    made: list[Exchange] = []

    def make(url: str, **options: Any) -> Exchange:
        made.append(Exchange(database, url, **options))
        return made[-1]

    yield make
    for exchange in made:
        await exchange.line.close()


@pytest.fixture
def up(payer: PayerProcess) -> Iterator[PayerProcess]:
    payer.control("up")
    yield payer
    payer.control("up")


def calls(payer: PayerProcess, one: Case) -> list[str]:
    """What the payer saw of a case, by guide."""
    return [m["version"] for m in payer.messages("in") if one.trace in str(m)]


async def circuit(database: Database, payer: str = "meridian") -> LineState:
    async with database.read() as session:
        return (await payer_circuit.seen(session, payer)).state


def without_inquiry() -> Catalog:
    edition = load_catalog().latest
    deaf = edition.payers["meridian"].model_copy(update={"inquiry": False})
    return replace(
        load_catalog(),
        editions={edition.name: edition.model_copy(update={"payers": edition.payers | {"meridian": deaf}})},
    )


def deadline(record: Any, kind: DeadlineKind) -> Any:
    return next(d.at for d in record.deadlines if d.kind is kind)


async def test_an_answered_request_is_sent_once_and_its_disclosure_closed(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database), opened(up.url)
    record = await house.send(one)
    assert (record.status, await cases.outcomes(database, one)) == (AuthorizationStatus.APPROVED, ["sent"])
    sent, answer = (await cases.messages(database, one)), (await cases.messages(database, one, "in"))
    assert [(m.status, m.control_number) for m in sent] == [("sent", "000000001")]
    assert [m.status for m in answer] == ["matched"]
    (told,) = await cases.disclosures(database, one)
    assert (told.content, told.purpose, told.recipient) == ("authorization_request", "payment", "payer/meridian")
    assert (told.notice, told.exception, told.evidence) == ("trading_partner_agreement", None, None)
    assert told.scope == {
        "form": "part2_tpo", "purposes": ["payment"], "contents": ["authorization_request", "clinical_attachment"],
        "recipient_classes": ["health_plans"],
    }  # fmt: skip


async def test_a_timeout_is_asked_about_and_the_answer_found(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database, "T"), opened(up.url, timeout=0.6)
    record = await house.send(one)
    assert record.status is AuthorizationStatus.TIMED_OUT
    assert await cases.outcomes(database, one) == ["unknown"]
    record = await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    assert record.status is AuthorizationStatus.APPROVED
    assert [m.version for m in await cases.messages(database, one)] == ["005010X217", "005010X215"]
    assert await cases.outcomes(database, one) == ["unknown", "sent"]
    assert [r["state"] for r in up.reviews() if r["trace"] == one.trace] == ["approved"]


async def test_absence_lets_the_very_same_bytes_go_again(database: Database, up: PayerProcess, opened: Open) -> None:
    """E1: the first call fails before anything is taken; the payer says that it has nothing."""
    one, house = await cases.case(database, "E1"), opened(up.url)
    record = await house.send(one)
    assert record.status is AuthorizationStatus.TIMED_OUT
    before = (await cases.messages(database, one))[0]
    record = await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    assert record.status is AuthorizationStatus.APPROVED
    after = (await cases.messages(database, one))[0]
    assert (after.id, after.fingerprint, after.control_number) == (before.id, before.fingerprint, "000000001")
    assert await cases.outcomes(database, one) == ["unknown", "sent", "sent"]
    assert (await cases.request_of(database, one)).first_sent_at == NOW + 2 * MINUTE
    async with database.read() as session:
        assert await misnumbered(session) == []


async def test_what_was_taken_before_the_failure_is_never_sent_twice(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    """E2: it fails after it took the request; the inquiry finds it."""
    one, house = await cases.case(database, "E2"), opened(up.url)
    record = await house.send(one)
    await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    asked = await cases.request_of(database, one)
    assert (asked.status, asked.attempts) == (AuthorizationStatus.APPROVED, 1)
    assert len([r for r in up.reviews() if r["trace"] == one.trace]) == 1


async def test_silence_about_the_inquiries_too_ends_with_a_person(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database, "T"), opened(up.url, timeout=0.5)
    up.script({"fault": "unavailable_before_taking", "fault_calls": 99}, kind="inquiry", member_suffix=one.member[-8:])
    record = await house.send(one)
    moments = []
    for _ in range(12):
        wanted = [d.at for d in record.deadlines if d.kind is DeadlineKind.PAYER_INQUIRY]
        if not wanted:
            break
        moments.append(wanted[0])
        record = await house.due(one, wanted[0])
    assert record.status is AuthorizationStatus.TIMED_OUT
    assert len([m for m in await cases.messages(database, one) if m.version == "005010X215"]) == 4
    assert "payer_silent" in await cases.items(database, one)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert moments[0] == NOW + 2 * MINUTE
    assert all(gap >= 2 * MINUTE for gap in gaps)


async def test_a_payer_without_inquiries_is_called_and_nothing_goes_twice(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database, "E1"), opened(up.url, catalog=without_inquiry())
    record = await house.send(one)
    assert record.status is AuthorizationStatus.TIMED_OUT
    assert not [d for d in record.deadlines if d.kind is DeadlineKind.PAYER_INQUIRY]
    assert await cases.items(database, one) == ["payer_silent"]
    record = await house.due(one, NOW + timedelta(days=2))
    assert len(await cases.messages(database, one)) == 1


async def test_a_crash_between_intent_and_outcome_is_not_sent_again(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    """The bytes may be there already; the payer is asked, and here it has them not, so the same ones go."""

    class Dying(PayerLine):
        async def deliver(self, *_: Any) -> Any:
            raise PowerCut

    one, house = await cases.case(database), opened(up.url)
    dying = Dying(up.url, 1)
    house.exchange._hands = replace(house.exchange._hands, line=dying)
    with pytest.raises(PowerCut):
        await house.send(one)
    await dying.close()
    assert await cases.outcomes(database, one) == [None]
    again = opened(up.url)
    record = await again.send(one)
    assert record.status is AuthorizationStatus.TIMED_OUT
    assert await cases.outcomes(database, one) == ["unknown"]
    record = await again.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    assert record.status is AuthorizationStatus.APPROVED
    assert {m.control_number for m in await cases.messages(database, one)} == {"000000001", "000000002"}


async def test_an_unreachable_payer_holds_requests_and_lets_them_out_oldest_first(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    house = opened(up.url)
    up.control("down")
    held = [await cases.case(database, now=NOW) for _ in range(4)]
    for number, one in enumerate(held):
        record = await house.send(one, NOW + number * timedelta(seconds=5))
        assert record.status is AuthorizationStatus.HELD
    assert await cases.outcomes(database, held[0]) == ["not_sent"]
    assert await cases.outcomes(database, held[1]) == []
    assert await circuit(database) is LineState.OPEN
    assert await cases.items(database, held[2]) == ["payer_unreachable"]

    other = await cases.case(database, payer="unity", level="3.1")
    up.control("up")
    assert (await house.send(other)).status is AuthorizationStatus.APPROVED
    assert await circuit(database, "unity") is LineState.CLOSED

    late = await cases.case(database, now=NOW)
    assert (await house.send(late, NOW + 30 * timedelta(seconds=1))).status is AuthorizationStatus.HELD
    record = await house.due(held[0], NOW + 2 * MINUTE)
    assert record.status is AuthorizationStatus.APPROVED
    assert await circuit(database) is LineState.DRAINING
    jumper = await cases.case(database, now=NOW)
    assert (await house.send(jumper, NOW + 2 * MINUTE)).status is AuthorizationStatus.HELD
    everyone = {c.case_id: c for c in (*held, late, jumper)}
    woken = await house.relay(everyone, NOW + 2 * MINUTE)
    assert woken == [c.case_id for c in (*held[1:], late, jumper)]
    assert await circuit(database) is LineState.CLOSED
    order = [m for one in (*held, late, jumper) for m in await cases.messages(database, one)]
    assert [m.control_number for m in order] == [f"{n:09d}" for n in range(1, 7)]
    for one in everyone.values():
        assert await cases.items(database, one) == []
    async with database.read() as session:
        assert await misnumbered(session) == []


async def test_the_one_behind_a_request_that_left_the_queue_is_looked_at_by_itself(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    house = opened(up.url)
    up.control("down")
    first, second = await cases.case(database), await cases.case(database)
    await house.send(first)
    record = await house.send(second, NOW + MINUTE / 2)
    async with database.write() as session:
        asked = await session.get_one(Authorization, first.case_id)
        asked.status = AuthorizationStatus.END_DATED
        row = await session.get_one(AuthorizationRequest, first.request_id)
        row.status = AuthorizationStatus.CANCELLED
    up.control("up")
    record = await house.due(second, deadline(record, DeadlineKind.PAYER_RETRY))
    assert record.status is AuthorizationStatus.APPROVED


async def test_failures_in_a_row_open_the_circuit_and_touch_no_other_payer(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    house = opened(up.url)
    for _ in range(OPEN_AFTER):
        assert (await house.send(await cases.case(database, "E1"))).status is AuthorizationStatus.TIMED_OUT
    assert await circuit(database) is LineState.OPEN
    assert (await house.send(await cases.case(database))).status is AuthorizationStatus.HELD
    assert (await house.send(await cases.case(database, payer="bluestone"))).status is AuthorizationStatus.APPROVED


async def test_a_slow_payer_takes_up_its_own_slots_only(database: Database, up: PayerProcess, opened: Open) -> None:
    slots = PayerSlots(per_payer=2)
    house = opened(up.url, timeout=20, slots=slots)
    slow = [await cases.case(database, "S4") for _ in range(4)]
    quick = await cases.case(database, payer="bluestone")
    tasks = [asyncio.create_task(house.send(one)) for one in slow]
    await asyncio.sleep(1.5)
    assert (await house.send(quick)).status is AuthorizationStatus.APPROVED
    assert len([t for t in tasks if t.done() and t.exception() is not None]) == 2
    done = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [e for e in done if isinstance(e, BaseException)]
    assert {getattr(e, "type", "") for e in refused} == {"payer_busy"}


async def test_numbers_of_concurrent_sends_have_no_gap_and_no_double(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    house = opened(up.url, slots=PayerSlots(per_payer=99))
    many = [await cases.case(database, "X" if n % 3 == 0 else "") for n in range(12)]
    await asyncio.gather(*(house.send(one) for one in many))
    numbers = [m.control_number for one in many for m in await cases.messages(database, one)]
    assert sorted(n or "" for n in numbers) == [f"{n:09d}" for n in range(1, 13)]
    async with database.read() as session:
        assert await misnumbered(session) == []


async def test_what_cannot_be_written_takes_no_number(database: Database, up: PayerProcess, opened: Open) -> None:
    house = opened(up.url)
    bad = await cases.case(database, "*~")
    assert (await house.send(bad)).status is AuthorizationStatus.DATA_PROBLEM
    assert (await house.send(await cases.case(database))).status is AuthorizationStatus.APPROVED
    async with database.read() as session:
        assert await misnumbered(session) == []


async def test_without_consent_nothing_leaves_and_nothing_is_numbered(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database, consented=False), opened(up.url)
    assert (await house.send(one)).status is AuthorizationStatus.WAITING_CONSENT
    assert (await cases.messages(database, one), await cases.outcomes(database, one)) == ([], [])


async def test_a_late_decision_is_asked_about_and_never_requested_twice(
    database: Database, up: PayerProcess, opened: Open
) -> None:
    """E30: what the payer has, and decides too late."""
    one, house = await cases.case(database, "P900"), opened(up.url)
    record = await house.send(one)
    async with database.write() as session:
        asked = await session.get_one(AuthorizationRequest, one.request_id)
        asked.status, asked.wanted_by = AuthorizationStatus.PENDED, None
        asked.decision_due_at = NOW + timedelta(hours=72)
    record = await house.due(one, NOW)
    late = deadline(record, DeadlineKind.PAYER_INQUIRY)
    assert late == deadline(record, DeadlineKind.PAYER_DECISION)
    await house.due(one, late)
    assert [m.version for m in await cases.messages(database, one)] == ["005010X217", "005010X215"]
    assert len([r for r in up.reviews() if r["trace"] == one.trace]) == 1


async def text_of(database: Database, one: Case, number: int = 0) -> str:
    message: ExchangeMessage = (await cases.messages(database, one))[number]
    person = await cases.person_of(database, one)
    assert person.wrapped_key is not None
    return open_message(cases.KEYRING, person.id, person.wrapped_key, message.sealed)


@pytest.mark.parametrize(
    ("kind", "changes", "says"),
    [
        (RequestKind.EXPEDITED, {}, "~UM*AR*I*AI*86:A**U***Y~"),
        (RequestKind.INITIAL, {"urgent": False}, "~UM*AR*I*AI*86:A*****Y~"),
        (RequestKind.RETROSPECTIVE, {"urgent": False, "delay_reason": "7"}, "~UM*AR*I*AI*86:A*****Y*7~"),
        (RequestKind.CONCURRENT, {}, "~UM*AR*4*AI*86:A**U***Y~REF*BB*"),
        (RequestKind.RECONSIDERATION, {}, "~UM*AR*N*AI*86:A**U***Y~"),
        (RequestKind.APPEAL, {}, "~UM*AR*1*AI*86:A**U***Y~"),
        (RequestKind.APPEAL, {"urgent": False}, "~UM*AR*2*AI*86:A*****Y~"),
        (RequestKind.CANCEL, {"units": 0}, "~BHT*0007*01*"),
        (
            RequestKind.INFORMATION,
            {"attachments": [{"kind": "09", "transmission": "EL", "control_number": "ATT1"}]},
            "~PWK*09*EL***AC*ATT1~",
        ),
        (RequestKind.NOTIFICATION, {}, "*005010X216~"),
        (RequestKind.DISCHARGE, {"units": 0, "through_date": NOW.date()}, "~DTP*096*D8*20260302~"),
    ],
)
async def test_every_kind_leaves_as_what_it_is(
    database: Database, up: PayerProcess, opened: Open, kind: RequestKind, changes: dict[str, Any], says: str
) -> None:
    one, house = await cases.case(database, kind=kind, **changes), opened(up.url)
    async with database.write() as session:
        (await session.get_one(Authorization, one.case_id)).number = "AUTH000001"
    record = await house.send(one)
    assert record.ready_request_id is None
    assert says in await text_of(database, one)
    assert await cases.outcomes(database, one) == ["sent"]


@pytest.mark.parametrize("kind", [RequestKind.EXTERNAL_REVIEW])
async def test_what_no_machine_takes_is_a_persons_work(
    database: Database, up: PayerProcess, opened: Open, kind: RequestKind
) -> None:
    one, house = await cases.case(database, kind=kind), opened(up.url)
    assert (await house.send(one)).status is AuthorizationStatus.CONTACT_PAYER
    assert await cases.items(database, one) == ["contact_payer"]
    assert await cases.messages(database, one) == []


async def test_the_receipt_of_a_notice_begins_its_window(database: Database, up: PayerProcess, opened: Open) -> None:
    one = await cases.case(database, payer="unity", kind=RequestKind.NOTIFICATION, units=28)
    record = await opened(up.url).send(one)
    assert record.status is AuthorizationStatus.APPROVED
    assert record.last_covered_day == NOW.date() + timedelta(days=27)
