"""Relays the outbox: id-only messages to workflows, once their transaction is on disk (D1)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import AsyncConnection, OperationalError
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from definitions.authorization import AnswerArrived, AuthorizationStart, CaseChanged
from definitions.episode import Drive, EpisodeStart, FactRecorded
from definitions.ids import entity_of
from definitions.midnight import CloseFacility
from definitions.queues import CARE
from definitions.vocabulary import AuthorizationStatus, Phase
from storage.engine import Database
from storage.models import Authorization, Episode, Outbox
from storage.repositories import outbox

POLL_SECONDS: Final = 1.0
ATTEMPTS_MAX: Final = 20
log = structlog.get_logger()

Send = Callable[[AsyncSession, Outbox], Awaitable[None]]


class Relay:
    """One loop per worker; rows are claimed with SKIP LOCKED, so several may run."""

    def __init__(self, database: Database, client: Client, drive: Drive) -> None:
        self._database = database
        self._client = client
        self._drive = drive
        self._wake = asyncio.Event()
        self._sends: dict[str, Send] = {
            outbox.EPISODE_FACT: self._episode_fact,
            outbox.AUTHORIZATION_START: self._authorization_start,
            outbox.AUTHORIZATION_CHANGED: self._authorization_changed,
            outbox.AUTHORIZATION_ANSWER: self._authorization_answer,
            outbox.MIDNIGHT_WANTED: self._midnight_wanted,
        }

    async def run(self) -> None:
        """Until cancelled. A server that is away costs patience, never a message."""
        listener = asyncio.create_task(self._listen())
        try:
            while True:
                try:
                    busy = await self.relay_once()
                except (RPCError, DBAPIError, OSError, RuntimeError) as problem:
                    log.warning("relay_waits", problem=type(problem).__name__)
                    busy = 0
                    await asyncio.sleep(POLL_SECONDS)
                if busy == 0:
                    self._wake.clear()
                    try:
                        await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
                    except TimeoutError:
                        continue
        finally:
            listener.cancel()

    async def relay_once(self, limit: int = 50) -> int:
        """Relay what is waiting, in order per target; answers how many were taken up."""
        async with self._database.write() as session:
            rows = await outbox.claim(session, limit)
            stuck: set[str] = set()
            for row in rows:
                if row.target in stuck:
                    continue
                if not await self._relay(session, row):
                    stuck.add(row.target)
            return len(rows) - len(stuck)

    async def _relay(self, session: AsyncSession, row: Outbox) -> bool:
        try:
            await self._sends[row.kind](session, row)
        except RPCError as problem:
            attempts = row.attempts + 1
            # A poison row is parked with its problem and blocks nobody; a server that is away is no poison.
            away = problem.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED)
            parked = attempts >= ATTEMPTS_MAX and not away
            await session.execute(
                update(Outbox)
                .where(Outbox.id == row.id)
                .values(attempts=attempts, parked=parked, problem=problem.status.name)
            )
            log.warning("relay_refused", outbox=row.id, kind=row.kind, status=problem.status.name, parked=parked)
            return False
        except (KeyError, ValueError) as problem:
            # Nobody can ever send this row: its kind is unknown or its payload cannot be read. Its text stays unsaid.
            await session.execute(
                update(Outbox)
                .where(Outbox.id == row.id)
                .values(attempts=row.attempts + 1, parked=True, problem=type(problem).__name__)
            )
            log.warning("relay_parked", outbox=row.id, kind=row.kind, problem=type(problem).__name__)
            return False
        await outbox.mark_relayed(session, row.id, datetime.now(UTC))
        return True

    async def _listen(self) -> None:
        """Wake at once when a row is written; the poll covers what is missed."""
        url = self._database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await AsyncConnection.connect(url, autocommit=True) as connection:
                    await connection.execute("LISTEN stepdown_outbox")
                    async for _ in connection.notifies():
                        self._wake.set()
            except OperationalError:
                await asyncio.sleep(POLL_SECONDS)

    # --- what each kind does ----------------------------------------------------------------------------------

    async def _episode_fact(self, session: AsyncSession, row: Outbox) -> None:
        fact = FactRecorded.model_validate(row.payload)
        await self._signal_or_start_episode(session, fact)

    async def _signal_or_start_episode(self, session: AsyncSession, fact: FactRecorded) -> None:
        try:
            await self._client.get_workflow_handle(f"episode/{fact.episode_id}").signal("fact_recorded", fact)
        except RPCError as problem:
            if problem.status is not RPCStatusCode.NOT_FOUND:
                raise
            phase = (
                await session.execute(select(Episode.phase).where(Episode.id == fact.episode_id))
            ).scalar_one_or_none()
            if phase in (None, Phase.CLOSED, Phase.NOT_ADMITTED):
                return
            await self._client.start_workflow(
                "EpisodeWorkflow",
                EpisodeStart(episode_id=fact.episode_id, drive=self._drive, rehydrate=True),
                id=f"episode/{fact.episode_id}",
                task_queue=CARE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )

    async def _authorization_start(self, session: AsyncSession, row: Outbox) -> None:
        await self._start_case(UUID(row.payload["authorization_id"]), row.created_at)

    async def _start_case(self, case_id: UUID, at: datetime, signal: str | None = None, argument: Any = None) -> None:
        """Start the case's workflow, or reach the one that runs; it reads its rows either way (D13)."""
        arguments: dict[str, Any] = {}
        if signal is not None:
            arguments = {"start_signal": signal, "start_signal_args": [argument]}
        await self._client.start_workflow(
            "AuthorizationWorkflow",
            AuthorizationStart(authorization_id=case_id, drive=self._drive, at=at),
            id=f"authorization/{case_id}",
            task_queue=CARE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            **arguments,
        )

    async def _authorization_changed(self, session: AsyncSession, row: Outbox) -> None:
        case_id = entity_of(row.target)
        status = (
            await session.execute(select(Authorization.status).where(Authorization.id == case_id))
        ).scalar_one_or_none()
        if status in (None, AuthorizationStatus.NOT_REQUIRED):
            return
        await self._start_case(case_id, row.created_at, "case_changed", CaseChanged.model_validate(row.payload))

    async def _authorization_answer(self, session: AsyncSession, row: Outbox) -> None:
        await self._start_case(
            entity_of(row.target), row.created_at, "answer_arrived", AnswerArrived.model_validate(row.payload)
        )

    async def _midnight_wanted(self, session: AsyncSession, row: Outbox) -> None:
        """Wall drive: close again at once. In the driven drive the driver closes at its own midnights."""
        if self._drive is Drive.DRIVEN:
            return
        wanted = CloseFacility.model_validate(row.payload)
        await self._client.start_workflow(
            "MidnightCloseWorkflow",
            CloseFacility(facility=wanted.facility, key=f"outbox:{row.id}"),
            id=f"{row.target}/late/{row.id}",
            task_queue=CARE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
