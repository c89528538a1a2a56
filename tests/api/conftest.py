"""A house for each file of API tests, with its clock standing at a Monday morning: beds are finite, and one file's people
would leave none to the next."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House

MOMENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@contextmanager
def standing_house(folder: Path, **options: Any) -> Iterator[House]:
    """The whole product in processes of its own, its clock at MOMENT; stopped at the end."""
    made = House(folder, **options)
    try:
        made.start()
        asyncio.run(_stand(made))
        yield made
    finally:
        made.stop()


async def _stand(house: House) -> None:
    driver = Driver(house)
    await driver.open(MOMENT)
    await driver.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with standing_house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def caller(house: House, request: pytest.FixtureRequest) -> Iterator[Caller]:
    made = Caller(house.url, prefix=f"t{abs(hash(request.node.nodeid)) % 10**9}")
    yield made
    made.close()
