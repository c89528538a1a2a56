"""Desired against posted: what a late fact does to days already billed, and what a person's word outlives."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, text

from activities.midnight import MidnightActivities
from definitions.accrual import AccrualPolicy, AttendanceMinimum
from definitions.midnight import CloseDate
from definitions.vocabulary import AuthorizationStatus, ChargeStatus, Phase
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import Authorization, Charge, ChargeException, Outbox
from storage.repositories.charge_exception import resolve_by_person
from storage.repositories.ledger import void_by_person
from tests.activities import nights
from tests.activities.nights import at, on

NOW = at("2026-03-15 00:05")
LATER = at("2026-03-15 09:00")


@pytest.fixture
def hands(database: Database) -> MidnightActivities:
    return MidnightActivities(database, load_catalog())


async def in_bed(database: Database, payer: str = "meridian", *, covered: bool = True) -> tuple[nights.Someone, UUID]:
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session, payer=payer)
        stay = await nights.stay(session, who, at("2026-03-02 10:00"))
        if covered:
            await nights.case(session, who, on("2026-03-01"), on("2026-03-31"))
    return who, stay


async def all_charges(database: Database, stay: UUID) -> list[Charge]:
    async with database.read() as session:
        rows = await session.execute(
            select(Charge).where(Charge.stay_id == stay).order_by(Charge.service_date, Charge.revision)
        )
        return list(rows.scalars())


async def test_a_charge_carries_what_a_claim_needs(database: Database, hands: MidnightActivities) -> None:
    _, stay = await in_bed(database)
    await nights.close_all(hands, at("2026-03-03 00:05"))
    (row,) = await all_charges(database, stay)
    assert (row.revenue_code, row.procedure_code, row.amount, row.rate_version) == (
        "1002", "H0018", Decimal("800.00"), "2025-01",
    )  # fmt: skip
    assert (row.authorization_state, row.rule, row.revision, row.close_version) == ("covered", "BILL-02", 1, 1)
    assert row.authorization_id is not None


async def test_the_rate_is_that_of_the_date_of_service(database: Database, hands: MidnightActivities) -> None:
    """E90: a rate change in the middle of a stay."""
    async with database.write() as session:
        await nights.facility(session, opened=on("2026-06-29"))
        who = await nights.someone(session)
        stay = await nights.stay(session, who, at("2026-06-29 10:00"))
    await nights.close_all(hands, at("2026-07-03 00:05"))
    assert [(c.amount, c.rate_version) for c in await all_charges(database, stay)] == [
        (Decimal("800.00"), "2025-01"), (Decimal("800.00"), "2025-01"),
        (Decimal("824.00"), "2026-07"), (Decimal("824.00"), "2026-07"),
    ]  # fmt: skip


@pytest.mark.parametrize("payer", ["self_pay", "county"])
async def test_nobody_asks_and_nothing_is_missing(database: Database, hands: MidnightActivities, payer: str) -> None:
    _, stay = await in_bed(database, payer, covered=False)
    await nights.close_all(hands, at("2026-03-04 00:05"))
    assert [c.authorization_state for c in await all_charges(database, stay)] == ["not_required", "not_required"]
    assert await nights.open_exceptions(database) == []


async def test_cover_that_comes_late_settles_the_day_without_touching_the_money(
    database: Database, hands: MidnightActivities
) -> None:
    who, stay = await in_bed(database, covered=False)
    await nights.close_all(hands, at("2026-03-04 00:05"))
    assert await nights.open_exceptions(database) == [
        (on("2026-03-02"), "no_authorization"), (on("2026-03-03"), "no_authorization"),
    ]  # fmt: skip
    async with database.write() as session:
        asked = await nights.case(session, who, on("2026-03-02"), on("2026-03-31"), granted=False)
    await nights.recorded_late(database, on("2026-03-02"), at("2026-03-04 08:00"))
    await nights.close_all(hands, at("2026-03-04 08:00"))
    assert {c.authorization_state for c in await all_charges(database, stay)} == {"at_risk"}
    assert await nights.open_exceptions(database) == []
    async with database.write() as session:
        row = await session.get_one(Authorization, asked)
        row.status = AuthorizationStatus.APPROVED
        await nights.grant(session, row, on("2026-03-02"), on("2026-03-02"))
    await nights.recorded_late(database, on("2026-03-02"), at("2026-03-04 09:00"))
    closed = await nights.close_all(hands, at("2026-03-04 09:00"))
    charges = await all_charges(database, stay)
    assert [(c.revision, c.authorization_state) for c in charges] == [(1, "covered"), (1, "uncovered")]
    assert [(c.posted, c.voided, c.version) for c in closed] == [(0, 0, 1), (0, 0, 1)]
    assert await nights.open_exceptions(database) == [(on("2026-03-03"), "no_authorization")]


async def test_cover_at_another_level_is_named_as_such(database: Database, hands: MidnightActivities) -> None:
    who, _ = await in_bed(database, covered=False)
    async with database.write() as session:
        await nights.case(session, who, on("2026-03-01"), on("2026-03-31"), level="3.1")
    await nights.close_all(hands, at("2026-03-03 00:05"))
    assert await nights.open_exceptions(database) == [(on("2026-03-02"), "level_differs_from_authorized")]


async def test_an_earlier_discharge_voids_the_days_after_it(database: Database, hands: MidnightActivities) -> None:
    """E58: corrected after the nights were closed and billed."""
    _, stay = await in_bed(database)
    await nights.close_all(hands, at("2026-03-08 00:05"))
    async with database.write() as session:
        await nights.discharge(session, stay, at("2026-03-05 10:00"))
    marked = await nights.recorded_late(database, on("2026-03-05"), at("2026-03-08 08:00"))
    assert marked == 3
    closed = await nights.close_all(hands, at("2026-03-08 08:00"))
    assert [(c.service_date, c.version, c.voided) for c in closed] == [
        (on("2026-03-05"), 2, 1), (on("2026-03-06"), 2, 1), (on("2026-03-07"), 2, 1),
    ]  # fmt: skip
    assert await nights.billed(database, stay) == [on("2026-03-02"), on("2026-03-03"), on("2026-03-04")]
    voids = [c for c in await all_charges(database, stay) if c.status is ChargeStatus.VOID]
    assert {(c.tombstone, c.void_reason, c.successor) for c in voids} == {(False, "no longer payable", None)}
    assert await nights.census_problems(database) == []
    async with database.write() as session:
        await nights.discharge(session, stay, at("2026-03-06 10:00"))
    await nights.recorded_late(database, on("2026-03-05"), at("2026-03-08 09:00"))
    await nights.close_all(hands, at("2026-03-08 09:00"))
    again = [(c.revision, c.status) for c in await all_charges(database, stay) if c.service_date == on("2026-03-05")]
    assert again == [(1, ChargeStatus.VOID), (2, ChargeStatus.LIVE)]


async def test_a_corrected_level_restates_the_day_with_a_successor(
    database: Database, hands: MidnightActivities
) -> None:
    """E91: void and new, each pointing to the other."""
    _, stay = await in_bed(database)
    await nights.close_all(hands, at("2026-03-04 00:05"))
    async with database.write() as session:
        await session.execute(text("UPDATE stay SET level = '3.1' WHERE id = :id"), {"id": stay})
    await nights.recorded_late(database, on("2026-03-02"), at("2026-03-04 08:00"))
    closed = await nights.close_all(hands, at("2026-03-04 08:00"))
    assert [(c.posted, c.voided, c.version) for c in closed] == [(1, 1, 2), (1, 1, 2)]
    first, second = [c for c in await all_charges(database, stay) if c.service_date == on("2026-03-02")]
    assert (first.status, first.level, first.successor) == (ChargeStatus.VOID, "3.5", second.id)
    assert (second.status, second.level, second.amount, second.close_version) == (
        ChargeStatus.LIVE, "3.1", Decimal("310.00"), 2,
    )  # fmt: skip


async def test_a_persons_void_is_never_undone(database: Database, hands: MidnightActivities) -> None:
    _, stay = await in_bed(database)
    await nights.close_all(hands, at("2026-03-04 00:05"))
    first = (await all_charges(database, stay))[0]
    async with database.write() as session:
        assert await void_by_person(session, charge=first.id, actor="biller:kim", reason="courtesy", now=LATER)
    async with database.write() as session:
        assert not await void_by_person(session, charge=first.id, actor="biller:kim", reason="again", now=LATER)
    await nights.recorded_late(database, on("2026-03-02"), at("2026-03-04 08:00"))
    await nights.close_all(hands, at("2026-03-04 08:00"))
    assert await nights.billed(database, stay) == [on("2026-03-03")]
    assert await nights.open_exceptions(database) == [(on("2026-03-02"), "rerun_would_add")]
    async with database.write() as session:
        suggestion = (await session.execute(select(ChargeException))).scalar_one()
        assert suggestion.amount_at_risk == Decimal("800.00")
        assert await resolve_by_person(
            session, exception=suggestion.id, actor="biller:kim", resolution="stays void", now=LATER
        )
    again = await hands.close(CloseDate(facility="north", service_date=on("2026-03-02"), now=LATER))
    assert (again.changed, again.exceptions) == (False, 0)
    assert await nights.open_exceptions(database) == []
    async with database.write() as session:
        assert not await resolve_by_person(
            session, exception=suggestion.id, actor="biller:lou", resolution="twice", now=LATER
        )


PAIRING = AccrualPolicy(
    pairs=(("3.1", "2.1"),), attendance=(AttendanceMinimum(level="2.1", minutes=120),),
)  # fmt: skip


@pytest.mark.parametrize("paired", [True, False])
async def test_a_bed_beside_a_day_program(database: Database, paired: bool) -> None:
    """BILL-10, E57, E92: two tracks where the contract pairs, one charge and a question where it does not."""
    policy = PAIRING if paired else PAIRING.model_copy(update={"pairs": ()})
    hands = MidnightActivities(database, nights.contracts(meridian=policy))
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        await nights.stay(session, who, at("2026-03-02 10:00"), level="3.1")
        day = await nights.stay(session, who, at("2026-03-02 10:00"), level="2.1")
        for level in ("3.1", "2.1"):
            await nights.case(session, who, on("2026-03-01"), on("2026-03-31"), level=level)
        await nights.attended(session, who, day, on("2026-03-03"), 60, 60)
    await nights.close_all(hands, at("2026-03-05 00:05"))
    rows = [(row[0], row[3], row[4]) for row in await nights.ledger_of(database) if row[0] == on("2026-03-03")]
    assert sorted(rows) == sorted(
        [(on("2026-03-03"), "3.1", "main")] + ([(on("2026-03-03"), "2.1", "day")] if paired else [])
    )
    assert await nights.open_exceptions(database) == ([] if paired else [(on("2026-03-03"), "pairing_conflict")])


async def test_one_person_in_two_facilities_is_billed_once(database: Database, hands: MidnightActivities) -> None:
    """Invariant 1 across facilities; when the winner's day goes, the other may bill it."""
    who, winner = await in_bed(database)
    async with database.write() as session:
        await nights.facility(session, "south")
        there = await nights.someone(session, "south", person=who.person_id, phase=Phase.CLOSED)
        guest = await nights.stay(session, there, at("2026-03-03 08:00"), level="2.5")
        await nights.case(session, there, on("2026-03-01"), on("2026-03-31"), level="2.5")
        await nights.attended(session, there, guest, on("2026-03-03"), 120, 120, 30)
    await nights.close_all(hands, at("2026-03-05 00:05"))
    await nights.close_all(hands, at("2026-03-05 00:05"), "south")
    assert await nights.ledger_of(database, "south") == []
    assert await nights.open_exceptions(database, "south") == [(on("2026-03-03"), "pairing_conflict")]
    again = await hands.close(CloseDate(facility="south", service_date=on("2026-03-03"), now=NOW))
    assert (again.changed, again.posted) == (False, 0)
    async with database.write() as session:
        await nights.discharge(session, winner, at("2026-03-03 07:00"))
    await nights.recorded_late(database, on("2026-03-03"), at("2026-03-05 08:00"))
    await nights.close_all(hands, at("2026-03-05 08:00"))
    await nights.close_all(hands, at("2026-03-05 08:00"), "south")
    assert [(row[0], row[3]) for row in await nights.ledger_of(database, "south")] == [(on("2026-03-03"), "2.5")]
    assert await nights.open_exceptions(database, "south") == []
    assert await nights.doubles(database) == 0
    async with database.read() as session:
        asked = await session.execute(select(Outbox.target))
        assert set(asked.scalars()) == {"midnight/north", "midnight/south"}


