"""The same rows as five steps of a DBOS workflow on the same PostgreSQL: what a transition costs when its families are
written one after another, each remembered on its own (architecture D9)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from dbos import DBOS
from sqlalchemy import create_engine, text

from storage.engine import Database

STEPS: Final = (
    ("movement", "stay", "due"),
    ("assessment_due",),
    ("consent", "open_item"),
    ("authorization", "authorization_request"),
    ("attendance", "per_diem_account", "timeline_entry"),
)
"""The tables of each step: together the rows that one transaction of ours writes."""
COPIED: Final = {table: "owner_id" if table == "due" else "episode_id" for step in STEPS for table in step}
"""Every table of a transition, and its column that names the episode."""
Call = Callable[[], Awaitable[int]]


async def copy_rows(database: Database, tables: tuple[str, ...], template: UUID) -> int:
    """The rows an executed transition wrote, once more, into tables without indexes: nothing is decided."""
    count = 0
    async with database.write() as session:
        for table in tables:
            done: Any = await session.execute(
                text(f'INSERT INTO bench_{table} SELECT * FROM "{table}" WHERE {COPIED[table]} = :e'), {"e": template}
            )
            count += done.rowcount
    return count


@asynccontextmanager
async def five_steps(url: str, database: Database, template: UUID) -> AsyncIterator[Call]:
    """DBOS with its own tables in the database at `url`; gives the call that runs the workflow once."""
    engine = create_engine(url, pool_size=20, max_overflow=40)
    DBOS(config={"name": "bench", "system_database_engine": engine, "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()
    async def write(tables: tuple[str, ...]) -> int:
        return await copy_rows(database, tables, template)

    @DBOS.workflow()
    async def transition() -> int:
        return sum([await write(tables) for tables in STEPS])

    DBOS.launch()
    try:
        yield transition
    finally:
        DBOS.destroy(destroy_registry=True)
        engine.dispose()
