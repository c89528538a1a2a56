"""`python -m local.rehearsal [--bundles DIR] [--limit N]`: whole episodes in skipped time."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from interchange.fhir.referral import SCENARIO_SYSTEM
from local.bundles.generate import DATA, read_folder
from local.rehearsal.attendance import Attendance
from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.report import closing_line, prompts
from local.rehearsal.scenarios import SCENARIOS
from local.rehearsal.stage import Stage
from runtime.temporal import leave

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""A Monday morning in Chicago, five days before the clocks change: DST is part of the rehearsal."""


def scenario_of(bundle: dict[str, Any]) -> str:
    tags = bundle.get("meta", {}).get("tag", [])
    code = next((t["code"] for t in tags if t.get("system") == SCENARIO_SYSTEM), "plain")
    return code if code in SCENARIOS else "plain"


def chosen(bundles: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """At least one of every scenario that is there, then others up to the limit."""
    first: dict[str, dict[str, Any]] = {}
    for bundle in bundles:
        first.setdefault(scenario_of(bundle), bundle)
    picked = list(first.values())
    picked += [b for b in bundles if b not in picked]
    return picked[: max(limit, len(first))]


async def rehearse(house: House, bundles: list[dict[str, Any]], say: Any) -> None:
    """Scenarios one after another on one clock; people of earlier ones live on beside later ones."""
    driver, caller = Driver(house), Caller(house.url)
    await driver.open(START)
    attendance = Attendance(caller, driver)
    driver.hooks.append(attendance.chart)
    for number, bundle in enumerate(bundles, start=1):
        name = scenario_of(bundle)
        say(f"[{number}/{len(bundles)}] {name}, {driver.now:%Y-%m-%d}")
        await SCENARIOS[name](Stage(caller, driver, f"{name}-{number:03d}", say), bundle)
        await driver.settle()
    await driver.advance(driver.now + timedelta(days=2))
    say(f"business time {driver.now:%Y-%m-%d}, {driver.steps} steps, {attendance.recorded} attendances charted")
    caller.close()
    await driver.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="local.rehearsal", description="Whole episodes in skipped time.")
    parser.add_argument("--bundles", type=Path, default=DATA)
    parser.add_argument("--limit", type=int, default=14, help="how many bundles to run (every scenario at least once)")
    said = parser.parse_args()
    bundles = chosen(read_folder(said.bundles), said.limit)
    if not bundles:
        print(f"no bundles (*.json) in {said.bundles}", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stepdown-demo-") as folder:
        os.chmod(folder, 0o755)  # the database runs under another account when we are root
        house = House(Path(folder))
        try:
            print("starting PostgreSQL, Temporal, payer, worker and API ...", flush=True)
            house.start()
            asyncio.run(rehearse(house, bundles, lambda line: print("  " + line, flush=True)))
            dsn = house.postgres.dsn("stepdown")
            print("prompts raised:")
            for kind, role, count in prompts(dsn):
                print(f"  {count:5d}  {kind}  ({role})")
            print(f"{time.monotonic() - began:.0f} s")
            print(json.dumps(closing_line(dsn)), flush=True)
        finally:
            house.stop()
    return 0


if __name__ == "__main__":
    leave(main())
