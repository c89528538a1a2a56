"""The midnight statement says for everybody at once what `rules.coverage.primary_on` says of one (E38)."""

import random
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.charging import NO_PAYER
from definitions.coverage import CoverageInterval
from definitions.vocabulary import CoverageKind
from rules.accrual import night_of
from rules.coverage import primary_on
from storage.engine import Database
from storage.models import Coverage
from storage.reads.night import read_presence
from storage.repositories.coverage import coverages_of
from tests.activities import nights
from tests.activities.nights import at, on

PEOPLE = 120
FIRST = on("2026-03-02")


async def some_coverages(session: AsyncSession, person: UUID, dice: random.Random) -> None:
    """Whatever may stand on record: gaps, ends, second ranks, voided rows, an unsaid beginning, none at all."""
    for rank in range(1, dice.randint(1, 3)):
        day = FIRST + timedelta(days=dice.randint(-4, 6))
        for _ in range(dice.randint(0, 3)):
            length = dice.choice([0, 1, 3, 8, None])
            session.add(
                Coverage(
                    id=uuid4(), person_id=person, payer=dice.choice(["meridian", "unity", "county"]),
                    kind=CoverageKind.INSURANCE, rank=rank + 1, from_date=day,
                    through_date=None if length is None else day + timedelta(days=length),
                    reaches_back=dice.random() < 0.5, voided=dice.random() < 0.2,
                )
            )  # fmt: skip
            if length is None:
                break
            day += timedelta(days=length + dice.randint(1, 3))
    await session.flush()


async def test_the_statement_and_the_rule_agree(database: Database) -> None:
    dice = random.Random(20260302)
    people: dict[UUID, tuple[CoverageInterval, ...]] = {}
    async with database.write() as session:
        await nights.facility(session)
        for _ in range(PEOPLE):
            who = await nights.someone(session, payer="bluestone")
            await nights.stay(session, who, at("2026-02-20 10:00"))
            await session.execute(
                text("UPDATE coverage SET voided = :gone, reaches_back = :back, from_date = :day, through_date = :last "
                     "WHERE id = :id"),
                {"gone": dice.random() < 0.6, "back": dice.random() < 0.5, "id": who.coverage_id,
                 "day": FIRST + timedelta(days=dice.randint(-3, 5)), "last": FIRST + timedelta(days=dice.randint(6, 9))},
            )  # fmt: skip
            await some_coverages(session, who.person_id, dice)
            people[who.person_id] = await coverages_of(session, who.person_id)
    seen = set()
    for n in range(-5, 14):
        day = FIRST + timedelta(days=n)
        night = night_of(day, nights.ZONE)
        async with database.read() as session:
            rows = await read_presence(session, "north", day, night.begins, night.ends)
        assert len(rows) == PEOPLE
        for row in rows:
            known = people[row.stay.person_id]
            assert row.stay.payer == expected(known, day)
            assert row.stay.payer_before == expected(known, day - timedelta(days=1))
            seen.add(row.stay.payer)
    assert seen == {"meridian", "unity", "county", "bluestone", NO_PAYER}


def expected(rows: tuple[CoverageInterval, ...], day: date) -> str:
    found = primary_on(rows, day)
    return found.payer if found else NO_PAYER


async def test_a_stay_without_any_coverage_on_record_says_itself_who_pays(database: Database) -> None:
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        await nights.stay(session, who, at("2026-03-02 10:00"))
        await session.execute(text("UPDATE episode SET coverage_id = NULL"))
        await session.execute(text("DELETE FROM coverage"))
    night = night_of(FIRST, nights.ZONE)
    async with database.read() as session:
        (row,) = await read_presence(session, "north", FIRST, night.begins, night.ends)
    assert (row.stay.payer, row.stay.payer_before) == ("meridian", "meridian")


async def test_two_coverages_never_hold_one_place_on_one_day(database: Database) -> None:
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
    again = {"person": who.person_id, "id": uuid4(), "day": on("2026-03-05"), "voided": False}
    insert = text(
        "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date, voided) "
        "VALUES (:id, :person, 'unity', 'insurance', 1, :day, :voided)"
    )
    with pytest.raises(IntegrityError, match="ex_coverage_person_rank_dates"):
        async with database.write() as session:
            await session.execute(insert, again)
    async with database.write() as session:
        await session.execute(insert, {**again, "voided": True})
    async with database.read() as session:
        held = await session.execute(select(Coverage.payer).where(Coverage.voided.is_(False)))
        assert list(held.scalars()) == ["meridian"]
