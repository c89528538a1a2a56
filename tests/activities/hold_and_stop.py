"""The contract of everything that sends (activities/partners/sender.py): what happens to it when a consent is taken back.

A sender of later days subclasses `HoldAndStop` and says how something of its own comes to be queued and what the sender does
by itself; the suite revokes, signs, tries and counts. What it counts is the ledger: nothing else can vouch that nothing
left."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from activities.consent import ConsentActivities
from activities.hands import EpisodeHands
from definitions.episode import Answer, EpisodeOutcome, RevokeConsent, SignConsent
from definitions.halting import Standing
from definitions.vocabulary import ConsentStatus, Role
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import Consent, Disclosure, DisclosureOutcome, OpenItem
from tests.activities.cases import KEYRING, NOW, consent

HOUR = timedelta(hours=1)
REVOKED, TRIED, SIGNED = NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR


@dataclass(frozen=True, slots=True)
class Queued:
    """Something that is ready to leave for `recipient` about a person who signed one consent for its class."""

    person_id: UUID
    episode_id: UUID
    subject_id: UUID
    recipient: str
    of: Any = None
    """Whatever the sender's own test needs to try again."""


class HoldAndStop(ABC):
    stopped_in_the_transaction = True
    """False for what is only asked for when its hour comes: it is refused by the gate of its sending transaction."""

    @abstractmethod
    async def queue(self, database: Database, world: Any) -> Queued: ...

    @abstractmethod
    async def try_all(self, world: Any, queued: Queued, now: datetime) -> None:
        """Everything the sender would do by itself by `now`: look, retry, ask, send."""

    @abstractmethod
    async def leave_undecided(self, database: Database, world: Any, queued: Queued) -> None:
        """It has left, and its recipient has not answered."""

    # --- what the suite does -----------------------------------------------------------------------------------------

    async def test_what_is_queued_stops_where_the_consent_is_taken_back(self, database: Database, world: Any) -> None:
        queued = await self.queue(database, world)
        before = await intents(database, queued)
        answer = await revoked(database, queued)
        found = {h["subject_id"]: h for h in (*answer.detail["stopped"], *answer.detail["already_gone"])}
        assert str(queued.subject_id) in found, "nobody was told what became of it"
        if self.stopped_in_the_transaction:
            assert found[str(queued.subject_id)]["standing"] == Standing.STOPPED
        await self.try_all(world, queued, TRIED)
        assert await intents(database, queued) == before

    async def test_nothing_leaves_however_often_it_is_tried(self, database: Database, world: Any) -> None:
        queued = await self.queue(database, world)
        before = await intents(database, queued)
        await revoked(database, queued)
        for hours in (2, 3, 30, 200):
            await self.try_all(world, queued, NOW + timedelta(hours=hours))
        assert await intents(database, queued) == before

    async def test_signing_again_releases_it_by_itself_and_once(self, database: Database, world: Any) -> None:
        queued = await self.queue(database, world)
        before = await intents(database, queued)
        await revoked(database, queued)
        await self.try_all(world, queued, TRIED)
        await signed(database, queued)
        for _ in range(3):
            await self.try_all(world, queued, SIGNED)
        assert await intents(database, queued) == before + 1
        assert "consent_needed" not in await open_items(database, queued)

    async def test_what_another_consent_covers_goes_on(self, database: Database, world: Any) -> None:
        queued = await self.queue(database, world)
        before = await intents(database, queued)
        async with database.write() as session:
            session.add(consent(queued.person_id, queued.episode_id, NOW))
        answer = await revoked(database, queued)
        assert (answer.detail["stopped"], answer.detail["already_gone"]) == ([], [])
        await self.try_all(world, queued, TRIED)
        assert await intents(database, queued) == before + 1

    async def test_for_another_recipient_it_goes_on_and_for_its_own_it_stops(
        self, database: Database, world: Any
    ) -> None:
        """Partial revocation: one recipient of several, the rest stands (2.31)."""
        queued = await self.queue(database, world)
        before = await intents(database, queued)
        other = await revoked(database, queued, recipient="payer/somebody_else")
        assert (other.status, other.detail["stopped"], other.detail["already_gone"]) == ("signed", [], [])
        own = await revoked(database, queued, recipient=queued.recipient)
        assert own.status == "signed", "the rest of it stands"
        await self.try_all(world, queued, TRIED)
        assert await intents(database, queued) == before

    async def test_what_has_left_is_said_to_have_left_and_nothing_follows_it(
        self, database: Database, world: Any
    ) -> None:
        """E16, E18: it stands as relied upon; when, to whom and on which consent is said, and people are told."""
        queued = await self.queue(database, world)
        await self.leave_undecided(database, world, queued)
        held = await consents(database, queued)
        told = await intents(database, queued)
        answer = await revoked(database, queued)
        (gone,) = [h for h in answer.detail["already_gone"] if h["subject_id"] == str(queued.subject_id)]
        assert (gone["recipient"], gone["consent_id"]) == (queued.recipient, str(held[0].id))
        assert datetime.fromisoformat(gone["left_at"]) <= REVOKED
        assert gone["disclosure_id"] is not None
        owed = await open_items(database, queued)
        assert owed["consent_revoked"] == "reviewer"
        await self.people_are_told(owed)
        for hours in (2, 30, 200):
            await self.try_all(world, queued, NOW + timedelta(hours=hours))
        assert await intents(database, queued) == told

    @abstractmethod
    async def people_are_told(self, owed: dict[str, str]) -> None:
        """Who must act on what has left: kinds of open items, each with its owner."""


