"""What this worker runs on, put on record when it differs from the last time: editions, law, settings (as api/configuration.py
does for the API; the policy of doors is the API's alone)."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from runtime.catalog import Catalog
from runtime.configuration import configuration_of
from runtime.settings import Settings
from storage.engine import Database
from storage.repositories.configuration import note_configuration

PROCESS: Final = "worker"
AGAIN_SECONDS: Final = 5.0
log = structlog.get_logger()


async def put_on_record(database: Database, settings: Settings, catalog: Catalog) -> None:
    """Until it stands: work goes on without the record, and what is run on is written down once the database is back. Of
    several workers that start together the first writes, the others find it."""
    found = configuration_of(settings, catalog)
    while True:
        try:
            async with database.write() as session:
                if await note_configuration(session, PROCESS, found, datetime.now(UTC)):
                    log.info("configuration_changed")
        except (SQLAlchemyError, OSError) as problem:
            log.warning("configuration_not_recorded", problem=type(problem).__name__)
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            return
