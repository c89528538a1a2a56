"""Every sender there is, by the contract of all: requests, notices of admission and discharge, documents, appeals,
cancellations, questions after what became of a request, and what people tell (E16, E18, E20, E21)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from activities.answers import apply_verdict
from activities.case_record import record_of
from activities.dispute import DisputeActivities
from definitions.authorization import FireCaseDeadlines
from definitions.dispute import RecordPeerToPeer
from definitions.halting import Standing
from definitions.vocabulary import AuthorizationStatus, DeadlineKind, DisputeKind, RequestKind, Role
from rules.payer_answer import AnswerVerdict
from runtime.people import seal_message
from storage.engine import Database
from storage.models import AuthorizationDispute, AuthorizationRequest, Disclosure, ExchangeMessage
from storage.repositories import authorization as repository
from storage.repositories import disclosure
from storage.repositories.exchange import INTENT
from tests.activities import cases
from tests.activities.cases import KEYRING, NOW, Case, Exchange
from tests.activities.hold_and_stop import (
    HOUR,
    REVOKED,
    SIGNED,
    TRIED,
    HoldAndStop,
    Queued,
    consents,
    intents,
    open_items,
    revoked,
    signed,
)
from tests.local_payer.conftest import PayerProcess

PAPER = [{"kind": "09", "transmission": "EL", "control_number": "REPORT1"}]


@dataclass(frozen=True, slots=True)
class World:
    """The exchange with a payer in its own process."""

    house: Exchange
    payer: PayerProcess


@pytest.fixture
async def world(database: Database, payer: PayerProcess) -> AsyncIterator[World]:
    made = Exchange(database, payer.url, timeout=2)
    yield World(made, payer)
    await made.line.close()


class OfCases(HoldAndStop):
    """What an authorization case sends, by the kind of its request."""

    kind = RequestKind.INITIAL
    changes: dict[str, Any] = {}
    continues = False
    """It is about another request of the case, which the payer decided."""

    async def queue(self, database: Database, world: World) -> Queued:
        if not self.continues:
            one = await cases.case(database, kind=self.kind, **self.changes)
        else:
            root = await cases.case(database, status=AuthorizationStatus.DENIED, sent_at=NOW, first_sent_at=NOW)
            one = await continued(database, root, self.kind, self.changes)
        return queued_of(one)

    async def try_all(self, world: World, queued: Queued, now: datetime) -> None:
        await world.house.relay({queued.of.case_id: queued.of}, now)
        await world.house.send(queued.of, now)
        await world.house.due(queued.of, now)

    async def leave_undecided(self, database: Database, world: World, queued: Queued) -> None:
        await world.house.send(queued.of)
        assert await intents(database, queued) == 1
        await pended(database, queued.of)

    async def people_are_told(self, owed: dict[str, str]) -> None:
        assert owed["request_lapses"] == "reviewer"
        assert owed["self_pay_risk"] == "biller"
        assert owed["revocation_counselling"] == "admissions"


class TestRequests(OfCases):
    pass


class TestRequestsWithDocuments(OfCases):
    changes = {"attachments": PAPER}


class TestNoticesOfAdmission(OfCases):
    kind = RequestKind.NOTIFICATION


class TestNoticesOfDischarge(OfCases):
    kind = RequestKind.DISCHARGE
    continues = True


class TestDocuments(OfCases):
    kind = RequestKind.INFORMATION
    changes = {"attachments": PAPER}
    continues = True


class TestAppeals(OfCases):
    kind = RequestKind.APPEAL
    continues = True


class TestCancellations(OfCases):
    kind = RequestKind.CANCEL
    continues = True


class TestRequestsInThePayersQueue(OfCases):
    """Held because the payer's system is down, and first in the queue when it is up again."""

    async def queue(self, database: Database, world: World) -> Queued:
        one = await cases.case(database)
        world.payer.control("down")
        nowhere = Exchange(database, "http://127.0.0.1:9", timeout=1)
        await nowhere.send(one)
        await nowhere.line.close()
        world.payer.control("up")
        assert (await cases.request_of(database, one)).status is AuthorizationStatus.HELD
        return queued_of(one)

    async def leave_undecided(self, database: Database, world: World, queued: Queued) -> None:
        await world.house.due(queued.of, NOW + HOUR / 2)
        assert await intents(database, queued) == 1
        await pended(database, queued.of)


class TestInquiries(OfCases):
    """A question what became of a request is owed once its hour comes: the gate of its sending refuses it."""

    stopped_in_the_transaction = False

    async def queue(self, database: Database, world: World) -> Queued:
        one = await cases.case(database, "T")
        hurried = Exchange(database, world.payer.url, timeout=0.5)
        await hurried.send(one)
        await hurried.line.close()
        assert (await cases.request_of(database, one)).status is AuthorizationStatus.TIMED_OUT
        return queued_of(one)

    async def leave_undecided(self, database: Database, world: World, queued: Queued) -> None:
        """It has, with the request it asks about."""


