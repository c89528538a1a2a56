"""What is on record about people who look alike: pairs, proposed and decided (E03)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.identity import Likeness, NotSameReason, PairStatus
from definitions.ids import derived
from storage.models import PersonPair

Token = tuple[str, bytes]
# Two desks that put the same newcomer on record at once: the second waits until the first is on record (E04).
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:token, 'hex'), 29))")


async def one_at_a_time(session: AsyncSession, tokens: Sequence[Token]) -> None:
    """Held until the transaction ends. In one order everywhere, so that nobody waits in a circle."""
    for _, token in sorted(tokens):
        await session.execute(LOCK, {"token": token})


def in_order(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    return (one, other) if one < other else (other, one)


def pair_id(one: UUID, other: UUID) -> UUID:
    return derived("pair", *(str(p) for p in in_order(one, other)))


async def propose(
    session: AsyncSession, one: UUID, other: UUID, alike: Likeness, *, now: datetime, actor: str,
    dismissed: NotSameReason | None = None,
) -> bool:  # fmt: skip
    """A pair for the queue, or, with `dismissed`, one that was settled when it was met. Whether it is new."""
    first, second = in_order(one, other)
    decided = dismissed is not None
    row = await session.execute(
        insert(PersonPair)
        .values(
            id=pair_id(one, other), one_id=first, other_id=second, rank=alike.rank, reasons=list(alike.reasons),
            status=PairStatus.DISMISSED if decided else PairStatus.PROPOSED, found_at=now,
            decided_at=now if decided else None, decided_by=actor if decided else None,
            reason=dismissed.value if dismissed is not None else None, version=1,
        )
        .on_conflict_do_nothing()
        .returning(PersonPair.id)
    )  # fmt: skip
    return row.scalar_one_or_none() is not None


async def lock_pair(session: AsyncSession, pair: UUID) -> PersonPair | None:
    return (
        await session.execute(select(PersonPair).where(PersonPair.id == pair).with_for_update())
    ).scalar_one_or_none()


def decide(row: PersonPair, status: PairStatus, *, reason: str | None, actor: str, now: datetime) -> None:
    row.status, row.reason, row.decided_by, row.decided_at = status, reason, actor, now
    row.version += 1