CAPPED = AccrualPolicy(attendance=(AttendanceMinimum(level="2.5", minutes=240),), weekly_cap={"2.5": 2})


async def test_a_late_monday_takes_the_weeks_last_place(database: Database) -> None:
    """6.8: two days a week; the ledger is what closing once at the end would have made."""
    hands = MidnightActivities(database, nights.contracts(meridian=CAPPED))
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session)
        stay = await nights.stay(session, who, at("2026-03-02 08:00"), level="2.5")
        await nights.case(session, who, on("2026-03-01"), on("2026-03-31"), level="2.5")
        for day in ("2026-03-04", "2026-03-05", "2026-03-06", "2026-03-09"):
            await nights.attended(session, who, stay, on(day), 240)
    await nights.close_all(hands, at("2026-03-10 00:05"))
    assert await nights.billed(database, stay) == [on("2026-03-04"), on("2026-03-05"), on("2026-03-09")]
    assert await nights.open_exceptions(database) == [(on("2026-03-06"), "weekly_cap")]
    async with database.write() as session:
        await nights.attended(session, who, stay, on("2026-03-02"), 240)
    await nights.recorded_late_one(database, on("2026-03-02"), at("2026-03-10 08:00"))
    await nights.close_all(hands, at("2026-03-10 08:00"))
    assert await nights.billed(database, stay) == [on("2026-03-02"), on("2026-03-04"), on("2026-03-09")]
    assert await nights.open_exceptions(database) == [
        (on("2026-03-05"), "weekly_cap"),
        (on("2026-03-06"), "weekly_cap"),
    ]
    monday = (await all_charges(database, stay))[0]
    async with database.write() as session:
        await void_by_person(session, charge=monday.id, actor="biller:kim", reason="not ours", now=LATER)
    await nights.close_all(hands, at("2026-03-10 09:00"))
    assert await nights.billed(database, stay) == [on("2026-03-04"), on("2026-03-05"), on("2026-03-09")]


