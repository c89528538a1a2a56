"""Grants at night: units and dates both bind, leave uses none, agreements price their days (AUTH-01, AUTH-05, E43)."""

from decimal import Decimal
from uuid import uuid4

from sqlalchemy import text

from activities.midnight import MidnightActivities
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import SingleCaseAgreement
from tests.activities import nights
from tests.activities.nights import at, on


async def test_units_bind_as_dates_do_and_move_when_an_earlier_day_comes_late(database: Database) -> None:
    """AUTH-01, E35, E36: three units over six dates cover three nights; a leave recorded late gives a unit back to the
    first night that had none."""
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        stay_id = await nights.stay(session, who, at("2026-03-02 10:00"))
        await nights.case(session, who, on("2026-03-02"), on("2026-03-07"), units=3)
    hands = MidnightActivities(database, load_catalog())
    now = at("2026-03-08 09:00")
    await nights.close_all(hands, now)

    async def states() -> list[tuple[int, str]]:
        return [(row[0].day, row[6]) for row in await nights.ledger_of(database)]

    assert await states() == [(n, "covered" if n < 5 else "uncovered") for n in range(2, 8)]
    assert (on("2026-03-05"), "units_used_up") in await nights.open_exceptions(database)
    async with database.write() as session:
        await nights.away(session, who, stay_id, at("2026-03-03 10:00"), at("2026-03-04 10:00"))
    await nights.recorded_late_one(database, on("2026-03-03"), now)
    await nights.close_all(hands, now)
    assert await states() == [(2, "covered"), (4, "covered"), (5, "covered"), (6, "uncovered"), (7, "uncovered")]
    async with database.read() as session:
        used = await session.execute(text("SELECT count(*) FROM charge WHERE status = 'live' AND grant_id IS NOT NULL"))
        assert used.scalar_one() == 3


async def test_a_held_bed_uses_no_unit_unless_the_payer_says_so(database: Database) -> None:
    """AUTH-05: bed-hold days of a payer that pays them leave the grant alone."""
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session, payer="statecare")
        stay_id = await nights.stay(session, who, at("2026-03-02 10:00"))
        await nights.away(session, who, stay_id, at("2026-03-03 10:00"), at("2026-03-05 10:00"))
        await nights.case(session, who, on("2026-03-02"), on("2026-03-09"), units=3)
    await nights.close_all(MidnightActivities(database, load_catalog()), at("2026-03-08 09:00"))
    rows = [(row[0].day, row[2], row[6]) for row in await nights.ledger_of(database)]
    assert [r for r in rows if r[1] == "per_diem" and r[2] == "covered"] == [
        (n, "per_diem", "covered") for n in sorted(r[0] for r in rows if r[1] == "per_diem")[:3]
    ]
    async with database.read() as session:
        held = await session.execute(
            text("SELECT count(*) FROM charge WHERE kind = 'bed_hold' AND grant_id IS NOT NULL")
        )
        assert held.scalar_one() == 0


async def test_a_signed_agreement_prices_the_days_of_its_case(database: Database) -> None:
    """E43: a single-case agreement beats the contract's rate on its dates, and only there."""
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        await nights.stay(session, who, at("2026-03-02 10:00"))
        case = await nights.case(session, who, on("2026-03-02"), on("2026-03-09"))
        session.add(
            SingleCaseAgreement(
                id=uuid4(), authorization_id=case, episode_id=who.episode_id, facility="north", payer="meridian",
                level="3.5", amount=Decimal("655.00"), from_date=on("2026-03-03"), through_date=on("2026-03-04"),
                number="SCA1", proposed_at=at("2026-03-01 09:00"), signed_at=at("2026-03-01 10:00"),
                recorded_by="reviewer",
            )
        )  # fmt: skip
    await nights.close_all(MidnightActivities(database, load_catalog()), at("2026-03-06 09:00"))
    assert [(row[0].day, row[5]) for row in await nights.ledger_of(database)] == [
        (2, Decimal("800.00")), (3, Decimal("655.00")), (4, Decimal("655.00")), (5, Decimal("800.00")),
    ]  # fmt: skip
