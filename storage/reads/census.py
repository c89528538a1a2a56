"""Census of any closed date, as known now or as known under an earlier version (CEN-02)."""

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import CensusLine, CensusPresence, CensusSnapshot

COLUMNS = (
    "opening", "admissions", "transfers_in", "returns", "discharges", "deaths", "transfers_out", "leaves_out",
    "closing", "on_leave",
)  # fmt: skip


async def census_of(
    session: AsyncSession, facility: str, on: date, version: int | None = None
) -> dict[str, Any] | None:
    """Lines with totals; None when the date is not closed."""
    if version is None:
        newest = await session.execute(
            select(func.max(CensusSnapshot.version)).where(
                CensusSnapshot.facility == facility, CensusSnapshot.service_date == on
            )
        )
        version = newest.scalar_one_or_none()
    snapshot = await session.get(CensusSnapshot, (facility, on, version)) if version is not None else None
    if snapshot is None:
        return None
    rows = await session.execute(
        select(CensusLine)
        .where(CensusLine.facility == facility, CensusLine.service_date == on, CensusLine.version == version)
        .order_by(CensusLine.program, CensusLine.level, CensusLine.payer)
    )
    lines = [
        {"program": r.program, "level": r.level, "payer": r.payer, **{c: getattr(r, c) for c in COLUMNS}}
        for r in rows.scalars()
    ]
    totals = {c: sum(line[c] for line in lines) for c in COLUMNS}
    return {
        "facility": facility,
        "date": on,
        "version": version,
        "taken_at": snapshot.taken_at,
        "reason": snapshot.reason,
        "lines": lines,
        "totals": totals,
    }


async def behind(session: AsyncSession, facility: str, on: date, version: int) -> list[CensusPresence]:
    """Who stands behind the numbers of a snapshot."""
    rows = await session.execute(
        select(CensusPresence)
        .where(
            CensusPresence.facility == facility,
            CensusPresence.service_date == on,
            CensusPresence.version == version,
        )
        .order_by(CensusPresence.program, CensusPresence.level, CensusPresence.stay_id)
    )
    return list(rows.scalars())