async def test_bed_hold_days_are_counted_by_the_year(database: Database) -> None:
    """BILL-12: a leave recorded late uses up days that a later leave had."""
    hands = MidnightActivities(database, nights.contracts(statecare=AccrualPolicy(bed_hold_days_per_year=3)))
    async with database.write() as session:
        await nights.facility(session, opened=on("2026-12-20"))
        who = await nights.someone(session, payer="statecare")
        stay = await nights.stay(session, who, at("2026-12-20 10:00"))
        await nights.away(session, who, stay, at("2026-12-27 12:00"), at("2027-01-03 12:00"))
    await nights.close_all(hands, at("2027-01-05 00:05"))
    held = await nights.billed(database, stay, "bed_hold")
    assert held == [on(f"2026-12-{n}") for n in (27, 28, 29)] + [on(f"2027-01-0{n}") for n in (1, 2)]
    async with database.write() as session:
        await nights.away(session, who, stay, at("2026-12-21 12:00"), at("2026-12-23 12:00"))
    async with database.write() as session:
        await nights.mark_stale(
            session, facility="north", first=on("2026-12-21"), last=on("2026-12-22"), reason="late leave", key="k",
            now=at("2027-01-05 08:00"),
        )  # fmt: skip
    await nights.close_all(hands, at("2027-01-05 08:00"))
    held = await nights.billed(database, stay, "bed_hold")
    assert held == [on("2026-12-21"), on("2026-12-22"), on("2026-12-27"), on("2027-01-01"), on("2027-01-02")]
    assert on("2026-12-28") not in await nights.billed(database, stay)
    rows = [c for c in await all_charges(database, stay) if c.kind == "bed_hold"]
    assert {(c.revenue_code, c.procedure_code) for c in rows} == {("0185", None)}


