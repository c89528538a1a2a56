"""Test vectors V1 to V13 of domain 6.1 through the database: rows in, closed nights, ledger rows out."""

from datetime import date, datetime, timedelta

import pytest

from activities.midnight import MidnightActivities
from definitions.accrual import AccrualPolicy, AdmitDischargeMode, AttendanceMinimum, SameDayRule
from storage.engine import Database
from tests.activities import nights
from tests.activities.nights import at, on

NOW = at("2026-04-01 00:05")
HOUSE = nights.contracts(meridian=AccrualPolicy())


def days(first: str, last: str) -> list[date]:
    start = on(first)
    return [start + timedelta(days=n) for n in range((on(last) - start).days + 1)]


async def bed_days(
    database: Database, start: datetime, end: datetime | None, *, departure: str = "discharge",
    leave: tuple[datetime, datetime] | None = None, policy: AccrualPolicy | None = None, now: datetime = NOW,
    opened: date = nights.OPENED,
) -> list[date]:  # fmt: skip
    async with database.write() as session:
        await nights.facility(session, opened=opened)
        who = await nights.someone(session)
        stay = await nights.stay(session, who, start, end, departure=departure)
        if leave is not None:
            await nights.away(session, who, stay, *leave, kind="send_out")
    catalog = nights.contracts(meridian=policy) if policy else HOUSE
    await nights.close_all(MidnightActivities(database, catalog), now)
    assert await nights.census_problems(database) == []
    return await nights.billed(database, stay)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param("2026-03-02 21:00", "2026-03-07 10:00", days("2026-03-02", "2026-03-06"), id="V1"),
        pytest.param("2026-03-02 23:50", "2026-03-03 00:10", days("2026-03-02", "2026-03-02"), id="V2"),
        pytest.param("2026-03-03 00:10", "2026-03-05 09:00", days("2026-03-03", "2026-03-04"), id="V3"),
        pytest.param("2026-03-02 10:00", "2026-03-02 18:00", days("2026-03-02", "2026-03-02"), id="V4"),
        pytest.param("2026-03-08 01:30", "2026-03-09 09:00", days("2026-03-08", "2026-03-08"), id="V9"),
        pytest.param("2026-03-02 21:00", "2026-03-04 00:00", days("2026-03-02", "2026-03-03"), id="BILL-11"),
    ],
)
async def test_vector(database: Database, start: str, end: str, expected: list[date]) -> None:
    assert await bed_days(database, at(start), at(end)) == expected


async def test_v4_same_day_rule_off(database: Database) -> None:
    policy = AccrualPolicy(same_day=SameDayRule.ZERO)
    assert await bed_days(database, at("2026-03-02 10:00"), at("2026-03-02 18:00"), policy=policy) == []


async def test_v5_two_nights_of_leave(database: Database) -> None:
    leave = (at("2026-03-21 15:00"), at("2026-03-23 12:00"))
    found = await bed_days(database, at("2026-03-07 11:00"), None, leave=leave)
    assert len(found) == 23
    assert set(days("2026-03-07", "2026-03-31")) - set(found) == {on("2026-03-21"), on("2026-03-22")}


async def test_v6_back_before_midnight(database: Database) -> None:
    leave = (at("2026-03-21 15:00"), at("2026-03-21 23:30"))
    assert await bed_days(database, at("2026-03-07 11:00"), None, leave=leave) == days("2026-03-07", "2026-03-31")


@pytest.mark.parametrize(
    ("left", "back", "expected"),
    [
        pytest.param("2026-03-12 02:00", "2026-03-12 20:00", days("2026-03-07", "2026-03-14"), id="V7"),
        pytest.param(
            "2026-03-12 20:00", "2026-03-13 06:00",
            days("2026-03-07", "2026-03-11") + days("2026-03-13", "2026-03-14"), id="V8",
        ),
    ],
)  # fmt: skip
async def test_v7_v8_emergency_room_and_death(database: Database, left: str, back: str, expected: list[date]) -> None:
    found = await bed_days(
        database, at("2026-03-07 11:00"), at("2026-03-15 04:00"), departure="death", leave=(at(left), at(back))
    )
    assert found == expected