class TestWhatPeopleTell:
    """A machine cannot stop a person: the person is told."""

    async def test_who_was_about_to_tell_it_is_told_not_to(self, database: Database) -> None:
        one = await cases.case(database)
        queued = replace(queued_of(one), recipient="clinic/next")
        held = (await consents(database, queued))[0].id
        disclosure_id = await intended(database, one, held, "clinic/next")
        answer = await revoked(database, queued)
        (told,) = [h for h in answer.detail["stopped"] if h["sender"] == "by_hand"]
        assert (told["standing"], told["disclosure_id"]) == (Standing.WITH_A_PERSON, str(disclosure_id))
        assert (await open_items(database, queued))["disclosure_stopped"] == "clinician"

    async def test_what_goes_to_somebody_else_is_not_their_matter(self, database: Database) -> None:
        one = await cases.case(database)
        queued = queued_of(one)
        await intended(database, one, (await consents(database, queued))[0].id, "clinic/next")
        answer = await revoked(database, queued, recipient="clinic/other")
        assert answer.detail["stopped"] == []


async def test_a_message_on_the_line_is_gone_and_its_outcome_is_written(database: Database, world: World) -> None:
    """Between the commit of its intent and its outcome nobody can stop it, and nobody says that somebody did."""
    one = await cases.case(database)
    queued = queued_of(one)
    prepared: dict[str, Any] = {}
    deliver = world.house.line.deliver

    async def slow(endpoint: str, message: str, now: datetime) -> Any:
        prepared["answer"] = await revoked(database, queued, NOW)
        return await deliver(endpoint, message, now)

    world.house.line.deliver = slow  # type: ignore[method-assign]  # the moment at which bytes are on the line
    await world.house.send(one)
    (gone,) = prepared["answer"].detail["already_gone"]
    assert (gone["subject_id"], prepared["answer"].detail["stopped"]) == (str(one.request_id), [])
    assert await cases.outcomes(database, one) == ["sent"]
    assert (await cases.request_of(database, one)).status is AuthorizationStatus.APPROVED


async def test_an_answer_that_comes_later_is_recorded_and_nothing_leaves_for_it(
    database: Database, world: World
) -> None:
    """E16: the decision back-fills what it decides; the continued-stay review it makes due does not leave."""
    one = await cases.case(database, "P24")
    queued = queued_of(one)
    await world.house.send(one)
    assert (await cases.request_of(database, one)).answered_at is not None, "pended, and not decided"
    await revoked(database, queued)
    granted = AnswerVerdict(
        status=AuthorizationStatus.APPROVED, action="A1", why="granted", number="AUTH1", level="3.5", unit="DY", units=14,
        from_date=NOW.date(), through_date=NOW.date() + timedelta(days=13),
    )  # fmt: skip
    async with database.write() as session:
        w = await world.house.hands.writing(session, one.case_id, "answer", TRIED)
        assert w is not None
        w.episode.level = w.case.level
        asked = await session.get_one(AuthorizationRequest, one.request_id)
        await apply_verdict(w, asked, granted, fingerprint="late", source="x12", message_id=None)
        record = await record_of(w)
    assert (record.status, w.case.granted_units) == (AuthorizationStatus.APPROVED, 14), "it is recorded"
    before = await intents(database, queued)
    review = next(d.at for d in record.deadlines if d.kind is DeadlineKind.REVIEW_DUE)
    due = await world.house.cases.fire_case_deadlines(
        FireCaseDeadlines(key="review", authorization_id=one.case_id, now=review, keys=("review",))
    )
    more = cases.known(due).ready_request_id
    assert more is not None, "the review is asked for by itself"
    await world.house.send(replace(one, request_id=more), review)
    async with database.read() as session:
        assert (await session.get_one(AuthorizationRequest, more)).status is AuthorizationStatus.WAITING_CONSENT
    assert await intents(database, queued) == before


async def test_a_call_between_physicians_is_cancelled_and_may_be_set_anew(database: Database, world: World) -> None:
    """E16."""
    one = await cases.case(database, status=AuthorizationStatus.DENIED, sent_at=NOW, first_sent_at=NOW, answered_at=NOW)
    queued = queued_of(one)
    said = RecordPeerToPeer(
        key="reviewer:lee:call", actor="reviewer:lee", role=Role.REVIEWER, now=NOW, authorization_id=one.case_id,
        outcome="scheduled", at=NOW + 20 * HOUR,
    )  # fmt: skip
    hands = DisputeActivities(world.house.hands, KEYRING)
    assert (await hands.record_peer_to_peer(said)).refusal is None
    await revoked(database, queued)
    owed = await open_items(database, queued)
    assert owed["peer_to_peer_cancelled"] == "reviewer"
    async with database.read() as session:
        call = (
            await session.execute(
                select(AuthorizationDispute).where(
                    AuthorizationDispute.authorization_id == one.case_id,
                    AuthorizationDispute.kind == DisputeKind.PEER_TO_PEER,
                )
            )
        ).scalar_one()
    assert (call.status, call.scheduled_at) == ("open", None)


