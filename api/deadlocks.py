"""Who gives way when two transactions wait for each other in a circle: the database chooses one, and it tries again."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy.exc import OperationalError

T = TypeVar("T")
DEADLOCK: Final = "40P01"
TRIES: Final = 4


async def unless_deadlocked(act: Callable[[], Awaitable[T]]) -> T:
    """Nights and episodes go on meanwhile; nothing was written by the one that gives way. Raises OperationalError after
    the last try, which is answered 503."""
    for _ in range(TRIES - 1):
        try:
            return await act()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                raise
    return await act()