async def test_a_missing_rate_is_never_a_zero(database: Database, hands: MidnightActivities) -> None:
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session, payer="county")
        stay = await nights.stay(session, who, at("2026-03-02 08:00"), level="4.0")
    await nights.close_all(hands, at("2026-03-03 00:05"))
    assert await all_charges(database, stay) == []
    assert await nights.open_exceptions(database) == [(on("2026-03-02"), "no_rate")]


async def test_short_hours_say_by_how_many_minutes(database: Database, hands: MidnightActivities) -> None:
    async with database.write() as session:
        await nights.facility(session)
        who = await nights.someone(session, payer="county")
        stay = await nights.stay(session, who, at("2026-03-02 08:00"), level="2.5")
        await nights.attended(session, who, stay, on("2026-03-02"), 100, 110)
    await nights.close_all(hands, at("2026-03-03 00:05"))
    async with database.read() as session:
        (row,) = (await session.execute(select(ChargeException))).scalars().all()
    assert (row.cause, row.amount_at_risk) == ("hours_short", Decimal("192.00"))
    assert "30 minutes short" in row.why
    async with database.write() as session:
        await nights.attended(session, who, stay, on("2026-03-02"), 45)
    await nights.recorded_late_one(database, on("2026-03-02"), at("2026-03-03 08:00"))
    await nights.close_all(hands, at("2026-03-03 08:00"))
    assert await nights.billed(database, stay) == [on("2026-03-02")]
    async with database.read() as session:
        settled = await session.get_one(ChargeException, row.id)
    assert (settled.resolved_by, settled.resolution) == ("system", "the cause has gone")


async def test_dates_before_the_facility_opened_are_not_marked(database: Database, hands: MidnightActivities) -> None:
    await in_bed(database)
    await nights.close_all(hands, at("2026-03-03 00:05"))
    assert await nights.recorded_late(database, on("2026-02-01"), at("2026-03-03 12:00")) == 2
    assert await nights.recorded_late(database, on("2026-03-03") + timedelta(days=1), at("2026-03-03 12:00")) == 0
