"""Decision approved -> transition executed with all five families readable, beside a bare workflow update whose one
ordinary activity writes the same rows (into tables without indexes) and nothing else, and beside the same rows as five
steps of a DBOS workflow. Aims: 1.3 times the bare update, twice the rate of the five steps."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from bench.bare import QUEUE, BareContract, BareWorkflow, Copy
from bench.five_steps import COPIED, Call, copy_rows, five_steps
from bench.measure import middle, percentile, report
from definitions.episode import (
    DecideTransition,
    Decision,
    Diagnosis,
    Drive,
    EpisodeStart,
    OpenEpisode,
    RequestTransition,
    SignConsent,
)
from definitions.ids import derived, episode_id_of
from definitions.person import PersonDetails
from definitions.queues import CARE
from definitions.vocabulary import Role
from local.rehearsal.house import House
from runtime.catalog import load_catalog
from runtime.keyring import Keyring
from runtime.keyring_file import load_keyring
from runtime.long_lived import set_aside
from runtime.people import seal_new
from runtime.temporal import connect
from storage.engine import Database, make_engine
from storage.models import Assessment
from storage.repositories.clock import set_clock
from storage.repositories.facility import ensure_facilities
from worker import wire, workers

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class BareActivities(BareContract):
    """The floor's one activity: the same rows in one transaction, nothing decided."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def copy_rows(self, request: Copy) -> int:
        return await copy_rows(self._database, tuple(COPIED), request.template)


class Bench:
    def __init__(self, client: Client, database: Database, keyring: Keyring) -> None:
        self.client = client
        self.database = database
        self.keyring = keyring

    async def prepare(self, number: int) -> tuple[UUID, UUID]:
        """An episode with a residential admission asked for and ready to be approved: (episode, transition)."""
        key, person, coverage = f"bench:{number}:{uuid4()}", uuid4(), uuid4()
        episode = episode_id_of(key)
        # Who signs is opened: somebody of age signs for themselves.
        details = PersonDetails(family=f"Bench{number}", given=("Robin",), birth_date=date(1990, 2, 3), gender="F")
        sealed, wrapped = seal_new(self.keyring, person, details)
        async with self.database.write() as session:
            await session.execute(
                text("INSERT INTO person (id, sealed, wrapped_key, created_at, version) VALUES (:i, :s, :w, :n, 1)"),
                {"i": person, "n": NOW, "s": sealed, "w": wrapped},
            )
            await session.execute(
                text(
                    "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date) "
                    "VALUES (:c, :p, 'self_pay', 'self_pay', 1, '2026-01-01')"
                ),
                {"c": coverage, "p": person},
            )
        said = {"actor": "bench", "now": NOW, "episode_id": episode}
        handle = await self.client.start_workflow(
            "EpisodeWorkflow", EpisodeStart(episode_id=episode, drive=Drive.DRIVEN), id=f"episode/{episode}",
            task_queue=CARE,
        )  # fmt: skip
        await handle.execute_update(
            "open",
            OpenEpisode(
                key=key, role=Role.ADMISSIONS, person_id=person, facility="harbor", coverage_id=coverage,
                payer="self_pay", requested_level="2.5", source="bench", edition="2026-01",
                diagnoses=(Diagnosis(code="F1020", rank=1),), **said,
            ),
        )  # fmt: skip
        await handle.execute_update(
            "sign_consent", SignConsent(key=f"{key}:c", role=Role.CLINICIAN, form="treatment", signed_at=NOW, **said)
        )
        async with self.database.write() as session:
            session.add(
                Assessment(
                    id=uuid4(), episode_id=episode, instrument="LOC_DIM", edition="2026-01", answers={}, detail={},
                    recommended_level="2.5", outcome="completed", performed_at=NOW, recorded_at=NOW,
                    recorded_by="bench", command_key=key,
                )
            )  # fmt: skip
        await handle.execute_update(
            "request_transition",
            RequestTransition(
                key=f"{key}:r", role=Role.CLINICIAN, to_level="2.5", effective_at=NOW, rationale="bench", **said
            ),
        )
        return episode, derived(f"{key}:r", "transition")

    async def decide(self, episode: UUID, transition: UUID) -> None:
        await self.client.get_workflow_handle(f"episode/{episode}").execute_update(
            "decide_transition",
            DecideTransition(
                key=f"d:{transition}", actor="bench", role=Role.REVIEWER, now=NOW, episode_id=episode,
                transition_id=transition, transition_version=1, decision=Decision.APPROVE,
            ),
        )  # fmt: skip


