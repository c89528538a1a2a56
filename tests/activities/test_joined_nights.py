"""Two records of one person, joined: a night in two beds counts once, and a day is charged once, also at two facilities and
however often it is closed (E03, CEN-01, invariant 1)."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text, update

from activities.midnight import MidnightActivities
from definitions.midnight import CloseDate
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import Person
from storage.reads.census import census_of
from tests.activities import nights
from tests.activities.nights import Someone, at, on

NIGHT = on("2026-03-04")
NOW = at("2026-03-06 00:05")


@pytest.fixture
def hands(database: Database) -> MidnightActivities:
    return MidnightActivities(database, load_catalog())


@dataclass(frozen=True)
class Two:
    stands: Someone
    joined: Someone


async def two_records(database: Database, second: str = "north") -> Two:
    """Both in a bed since the 2nd; the second record is not joined yet."""
    async with database.write() as session:
        for key in {"north", second}:
            await nights.facility(session, key)
        people = []
        for place in ("north", second):
            who = await nights.someone(session, place)
            await nights.stay(session, who, at("2026-03-02 10:00"))
            await nights.case(session, who, on("2026-03-01"), on("2026-03-31"))
            people.append(who)
    return Two(*people)


async def join(database: Database, two: Two, into: bool = True) -> None:
    async with database.write() as session:
        stands = two.stands.person_id if into else None
        await session.execute(update(Person).where(Person.id == two.joined.person_id).values(merged_into=stands))


async def close(hands: MidnightActivities, *facilities: str, now: datetime = NOW) -> None:
    for facility in facilities:
        await hands.close(CloseDate(facility=facility, service_date=NIGHT, now=now))


async def counted(database: Database, facility: str = "north") -> int:
    async with database.read() as session:
        found = await census_of(session, facility, NIGHT)
    assert found is not None
    return int(found["totals"]["closing"])


async def rows(database: Database, statement: str) -> list[Any]:
    async with database.read() as session:
        return [tuple(r) for r in await session.execute(text(statement), {"on": NIGHT})]


async def billed(database: Database) -> list[Any]:
    live = "SELECT person_id FROM charge WHERE service_date = :on AND status = 'live' ORDER BY facility, person_id"
    return [person for (person,) in await rows(database, live)]


CAUSES = "SELECT facility, cause FROM charge_exception WHERE service_date = :on AND resolved_at IS NULL"


async def test_one_facility_counts_and_charges_the_bed_that_stands(
    database: Database, hands: MidnightActivities
) -> None:
    two = await two_records(database)
    await close(hands, "north")
    assert (await counted(database), len(await billed(database))) == (2, 2)
    await join(database, two)
    await close(hands, "north")
    assert (await counted(database), await billed(database)) == (1, [two.stands.person_id])
    await close(hands, "north")
    assert (await counted(database), await billed(database)) == (1, [two.stands.person_id])
    assert await rows(database, CAUSES) == []
    await join(database, two, into=False)
    await close(hands, "north")
    assert (await counted(database), len(await billed(database))) == (2, 2), "apart again, each has its own"


@pytest.mark.parametrize("order", [("north", "south"), ("south", "north")])
async def test_two_facilities_count_both_and_charge_one(
    database: Database, hands: MidnightActivities, order: tuple[str, str]
) -> None:
    two = await two_records(database, "south")
    await join(database, two)
    await close(hands, *order)
    await close(hands, *order)
    first = two.stands if order[0] == "north" else two.joined
    assert await billed(database) == [first.person_id]
    assert await rows(database, CAUSES) == [(order[1], "pairing_conflict")], "a biller decides"
    assert (await counted(database), await counted(database, "south")) == (1, 1)


async def test_closes_at_once_at_two_facilities_charge_one(database: Database, hands: MidnightActivities) -> None:
    two = await two_records(database, "south")
    await join(database, two)
    for again in range(3):
        await asyncio.gather(close(hands, "north"), close(hands, "south"))
        assert len(await billed(database)) == 1, again
