"""What a process runs on goes on record however long the database is away."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from storage.repositories.configuration import note_configuration

AGAIN_SECONDS: Final = 5.0
log = structlog.get_logger()


async def keep_trying_to_note(
    write: Callable[[], AbstractAsyncContextManager[AsyncSession]], process: str, found: Mapping[str, str]
) -> None:
    """Until it stands: work goes on without the record, and what is run on is written down once the database is back. Of
    several processes that start together the first writes, the others find it."""
    while True:
        try:
            async with write() as session:
                if await note_configuration(session, process, found, datetime.now(UTC)):
                    log.info("configuration_changed")
        except (SQLAlchemyError, OSError) as problem:
            log.warning("configuration_not_recorded", problem=type(problem).__name__)
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            return