async def timed(calls: list[Callable[[], Awaitable[Any]]], in_flight: int) -> tuple[list[float], float]:
    """(seconds of each, calls per second) with at most `in_flight` at a time."""
    gate = asyncio.Semaphore(in_flight)
    took: list[float] = []

    async def one(call: Callable[[], Awaitable[Any]]) -> None:
        async with gate:
            began = time.perf_counter()
            await call()
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one(c) for c in calls))
    return took, len(calls) / (time.perf_counter() - began)


async def measure(house: House, single: int = 40, rounds: int = 3) -> None:
    settings = house.settings
    keyring, catalog = load_keyring(settings), load_catalog()
    # What prepares and what the floors write with keeps its own connections; our hands have a worker's.
    database = Database(make_engine(settings.database_url, pool_size=20, overflow=40))
    records = Database(make_engine(settings.address_of("worker"), pool_size=settings.database_pool))
    client = await connect(house.temporal.address, settings.temporal_namespace, keyring)
    async with database.write() as session:
        await ensure_facilities(session, catalog.latest, NOW.date())
        await set_clock(session, NOW)
        for table in COPIED:
            await session.execute(text(f'CREATE TABLE bench_{table} (LIKE "{table}")'))
    hands = wire(settings, records, catalog, keyring)
    care, exchange = workers(client, hands, records=settings.database_pool)
    bare = BareActivities(database)
    floor_worker = Worker(client, task_queue=QUEUE, workflows=[BareWorkflow], activities=[bare.copy_rows])
    made = Bench(client, database, keyring)
    set_aside()  # as the worker does
    house.postgres.ensure_database("dbos")
    async with care, exchange, floor_worker:
        warm = [await made.prepare(n) for n in range(3)]
        for episode, transition in warm:
            await made.decide(episode, transition)
        copy = Copy(template=warm[0][0])
        rows = await bare.copy_rows(copy)
        async with five_steps(house.postgres.url("dbos"), database, copy.template) as steps:
            if await steps() != rows:
                raise RuntimeError("the five steps write other rows than the transition: their speed says nothing")
            # In turns, so that whatever else this machine does falls on all three alike.
            for in_flight, turns, each in ((1, rounds, single // rounds), (50, rounds, 50)):
                seen = [await one_turn(made, in_flight, each, copy, steps) for _ in range(turns)]
                tell(in_flight, seen, rows)
    await hands.line.close()
    await records.close()
    await database.close()


Timed = tuple[list[float], float]


async def one_turn(made: Bench, in_flight: int, each: int, copy: Copy, steps: Call) -> tuple[Timed, Timed, Timed]:
    """The bare update, the five steps, and our decisions: `each` times, `in_flight` at a time."""
    ready = await asyncio.gather(*(made.prepare(n) for n in range(each)))
    floors = [await made.client.start_workflow("BareWorkflow", id=f"bare/{uuid4()}", task_queue=QUEUE) for _ in ready]
    bare = await timed([partial(h.execute_update, "copy", copy) for h in floors], in_flight)
    for handle in floors:
        await handle.terminate()
    five = await timed([steps for _ in ready], in_flight)
    return bare, five, await timed([partial(made.decide, e, t) for e, t in ready], in_flight)


def tell(in_flight: int, turns: list[tuple[Timed, Timed, Timed]], rows: int) -> None:
    """Percentiles over all turns; of rates, the middle turn."""
    bare, five, ours = ([t for turn in turns for t in turn[kind][0]] for kind in range(3))
    bare_rate, five_rate, rate = (middle([turn[kind][1] for turn in turns]) for kind in range(3))
    for share in (0.5, 0.99):
        name, value = f"decision_to_executed_p{int(share * 100)}", percentile(ours, share) * 1000
        report(f"{name}_at_{in_flight}", value, "ms", percentile(bare, share) * 1000, rows=rows)
        report(f"{name}_beside_dbos_at_{in_flight}", value, "ms", percentile(five, share) * 1000, rows=rows)
    report(f"decisions_per_second_at_{in_flight}", rate, "1/s", bare_rate)
    report(f"decisions_per_second_beside_dbos_at_{in_flight}", rate, "1/s", five_rate)
