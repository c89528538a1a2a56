"""Moves business time (D7): every workflow, the payer and the midnights reach each moment together."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
from sqlalchemy import select, text
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from definitions.authorization import AuthorizationStart
from definitions.episode import Advance, Drive, EpisodeStart
from definitions.midnight import CloseFacility
from definitions.queues import CARE
from local.rehearsal.house import House
from rules.calendar import facility_date, midnight_ending
from runtime.keyring_file import load_keyring
from runtime.temporal import connect
from storage.engine import Database, make_engine
from storage.models import Due, Facility
from storage.repositories.clock import read_clock, set_clock
from storage.repositories.outbox import unsent

WINDOW = timedelta(hours=1)
"""Work due within this much of each other is done in one step, never across a facility midnight."""

IN_FLIGHT = text(
    """
    SELECT count(*) FROM authorization_request r JOIN "authorization" a ON a.id = r.authorization_id
    WHERE r.status = 'ready' AND a.status NOT IN ('end_dated', 'cancelled')
    """
)
HEARD = text(
    """
    SELECT split_part(target, '/', 1) AS owner_kind, CAST(split_part(target, '/', 2) AS uuid) AS owner_id,
           max(id) AS newest
    FROM outbox
    WHERE id > :after AND relayed_at IS NOT NULL AND (target LIKE 'episode/%' OR target LIKE 'authorization/%')
    GROUP BY 1, 2
    """
)
Hook = Callable[[datetime], Awaitable[None]]


class Driver:
    """One rehearsal's clock. `closes` False: midnights pass without a close (a downtime)."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.closes = True
        self.now = datetime(1970, 1, 1, tzinfo=UTC)
        self.hooks: list[Hook] = []
        self.steps = 0
        self._heard = 0
        """The newest outbox row whose workflow is known to have taken it in."""

    async def open(self, start: datetime) -> None:
        settings = self._house.settings
        self.database = Database(make_engine(settings.address_of("worker"), pool_size=4, application="driver"))
        self.client: Client = await connect(
            self._house.temporal.address, settings.temporal_namespace, load_keyring(settings)
        )
        self.now = start
        async with self.database.write() as session:
            await set_clock(session, start)
            rows = (await session.execute(select(Facility))).scalars().all()
            for facility in rows:
                facility.opened_on = facility_date(start, facility.zone)
            self._zones = {f.key: f.zone for f in rows}

    async def close(self) -> None:
        await self.database.close()

    async def advance(self, to: datetime) -> None:
        """Everything that happens until `to`, in order; then it is `to`."""
        while self.now < to:
            moment = min(await self._next(to), to)
            await self._reach(moment)

    async def _next(self, to: datetime) -> datetime:
        """The next moment anything happens: a deadline, a late payer, a midnight (plus the nightly run's delay)."""
        async with self.database.read() as session:
            due = (await session.execute(select(Due.at).where(Due.at > self.now).order_by(Due.at).limit(1))).scalar()
        candidates = [to, *self._midnights()]
        if due is not None:
            candidates.append(min(due + WINDOW, *self._midnights()) if due < min(self._midnights()) else due)
        payer = await self._payer_due()
        if payer is not None:
            candidates.append(max(payer, self.now + timedelta(seconds=1)))
        return max(min(candidates), self.now + timedelta(seconds=1))

    def _midnights(self) -> list[datetime]:
        run_delay = timedelta(minutes=5)
        found = []
        for zone in self._zones.values():
            today = facility_date(self.now - run_delay, zone)
            found.append(midnight_ending(today, zone) + run_delay)
        return found

    async def _reach(self, moment: datetime) -> None:
        crossed = [key for key, zone in self._zones.items() if self._crosses(zone, moment)]
        self.now = moment
        self.steps += 1
        async with self.database.write() as session:
            await set_clock(session, moment)
        await self.settle()
        if self.closes:
            for facility in crossed:
                await self.close_midnight(facility)
        for hook in self.hooks:
            await hook(moment)

    def _crosses(self, zone: str, moment: datetime) -> bool:
        run_delay = timedelta(minutes=5)
        return facility_date(self.now - run_delay, zone) != facility_date(moment - run_delay, zone)

    async def settle(self) -> None:
        """Until nothing due by now is left: outbox relayed, requests sent, deadlines fired, payer delivered."""
        for _ in range(400):
            await self._relayed()
            heard = await self._hear()
            fired = await self._fire_due()
            sent = await self._send_ready()
            delivered = await self._deliver()
            if not heard and not fired and not sent and not delivered and await self._quiet():
                return
        raise RuntimeError(f"the house does not come to rest at {self.now.isoformat()}")

    async def _relayed(self) -> None:
        for _ in range(1200):
            async with self.database.read() as session:
                if await unsent(session) == 0:
                    return
            await asyncio.sleep(0.02)
        raise RuntimeError("the outbox is not relayed; is the worker running?")

    async def _hear(self) -> int:
        """A relayed message is a signal that its workflow may still have before it: `advance` waits its turn behind
        the signals, so when it answers, what they caused is written."""
        async with self.database.read() as session:
            rows = (await session.execute(HEARD, {"after": self._heard})).all()
        targets = [(row.owner_kind, row.owner_id) for row in rows]
        for start in range(0, len(targets), 10):
            await asyncio.gather(*(self._advance_one(k, o) for k, o in targets[start : start + 10]))
        self._heard = max([self._heard, *(row.newest for row in rows)])
        return len(targets)

    async def _quiet(self) -> bool:
        async with self.database.read() as session:
            return await unsent(session) == 0

    async def _fire_due(self) -> int:
        async with self.database.read() as session:
            rows = await session.execute(
                select(Due.owner_kind, Due.owner_id).where(Due.at <= self.now).distinct().limit(200)
            )
            owners = [(kind, owner) for kind, owner in rows]
        for start in range(0, len(owners), 10):
            await asyncio.gather(*(self._advance_one(k, o) for k, o in owners[start : start + 10]))
        return len(owners)

    async def _advance_one(self, kind: str, owner: UUID) -> None:
        if kind == "episode":
            name, start = "EpisodeWorkflow", EpisodeStart(episode_id=owner, drive=Drive.DRIVEN, rehydrate=True)
            await self._update(name, start, f"episode/{owner}")
        else:
            await self._update(
                "AuthorizationWorkflow",
                AuthorizationStart(authorization_id=owner, drive=Drive.DRIVEN, at=self.now),
                f"authorization/{owner}",
            )

    async def _update(self, name: str, start: object, workflow_id: str) -> None:
        operation: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
            name,
            start,
            id=workflow_id,
            task_queue=CARE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )
        try:
            await self.client.execute_update_with_start_workflow(
                "advance", Advance(to=self.now), start_workflow_operation=operation
            )
        except WorkflowUpdateFailedError:
            # A run that ended between our look and our word has nothing due any more; the next look tells.
            await asyncio.sleep(0.05)

    async def _send_ready(self) -> int:
        async with self.database.read() as session:
            count = int((await session.execute(IN_FLIGHT)).scalar_one())
            if count == 0:
                return 0
            rows = await session.execute(
                text("SELECT DISTINCT authorization_id FROM authorization_request WHERE status = 'ready'")
            )
            cases = [row[0] for row in rows]
        await asyncio.gather(*(self._advance_one("authorization", c) for c in cases))
        return count

    async def _payer_due(self) -> datetime | None:
        async with httpx2.AsyncClient(timeout=20) as client:
            said = [(await client.get(f"{url}/book/due")).json()["next"] for url in self._house.payer_urls]
        return min((datetime.fromisoformat(s) for s in said if s), default=None)

    async def _deliver(self) -> int:
        due = await self._payer_due()
        if due is None or due > self.now:
            return 0
        delivered = 0
        async with httpx2.AsyncClient(timeout=60) as client:
            for url in self._house.payer_urls:
                answer = await client.post(f"{url}/book/advance", json={"to": self.now.isoformat()})
                delivered += int(answer.json()["delivered"])
        return delivered

    async def close_midnight(self, facility: str) -> None:
        """What the nightly schedule does in the wall drive."""
        await self.client.execute_workflow(
            "MidnightCloseWorkflow",
            CloseFacility(facility=facility, now=self.now, key=f"driver:{self.now.isoformat()}"),
            id=f"midnight/{facility}/driven/{self.now.isoformat()}",
            task_queue=CARE,
        )

    async def business_now(self) -> datetime | None:
        async with self.database.read() as session:
            return await read_clock(session)
