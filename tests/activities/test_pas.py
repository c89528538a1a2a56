"""PAS as a channel, against a payer in another process: the states, evidence and silences of X12, in FHIR (domain 4.6)."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities.partners.line import SENT, UNKNOWN, Delivery
from definitions.services_review import ServicesReviewRequest
from definitions.vocabulary import AuthorizationStatus, DeadlineKind, RequestKind
from interchange.fhir.pas.outcome import encode_outcome
from interchange.fhir.pas.request_bundle import asked_items, parse_request
from local.books import compare
from runtime.people import open_message
from storage.engine import Database
from storage.models import Authorization, AuthorizationRequest, PayerCircuit
from storage.repositories.authorization import trace_of
from storage.repositories.exchange import misnumbered, request_message
from tests.activities import cases
from tests.activities.cases import KEYRING, NOW, Case, Exchange
from tests.activities.pas_house import over_pas
from tests.interchange.fhir.pas.samples import GUIDE
from tests.local_payer.conftest import Door, PayerProcess, opened_door

MINUTE = timedelta(minutes=1)
Open = Callable[..., Exchange]


@pytest.fixture
async def opened(database: Database) -> AsyncIterator[Open]:
    made: list[Exchange] = []

    def make(url: str, *, x12_endpoint: str | None = "x12/meridian", **options: Any) -> Exchange:
        made.append(Exchange(database, url, catalog=over_pas(x12_endpoint=x12_endpoint), **options))
        return made[-1]

    yield make
    for exchange in made:
        await exchange.line.close()


@pytest.fixture
def payer(tmp_path: Any) -> Iterator[PayerProcess]:
    """Its book is compared whole, so every test has its own."""
    made = PayerProcess(
        tmp_path / "book.sqlite", Door(url="http://127.0.0.1:9"), "--drive", "driven", "--silence-seconds", "2",
        controlled=True,
    )  # fmt: skip
    yield made
    made.stop()
    made.client.close()


async def test_submitted_and_approved_with_gate_ledger_and_both_books(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    one, house = await cases.case(database), opened(payer.url)
    record = await house.send(one)
    assert (record.status, await cases.outcomes(database, one)) == (AuthorizationStatus.APPROVED, ["sent"])
    (sent,), (answer,) = await cases.messages(database, one), await cases.messages(database, one, "in")
    assert (sent.kind, sent.version, sent.control_number) == ("pas", "pas-2.2.1/Claim/$submit", "000000001")
    assert (answer.kind, answer.status) == ("pas", "matched")
    (told,) = await cases.disclosures(database, one)
    assert (told.content, told.recipient, told.fingerprint) == (
        "authorization_request", "payer/meridian", sent.fingerprint
    )  # fmt: skip
    assert told.consent_id is not None
    async with database.read() as session:
        assert await misnumbered(session) == []
    assert [r["state"] for r in payer.reviews()] == ["approved"]
    assert compare(fresh_database, payer.book_url) == []


def deadline(record: Any, kind: DeadlineKind) -> Any:
    return next(d.at for d in record.deadlines if d.kind is kind)


async def more(database: Database, root: Case, kind: RequestKind, **changes: Any) -> Case:
    """Another question of the same case, ready to leave."""
    request_id = uuid4()
    async with database.write() as session:
        first = await session.get_one(AuthorizationRequest, root.request_id)
        fields = {
            "status": AuthorizationStatus.READY, "units": first.units, "urgent": True, "attempts": 0,
            "requested_at": NOW + timedelta(hours=1), "from_date": first.from_date, "through_date": first.through_date,
        } | changes  # fmt: skip
        session.add(
            AuthorizationRequest(
                id=request_id, authorization_id=root.case_id, episode_id=root.episode_id, kind=kind,
                trace=trace_of(request_id), level=first.level, unit="DY", **fields,
            )
        )  # fmt: skip
    return Case(root.person_id, root.episode_id, root.case_id, request_id, trace_of(request_id), root.member)


async def as_it_left(database: Database, one: Case) -> tuple[str, ServicesReviewRequest]:
    async with database.read() as session:
        from_us = await cases.messages(database, one)
        person = await cases.person_of(database, one)
        message = next(m for m in from_us if m.id == request_message(one.request_id))
        assert person.wrapped_key is not None
        text = open_message(KEYRING, person.id, person.wrapped_key, message.sealed)
        await session.rollback()
    return text, parse_request(text, GUIDE)[0]


async def test_a_timeout_is_asked_about_and_the_answer_found(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    """Never resent blind (decision 8): the payer kept it, and $inquire finds what it decided."""
    one, house = await cases.case(database, "T"), opened(payer.url, timeout=0.8)
    record = await house.send(one)
    assert record.status is AuthorizationStatus.TIMED_OUT
    assert await cases.outcomes(database, one) == ["unknown"]
    record = await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    assert record.status is AuthorizationStatus.APPROVED
    versions = [m.version for m in await cases.messages(database, one)]
    assert versions == ["pas-2.2.1/Claim/$submit", "pas-2.2.1/Claim/$inquire"]
    assert await cases.outcomes(database, one) == ["unknown", "sent"]
    assert compare(fresh_database, payer.book_url) == []


async def test_absence_lets_the_very_same_bundle_go_again(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    one, house = await cases.case(database, "E1"), opened(payer.url)
    record = await house.send(one)
    assert record.status is AuthorizationStatus.TIMED_OUT
    before = (await cases.messages(database, one))[0]
    record = await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    assert record.status is AuthorizationStatus.APPROVED
    after = (await cases.messages(database, one))[0]
    assert (after.id, after.fingerprint, after.control_number) == (before.id, before.fingerprint, "000000001")
    assert (await cases.request_of(database, one)).first_sent_at == NOW + 2 * MINUTE
    assert compare(fresh_database, payer.book_url) == []


async def test_what_was_taken_before_the_failure_is_never_submitted_twice(
    database: Database, payer: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database, "E2"), opened(payer.url)
    record = await house.send(one)
    await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    asked = await cases.request_of(database, one)
    assert (asked.status, asked.attempts) == (AuthorizationStatus.APPROVED, 1)
    assert len([r for r in payer.reviews() if r["trace"] == one.trace]) == 1


async def test_a_payer_that_answers_no_inquiries_is_called_and_nothing_goes_twice(
    database: Database, payer: PayerProcess, opened: Open
) -> None:
    """What it refuses to answer is no absence."""
    payer.script({"steps": [{"say": "refuse_syntax"}]}, kind="inquiry", payer="meridian", nth=1)
    one, house = await cases.case(database, "E1"), opened(payer.url)
    record = await house.send(one)
    record = await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    asked = await cases.request_of(database, one)
    assert (asked.status, asked.attempts, asked.inquiries) == (AuthorizationStatus.TIMED_OUT, 1, 1)


async def test_what_the_gateway_cannot_read_is_a_data_problem_with_its_evidence(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    """4XX with an OperationOutcome: no retry helps; its codes are told, its words stay sealed."""
    one, house = await cases.case(database, "R"), opened(payer.url)
    record = await house.send(one)
    assert record.status is AuthorizationStatus.DATA_PROBLEM
    assert await cases.outcomes(database, one) == ["sent"]
    (kept,) = await cases.messages(database, one, "in")
    assert (kept.kind, kept.status) == ("pas", "matched")
    (sent,) = await cases.messages(database, one)
    assert sent.problem == "the payer's system refused the message (422): invalid at Bundle.entry[0].resource"
    assert compare(fresh_database, payer.book_url) == []


@pytest.mark.parametrize("script", ["B1", "B2", "B3", "B4", "B5"])
async def test_an_answer_that_cannot_be_read_is_kept_and_told(
    database: Database, payer: PayerProcess, opened: Open, script: str
) -> None:
    """Garbage, cut short, without its ClaimResponse, of a stranger, of another version: never taken for an answer."""
    one, house = await cases.case(database, script), opened(payer.url)
    record = await house.send(one)
    assert record.status is AuthorizationStatus.SUBMITTED
    assert "answer_unreadable" in await cases.items(database, one)
    assert await cases.outcomes(database, one) == ["sent"]


async def test_a_wish_for_documents_says_which_and_until_when(
    database: Database, payer: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database, "I48"), opened(payer.url)
    record = await house.send(one)
    asked = await cases.request_of(database, one)
    assert record.status is AuthorizationStatus.INFORMATION_REQUESTED
    assert (asked.wanted, asked.wanted_by) == (["34746-8"], NOW + timedelta(hours=48))
    assert "information_requested" in await cases.items(database, one)
    paper = [{"kind": "NN", "transmission": "EL", "control_number": "NOTES1"}]
    sent = await more(database, one, RequestKind.INFORMATION, about=one.request_id, attachments=paper)
    record = await house.send(sent, NOW + timedelta(hours=2))
    assert record.status is AuthorizationStatus.APPROVED
    text, said = await as_it_left(database, sent)
    assert asked_items(text, GUIDE) == {1: f"{sent.trace}L1"}
    assert said.continues is not None
    assert said.continues.trace == one.trace
    assert [a.control_number for a in said.attachments] == ["NOTES1"]


async def test_more_days_are_an_update_that_says_the_whole_and_is_answered_for_what_is_new(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    one, house = await cases.case(database), opened(payer.url)
    await house.send(one)
    first = await cases.request_of(database, one)
    later = {
        "from_date": first.through_date + timedelta(days=1),
        "through_date": first.through_date + timedelta(days=7),
    }
    longer = await more(database, one, RequestKind.CONCURRENT, units=7, **later)
    record = await house.send(longer, NOW + timedelta(days=12))
    asked = await cases.request_of(database, longer)
    assert asked.status is AuthorizationStatus.APPROVED
    text, said = await as_it_left(database, longer)
    items = json.loads(text)["entry"][0]["resource"]["item"]
    assert [(i["sequence"], i["servicedPeriod"]["start"]) for i in items] == [
        (1, first.from_date.isoformat()), (2, asked.from_date.isoformat())
    ]  # fmt: skip
    assert (said.trace, said.previous_number) == (longer.trace, "AUTH000001")
    async with database.read() as session:
        case = await session.get_one(Authorization, one.case_id)
    assert (case.granted_units, case.last_covered_day) == (21, asked.through_date)
    assert record.status is AuthorizationStatus.APPROVED
    assert compare(fresh_database, payer.book_url) == []


async def test_after_a_denial_nothing_is_updated_and_an_appeal_is_a_new_request(
    database: Database, payer: PayerProcess, opened: Open
) -> None:
    one, house = await cases.case(database, "DG"), opened(payer.url)
    await house.send(one)
    denied = await cases.request_of(database, one)
    assert denied.status is AuthorizationStatus.DENIED
    appeal = await more(database, one, RequestKind.APPEAL, about=one.request_id)
    await house.send(appeal, NOW + timedelta(hours=2))
    text, said = await as_it_left(database, appeal)
    assert (said.continues, said.certification, said.reference_number) == (None, "1", denied.reference)
    assert "related" not in json.loads(text)["entry"][0]["resource"]
    assert (await cases.request_of(database, appeal)).status is AuthorizationStatus.APPROVED


async def test_what_is_not_needed_any_more_is_taken_back_whole(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    one, house = await cases.case(database, "P24"), opened(payer.url)
    await house.send(one)
    async with database.write() as session:
        (await session.get_one(AuthorizationRequest, one.request_id)).status = AuthorizationStatus.CANCELLED
    back = await more(database, one, RequestKind.CANCEL, about=one.request_id)
    await house.send(back, NOW + timedelta(hours=2))
    _, said = await as_it_left(database, back)
    assert (said.certification, said.lines, said.reference) == ("3", (), one.trace)
    assert [r["state"] for r in payer.reviews() if r["trace"] == one.trace] == ["cancelled"]
    assert (await cases.request_of(database, back)).status is AuthorizationStatus.CANCELLED
    assert compare(fresh_database, payer.book_url) == []


@pytest.mark.parametrize(("x12", "status"), [("x12/meridian", "approved"), (None, "contact_payer")])
async def test_what_pas_cannot_say_goes_as_x12_or_by_hand(
    database: Database, payer: PayerProcess, opened: Open, x12: str | None, status: str
) -> None:
    """A delay reason has no place in PAS (UM10)."""
    house = opened(payer.url, x12_endpoint=x12)
    one = await cases.case(database, kind=RequestKind.RETROSPECTIVE, delay_reason="8")
    assert (await house.send(one)).status == status
    assert [m["kind"] for m in payer.messages("in")] == (["I"] if x12 else [])


async def test_notices_go_by_x12_where_the_payer_says_so(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    """PAS has none; both grammars count in one sequence."""
    house = opened(payer.url)
    one, told = await cases.case(database), await cases.case(database, kind=RequestKind.NOTIFICATION)
    await house.send(one)
    await house.send(told)
    (left,) = await cases.messages(database, told)
    assert (left.kind, left.version, left.control_number) == ("278", "005010X216", "000000002")
    assert (await cases.request_of(database, told)).status is AuthorizationStatus.APPROVED
    assert compare(fresh_database, payer.book_url) == []


async def subscription_of(database: Database) -> tuple[str | None, str | None]:
    async with database.read() as session:
        row = await session.get_one(PayerCircuit, "meridian")
        return row.subscription, row.subscription_why


async def test_a_payer_is_asked_once_to_tell_us_of_pended_answers(
    database: Database, tmp_path: Any, opened: Open
) -> None:
    """Its notifications then come to the address it was told."""
    with opened_door() as door:
        payer = PayerProcess(tmp_path / "told.sqlite", door, "--drive", "driven")
        house = opened(payer.url, public_url=f"{door.url}/elsewhere")
        one, other = await cases.case(database, "P24"), await cases.case(database)
        await house.send(one)
        await house.send(other)
        assert await subscription_of(database) == ("meridian-1", None)
        payer.advance((NOW + timedelta(hours=25)).isoformat())
        ((path, body, _),) = door.taken
        assert path == "/elsewhere/fhir/payers/meridian/notifications"
        assert one.trace in body
        payer.stop()
        payer.client.close()


async def test_a_request_does_not_wait_for_a_subscription(
    database: Database, payer: PayerProcess, opened: Open
) -> None:
    house = opened(payer.url, public_url="http://127.0.0.1:9")
    refuse = house.line.deliver

    async def no_subscriptions(endpoint: str, text: str, now: Any, **said: Any) -> Any:
        if said.get("operation") == "/Subscription":
            return Delivery(UNKNOWN, problem="the payer's system failed (500)")
        return await refuse(endpoint, text, now, **said)

    house.line.deliver = no_subscriptions  # type: ignore[method-assign]  # a payer whose subscriptions are broken
    one, other = await cases.case(database), await cases.case(database)
    assert (await house.send(one)).status is AuthorizationStatus.APPROVED
    assert await subscription_of(database) == (None, "the payer's system failed (500)")
    house.line.deliver = refuse  # type: ignore[method-assign]  # mended
    await house.send(other, NOW + timedelta(hours=2))
    assert await subscription_of(database) == ("meridian-1", None)


def saying(house: Exchange, operation: str, body: str) -> None:
    """A payer whose system answers this operation so, and every other as it does."""
    deliver = house.line.deliver

    async def answered(endpoint: str, text: str, now: Any, **said: Any) -> Any:
        return (
            Delivery(SENT, body=body)
            if said.get("operation") == operation
            else await deliver(endpoint, text, now, **said)
        )

    house.line.deliver = answered  # type: ignore[method-assign]  # what no well-behaved payer says


@pytest.mark.parametrize(
    ("severity", "status"),
    [("error", AuthorizationStatus.DATA_PROBLEM), ("warning", AuthorizationStatus.SUBMITTED)],
)
async def test_an_outcome_in_place_of_an_answer_counts_by_its_severity(
    database: Database, payer: PayerProcess, opened: Open, severity: str, status: AuthorizationStatus
) -> None:
    """Only what failed is ours to correct; after a warning the answer is still to come."""
    one, house = await cases.case(database), opened(payer.url)
    saying(house, "/Claim/$submit", encode_outcome("processing", "FOR ROBIN").replace('"error"', f'"{severity}"'))
    assert (await house.send(one)).status is status
    assert [m.status for m in await cases.messages(database, one, "in")] == ["matched"]


async def test_an_inquiry_that_holds_something_back_is_no_absence(
    database: Database, payer: PayerProcess, opened: Open
) -> None:
    """Some are withheld, says the payer, and names a telephone: nothing is sent again on that."""
    one, house = await cases.case(database, "E1"), opened(payer.url)
    record = await house.send(one)
    warning = json.loads(encode_outcome("suppressed", "call 8005550101").replace('"error"', '"warning"'))
    saying(house, "/Claim/$inquire", json.dumps({
        "resourceType": "Parameters", "parameter": [{"name": "warning", "resource": warning}],
    }))  # fmt: skip
    await house.due(one, deadline(record, DeadlineKind.PAYER_INQUIRY))
    asked = await cases.request_of(database, one)
    assert (asked.status, asked.attempts) == (AuthorizationStatus.TIMED_OUT, 1)
