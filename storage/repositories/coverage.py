"""A person's coverages as dated rows; who changes them holds the person's row (E38 to E41)."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.coverage import CoverageInterval
from definitions.vocabulary import OPEN_PHASES, CoverageKind, CoverageReason
from storage.models import Coverage, Episode, PerDiemAccount, Stay


async def coverages_of(session: AsyncSession, person_id: UUID) -> tuple[CoverageInterval, ...]:
    """Every coverage of a person, voided ones too, oldest first."""
    rows = await session.execute(
        select(Coverage).where(Coverage.person_id == person_id).order_by(Coverage.from_date, Coverage.rank, Coverage.id)
    )
    return tuple(
        CoverageInterval(
            id=c.id,
            payer=c.payer,
            rank=c.rank,
            from_date=c.from_date,
            through_date=c.through_date,
            reaches_back=c.reaches_back,
            voided=c.voided,
        )
        for c in rows.scalars()
    )


async def add_coverage(
    session: AsyncSession, *, coverage_id: UUID, person_id: UUID, payer: str, kind: CoverageKind, rank: int,
    from_date: date, through_date: date | None, reaches_back: bool = False, voided: bool = False,
    reason: CoverageReason = CoverageReason.REFERRAL, actor: str | None = None, now: datetime | None = None,
) -> None:  # fmt: skip
    """A coverage of a person; the same id is written once."""
    await session.execute(
        insert(Coverage)
        .values(
            id=coverage_id, person_id=person_id, payer=payer, kind=kind, rank=rank, from_date=from_date,
            through_date=through_date, reaches_back=reaches_back, voided=voided, reason=reason, changed_at=now,
            changed_by=actor,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip


async def write_coverages(
    session: AsyncSession,
    person_id: UUID,
    before: tuple[CoverageInterval, ...],
    after: tuple[CoverageInterval, ...],
    kinds: Mapping[str, CoverageKind],
    *,
    reason: CoverageReason,
    actor: str,
    now: datetime,
) -> None:
    """Make the rows what the rule says. Rows that change let go of their place first, so that one may take another's."""
    known = {row.id: row for row in before}
    moving = [row for row in after if row.id in known and row != known[row.id]]
    await session.execute(update(Coverage).where(Coverage.id.in_([r.id for r in moving])).values(voided=True))
    for row in moving:
        await session.execute(
            update(Coverage)
            .where(Coverage.id == row.id)
            .values(
                rank=row.rank, from_date=row.from_date, through_date=row.through_date, reaches_back=row.reaches_back,
                voided=row.voided, reason=reason, changed_at=now, changed_by=actor,
            )
        )  # fmt: skip
    for row in after:
        if row.id not in known:
            await add_coverage(
                session, coverage_id=row.id, person_id=person_id, payer=row.payer, kind=kinds[row.payer],
                rank=row.rank, from_date=row.from_date, through_date=row.through_date, reaches_back=row.reaches_back,
                voided=row.voided, reason=reason, actor=actor, now=now,
            )  # fmt: skip
    await session.flush()


async def open_episodes_of(session: AsyncSession, person_id: UUID, but: UUID | None) -> list[tuple[UUID, str]]:
    """Other open episodes of the person, with their facilities."""
    query = select(Episode.id, Episode.facility).where(Episode.person_id == person_id, Episode.phase.in_(OPEN_PHASES))
    if but is not None:
        query = query.where(Episode.id != but)
    return [(r.id, r.facility) for r in await session.execute(query.order_by(Episode.id))]


async def facilities_of(session: AsyncSession, person_id: UUID) -> list[str]:
    """Every facility that ever had a stay of the person: its days may have to be priced again."""
    rows = await session.execute(select(Stay.facility).where(Stay.person_id == person_id).distinct())
    return sorted(rows.scalars())


async def replace_accounts(session: AsyncSession, stay_id: UUID, accounts: list[PerDiemAccount]) -> None:
    """The per diem accounts of one stay, one for each run of days that one payer pays."""
    known = {
        row.id: row
        for row in (await session.execute(select(PerDiemAccount).where(PerDiemAccount.stay_id == stay_id))).scalars()
    }
    for wanted in accounts:
        row = known.pop(wanted.id, None)
        if row is None:
            session.add(wanted)
        else:
            row.payer, row.opened_on, row.closed_on = wanted.payer, wanted.opened_on, wanted.closed_on
    for row in known.values():
        await session.delete(row)
    await session.flush()