async def intents(database: Database, queued: Queued) -> int:
    """How often something about the person may have left: an intent counts until its outcome says that it stayed."""
    async with database.read() as session:
        rows = await session.execute(
            select(Disclosure.id)
            .join(DisclosureOutcome, DisclosureOutcome.disclosure_id == Disclosure.id, isouter=True)
            .where(Disclosure.person_id == queued.person_id, DisclosureOutcome.outcome.is_distinct_from("not_sent"))
        )
        return len(rows.all())


async def consents(database: Database, queued: Queued) -> list[Consent]:
    async with database.read() as session:
        rows = await session.execute(
            select(Consent)
            .where(Consent.person_id == queued.person_id, Consent.status == ConsentStatus.SIGNED)
            .order_by(Consent.presented_at, Consent.id)
        )
        return list(rows.scalars())


async def open_items(database: Database, queued: Queued) -> dict[str, str]:
    async with database.read() as session:
        rows = await session.execute(
            select(OpenItem.kind, OpenItem.owner_role).where(
                OpenItem.episode_id == queued.episode_id, OpenItem.status == "open"
            )
        )
        return {kind: owner for kind, owner in rows.all()}


async def revoked(database: Database, queued: Queued, now: datetime = REVOKED, **fields: Any) -> Answer:
    """The person's oldest signed consent is taken back; answers what was told of it."""
    consent_id = (await consents(database, queued))[0].id
    hands = ConsentActivities(EpisodeHands(database, load_catalog(), KEYRING))
    said = {"received_at": now, "channel": "letter"} | fields
    return accepted(await hands.revoke_consent(RevokeConsent(**command(queued, now), consent_id=consent_id, **said)))


async def signed(database: Database, queued: Queued, now: datetime = SIGNED) -> Answer:
    hands = ConsentActivities(EpisodeHands(database, load_catalog(), KEYRING))
    return accepted(await hands.sign_consent(SignConsent(**command(queued, now), form="part2_tpo", signed_at=now)))


def command(queued: Queued, now: datetime) -> dict[str, Any]:
    return {
        "key": f"test:{uuid4()}", "actor": "clinician:test", "role": Role.CLINICIAN, "now": now,
        "episode_id": queued.episode_id,
    }  # fmt: skip


def accepted(outcome: EpisodeOutcome) -> Answer:
    assert outcome.answer is not None, outcome.refusal
    return outcome.answer
