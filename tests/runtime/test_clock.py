"""The two drives of business time (D7)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from definitions.episode import Drive
from runtime.clock import ClockUnset, DrivenClock, WallClock, clock_for

MIDNIGHT = datetime(2026, 1, 10, 0, 0, tzinfo=timezone(timedelta(hours=-5)))


async def reached() -> datetime | None:
    return MIDNIGHT


async def unset() -> datetime | None:
    return None


async def naive() -> datetime | None:
    return MIDNIGHT.replace(tzinfo=None)


async def test_the_wall_clock_is_aware_and_moves() -> None:
    before = datetime.now(UTC)
    first = await WallClock().now()
    assert first.tzinfo is UTC
    assert before <= first <= await WallClock().now()


async def test_the_driven_clock_stands_where_the_driver_left_it() -> None:
    clock = DrivenClock(reached)
    assert await clock.now() == await clock.now() == MIDNIGHT
    assert (await clock.now()).tzinfo is UTC


async def test_an_unset_or_naive_moment_is_refused() -> None:
    with pytest.raises(ClockUnset, match="start a rehearsal"):
        await DrivenClock(unset).now()
    with pytest.raises(ValueError, match="offset"):
        await DrivenClock(naive).now()


async def test_the_drive_chooses_the_clock() -> None:
    wall = clock_for(Drive.WALL, reached)
    assert isinstance(wall, WallClock)
    assert await wall.now() != MIDNIGHT
    driven = clock_for(Drive.DRIVEN, reached)
    assert await driven.now() == MIDNIGHT