@pytest.mark.parametrize("fold", [0, 1])
async def test_v10_the_hour_that_happens_twice(database: Database, fold: int) -> None:
    found = await bed_days(
        database,
        at("2026-11-01 01:30", fold),
        at("2026-11-02 09:00"),
        now=at("2026-11-05 00:05"),
        opened=on("2026-10-30"),
    )
    assert found == days("2026-11-01", "2026-11-01")


@pytest.mark.parametrize(
    ("moved", "winner"),
    [
        pytest.param("2026-03-07 23:58", "3.5", id="V11"),
        pytest.param("2026-03-08 00:05", "3.7-WM", id="V12"),
        pytest.param("2026-03-08 00:00", "3.7-WM", id="at midnight exactly"),
    ],
)
async def test_v11_v12_the_level_at_midnight(database: Database, moved: str, winner: str) -> None:
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        await nights.stay(session, who, at("2026-03-04 10:00"), at(moved), level="3.7-WM", departure="transfer")
        await nights.stay(session, who, at(moved), level="3.5", arrival="transfer")
    await nights.close_all(MidnightActivities(database, HOUSE), NOW)
    rows = await nights.ledger_of(database)
    assert [row[3] for row in rows if row[0] == on("2026-03-07")] == [winner]
    assert [row[0] for row in rows] == days("2026-03-04", "2026-03-31")
    assert await nights.census_problems(database) == []


@pytest.mark.parametrize(
    ("minutes", "allowed", "granted", "level"),
    [
        pytest.param((120, 90), False, ("2.5", "2.1"), None, id="contract forbids the fallback"),
        pytest.param((120, 90), True, ("2.5",), None, id="authorization lacks the lower level"),
        pytest.param((120, 90), True, ("2.5", "2.1"), "2.1", id="contract and authorization allow"),
        pytest.param((90, 80), True, ("2.5", "2.1"), None, id="short of three hours"),
        pytest.param((120, 120), True, ("2.5",), "2.5", id="four hours"),
    ],
)
async def test_v13_a_short_php_day(
    database: Database, minutes: tuple[int, ...], allowed: bool, granted: tuple[str, ...], level: str | None
) -> None:
    policy = AccrualPolicy(
        attendance=(
            AttendanceMinimum(level="2.5", minutes=240, fallback_level="2.1", fallback_allowed=allowed),
            AttendanceMinimum(level="2.1", minutes=180),
        )
    )
    day = on("2026-03-03")
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        stay = await nights.stay(session, who, at("2026-03-02 08:00"), level="2.5")
        await nights.attended(session, who, stay, day, *minutes)
        for one in granted:
            await nights.case(session, who, on("2026-03-01"), on("2026-03-31"), level=one)
    await nights.close_all(MidnightActivities(database, nights.contracts(meridian=policy)), NOW)
    rows = await nights.ledger_of(database)
    assert [(row[0], row[3]) for row in rows] == ([(day, level)] if level else [])
    assert await nights.open_exceptions(database) == ([] if level else [(day, "hours_short")])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (AdmitDischargeMode.ADMIT, days("2026-03-02", "2026-03-06")),
        (AdmitDischargeMode.DISCHARGE, days("2026-03-03", "2026-03-07")),
        (AdmitDischargeMode.BOTH, days("2026-03-02", "2026-03-07")),
        (AdmitDischargeMode.NEITHER, days("2026-03-03", "2026-03-06")),
    ],
)
async def test_four_ends_of_a_stay(database: Database, mode: AdmitDischargeMode, expected: list[date]) -> None:
    found = await bed_days(
        database, at("2026-03-02 21:00"), at("2026-03-07 10:00"), policy=AccrualPolicy(admit_discharge=mode)
    )
    assert found == expected
