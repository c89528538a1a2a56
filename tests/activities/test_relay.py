"""A row nobody can ever send is parked and stops nobody (D1)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from activities.relay import Relay
from definitions.episode import Drive
from storage.engine import Database
from storage.models import Outbox
from storage.repositories import outbox

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["unknown_kind", "authorization_answer", "episode_fact"])
async def test_poison_is_parked_with_its_problem_and_the_relay_lives_on(
    database: Database, kind: str, raw_temporal: Any
) -> None:
    async with database.write() as session:
        session.add(Outbox(kind=kind, target="x/not-a-uuid", payload={"bad": "Robin Testerman"}, created_at=NOW))
    await Relay(database, raw_temporal, Drive.WALL).relay_once()
    async with database.read() as session:
        row = (await session.execute(select(Outbox))).scalar_one()
    assert (row.parked, row.attempts, row.relayed_at) == (True, 1, None)
    assert "Testerman" not in (row.problem or "")


async def test_a_parked_row_does_not_hold_the_driven_clock(database: Database) -> None:
    async with database.write() as session:
        session.add(Outbox(kind="episode_fact", target="x", payload={}, created_at=NOW, parked=True))
        session.add(Outbox(kind="episode_fact", target="x", payload={}, created_at=NOW))
    async with database.read() as session:
        assert await outbox.unsent(session) == 1
