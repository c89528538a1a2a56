"""A facility whose payers change in mid-stay, and what stands after each act."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select, text

from definitions.vocabulary import (
    ChargeStatus,
    OpenItemStatus,
)
from storage.models import (
    AuthorizationRequest,
    Charge,
    Episode,
    OpenItem,
)
from tests.activities import nights
from tests.activities.harbor import Harbor, Patient
from tests.activities.nights import at, on

TWELFTH = at("2026-03-13 09:00")
"""The morning of the twelfth day of a stay that began on 2 March."""
MERIDIAN, UNITY, STATECARE = Decimal("800.00"), Decimal("870.00"), Decimal("410.00")
COUNTS = (
    'SELECT (SELECT count(*) FROM coverage), (SELECT count(*) FROM "authorization"), (SELECT count(*) FROM open_item), '
    "(SELECT count(*) FROM consent), (SELECT count(*) FROM timeline_entry), (SELECT count(*) FROM outbox), "
    "(SELECT count(*) FROM per_diem_account), (SELECT max(version) FROM episode)"
)


async def closed(harbor: Harbor, now: datetime) -> None:
    await nights.close_all(harbor.nights, now, "harbor")


async def charges(one: Patient, live: bool = True) -> list[Charge]:
    async with one.harbor.database.read() as session:
        rows = await session.execute(
            select(Charge).where(Charge.episode_id == one.episode).order_by(Charge.service_date, Charge.revision)
        )
        return [c for c in rows.scalars() if not live or c.status is ChargeStatus.LIVE]


async def days(one: Patient) -> list[tuple[date, str, Decimal]]:
    return [(c.service_date, c.payer, c.amount) for c in await charges(one)]


def run(payer: str, amount: Decimal, first: str, last: str) -> list[tuple[date, str, Decimal]]:
    start, end = on(f"2026-{first}"), on(f"2026-{last}")
    return [(start + timedelta(days=n), payer, amount) for n in range((end - start).days + 1)]


async def items(one: Patient, *kinds: str) -> list[OpenItem]:
    async with one.harbor.database.read() as session:
        rows = await session.execute(
            select(OpenItem).where(OpenItem.episode_id == one.episode, OpenItem.status == OpenItemStatus.OPEN)
        )
        return [i for i in rows.scalars() if not kinds or i.kind in kinds]


async def episode_of(one: Patient) -> Episode:
    async with one.harbor.database.read() as session:
        return await session.get_one(Episode, one.episode)


async def requests(one: Patient, case: UUID) -> list[AuthorizationRequest]:
    async with one.harbor.database.read() as session:
        rows = await session.execute(select(AuthorizationRequest).where(AuthorizationRequest.authorization_id == case))
        return list(rows.scalars())


async def census(harbor: Harbor, day: str) -> dict[str, tuple[int, int, int, int]]:
    """Opening, transfers in, transfers out and closing by payer, newest version."""
    async with harbor.database.read() as session:
        rows = await session.execute(
            text(
                "SELECT l.payer, l.opening, l.transfers_in, l.transfers_out, l.closing FROM census_line l "
                "JOIN facility_day d ON d.facility = l.facility AND d.service_date = l.service_date "
                "AND d.version = l.version WHERE l.facility = 'harbor' AND l.service_date = :on"
            ),
            {"on": on(f"2026-{day}")},
        )
        return {r[0]: (r[1], r[2], r[3], r[4]) for r in rows}


async def sound(harbor: Harbor) -> None:
    """No line out of balance, no date that opens otherwise than the one before closed, no day billed twice."""
    assert await nights.census_problems(harbor.database, "harbor") == []
    assert await nights.doubles(harbor.database) == 0
