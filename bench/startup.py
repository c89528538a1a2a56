"""From nothing to serving, first and second time, without the demo facility."""

import time
from pathlib import Path

from bench.measure import report
from local.rehearsal.house import House


def measure(folder: Path) -> House:
    """Answers the running house, for the benchmarks that follow. The floor is the two servers alone."""
    house = House(folder, drive="driven")
    began = time.perf_counter()
    house.start_servers()
    servers = time.perf_counter() - began
    for name in ("payer", "worker", "api"):
        house.start_part(name)
    house.wait_ready()
    report("first_start_to_serving", time.perf_counter() - began, "s", servers)
    house.stop()
    began = time.perf_counter()
    house.start_servers()
    servers = time.perf_counter() - began
    for name in ("payer", "worker", "api"):
        house.start_part(name)
    house.wait_ready()
    report("second_start_to_serving", time.perf_counter() - began, "s", servers)
    return house
