"""Every channel there is, by the contract of all: X12 in real time, X12 in files of the payer's own time, PAS, and by hand."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.by_hand import SendingActivities
from definitions.authorization import RecordDecision
from definitions.exchange import HandChannel, RecordSending
from definitions.payer import Channel
from definitions.vocabulary import RequestKind, Role
from runtime.catalog import Catalog, load_catalog
from storage.engine import Database
from tests.activities import cases
from tests.activities.cases import KEYRING, NOW, Case, Exchange
from tests.activities.channel_contract import SCENARIOS, ChannelContract
from tests.activities.pas_house import over_pas
from tests.activities.test_pas import more
from tests.api import inbound_door
from tests.local_payer.conftest import Door, PayerProcess, opened_door


@dataclass
class World:
    """The exchange, a payer in its own process, and our own door for what it brings later."""

    house: Exchange
    payer: PayerProcess
    outside: Door
    inside: inbound_door.Door

    async def brought(self, until: datetime) -> None:
        """What is due goes out of the payer's process and comes in at our door, byte for byte."""
        assert self.payer.advance(until.isoformat()).json()["left"] == 0
        for path, body, _ in self.outside.taken:
            assert (await self.inside.carry(path, body)).is_success
        self.outside.taken.clear()
        await self.inside.take(until)


def catalog_of(channel: Channel) -> Catalog:
    return {Channel.X12_REALTIME: load_catalog, Channel.PAS: over_pas, Channel.BY_HAND: by_hand}[channel]()


def by_hand() -> Catalog:
    return over_pas(channel=Channel.BY_HAND, endpoint=None)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with opened_door() as opened:
        yield opened


@pytest.fixture(scope="module")
def payer(tmp_path_factory: pytest.TempPathFactory, door: Door) -> Iterator[PayerProcess]:
    """One for all: members tell the tests apart, and what one test left undelivered is nobody's in the next."""
    made = PayerProcess(tmp_path_factory.mktemp("payer") / "book.sqlite", door, "--drive", "driven", controlled=True)
    yield made
    made.stop()
    made.client.close()


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, database: Database, fresh_database: str, payer: PayerProcess, door: Door
) -> AsyncIterator[World]:
    house = Exchange(database, payer.url, catalog=catalog_of(request.cls.channel))
    async with inbound_door.door(database, fresh_database) as inside:
        yield World(house, payer, door, inside)
    await house.line.close()


class Electronic(ChannelContract):
    channel: Channel
    prefix = ""
    """What makes a payer answer in this way, before the outcome in the script."""

    async def asked(self, database: Database, script: str, **changes: Any) -> Case:
        return await cases.case(database, f"{self.prefix}{script}", **changes)

    async def send(self, world: World, one: Case) -> None:
        await world.house.send(one)

    async def hear(self, world: World, one: Case, script: str, until: datetime) -> None:
        await world.brought(until)


class TestX12RealTime(Electronic):
    channel = Channel.X12_REALTIME
    kind = "278"
    sources = frozenset({"x12"})


class TestX12Batch(Electronic):
    """The call gets a 999; everything else comes in files, two hours later."""

    channel = Channel.X12_REALTIME
    kind = "278"
    sources = frozenset({"x12"})
    prefix = "M2"


class TestPas(Electronic):
    channel = Channel.PAS
    kind = "pas"
    sources = frozenset({"pas"})


class TestPasLater(Electronic):
    """The call gets a pend, which is all that PAS may say when nothing is decided; the rest are notifications."""

    channel = Channel.PAS
    kind = "pas"
    sources = frozenset({"pas"})
    prefix = "M2"


class TestByHand(ChannelContract):
    """A person calls, and writes down what is said."""

    channel = Channel.BY_HAND
    kind = "telephone"
    sources = frozenset({"by_hand"})
    scripts = tuple(s for s in SCENARIOS if s != "X5")

    async def asked(self, database: Database, script: str, **changes: Any) -> Case:
        return await cases.case(database, **changes)

    async def send(self, world: World, one: Case) -> None:
        await world.house.send(one)
        said = RecordSending(
            key=f"reviewer:lee:send:{one.case_id}", actor="reviewer:lee", role=Role.REVIEWER, now=NOW,
            authorization_id=one.case_id, request_id=one.request_id, channel=HandChannel.TELEPHONE,
            call_reference="CALL 77", sent_at=NOW,
        )  # fmt: skip
        await SendingActivities(world.house.hands, KEYRING).record_sending(said)

    async def hear(self, world: World, one: Case, script: str, until: datetime) -> None:
        for count, action in enumerate(SCENARIOS[script].actions):
            units = {"A1": 14, "A6": 7}.get(action)
            last = NOW.date() + timedelta(days=units - 1) if units else None
            outcome = await world.house.cases.record_decision(
                RecordDecision(
                    key=f"reviewer:lee:heard:{one.case_id}:{count}", actor="reviewer:lee", role=Role.REVIEWER,
                    now=NOW + timedelta(hours=1 + count), authorization_id=one.case_id, request_id=one.request_id,
                    action=action, reason=SCENARIOS[script].reason, number="AUTH1" if units else None, units=units,
                    from_date=NOW.date() if units else None, through_date=last, call_reference="CALL 78",
                )
            )  # fmt: skip
            assert outcome.refusal is None


class TestWhatComesLater:
    """A question that is ruled on weeks later, over PAS: the pend in the call, the ruling by notification."""

    channel = Channel.PAS

    @pytest.mark.parametrize(("script", "ends"), [("DG48", "approved"), ("DH48", "denied"), ("LG48", "approved")])
    async def test_an_appeal_is_ruled_on_by_notification(
        self, database: Database, world: World, script: str, ends: str
    ) -> None:
        one = await cases.case(database, script)
        await world.house.send(one)
        appeal = await more(database, one, RequestKind.APPEAL, about=one.request_id, urgent=False)
        await world.house.send(appeal, NOW + timedelta(hours=2))
        await world.brought(NOW + timedelta(hours=51))
        assert (await cases.request_of(database, appeal)).status == ends
