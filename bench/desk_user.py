"""The database as a user of the API reads it: under the role that owns nothing, with the claims of one house or of all."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from storage.engine import make_engine
from storage.row_security import DatabaseRole
from storage.scope import Scope, ScopedDatabase


class Readable(Protocol):
    """What a read is measured in: the owner's unit of work, or a user's."""

    @property
    def engine(self) -> AsyncEngine: ...

    def read(self) -> AbstractAsyncContextManager[AsyncSession]: ...


class DeskUser:
    """Reads as a reviewer of `houses`."""

    def __init__(self, database: ScopedDatabase, houses: tuple[str, ...]) -> None:
        self._database = database
        self._scope = Scope("reviewer:bench", "reviewer", houses)

    @property
    def engine(self) -> AsyncEngine:
        return self._database.engine

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._database.read(self._scope)


def api_database(url: str) -> ScopedDatabase:
    return ScopedDatabase(make_engine(url, pool_size=2, role=DatabaseRole.API))
