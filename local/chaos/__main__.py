"""`python -m local.chaos [--rounds N] [--seed S]`: a campaign of power cuts. Each round kills parts while people work
and while the midnight closes, lets the house come to rest, and judges the record. One JSON line a round."""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from local.chaos.actors import Actor
from local.chaos.invariants import broken, executed, open_episodes
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from rules.calendar import facility_date
from runtime.keyring_file import load_keyring
from runtime.temporal import connect, leave
from storage.models import Facility

START: Final = datetime(2026, 4, 6, 15, 0, tzinfo=UTC)
FACILITY: Final = "harbor"
ZONE: Final = "America/Chicago"
CUTS: Final = (
    ("worker",), ("api",), ("payer",), ("temporal",), ("postgres",), ("api", "worker", "temporal"),
    ("worker", "postgres"), ("temporal", "postgres"), ("postgres", "temporal", "payer", "worker", "api"),
)  # fmt: skip
ORDER: Final = ("postgres", "temporal", "payer", "worker", "api")
"""In which parts come back."""
ACTORS: Final = 3
TURNS: Final = 2
"""What each actor does in a round."""


class DayByDay(Driver):
    """A driver that is opened for each step of the campaign: its connections would not outlive the cuts between."""

    async def reopen(self, now: datetime) -> None:
        await self.open(now)
        async with self.database.write() as session:
            for facility in (await session.execute(select(Facility))).scalars():
                facility.opened_on = facility_date(START, facility.zone)


class Campaign:
    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._draw = random.Random(seed)
        self._now = START

    def run(self, rounds: int) -> int:
        """Answers how many rounds found something broken."""
        bad = 0
        asyncio.run(self._open())
        self._actors = [Actor(self._house.url, self._driver, number) for number in range(ACTORS)]
        with ThreadPoolExecutor(ACTORS + 1) as pool:
            for number, parts in zip(range(1, rounds + 1), cycle(CUTS), strict=False):
                found = self._round(pool, number, parts)
                print(json.dumps(found), flush=True)
                bad += bool(found["broken"])
        for actor in self._actors:
            actor.go_home()
        return bad

    async def _open(self) -> None:
        self._driver = DayByDay(self._house)
        await self._driver.open(START)
        await self._driver.close()

    def _round(self, pool: ThreadPoolExecutor, number: int, parts: tuple[str, ...]) -> dict[str, Any]:
        began = time.monotonic()
        sent, repeated = (sum(getattr(a, name) for a in self._actors) for name in ("sent", "repeated"))
        told: list[str] = []
        working = [pool.submit(self._work, actor) for actor in self._actors]
        self._cut(parts, working, told)
        asyncio.run(self._next_day())
        yesterday = (facility_date(self._now, ZONE) - timedelta(days=1)).isoformat()
        self._cut(parts, [pool.submit(self._actors[0].close_midnight, FACILITY, yesterday)], told)
        wrong: dict[str, Any] = {}
        try:
            missing = asyncio.run(self._rest())
        except Exception as trouble:  # a campaign reports whatever it meets and goes on
            told.append(f"{type(trouble).__name__}: {trouble}")
            missing = []
        wrong |= broken(self._house.postgres.dsn("stepdown"))
        said = set().union(*(a.executed for a in self._actors))
        lost = said - executed(self._house.postgres.dsn("stepdown"))
        refused = [r for a in self._actors for r in a.refused]
        for actor in self._actors:
            actor.refused.clear()
        for name, what in (
            ("told_executed_but_is_not", sorted(lost)), ("open_episode_without_workflow", missing),
            ("refused", refused), ("trouble", told),
        ):  # fmt: skip
            if what:
                wrong[name] = what
        return {
            "round": number,
            "killed": list(parts),
            "commands": sum(a.sent for a in self._actors) - sent,
            "repeated": sum(a.repeated for a in self._actors) - repeated,
            "seconds": round(time.monotonic() - began, 1),
            "broken": wrong,
        }

    @staticmethod
    def _work(actor: Actor) -> None:
        for _ in range(TURNS):
            actor.turn()

    def _cut(self, parts: tuple[str, ...], working: list[Future[None]], told: list[str]) -> None:
        """Kill `parts` somewhere in the middle of `working`, bring them back, and wait until the work is answered.
        From the main thread: a child dies with the thread that started it."""
        time.sleep(self._draw.uniform(0.05, 1.5))
        self._house.kill(*parts)
        time.sleep(self._draw.uniform(0.0, 1.0))
        for part in ORDER:
            if part in parts:
                self._house.start_part(part)
        self._house.wait_ready(120)
        for future in working:
            try:
                future.result()
            except Exception as trouble:  # kept as the round's finding
                told.append(f"{type(trouble).__name__}: {trouble}")

    async def _next_day(self) -> None:
        """A day passes without its close; what fell due fires."""
        await self._driver.reopen(self._now)
        self._driver.closes = False
        self._now += timedelta(days=1)
        await self._driver.advance(self._now)
        await self._driver.close()

    async def _rest(self) -> list[str]:
        """Until nothing is under way; answers open episodes that nobody waits for."""
        await self._driver.reopen(self._now)
        await self._driver.settle()
        await self._driver.close()
        settings = self._house.settings
        client = await connect(self._house.temporal.address, settings.temporal_namespace, load_keyring(settings))
        missing = []
        for episode in open_episodes(self._house.postgres.dsn("stepdown")):
            try:
                found = await client.get_workflow_handle(f"episode/{episode}").describe()
            except RPCError:
                missing.append(episode)
                continue
            if found.status is not WorkflowExecutionStatus.RUNNING:
                missing.append(episode)
        return missing


def main() -> int:
    parser = argparse.ArgumentParser(prog="local.chaos", description="Power cuts under load.")
    parser.add_argument("--rounds", type=int, default=30, help="a round takes about twenty seconds")
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stepdown-chaos-") as folder:
        os.chmod(folder, 0o755)  # the database runs under another account when we are root
        house = House(Path(folder))
        try:
            house.start()
            bad = Campaign(house, said.seed).run(said.rounds)
        finally:
            house.stop()
    print(f"{said.rounds} rounds, {bad} with something broken", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.platform == "win32":
        raise SystemExit("the campaign kills processes as a power cut does; run it on Linux or macOS")
    leave(main())
