"""Several people's stories on one clock: each waits for its own moments, and time moves only when all wait."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime

from local.rehearsal.driver import Driver

Story = Callable[["Part"], Awaitable[None]]


class Part:
    """One story's hold on the shared clock. It has the driver's face, so that a `Stage` can stand on it."""

    def __init__(self, company: "Company", name: str) -> None:
        self._company = company
        self.name = name
        self.turn = asyncio.Event()
        self.rests = asyncio.Event()

    @property
    def now(self) -> datetime:
        return self._company.driver.now

    @property
    def closes(self) -> bool:
        return self._company.driver.closes

    @closes.setter
    def closes(self, closes: bool) -> None:
        self._company.driver.closes = closes

    async def advance(self, to: datetime) -> None:
        """Let the others act until it is `to`."""
        if to <= self.now:
            return
        self._company.wait(self, to)
        self.turn.clear()
        self.rests.set()
        await self.turn.wait()

    async def settle(self) -> None:
        await self._company.driver.settle()


class Company:
    """Plays stories beside each other, one at a time and in order of their moments. A story that fails is kept with
    its error; the others go on."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.failed: dict[str, Exception] = {}
        self._waiting: list[tuple[datetime, int, Part]] = []
        self._order = itertools.count()

    def wait(self, part: Part, until: datetime) -> None:
        heapq.heappush(self._waiting, (until, next(self._order), part))

    async def play(self, stories: dict[str, Story]) -> None:
        """Every story from its beginning to its end."""
        tasks = []
        for name, story in stories.items():
            part = Part(self, name)
            self.wait(part, self.driver.now)
            tasks.append(asyncio.create_task(self._told(part, story)))
        while self._waiting:
            moment, _, part = heapq.heappop(self._waiting)
            await self.driver.advance(moment)
            part.rests.clear()
            part.turn.set()
            await part.rests.wait()
            await self.driver.settle()
        await asyncio.gather(*tasks)

    async def _told(self, part: Part, story: Story) -> None:
        await part.turn.wait()
        try:
            await story(part)
        except Exception as error:
            self.failed[part.name] = error
        finally:
            part.rests.set()
