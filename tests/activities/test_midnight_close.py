"""Which dates are closed, when, and that closing again changes nothing (D5)."""

from datetime import timedelta

import pytest

from activities.midnight import MidnightActivities
from definitions.midnight import CloseDate, DatesWanted
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import FacilityDay
from storage.reads.census import census_of
from tests.activities import nights
from tests.activities.nights import at, on


@pytest.fixture
def hands(database: Database) -> MidnightActivities:
    return MidnightActivities(database, load_catalog())


async def a_full_house(database: Database) -> None:
    async with database.write() as session:
        await nights.facility(session)
        for n in range(6):
            who = await nights.someone(session, payer=("meridian", "county", "self_pay")[n % 3])
            stay = await nights.stay(session, who, at(f"2026-03-0{n + 1} 10:00"))
            if n == 0:
                await nights.away(session, who, stay, at("2026-03-04 09:00"), at("2026-03-06 17:00"))
            if n == 1:
                await nights.discharge(session, stay, at("2026-03-07 11:00"))
            await nights.case(session, who, on("2026-03-01"), on("2026-03-05"))
        guest = await nights.someone(session)
        program = await nights.stay(session, guest, at("2026-03-02 09:00"), level="2.5")
        await nights.attended(session, guest, program, on("2026-03-03"), 120, 120, 30)
        await nights.attended(session, guest, program, on("2026-03-04"), 60)


async def test_a_repeat_changes_nothing(database: Database, hands: MidnightActivities) -> None:
    await a_full_house(database)
    now = at("2026-03-09 00:05")
    closed = await nights.close_all(hands, now)
    assert [c.service_date for c in closed] == [on("2026-03-01") + timedelta(days=n) for n in range(8)]
    assert all(c.changed and c.version == 1 for c in closed)
    before = await nights.ledger_of(database)
    async with database.read() as session:
        marks = [await session.get(FacilityDay, ("north", c.service_date)) for c in closed]
    for first in closed:
        later = now + timedelta(hours=5)
        again = await hands.close(CloseDate(facility="north", service_date=first.service_date, now=later))
        assert (again.changed, again.posted, again.voided, again.exceptions) == (False, 0, 0, 0)
        assert (again.version, again.present) == (1, first.present)
    assert await nights.ledger_of(database) == before
    async with database.read() as session:
        for mark in marks:
            assert mark is not None
            standing = await session.get(FacilityDay, ("north", mark.service_date))
            assert standing is not None
            assert standing.closed_at == now
    assert await hands.dates_to_close(DatesWanted(facility="north", now=now)) == await hands.dates_to_close(
        DatesWanted(facility="nowhere", now=now)
    )


async def test_a_date_closes_only_after_its_own_midnight(database: Database, hands: MidnightActivities) -> None:
    await a_full_house(database)
    before = DatesWanted(facility="north", now=at("2026-03-01 23:59"))
    assert (await hands.dates_to_close(before)).dates == ()
    after = DatesWanted(facility="north", now=at("2026-03-02 00:00"))
    assert (await hands.dates_to_close(after)).dates == (on("2026-03-01"),)
    with pytest.raises(RuntimeError, match="not over"):
        await hands.close(CloseDate(facility="north", service_date=on("2026-03-02"), now=at("2026-03-02 23:59")))
    async with database.read() as session:
        assert await census_of(session, "north", on("2026-03-02")) is None


async def test_through_stops_where_it_says(database: Database, hands: MidnightActivities) -> None:
    await a_full_house(database)
    wanted = DatesWanted(facility="north", now=at("2026-03-20 12:00"), through=on("2026-03-03"))
    assert (await hands.dates_to_close(wanted)).dates == (on("2026-03-01"), on("2026-03-02"), on("2026-03-03"))


async def test_several_midnights_of_downtime(database: Database, hands: MidnightActivities) -> None:
    """The same nights at once or one by one are the same ledger and the same census."""
    await a_full_house(database)
    closed = await nights.close_all(hands, at("2026-03-12 07:00"))
    assert [c.service_date for c in closed] == [on("2026-03-01") + timedelta(days=n) for n in range(11)]
    at_once = await nights.ledger_of(database)
    async with database.write() as session:
        for n in range(11):
            day = await session.get_one(FacilityDay, ("north", on("2026-03-01") + timedelta(days=n)))
            day.closed_at = None
    for n in range(11):
        await nights.close_all(hands, at("2026-03-02 00:05") + timedelta(days=n))
    assert await nights.ledger_of(database) == at_once
    assert await nights.census_problems(database) == []


@pytest.mark.parametrize(
    ("opened", "spring", "hours"), [("2026-03-07", "2026-03-08", 23), ("2026-10-31", "2026-11-01", 25)]
)
async def test_nights_around_a_clock_change(
    database: Database, hands: MidnightActivities, opened: str, spring: str, hours: int
) -> None:
    """E59: the date of 23 or 25 hours is one date, and its midnight is the wall's."""
    async with database.write() as session:
        await nights.facility(session, opened=on(opened))
        who = await nights.someone(session)
        stay = await nights.stay(session, who, at(f"{opened} 08:00"))
    midnight = at(f"{spring} 00:00").astimezone(at(f"{spring} 00:00").tzinfo)
    after = on(spring) + timedelta(days=1)
    ends = at(f"{after} 00:00")
    assert (ends.timestamp() - midnight.timestamp()) / 3600 == hours
    early = await nights.close_all(hands, at(f"{spring} 23:59"))
    assert [c.service_date for c in early] == [on(opened)]
    late = await nights.close_all(hands, ends)
    assert [c.service_date for c in late] == [on(spring)]
    assert await nights.billed(database, stay) == [on(opened), on(spring)]


async def test_a_facility_elsewhere_keeps_its_own_midnight(database: Database, hands: MidnightActivities) -> None:
    """E60: 00:30 in New York is 23:30 in Chicago."""
    async with database.write() as session:
        await nights.facility(session, "north")
        await nights.facility(session, "east", zone="America/New_York")
    moment = at("2026-03-01 23:30")
    assert (await hands.dates_to_close(DatesWanted(facility="north", now=moment))).dates == ()
    assert (await hands.dates_to_close(DatesWanted(facility="east", now=moment))).dates == (on("2026-03-01"),)
