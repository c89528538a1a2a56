"""A real house in the wall drive for measurements, and the floors' worker in this process: bare workflows that write one
row for a timer or a signal."""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from bench.bare import QUEUE, Row, RowContract, TimedWorkflow, ToldWorkflow
from bench.seed_reviews import Seed, Seeded
from bench.transitions import timed
from definitions.authorization import AuthorizationStart
from definitions.edition import Edition
from definitions.episode import Drive, EpisodeStart
from definitions.queues import CARE
from local.rehearsal.house import House
from runtime.catalog import load_catalog
from runtime.keyring import Keyring
from runtime.keyring_file import load_keyring
from runtime.temporal import connect
from storage.engine import Database, make_engine

PAYERS: Final = ("meridian", "bluestone", "statecare")
"""Who is asked by X12 and wants a request for this level."""
STARTED_AT_ONCE: Final = 20
LOOK_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 1800.0

TELL: Final = (
    "CREATE TABLE bench_row (id uuid PRIMARY KEY, said text NOT NULL)",
    "CREATE FUNCTION bench_tell() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN PERFORM pg_notify('bench_row', NEW.id::text); RETURN NULL; END $$",
    "CREATE TRIGGER bench_row_told AFTER UPDATE ON bench_row FOR EACH ROW EXECUTE FUNCTION bench_tell()",
    'CREATE TRIGGER bench_case_told AFTER UPDATE ON "authorization" FOR EACH ROW WHEN '
    "(NEW.status = 'approved' AND OLD.status <> 'approved') EXECUTE FUNCTION bench_tell()",
)
"""A row says by itself that it was committed, ours and the floor's alike; asking again and again would be the load."""


class NotReached(Exception):
    """The measurement did not come to its end; the message says how far it came."""


class RowActivities(RowContract):
    """The floor's one activity: one row in one transaction. A row that waits for its signal is there already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def write_row(self, row: Row) -> int:
        said = "INSERT INTO bench_row (id, said) VALUES (:id, 'due')"
        if row.due is None:
            said = "UPDATE bench_row SET said = 'told' WHERE id = :id"
        async with self._database.write() as session:
            await session.execute(text(said), {"id": row.id})
        return 1


class Bench:
    """One house in the wall drive, and the hands of its measurements."""

    def __init__(self, house: House, client: Client, database: Database, keyring: Keyring, edition: Edition) -> None:
        self.house, self.client, self.database = house, client, database
        self.keyring, self.edition = keyring, edition

    def seed(self, payers: Sequence[str] = PAYERS, due: datetime | None = None) -> Seed:
        return Seed(self.keyring, self.edition, payers, datetime.now(UTC), due)

    async def start_case(self, one: Seeded) -> None:
        start = AuthorizationStart(authorization_id=one.case_id, drive=Drive.WALL)
        await self._start("AuthorizationWorkflow", start, f"authorization/{one.case_id}")

    async def start_episode(self, one: Seeded) -> None:
        start = EpisodeStart(episode_id=one.episode_id, drive=Drive.WALL, rehydrate=True)
        await self._start("EpisodeWorkflow", start, f"episode/{one.episode_id}")

    async def _start(self, name: str, start: Any, workflow_id: str) -> None:
        await self.client.start_workflow(
            name, start, id=workflow_id, task_queue=CARE, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING
        )

    async def one(self, query: Any) -> Any:
        async with self.database.read() as session:
            return (await session.execute(query)).one()

    async def until(self, query: Any, reached: Callable[[Any], bool], what: str) -> None:
        began, row = time.monotonic(), await self.one(query)
        while not reached(row):
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise NotReached(f"{what}: {tuple(row)} after {PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)
            row = await self.one(query)

    async def started(self, cases: Sequence[Seeded], act: Callable[[Seeded], Awaitable[None]], kind: str) -> None:
        """Their workflows run and have read their rows: their deadlines stand."""
        await timed([partial(act, c) for c in cases], STARTED_AT_ONCE)
        read = text(f"SELECT count(DISTINCT owner_id) FROM due WHERE owner_kind = '{kind}'")
        await self.until(read, lambda row: row[0] >= len(cases), f"{kind} workflows that read their rows")


async def measure(house: House, act: Callable[[Bench], Awaitable[None]]) -> None:
    """`act` in a running house, with the floors' worker in this process."""
    settings = house.settings
    keyring = load_keyring(settings)
    # As the owner: the floor's own table is made here, and what stands is counted over the whole house.
    database = Database(make_engine(settings.database_url, pool_size=settings.database_pool, application="bench"))
    client = await connect(house.temporal.address, settings.temporal_namespace, keyring)
    async with database.write() as session:
        for statement in TELL:
            await session.execute(text(statement))
    floors = RowActivities(database)
    async with Worker(
        client, task_queue=QUEUE, workflows=[TimedWorkflow, ToldWorkflow], activities=[floors.write_row],
        max_concurrent_activities=40,
    ):  # fmt: skip
        await act(Bench(house, client, database, keyring, load_catalog().latest))
    await database.close()


def in_wall_house(act: Callable[[Bench], Awaitable[None]]) -> None:
    """`act` in a house of its own: what is judged afterwards is all that stands there."""
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as folder:
        os.chmod(folder, 0o755)  # the database runs under another account when we are root
        house = House(Path(folder), drive="wall", extra={"STEPDOWN_PARTNER_TIMEOUT_SECONDS": "15"})
        try:
            house.start()
            asyncio.run(measure(house, act))
        finally:
            house.stop()
