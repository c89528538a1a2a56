"""The business clock: the wall, or the moment a driver last set (D7)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol


class BusinessClock(Protocol):
    async def now(self) -> datetime: ...


class WallClock:
    async def now(self) -> datetime:
        return datetime.now(UTC)


class DrivenClock:
    """Reads the shared moment; `read` answers None until a driver has set one."""

    def __init__(self, read: Callable[[], Awaitable[datetime | None]]) -> None:
        self._read = read

    async def now(self) -> datetime:
        moment = await self._read()
        if moment is None:
            raise RuntimeError("the driven clock has not been set; start a rehearsal first")
        return moment
