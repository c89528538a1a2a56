"""Circuits and the queues behind them: rows of one payer, locked one payer at a time (E95). Lock order of every writer:
episode, case, circuit, control number."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.exchange import Circuit
from definitions.ids import authorization_workflow
from definitions.vocabulary import AuthorizationStatus, LineState
from storage.models import Authorization, AuthorizationRequest, PayerCircuit
from storage.repositories.outbox import AUTHORIZATION_CHANGED, announce

QUEUED = (AuthorizationStatus.HELD, AuthorizationStatus.READY)
"""With `held_at`: a woken request stays in the queue, as its first, until it is through."""


async def locked(session: AsyncSession, payer: str, now: datetime) -> Circuit:
    """The payer's circuit, locked until the transaction ends."""
    await session.execute(
        insert(PayerCircuit)
        .values(payer=payer, state=LineState.CLOSED, failures=0, changed_at=now)
        .on_conflict_do_nothing(index_elements=["payer"])
    )
    row = (
        await session.execute(
            select(PayerCircuit)
            .where(PayerCircuit.payer == payer)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    return circuit_of(row)


async def seen(session: AsyncSession, payer: str) -> Circuit:
    """The payer's circuit as it is, without a lock."""
    row = (await session.execute(select(PayerCircuit).where(PayerCircuit.payer == payer))).scalar_one_or_none()
    return circuit_of(row) if row is not None else Circuit()


def circuit_of(row: PayerCircuit) -> Circuit:
    return Circuit(state=row.state, failures=row.failures, opened_at=row.opened_at, retry_at=row.retry_at)


async def keep(session: AsyncSession, payer: str, circuit: Circuit, why: str | None, now: datetime) -> None:
    """Write a locked circuit back."""
    row = await session.get_one(PayerCircuit, payer)
    if row.state is not circuit.state:
        row.changed_at = now
    row.state, row.failures = circuit.state, circuit.failures
    row.opened_at, row.retry_at = circuit.opened_at, circuit.retry_at
    row.why = why if circuit.failures else None
    await session.flush()


async def take_subscribing(session: AsyncSession, payer: str, now: datetime, again_after: timedelta) -> bool:
    """Whether the caller is to subscribe now; nobody else is, until it is tried again."""
    found = (await session.execute(select(PayerCircuit).where(PayerCircuit.payer == payer))).scalar_one_or_none()
    if found is not None and _settled(found, now, again_after):
        return False
    await locked(session, payer, now)
    row = await session.get_one(PayerCircuit, payer, populate_existing=True)
    if _settled(row, now, again_after):
        return False
    row.subscribed_at = now
    await session.flush()
    return True


def _settled(row: PayerCircuit, now: datetime, again_after: timedelta) -> bool:
    return row.subscription is not None or (row.subscribed_at is not None and now < row.subscribed_at + again_after)


async def subscribed(session: AsyncSession, payer: str, subscription: str | None, why: str | None) -> None:
    row = await session.get_one(PayerCircuit, payer, with_for_update=True)
    row.subscription, row.subscription_why = subscription or row.subscription, why
    await session.flush()


async def older_waits(session: AsyncSession, payer: str, held_at: datetime, request_id: UUID) -> bool:
    """Whether a request of this payer waits that was held before this one."""
    queue = _queue(payer).where(
        AuthorizationRequest.id != request_id,
        or_(
            AuthorizationRequest.held_at < held_at,
            and_(AuthorizationRequest.held_at == held_at, AuthorizationRequest.id < request_id),
        ),
    )
    return (await session.execute(queue.limit(1))).first() is not None


async def waiting(session: AsyncSession, payer: str, but: UUID | None = None) -> tuple[UUID, UUID] | None:
    """The first of the payer's queue as (request, case), leaving `but` out; None: nobody waits."""
    queue = _queue(payer)
    if but is not None:
        queue = queue.where(AuthorizationRequest.id != but)
    row = (
        await session.execute(queue.order_by(AuthorizationRequest.held_at, AuthorizationRequest.id).limit(1))
    ).first()
    return (row[0], row[1]) if row is not None else None


async def held_counts(session: AsyncSession) -> dict[str, int]:
    """How many requests wait, by payer."""
    rows = await session.execute(
        select(Authorization.payer, func.count())
        .join(AuthorizationRequest, AuthorizationRequest.authorization_id == Authorization.id)
        .where(AuthorizationRequest.status == AuthorizationStatus.HELD)
        .group_by(Authorization.payer)
    )
    return {payer: int(count) for payer, count in rows}


async def circuits(session: AsyncSession) -> list[PayerCircuit]:
    return list((await session.execute(select(PayerCircuit).order_by(PayerCircuit.payer))).scalars())


def _queue(payer: str) -> Select[UUID, UUID]:
    return (
        select(AuthorizationRequest.id, AuthorizationRequest.authorization_id)
        .join(Authorization, Authorization.id == AuthorizationRequest.authorization_id)
        .where(
            Authorization.payer == payer,
            AuthorizationRequest.held_at.is_not(None),
            AuthorizationRequest.status.in_(QUEUED),
        )
    )


async def wake(session: AsyncSession, *, request_id: UUID, case_id: UUID, now: datetime, because: str) -> None:
    """Tell the case of a held request that its turn has come (D1: id-only, after the commit)."""
    await announce(
        session,
        kind=AUTHORIZATION_CHANGED,
        target=authorization_workflow(case_id),
        payload={
            "key": f"wake:{request_id}:{because}",
            "authorization_id": str(case_id),
            "at": now.isoformat(),
        },
        at=now,
    )
