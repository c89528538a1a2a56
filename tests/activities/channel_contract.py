"""The contract of every channel to a payer (activities/partners/channel.py): whatever bytes or words go, the same answer leaves
the same states, clocks, grants, items and evidence.

A new channel subclasses `ChannelContract` and says how a request goes and how its answer comes; what is expected stands here
once, for all of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from definitions.vocabulary import AuthorizationStatus, ClockName
from storage.engine import Database
from storage.models import (
    AuthorizationClock,
    AuthorizationDecision,
    AuthorizationGrant,
)
from storage.repositories.exchange import misnumbered
from tests.activities import cases
from tests.activities.cases import NOW, Case

S = AuthorizationStatus
HOUR = timedelta(hours=1)
LATER = NOW + 30 * HOUR
"""Everything that a script here delivers has come."""


@dataclass(frozen=True, slots=True)
class Expected:
    """`decides`: the request's status at the end; `granted`: units and last day; `items`: kinds that are open."""

    decides: AuthorizationStatus
    actions: tuple[str, ...]
    granted: tuple[int, date] | None = None
    items: frozenset[str] = frozenset()
    reason: str | None = None


FULL = date(2026, 3, 15)
CONTESTED = frozenset({"authorization_denied"})
SCENARIOS: dict[str, Expected] = {
    "A": Expected(S.APPROVED, ("A1",), (14, FULL)),
    "F7": Expected(S.PARTIAL, ("A6",), (7, date(2026, 3, 8)), frozenset({"authorization_gap"}), "10"),
    "D": Expected(S.DENIED, ("A3",), None, CONTESTED, "0G"),
    "N": Expected(S.NOT_REQUIRED, ("NA",), None, frozenset(), "0H"),
    "C": Expected(S.CONTACT_PAYER, ("CT",), None, frozenset({"contact_payer"})),
    "X5": Expected(S.DATA_PROBLEM, ("AAA",), None, frozenset({"authorization_data_problem"}), "E8"),
    "P24": Expected(S.APPROVED, ("A4", "A1"), (14, FULL)),
    "P24D": Expected(S.DENIED, ("A4", "A3"), None, CONTESTED, "0G"),
}
"""By the script of the member id (local/payer)."""


class ChannelContract(ABC):
    scripts = tuple(SCENARIOS)
    """Those that this channel can carry."""
    sources: frozenset[str]
    """What its decisions say of where they were heard."""
    kind: str
    """Of the message that leaves."""

    @abstractmethod
    async def send(self, world: Any, one: Case) -> None:
        """The request leaves now, at NOW."""

    @abstractmethod
    async def hear(self, world: Any, one: Case, script: str, until: datetime) -> None:
        """All that the payer says by then has arrived and is applied."""

    @abstractmethod
    async def asked(self, database: Database, script: str, **changes: Any) -> Case: ...

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Every script that the channel has words for."""
        if "script" in metafunc.fixturenames:
            metafunc.parametrize("script", sorted(self.scripts))

    async def test_the_same_answer_means_the_same(self, database: Database, world: Any, script: str) -> None:
        wanted = SCENARIOS[script]
        one = await self.asked(database, script)
        await self.send(world, one)
        await self.hear(world, one, script, LATER)
        asked = await cases.request_of(database, one)
        decisions = await decided(database, one)
        assert asked.status is wanted.decides
        assert tuple(d.action for d in decisions)[-len(wanted.actions) :] == wanted.actions
        assert {d.source for d in decisions} <= self.sources
        if wanted.reason is not None:
            assert decisions[-1].reason == wanted.reason
        assert await granted(database, one) == wanted.granted
        assert wanted.items <= set(found := await cases.items(database, one)), found
        assert not {"payer_silent", "answer_unreadable", "consent_needed"} & set(found)

    async def test_it_leaves_once_by_the_gate_and_its_clock_begins(self, database: Database, world: Any) -> None:
        one = await self.asked(database, "A")
        await self.send(world, one)
        asked = await cases.request_of(database, one)
        (told,) = await cases.disclosures(database, one)
        (left,) = await cases.messages(database, one)
        assert (left.kind, left.status, left.fingerprint) == (self.kind, "sent", told.fingerprint)
        assert (told.recipient, told.purpose, told.content) == ("payer/meridian", "payment", "authorization_request")
        assert told.consent_id is not None
        assert await cases.outcomes(database, one) == ["sent"]
        assert asked.first_sent_at == asked.sent_at == NOW
        clock = await clock_of(database, one)
        assert (clock.name, clock.started_at, clock.due_at) == (ClockName.DECISION_URGENT, NOW, NOW + 72 * HOUR)
        async with database.read() as session:
            assert await misnumbered(session) == []

    async def test_an_answer_stops_the_clock_and_its_evidence_is_kept(self, database: Database, world: Any) -> None:
        one = await self.asked(database, "A")
        await self.send(world, one)
        await self.hear(world, one, "A", LATER)
        clock = await clock_of(database, one)
        assert clock.outcome == "met"
        last = (await decided(database, one))[-1]
        assert last.message_id is not None or last.call_reference is not None

    async def test_without_a_consent_nothing_leaves_by_any_channel(self, database: Database, world: Any) -> None:
        one = await self.asked(database, "A", consented=False)
        await self.send(world, one)
        assert await cases.disclosures(database, one) == []
        assert await cases.messages(database, one) == []
        assert (await cases.request_of(database, one)).sent_at is None


async def decided(database: Database, one: Case) -> list[AuthorizationDecision]:
    async with database.read() as session:
        rows = await session.execute(
            select(AuthorizationDecision)
            .where(AuthorizationDecision.request_id == one.request_id)
            .order_by(AuthorizationDecision.arrival)
        )
        return list(rows.scalars())


async def granted(database: Database, one: Case) -> tuple[int, date] | None:
    async with database.read() as session:
        rows = await session.execute(
            select(AuthorizationGrant).where(
                AuthorizationGrant.authorization_id == one.case_id, AuthorizationGrant.closed_at.is_(None)
            )
        )
        found = rows.scalars().all()
        return (found[0].units, found[0].through_date) if found else None


async def clock_of(database: Database, one: Case) -> AuthorizationClock:
    async with database.read() as session:
        rows = await session.execute(
            select(AuthorizationClock).where(
                AuthorizationClock.subject_id == one.request_id, AuthorizationClock.name == ClockName.DECISION_URGENT
            )
        )
        return rows.scalar_one()
