"""A house for each file of API tests, with its clock standing at a Monday morning: beds are finite, and one file's people
would leave none to the next."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House

MOMENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    try:
        made.start()
        asyncio.run(stand(made))
        yield made
    finally:
        made.stop()


async def stand(house: House) -> None:
    """Its clock stands at MOMENT."""
    driver = Driver(house)
    await driver.open(MOMENT)
    await driver.close()


@pytest.fixture
def caller(house: House, request: pytest.FixtureRequest) -> Iterator[Caller]:
    made = Caller(house.url, prefix=f"t{abs(hash(request.node.nodeid)) % 10**9}")
    yield made
    made.close()
