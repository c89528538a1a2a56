"""What sealing every payload costs a transition: decision approved to executed, beside the same on client and worker without
the codec, in the same house and the same database, by turns. Payloads differ, rows do not: columns are sealed in both."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.measure import middle, percentile, report
from bench.transitions import NOW, Bench, Timed, timed
from local.rehearsal.house import House
from runtime.catalog import load_catalog
from runtime.keyring_file import load_keyring
from runtime.long_lived import set_aside
from runtime.temporal import connect, prepare_namespace
from storage.engine import Database, make_engine
from storage.repositories.clock import set_clock
from storage.repositories.facility import ensure_facilities
from worker import wire, workers

PLAIN: Final = "plain"
"""A namespace of its own: no worker may take the other's tasks."""


@dataclass(frozen=True, slots=True)
class Sides:
    sealed: Bench
    plain: Bench


async def measure(house: House, rounds: int = 3, each: int = 6) -> None:
    # Nobody is discharged: two sides, three rounds of 6 and of 12, and who warms them fit into the program's 120 places.
    settings = house.settings
    keyring, catalog = load_keyring(settings), load_catalog()
    house.parts["worker"].stop()
    await prepare_namespace(house.temporal.address, PLAIN)
    sealed = await connect(house.temporal.address, settings.temporal_namespace, keyring)
    plain = await Client.connect(house.temporal.address, namespace=PLAIN, data_converter=pydantic_data_converter)
    database = Database(make_engine(settings.database_url, pool_size=20, overflow=40))
    async with database.write() as session:
        await ensure_facilities(session, catalog.latest, NOW.date())
        await set_clock(session, NOW)
    set_aside()  # as the worker does
    async with AsyncExitStack() as running:
        for client in (sealed, plain):
            records = Database(make_engine(settings.address_of("worker"), pool_size=settings.database_pool))
            hands = wire(settings, records, catalog, keyring)
            running.push_async_callback(records.close)
            running.push_async_callback(hands.line.close)
            for worker in workers(client, hands, records=settings.database_pool):
                await running.enter_async_context(worker)
        sides = Sides(Bench(sealed, database, keyring), Bench(plain, database, keyring))
        await _turn(sides, 1, 3, first_sealed=True)  # warms both
        for in_flight, count in ((1, each), (12, 2 * each)):
            seen = [await _turn(sides, in_flight, count, first_sealed=n % 2 == 0) for n in range(rounds)]
            tell(in_flight, seen)
    await database.close()


async def _turn(sides: Sides, in_flight: int, count: int, *, first_sealed: bool) -> tuple[Timed, Timed]:
    """(sealed, plain); whoever goes first changes from turn to turn."""
    order = (sides.sealed, sides.plain) if first_sealed else (sides.plain, sides.sealed)
    seen = []
    for side in order:
        ready = await asyncio.gather(*(side.prepare(n) for n in range(count)))
        seen.append(await timed([partial(side.decide, e, t) for e, t in ready], in_flight))
    return (seen[0], seen[1]) if first_sealed else (seen[1], seen[0])


def tell(in_flight: int, turns: list[tuple[Timed, Timed]]) -> None:
    sealed, plain = ([seconds for turn in turns for seconds in turn[side][0]] for side in range(2))
    rate, plain_rate = (middle([turn[side][1] for turn in turns]) for side in range(2))
    report(
        f"decision_sealed_beside_plain_p50_at_{in_flight}", percentile(sealed, 0.5) * 1000, "ms",
        percentile(plain, 0.5) * 1000, decisions=len(sealed),
    )  # fmt: skip
    report(f"decisions_per_second_sealed_beside_plain_at_{in_flight}", rate, "1/s", plain_rate)
