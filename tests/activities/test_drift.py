"""Drift on real rows: an owned item the day it appears, gone when it is gone; units that run out move the review up."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from activities.drift import watch_drift
from activities.midnight import MidnightActivities
from activities.scarce_units import carried_through, tell_scarce_cases
from definitions.drift import DriftFacts
from definitions.payer import AuthorizationNeed
from definitions.vocabulary import BillingBehaviour, SessionStatus, Track
from rules.drift import drift_of
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import Attendance, AuthorizationGrant, Session
from tests.activities import nights
from tests.activities.nights import at, on

CATALOG = load_catalog()
PLACE = "harbor"
TERMS = CATALOG.latest.payers["meridian"].terms("2.5")
SUNDAY = on("2026-03-15")


CALM = DriftFacts(
    stay_id=UUID(int=1), episode_id=UUID(int=2), level="2.5", track=Track.DAY, started_on=on("2026-03-02"),
    granted_levels=("2.5",), covered=True, charged=True, attended_this_week=1200, scheduled_ahead=1200,
)  # fmt: skip


def facts(**more: Any) -> DriftFacts:
    return replace(CALM, **more)


@pytest.mark.parametrize(
    ("said", "day", "kinds"),
    [
        ({}, SUNDAY, []),
        ({"granted_levels": ("2.1",), "covered": False}, SUNDAY, ["drift_level"]),
        ({"granted_levels": ("2.1", "2.5")}, SUNDAY, []),
        ({"granted_levels": (), "covered": False}, SUNDAY, ["drift_uncovered"]),
        ({"granted_levels": (), "covered": False, "asked": True}, SUNDAY, []),
        ({"granted_levels": (), "covered": False, "charged": False}, SUNDAY, []),
        # SCH-06: a PHP patient at twelve hours; judged when the week is over, and only a whole one.
        ({"attended_this_week": 720}, SUNDAY, ["drift_attendance"]),
        ({"attended_this_week": 720}, on("2026-03-14"), []),
        ({"attended_this_week": 720, "started_on": on("2026-03-11")}, SUNDAY, []),
        ({"scheduled_ahead": 600}, on("2026-03-11"), ["drift_schedule"]),
        # SCH-08: what a holiday took from the template is nobody's shortfall.
        ({"scheduled_ahead": 900, "planned": 900}, on("2026-03-11"), []),
        ({"track": Track.BED, "attended_this_week": 0, "scheduled_ahead": 0}, SUNDAY, []),
    ],
)  # fmt: skip
def test_what_drifted(said: dict[str, object], day: date, kinds: list[str]) -> None:
    planned = said.get("planned", 1500)
    assert isinstance(planned, int)
    one = facts(**{k: v for k, v in said.items() if k != "planned"})
    assert [d.kind for d in drift_of(one, TERMS, 1200, day, planned)] == kinds


def test_a_payer_that_asks_for_nothing_is_owed_nothing() -> None:
    terms = TERMS.model_copy(update={"need": AuthorizationNeed.NONE}) if TERMS else None
    assert drift_of(facts(granted_levels=(), covered=False), terms, 1200, on("2026-03-11"), 1500) == ()


async def open_drift(database: Database) -> list[tuple[str, str]]:
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT kind, status FROM open_item WHERE kind LIKE 'drift%' ORDER BY opened_at, kind")
        )
        return [tuple(r) for r in rows]


async def test_an_item_the_day_it_appears_once_and_gone_when_it_is_gone(database: Database) -> None:
    async with database.write() as session:
        await nights.facility(session, PLACE)
        who = await nights.someone(session, PLACE)
        await nights.stay(session, who, at("2026-03-02 10:00"))
        case = await nights.case(session, who, on("2026-03-02"), on("2026-03-31"), level="3.1")
    hands = MidnightActivities(database, CATALOG)

    async def night(day: int) -> int:
        now = at(f"2026-03-{day + 1:02} 00:10")
        await nights.close_all(hands, now, PLACE)
        async with database.write() as session:
            return await watch_drift(session, CATALOG, PLACE, on(f"2026-03-{day:02}"), now)

    assert await night(2) == 1
    assert await night(3) == 0
    assert await open_drift(database) == [("drift_level", "open")]
    async with database.write() as session:
        await session.execute(
            text("UPDATE authorization_grant SET level = '3.5' WHERE authorization_id = :case"), {"case": case}
        )
    assert await night(4) == 0
    assert await open_drift(database) == [("drift_level", "done")]
    async with database.write() as session:
        await session.execute(
            text("UPDATE authorization_grant SET state = 'superseded' WHERE authorization_id = :case"), {"case": case}
        )
    assert await night(5) == 1
    async with database.write() as session:
        assert await watch_drift(session, CATALOG, PLACE, on("2026-03-04"), at("2026-03-06 00:10")) == 0
    assert await open_drift(database) == [("drift_level", "done"), ("drift_uncovered", "open")]


async def test_units_that_run_out_before_the_dates_move_the_last_covered_day(database: Database) -> None:
    """AUTH-01, E35: three visits over two weeks, one used; two more are placed on the 6th and the 9th."""
    async with database.write() as session:
        await nights.facility(session, PLACE)
        who = await nights.someone(session, PLACE)
        stay = await nights.stay(session, who, at("2026-03-02 09:00"), level="2.1")
        case = await nights.case(session, who, on("2026-03-02"), on("2026-03-15"), level="2.1", units=3)
        await nights.attended(session, who, stay, on("2026-03-04"), 90, 90)
        for day in (6, 9, 11):
            await placed(session, who, stay, on(f"2026-03-{day:02}"))
    await nights.close_all(MidnightActivities(database, CATALOG), at("2026-03-05 00:10"), PLACE)
    async with database.write() as session:
        grant = (await session.scalars(select(AuthorizationGrant))).one()
        assert await carried_through(session, grant, BillingBehaviour.ATTENDANCE) == on("2026-03-09")
        assert await tell_scarce_cases(session, PLACE, on("2026-03-04"), at("2026-03-05 00:10")) == 1
        await session.flush()
        told = await session.execute(text("SELECT payload->>'authorization_id' FROM outbox WHERE kind LIKE 'auth%'"))
        assert [r[0] for r in told] == [str(case)]
        assert await tell_scarce_cases(session, PLACE, on("2026-03-03"), at("2026-03-05 00:10")) == 0
        # Fewer are placed than units are left: what lies beyond is not known, and keeps the date.
        await session.execute(text("UPDATE authorization_grant SET units = 6"))
        await session.refresh(grant)
        assert await carried_through(session, grant, BillingBehaviour.ATTENDANCE) == on("2026-03-15")
        # Nights are used one a date; used up altogether, the day of the last use is the last.
        await session.execute(text("UPDATE authorization_grant SET units = 2"))
        await session.refresh(grant)
        assert await carried_through(session, grant, BillingBehaviour.OVERNIGHT) == on("2026-03-05")
        await session.execute(text("UPDATE authorization_grant SET units = 1"))
        await session.refresh(grant)
        assert await carried_through(session, grant, BillingBehaviour.OVERNIGHT) == on("2026-03-04")


async def placed(session: AsyncSession, who: nights.Someone, stay: UUID, day: date) -> None:
    starts = at(f"{day.isoformat()} 09:00")
    meeting = Session(
        id=uuid4(), facility=who.place, program=f"{who.place}_day", template="test", block=str(uuid4()), title="Group",
        kind="group", service_date=day, starts_at=starts, ends_at=starts, minutes=180, counts=True,
    )  # fmt: skip
    session.add(meeting)
    await session.flush()
    session.add(
        Attendance(
            session_id=meeting.id, stay_id=stay, episode_id=who.episode_id, service_date=day,
            status=SessionStatus.SCHEDULED,
        )
    )  # fmt: skip
    await session.flush()
