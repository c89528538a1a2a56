"""Facilities, programs and beds as the newest edition names them; loaded when an entry starts."""

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.edition import Edition
from storage.models import Bed, Facility, Program


def bed_id(facility: str, bed: str) -> str:
    return f"{facility}/{bed}"


async def ensure_facilities(session: AsyncSession, edition: Edition, opened_on: date | None = None) -> None:
    """Make rows for every facility, program and bed of `edition`; existing beds keep what a person set (closed,
    cleaning). `opened_on`: first service date accounted for, of facilities that are new; default today (UTC)."""
    first = opened_on or datetime.now(UTC).date()
    for facility in edition.facilities.values():
        statement = insert(Facility).values(
            key=facility.key, zone=facility.zone, name=facility.name, edition=edition.name, opened_on=first
        )
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["key"],
                set_={"zone": facility.zone, "name": facility.name, "edition": edition.name},
            )
        )
        for program in facility.programs:
            made = insert(Program).values(
                key=program.key, facility=facility.key, name=program.name, capacity=program.capacity
            )
            await session.execute(
                made.on_conflict_do_update(
                    index_elements=["key"], set_={"name": program.name, "capacity": program.capacity}
                )
            )
        beds = [
            {
                "id": bed_id(facility.key, bed.key),
                "facility": facility.key,
                "program": unit.program,
                "unit": unit.key,
                "room": bed.room,
                "label": bed.label,
                "levels": list(unit.levels),
                "attributes": list(bed.attributes),
            }
            for unit in facility.units
            for bed in unit.beds
        ]
        if beds:
            rows = insert(Bed).values(beds)
            await session.execute(
                rows.on_conflict_do_update(
                    index_elements=["id"],
                    set_={n: rows.excluded[n] for n in ("program", "unit", "room", "label", "levels", "attributes")},
                )
            )


async def facilities(session: AsyncSession) -> list[Facility]:
    return list((await session.execute(select(Facility).order_by(Facility.key))).scalars())
