"""The business clock: the wall, or the moment a driver last set (D7). Entries read it; everything below
takes `now` as an argument."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

from definitions.episode import Drive


class ClockUnset(RuntimeError):
    """The driven clock has no moment yet; whoever drives must set one first."""


class BusinessClock(Protocol):
    async def now(self) -> datetime:
        """The business moment, aware, in UTC."""
        ...


class WallClock:
    async def now(self) -> datetime:
        return datetime.now(UTC)


class DrivenClock:
    """Reads the shared moment; `read` answers None until a driver has set one. Time stands still in between."""

    def __init__(self, read: Callable[[], Awaitable[datetime | None]]) -> None:
        self._read = read

    async def now(self) -> datetime:
        """Raises ClockUnset."""
        moment = await self._read()
        if moment is None:
            raise ClockUnset("the driven clock has not been set; start a rehearsal first")
        if moment.tzinfo is None:
            raise ValueError("the driven clock read a moment without its offset")
        return moment.astimezone(UTC)


def clock_for(drive: Drive, read: Callable[[], Awaitable[datetime | None]]) -> BusinessClock:
    """The clock of a drive; `read` is used by the driven one only."""
    return DrivenClock(read) if drive is Drive.DRIVEN else WallClock()
