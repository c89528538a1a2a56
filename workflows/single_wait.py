"""What every long-lived workflow does with time: one wait, renewal, and `advance` in the driven drive (D6, D7).

A workflow says what its deadlines are and what firing them means; when it sleeps and when it is renewed stands
here once. Recorded histories hold these steps: changing their order breaks the replay of open runs."""

import asyncio
from abc import ABC, abstractmethod
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.deadline import Deadline
    from definitions.episode import Advance, Advanced, Drive
    from definitions.errors import ErrorType, Refusal
    from rules import deadlines
    from workflows.refusals import refused

RENEW_AFTER = timedelta(days=30)
"""A run is renewed at the latest after this, so that no history grows for ever (E98)."""


class SingleWait(ABC):
    """A workflow that sleeps once, to its earliest deadline, and handles one message at a time."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._lock = asyncio.Lock()
        self._began = workflow.now()

    # --- what the workflow says of itself --------------------------------------------------------------------

    @abstractmethod
    def _deadlines(self) -> tuple[Deadline, ...]:
        """All that is waited for, as the last written record has it."""

    @abstractmethod
    def _finished(self) -> bool:
        """Nothing is owed any more; the run may end."""

    @abstractmethod
    async def _fire_come(self, come: tuple[Deadline, ...], now: datetime) -> None:
        """Have the rows decide about deadlines that have come by `now`; called under the lock."""

    @abstractmethod
    def _continue(self) -> None:
        """Continue as new with the carry; returns only when there is nothing to carry."""

    def _roused(self) -> bool:
        """Something besides a deadline ends the sleep."""
        return False

    def _outgrown(self) -> bool:
        """A reason of the workflow's own to be renewed."""
        return False

    async def _before_sleep(self) -> None:
        """Work of its own that is done before each renewal and sleep."""
        return

    async def _before_advance(self) -> None:
        """Reading that is done before `advance` takes the lock."""
        return

    async def _advanced_to(self, now: datetime) -> None:
        """The driven drive's time is now this; called under the lock, before deadlines fire."""
        return

    # --- the single wait -------------------------------------------------------------------------------------

    async def _live(self) -> None:
        """Sleep, fire, renew, until nothing is owed; then let every handler finish."""
        while not self._finished():
            await self._before_sleep()
            if self._renewal_due():
                await self._renew()
            await self._sleep()
            if self._drive is Drive.WALL:
                await self._fire(workflow.now())
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _sleep(self) -> None:
        """Sleep to the earliest deadline; wake early when that changes or the run has reason to stop."""
        armed = self._next()
        wait = RENEW_AFTER
        if self._drive is Drive.WALL and armed is not None:
            wait = min(max(armed.at - workflow.now(), timedelta(0)), RENEW_AFTER)
        if wait <= timedelta(0):
            return
        try:
            await workflow.wait_condition(
                lambda: self._next() != armed or self._finished() or self._roused(),
                timeout=wait,
                timeout_summary=armed.kind.value if armed else "renewal",
            )
        except TimeoutError:
            return

    def _next(self) -> Deadline | None:
        return deadlines.earliest(self._deadlines())

    def _renewal_due(self) -> bool:
        """For a reason of its own, after thirty days, or when the server asks (architecture 2)."""
        return (
            self._outgrown()
            or workflow.now() - self._began >= RENEW_AFTER
            or workflow.info().is_continue_as_new_suggested()
        )

    async def _renew(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._continue()

    # --- time ------------------------------------------------------------------------------------------------

    async def _fire(self, now: datetime) -> int:
        """Deadlines that have come by `now`; the rows decide what still stands."""
        async with self._lock:
            return await self._fire_locked(now)

    async def _fire_locked(self, now: datetime) -> int:
        come = deadlines.due(self._deadlines(), now)
        if come:
            await self._fire_come(come, now)
        return len(come)

    @workflow.update
    async def advance(self, to: Advance) -> Advanced:
        """Driven drive: business time is now `to`; answers when nothing due by then is left (D7)."""
        await self._before_advance()
        fired = 0
        async with self._lock:
            await self._advanced_to(to.to)
            while count := await self._fire_locked(to.to):
                fired += count
        following = self._next()
        return Advanced(fired=fired, next_at=following.at if following else None)

    @advance.validator
    def _may_advance(self, to: Advance) -> None:
        if self._drive is not Drive.DRIVEN:
            raise refused(
                Refusal(
                    code=ErrorType.INVALID_REQUEST, detail="time is the wall's here; only a rehearsal may advance it"
                )
            )
