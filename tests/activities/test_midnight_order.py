"""Whatever order facts are recorded and nights are closed in, the ledger is the one a single close at the end makes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from activities.midnight import MidnightActivities
from definitions.accrual import AccrualPolicy, AdmitDischargeMode, AttendanceMinimum
from definitions.midnight import CloseDate
from storage.engine import Database
from storage.models import Stay
from tests.activities import nights
from tests.activities.nights import at, on

MONDAY = at("2026-03-02 00:00")
NIGHTS = 12
HOUSE = nights.contracts(
    statecare=AccrualPolicy(admit_discharge=AdmitDischargeMode.BOTH, bed_hold_days_per_year=2),
    meridian=AccrualPolicy(
        pairs=(("3.1", "2.1"),),
        attendance=(
            AttendanceMinimum(level="2.5", minutes=200, fallback_level="2.1", fallback_allowed=True),
            AttendanceMinimum(level="2.1", minutes=100),
        ),
        weekly_cap={"2.5": 2, "2.1": 2},
    ),
)
numbers = count(1)
hours = st.integers(1, 24 * 9)
lags = st.integers(0, 24 * 4)


@dataclass(frozen=True)
class Fact:
    """`write` puts the fact into a facility; `reaches` is the first date it says anything about."""

    recorded_at: datetime
    reaches: datetime
    write: Callable[[AsyncSession, "House"], Awaitable[None]]


@dataclass
class House:
    """One facility of one run; the same story is told in two of them."""

    key: str
    people: dict[int, nights.Someone] = field(default_factory=dict)
    stays: dict[tuple[int, str], UUID] = field(default_factory=dict)


def after(number: int) -> datetime:
    return MONDAY + timedelta(hours=number)


@dataclass(frozen=True)
class Person:
    number: int
    payer: str
    level: str
    arrives: int
    stays_hours: int | None
    wrong_by: int
    told_late: int
    corrected_after: int
    leave: tuple[int, int, int] | None
    attends: tuple[tuple[int, int, int], ...]
    granted: tuple[int, int, int] | None

    def facts(self) -> list[Fact]:
        came = after(self.arrives)
        first_told = came + timedelta(hours=self.wrong_by)
        left = came + timedelta(hours=self.stays_hours) if self.stays_hours is not None else None
        told = max(came, first_told) + timedelta(hours=self.told_late)
        facts = [Fact(told, min(came, first_told), self._arrival(first_told))]
        fixed = told + timedelta(hours=1 + self.corrected_after)
        facts.append(Fact(fixed, min(came, first_told), self._correction(came)))
        if left is not None:
            facts.append(Fact(max(left, fixed) + timedelta(hours=self.told_late), left, self._departure(left)))
        if self.leave is not None:
            out = came + timedelta(hours=self.leave[0])
            back = out + timedelta(hours=self.leave[1])
            if left is None or back < left:
                facts.append(Fact(max(back, fixed) + timedelta(hours=self.leave[2]), out, self._leave(out, back)))
        for day, minutes, late in self.attends:
            on_day = MONDAY.date() + timedelta(days=day)
            noon = after(day * 24 + 12)
            facts.append(Fact(max(noon, fixed) + timedelta(hours=late), noon, self._attendance(on_day, minutes)))
        if self.granted is not None:
            start, length, late = self.granted
            begins = MONDAY.date() + timedelta(days=start)
            moment = after(start * 24)
            facts.append(
                Fact(max(moment, fixed) + timedelta(hours=late), moment,
                     self._grant(begins, begins + timedelta(days=length)))
            )  # fmt: skip
        return facts

    def _arrival(self, moment: datetime) -> Callable[[AsyncSession, House], Awaitable[None]]:
        async def write(session: AsyncSession, house: House) -> None:
            who = await nights.someone(session, house.key, self.payer)
            house.people[self.number] = who
            house.stays[self.number, self.level] = await nights.stay(session, who, moment, level=self.level)
            if self.level == "3.1":
                house.stays[self.number, "2.1"] = await nights.stay(session, who, moment, level="2.1")

        return write

    def _of(self, house: House) -> list[UUID]:
        return [stay for (number, _), stay in house.stays.items() if number == self.number]

    def _correction(self, moment: datetime) -> Callable[[AsyncSession, House], Awaitable[None]]:
        async def write(session: AsyncSession, house: House) -> None:
            for stay in self._of(house):
                (await session.get_one(Stay, stay)).period = Range(moment, None)

        return write

    def _departure(self, moment: datetime) -> Callable[[AsyncSession, House], Awaitable[None]]:
        async def write(session: AsyncSession, house: House) -> None:
            for stay in self._of(house):
                await nights.discharge(session, stay, moment)

        return write

    def _leave(self, out: datetime, back: datetime) -> Callable[[AsyncSession, House], Awaitable[None]]:
        async def write(session: AsyncSession, house: House) -> None:
            for stay in self._of(house):
                await nights.away(session, house.people[self.number], stay, out, back)

        return write

    def _attendance(self, day: date, minutes: int) -> Callable[[AsyncSession, House], Awaitable[None]]:
        async def write(session: AsyncSession, house: House) -> None:
            stay = house.stays.get((self.number, "2.1")) or house.stays.get((self.number, "2.5"))
            if stay is not None:
                await nights.attended(session, house.people[self.number], stay, day, minutes)

        return write

    def _grant(self, first: date, last: date) -> Callable[[AsyncSession, House], Awaitable[None]]:
        async def write(session: AsyncSession, house: House) -> None:
            for level in {level for number, level in house.stays if number == self.number} | {"2.1"}:
                await nights.case(session, house.people[self.number], first, last, level=level)

        return write


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Person], list[bool]]:
    people = [
        Person(
            number=number,
            payer=draw(st.sampled_from(["meridian", "statecare"])),
            level=draw(st.sampled_from(["3.5", "3.1", "2.5"])),
            arrives=draw(hours),
            stays_hours=draw(st.none() | st.integers(1, 200)),
            wrong_by=draw(st.integers(-30, 30)),
            told_late=draw(lags),
            corrected_after=draw(lags),
            leave=draw(st.none() | st.tuples(st.integers(1, 60), st.integers(1, 90), lags)),
            attends=draw(
                st.lists(
                    st.tuples(st.integers(0, 10), st.sampled_from([60, 150, 240]), lags), max_size=6,
                    unique_by=lambda a: a[0],
                ).map(tuple)
            ),
            granted=draw(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9), lags)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]  # fmt: skip
    return people, draw(st.lists(st.booleans(), min_size=NIGHTS, max_size=NIGHTS))


async def opened(database: Database) -> House:
    house = House(f"house{next(numbers)}_{uuid4().hex[:6]}")
    async with database.write() as session:
        await nights.facility(session, house.key, opened=on("2026-03-01"))
    return house


async def record(database: Database, house: House, fact: Fact, now: datetime, *, late: bool) -> None:
    async with database.write() as session:
        await fact.write(session, house)
        if late:
            await nights.mark_stale(
                session, facility=house.key, first=fact.reaches.astimezone(nights.TZ).date(), last=None, reason="late",
                key=str(uuid4()), now=now,
            )  # fmt: skip


async def picture(database: Database, house: House) -> dict[str, Any]:
    """Everything the house shows, with stays by their place in the story."""
    names = {stay: key for key, stay in house.stays.items()}
    ledger = [(row[0], names[row[1]], *row[2:]) for row in await nights.ledger_of(database, house.key)]
    async with database.read() as session:
        lines = await session.execute(
            text(
                "SELECT l.service_date, replace(l.program, :place, ''), l.level, l.payer, l.opening, l.admissions, "
                "l.transfers_in, l.returns, l.discharges, l.deaths, l.transfers_out, l.leaves_out, l.closing, l.on_leave "
                "FROM census_line l JOIN facility_day d ON d.facility = l.facility AND d.service_date = l.service_date "
                "AND d.version = l.version WHERE l.facility = :place ORDER BY 1, 2, 3, 4"
            ),
            {"place": house.key},
        )
        census = [tuple(row) for row in lines]
    return {
        "ledger": sorted(ledger, key=str),
        "census": census,
        "exceptions": await nights.open_exceptions(database, house.key),
    }


async def told_over_time(
    database: Database, hands: MidnightActivities, facts: list[Fact], closes: list[bool]
) -> dict[str, Any]:
    """Facts arrive at their hour; some midnights the close runs, some it does not."""
    house = await opened(database)
    waiting = sorted(facts, key=lambda f: f.recorded_at)
    for night, runs in enumerate(closes):
        now = MONDAY + timedelta(days=night + 1, minutes=5)
        while waiting and waiting[0].recorded_at <= now:
            await record(database, house, waiting.pop(0), now, late=True)
        if runs:
            await nights.close_all(hands, now, house.key)
            assert await nights.census_problems(database, house.key) == []
    end = MONDAY + timedelta(days=NIGHTS, minutes=5)
    for fact in waiting:
        await record(database, house, fact, end, late=True)
    await nights.close_all(hands, end, house.key)
    assert await nights.census_problems(database, house.key) == []
    shown = await picture(database, house)
    for number in range(NIGHTS):
        day = on("2026-03-01") + timedelta(days=number)
        again = await hands.close(CloseDate(facility=house.key, service_date=day, now=end))
        assert not again.changed
    return shown


async def told_at_the_end(database: Database, hands: MidnightActivities, facts: list[Fact]) -> dict[str, Any]:
    house = await opened(database)
    end = MONDAY + timedelta(days=NIGHTS, minutes=5)
    for fact in sorted(facts, key=lambda f: f.recorded_at):
        await record(database, house, fact, end, late=False)
    await nights.close_all(hands, end, house.key)
    return await picture(database, house)


@settings(
    max_examples=20, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(stories())
async def test_any_order_gives_the_same_ledger(database: Database, story: tuple[list[Person], list[bool]]) -> None:
    people, closes = story
    facts = [fact for person in people for fact in person.facts()]
    hands = MidnightActivities(database, HOUSE)
    over_time = await told_over_time(database, hands, facts, closes)
    at_once = await told_at_the_end(database, hands, facts)
    assert over_time == at_once
    assert await nights.doubles(database) == 0


async def test_two_closers_of_the_same_nights(database: Database) -> None:
    """Each date is closed once; the second closer finds nothing to do. Never two live per diems."""
    hands = MidnightActivities(database, HOUSE)
    async with database.write() as session:
        await nights.facility(session)
        for _ in range(20):
            who = await nights.someone(session)
            await nights.stay(session, who, at("2026-03-01 10:00"))
    now = at("2026-03-06 00:05")
    both = await asyncio.gather(nights.close_all(hands, now), nights.close_all(hands, now))
    assert sum(c.posted for c in (*both[0], *both[1])) == 5 * 20
    assert len(await nights.ledger_of(database)) == 5 * 20
    assert {c.version for c in (*both[0], *both[1])} == {1}
    assert await nights.doubles(database) == 0
    assert await nights.census_problems(database) == []


async def test_a_fact_that_arrives_while_its_night_is_being_closed(database: Database) -> None:
    """The closer read before the fact was there: the fact waits for it, then reopens the date."""
    hands = MidnightActivities(database, HOUSE)
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        stay = await nights.stay(session, who, at("2026-03-01 10:00"))
    now = at("2026-03-02 00:05")
    read = asyncio.Event()

    def note() -> None:
        read.set()

    closing = asyncio.create_task(
        hands.close(CloseDate(facility="north", service_date=on("2026-03-01"), now=now), note)
    )
    await read.wait()
    async with database.write() as session:
        await nights.discharge(session, stay, at("2026-03-01 20:00"))
        marked = await nights.mark_stale(
            session, facility="north", first=on("2026-03-01"), last=None, reason="late", key="k", now=now
        )
    assert (await closing).version == 1
    assert marked == 1
    await nights.close_all(hands, now)
    assert await nights.census_problems(database) == []
    async with database.read() as session:
        closing_count = await session.execute(
            text("SELECT sum(closing) FROM census_line WHERE facility = 'north' AND version = 2")
        )
        assert closing_count.scalar_one() == 0


async def test_a_person_in_two_facilities_closed_at_once(database: Database) -> None:
    """Invariant 1 when the two closers run together: the unique index lets one of them bill."""
    hands = MidnightActivities(database, HOUSE)
    async with database.write() as session:
        await nights.facility(session, "north")
        await nights.facility(session, "south")
        for _ in range(10):
            here = await nights.someone(session, "north")
            await nights.stay(session, here, at("2026-03-02 10:00"))
            there = await nights.someone(session, "south", person=here.person_id)
            program = await nights.stay(session, there, at("2026-03-02 10:00"), level="2.5")
            await nights.attended(session, there, program, on("2026-03-02"), 240)
    now = at("2026-03-03 00:05")
    await asyncio.gather(nights.close_all(hands, now, "north"), nights.close_all(hands, now, "south"))
    billed = len(await nights.ledger_of(database, "north")) + len(await nights.ledger_of(database, "south"))
    assert billed == 10
    assert await nights.doubles(database) == 0
    conflicts = [
        e
        for place in ("north", "south")
        for e in await nights.open_exceptions(database, place)
        if e[1] == "pairing_conflict"
    ]
    assert len(conflicts) == 10
