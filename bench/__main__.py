"""`python -m bench`: JSON lines; floors are measured in the same run. Fails when a plan over 100 000 episodes does."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import boards, disclosures, memory, midnight, ninety_days, pas, reviews, sealing, startup, transitions, x12
from local.rehearsal.house import House
from runtime.temporal import leave


@contextmanager
def room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as folder:
        os.chmod(folder, 0o755)  # the database runs under another account when we are root
        yield Path(folder)


def decisions() -> None:
    with room() as folder:
        house = startup.measure(folder)
        try:
            # The benchmark is its own worker: one process to look into.
            house.parts["worker"].stop()
            asyncio.run(transitions.measure(house))
        finally:
            house.stop()


def in_a_house(measure: Callable[[House], Awaitable[None]]) -> None:
    """A whole house of its own, so that no other measurement's episodes live in it."""

    async def act(house: House) -> None:
        await measure(house)

    with room() as folder:
        house = House(folder)
        try:
            house.start()
            asyncio.run(act(house))
        finally:
            house.stop()


def main() -> int:
    decisions()
    in_a_house(sealing.measure)
    in_a_house(memory.measure)
    in_a_house(ninety_days.measure)
    reviews.run()
    asyncio.run(midnight.run())
    asyncio.run(disclosures.run())
    x12.measure()
    pas.measure()
    return boards.main()


if __name__ == "__main__":
    leave(main())
