"""Boards, lists, queues and worklists over 100 000 episodes: how long, by which plan. Fails on a plan that reads or
sorts what grows with every episode.

`python -m bench.boards [--plans]`; with `--plans` the plans follow as text, for docs/performance.md."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bench.desk_user import DeskUser, Readable, api_database
from bench.measure import percentile, report
from bench.plans import Explained, Read, explain, in_short, sizes_of
from bench.seed_boards import BIG_TABLES, NOW, facilities_of, seed
from definitions.plan_facts import Wish
from definitions.vocabulary import Phase, TransitionStatus
from local.stack.postgres import EmbeddedPostgres
from runtime.catalog import load_catalog
from storage.engine import Database, make_engine
from storage.migrate import upgrade
from storage.models import Episode
from storage.reach import Reach
from storage.reads.board import board
from storage.reads.clock_facts import read_clock_facts
from storage.reads.episodes import episode_list
from storage.reads.plan_facts import read_plan_facts
from storage.reads.queue import step_down_queue
from storage.reads.worklist import BUCKETS, HouseDay, Place, WorkFilter, beside, work_counts, work_page
from storage.row_security import DatabaseRole

EPISODES: Final = 100_000
HOUSES: Final = 40
CALLS: Final = 50
NIL: Final = UUID(int=0)
DAY: Final = timedelta(days=1)
MIDNIGHT: Final = NOW + timedelta(hours=14)
"""Where the houses stand."""


def reads(houses: list[str]) -> dict[str, Read]:
    """Every read as a route calls it: by somebody of one house, and by somebody of all of them."""
    mine = Reach(houses[:1])
    middle = NOW - timedelta(days=900)
    found: dict[str, Read] = {
        "board": partial(board, facilities=mine, facility=mine[0], now=NOW),
        "decision_to_a_day_program": partial(decision, house=mine[0], level="2.1", program=f"{mine[0]}_day"),
        "decision_to_a_bed": partial(decision, house=mine[0], level="3.5", program=f"{mine[0]}_beds"),
    }
    for scope, name in ((mine, "one"), (Reach(houses), "all")):
        listed, queue = partial(episode_list, facilities=scope, limit=51), partial(step_down_queue, facilities=scope)
        found |= {
            f"episode_list_{name}": listed,
            f"episode_list_in_care_{name}": partial(listed, phase="in_care"),
            f"episode_list_closed_{name}": partial(listed, phase="closed"),
            f"episode_list_next_page_{name}": partial(listed, after=(middle, NIL)),
            f"step_down_queue_{name}": queue,
            f"step_down_queue_scheduled_{name}": partial(queue, status=TransitionStatus.SCHEDULED),
        }
    return found | worklist_reads(houses)


UNASKED: Final = WorkFilter(unasked=("self_pay", "county"))


def worklist_reads(houses: list[str]) -> dict[str, Read]:
    """The worklist as a reviewer of one house and one of all of them opens it: counts, and each tile's first page with
    what stands beside its rows."""
    found: dict[str, Read] = {}
    for scope, name in ((houses[:1], "one"), (houses, "all")):
        days = [HouseDay(h, NOW.date(), MIDNIGHT, MIDNIGHT + DAY, MIDNIGHT + 7 * DAY) for h in scope]
        found[f"worklist_counts_{name}"] = partial(work_counts, days=days, now=NOW, wanted=UNASKED)
        for bucket in (None, *BUCKETS):
            found[f"worklist_{bucket or 'everything'}_{name}"] = partial(opened, days=days, bucket=bucket)
        after = Place(0, NOW + 3 * DAY, NIL)
        found[f"worklist_next_page_{name}"] = partial(opened, days=days, after=after)
        found[f"worklist_of_a_payer_{name}"] = partial(opened, days=days, wanted=replace(UNASKED, payer="bluestone"))
    return found


async def opened(
    session: AsyncSession, days: list[HouseDay], bucket: str | None = None, after: Place | None = None,
    wanted: WorkFilter = UNASKED,
) -> None:  # fmt: skip
    page = await work_page(session, days, NOW, bucket=bucket, wanted=wanted, after=after, limit=50)
    await beside(session, [row.case["id"] for row in page.rows])


async def decision(session: AsyncSession, *, house: str, level: str, program: str) -> None:
    """What a preview, a request, a decision and an execution read of one episode (D8, D6)."""
    catalog = load_catalog().latest
    edition = catalog.model_copy(update={"facilities": {**catalog.facilities, house: catalog.facilities["harbor"]}})
    episode = await session.get_one(Episode, await somebody_in_care(session, house))
    await read_plan_facts(session, episode, edition, Wish(to_level=level, program=program, effective_at=NOW))
    await read_clock_facts(session, episode, edition.consents)


async def somebody_in_care(session: AsyncSession, house: str) -> UUID:
    found = await session.execute(
        select(Episode.id).where(Episode.facility == house, Episode.phase == Phase.IN_CARE).limit(1)
    )
    return found.scalar_one()


async def timed(database: Readable, read: Read) -> float:
    """Milliseconds of one call, connection and transaction included, as a request has them."""
    began = time.perf_counter()
    async with database.read() as session:
        await read(session)
    return (time.perf_counter() - began) * 1000


UserOf = Callable[[str], Readable]


async def measure(owner: Readable, user_of: UserOf, known: dict[str, Read], *, plans: bool, at: str) -> list[str]:
    """Report every read as its user has it, beside the same read without row security; answers what is wrong. The two
    take turns, so that what else the machine does falls on both."""
    sizes = await sizes_of(owner, BIG_TABLES)
    wrong: list[str] = []
    for name, read in known.items():
        user = user_of(name)
        explained = await explain(user, read, sizes)
        slow = sum(e.milliseconds for e in explained) > 1000
        took, bare = [], []
        for _ in range(1 if slow else CALLS):
            bare.append(await timed(owner, read))
            took.append(await timed(user, read))
        told = sorted({b for e in explained for b in e.breaches})
        for share in (0.5, 0.99):
            report(f"{name}_p{int(share * 100)}_at_{at}", percentile(took, share), "ms", breaches=told)
        floor = percentile(bare, 0.5)
        report(f"{name}_with_row_security_at_{at}", percentile(took, 0.5), "ms", floor=floor)
        wrong += [f"{name}: {b}" for b in told if (name, at) not in COUNTS_ALL]
        if plans:
            sys.stdout.write("\n".join(shown(name, explained)) + "\n")
    return wrong


ALL_OPEN: Final = f"{EPISODES}_open_cases"
COUNTS_ALL: Final = {("worklist_counts_all", ALL_OPEN), ("worklist_of_a_payer_all", ALL_OPEN)}
"""Where nothing is closed, counting all open cases is reading the index of all of them, and looking for one payer's in every
house the index of all of theirs; nothing else may."""


def shown(name: str, explained: list[Explained]) -> list[str]:
    lines = []
    for number, one in enumerate(explained, start=1):
        lines += [f"-- {name} {number}/{len(explained)}, {one.milliseconds:.1f} ms", *in_short(one.plan)]
    return lines


async def run(*, plans: bool = False) -> list[str]:
    """Every read over years of history, then the worklist with every case open."""
    houses, wrong = facilities_of(HOUSES), list[str]()
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as folder:
        os.chmod(folder, 0o755)
        server = EmbeddedPostgres(Path(folder) / "data")
        server.start()
        try:
            for name, closed_percent, known, at in (
                ("boards", 90, reads(houses), str(EPISODES)), ("cases", 0, worklist_reads(houses), ALL_OPEN),
            ):  # fmt: skip
                server.ensure_database(name)
                upgrade(server.url(name))
                database = Database(make_engine(server.url(name), pool_size=2))
                scoped = api_database(server.url(name, DatabaseRole.API))
                one, every = DeskUser(scoped, tuple(houses[:1])), DeskUser(scoped, tuple(houses))
                try:
                    await seed(database, EPISODES, HOUSES, closed_percent)
                    wrong += await measure(
                        database, lambda read, of=(one, every): of[read.endswith("_all")], known, plans=plans, at=at
                    )
                finally:
                    await database.close()
                    await scoped.close()
        finally:
            server.stop()
    return wrong


def main() -> int:
    wrong = asyncio.run(run(plans="--plans" in sys.argv))
    for line in wrong:
        sys.stderr.write(line + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
