"""Two transactions that wait for each other in a circle: one gives way and comes again, nothing is lost or done twice."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.deadlocks import unless_deadlocked
from storage.engine import Database

NUMBERS = ("isa:one", "isa:other")
TAKE = text("UPDATE control_number SET last = last + 1 WHERE partner = :partner")


async def last_of(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return {
            partner: last for partner, last in await session.execute(text("SELECT partner, last FROM control_number"))
        }


async def in_a_circle(database: Database, *, again: bool) -> list[BaseException | str]:
    """Each takes one number, waits until the other has taken theirs, and wants the other's."""
    met = asyncio.Barrier(2)

    async def both(first: str, second: str) -> str:
        tries = 0

        async def act() -> str:
            nonlocal tries
            tries += 1
            async with database.write() as session:
                await session.execute(TAKE, {"partner": first})
                if tries == 1:
                    await met.wait()
                await session.execute(TAKE, {"partner": second})
            return first

        return await (unless_deadlocked(act) if again else act())

    return await asyncio.gather(both(*NUMBERS), both(*reversed(NUMBERS)), return_exceptions=True)


@pytest.fixture(autouse=True)
async def numbers(database: Database) -> None:
    async with database.write() as session:
        for partner in NUMBERS:
            await session.execute(text("INSERT INTO control_number (partner, last) VALUES (:p, 0)"), {"p": partner})


async def test_the_database_lets_one_of_them_fall(database: Database) -> None:
    ended = await in_a_circle(database, again=False)
    assert sorted(type(e).__name__ for e in ended) == ["OperationalError", "str"]
    assert set((await last_of(database)).values()) == {1}


async def test_who_gives_way_comes_again(database: Database) -> None:
    assert sorted(map(str, await in_a_circle(database, again=True))) == sorted(NUMBERS)
    assert set((await last_of(database)).values()) == {2}


async def test_another_fault_is_not_tried_again(database: Database) -> None:
    tries = 0

    async def slow() -> None:
        nonlocal tries
        tries += 1
        async with database.write() as session:
            await session.execute(text("SET LOCAL statement_timeout = '20ms'"))
            await session.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(OperationalError):
        await unless_deadlocked(slow)
    assert tries == 1