async def test_a_fax_dated_yesterday_lists_what_left_since(database: Database, world: World) -> None:
    """E21: effective when it is known; what left between the paper's date and its receipt is reviewed."""
    one = await cases.case(database)
    queued = queued_of(one)
    await world.house.send(one)
    (told,) = await cases.disclosures(database, one)
    answer = await revoked(database, queued, written_at=NOW - 24 * HOUR)
    assert answer.detail["left_before_receipt"] == [str(told.id)]
    assert (await open_items(database, queued))["privacy_review"] == "director"
    again = await cases.case(database)
    other = queued_of(again)
    assert (await revoked(database, other, written_at=REVOKED)).detail["left_before_receipt"] == []
    assert "privacy_review" not in await open_items(database, other)


async def test_a_notice_of_an_ended_case_goes_when_it_is_covered_again(database: Database, world: World) -> None:
    """It waited for ever: cases at rest were not told of a signature."""
    one = await cases.case(database, kind=RequestKind.DISCHARGE)
    queued = queued_of(one)
    await revoked(database, queued)
    async with database.write() as session:
        await session.execute(
            text("UPDATE \"authorization\" SET status = 'end_dated', end_dated_on = :on WHERE id = :id"),
            {"on": NOW.date(), "id": one.case_id},
        )
    await world.house.relay({one.case_id: one}, TRIED)
    assert await intents(database, queued) == 0
    await signed(database, queued)
    await world.house.relay({one.case_id: one}, SIGNED)
    assert await intents(database, queued) == 1


async def test_a_second_revocation_is_told_of_a_second_time(database: Database, world: World) -> None:
    """The item of the first was done with, and its id opened nothing more."""
    one = await cases.case(database)
    queued = queued_of(one)
    await revoked(database, queued)
    await signed(database, queued)
    async with database.write() as session:
        w = await world.house.hands.writing(session, one.case_id, "look", SIGNED)
        assert w is not None
        await w.done("consent_needed", "signed")
        asked = await session.get_one(AuthorizationRequest, one.request_id)
        asked.status = AuthorizationStatus.READY
    await revoked(database, queued, SIGNED + HOUR)
    assert "consent_needed" in await open_items(database, queued)


# --- how things come to be ------------------------------------------------------------------------------------------------


def queued_of(one: Case) -> Queued:
    return Queued(one.person_id, one.episode_id, one.request_id, "payer/meridian", one)


async def continued(database: Database, root: Case, kind: RequestKind, changes: dict[str, Any]) -> Case:
    """One more request of the case that continues its first."""
    made = uuid4()
    async with database.write() as session:
        await repository.add_request(
            session, request_id=made, case_id=root.case_id, episode_id=root.episode_id, kind=kind, level="3.5",
            unit="DY", units=14, from_date=NOW.date(), through_date=NOW.date() + timedelta(days=13), urgent=False,
            now=NOW, about=root.request_id, **changes,
        )  # fmt: skip
    return replace(root, request_id=made, trace=repository.trace_of(made))


async def pended(database: Database, one: Case) -> None:
    """Whatever the payer said, it has not decided."""
    async with database.write() as session:
        asked = await session.get_one(AuthorizationRequest, one.request_id)
        asked.status, asked.decision_due_at = AuthorizationStatus.PENDED, NOW + 72 * HOUR


async def tell(
    session: Any, one: Case, consent_id: UUID, recipient: str, message_id: UUID, subject_id: UUID
) -> UUID:  # fmt: skip
    made = uuid4()
    await disclosure.intend(
        session, disclosure_id=made, person_id=one.person_id, episode_id=one.episode_id,
        content="authorization_request", purpose="payment", recipient=recipient,
        ground=disclosure.DisclosureGround(consent_id=consent_id), subject_id=subject_id, message_id=message_id,
        fingerprint=str(made), now=NOW, actor="clinician:test",
    )  # fmt: skip
    return made


async def intended(database: Database, one: Case, consent_id: UUID, recipient: str) -> UUID:
    """Somebody said that they are about to tell it."""
    message_id = uuid4()
    person = await cases.person_of(database, one)
    assert person.wrapped_key is not None
    async with database.write() as session:
        session.add(
            ExchangeMessage(
                id=message_id, partner=recipient, direction="out", kind="telephone", subject_id=one.episode_id,
                person_id=one.person_id, sealed=seal_message(KEYRING, person.id, person.wrapped_key, "words"),
                fingerprint=str(message_id), status=INTENT, at=NOW,
            )
        )  # fmt: skip
        made = await tell(session, one, consent_id, recipient, message_id, one.episode_id)
        await session.flush()
        assert await session.get(Disclosure, made) is not None
    return made
