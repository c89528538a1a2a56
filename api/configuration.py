"""What this API runs on, put on record when it differs from the last time: editions, law, policy, settings."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.deps import Services
from api.policy import POLICY
from runtime.configuration import configuration_of
from storage.repositories.configuration import note_configuration
from storage.scope import NOBODY

AGAIN_SECONDS: Final = 5.0
log = structlog.get_logger()


async def put_on_record(services: Services) -> None:
    """Until it stands: the API serves without its database, and writes down what it runs on once that is back."""
    found = configuration_of(services.settings, services.catalog, POLICY)
    while True:
        try:
            async with services.database.write(NOBODY) as session:
                if await note_configuration(session, "api", found, datetime.now(UTC)):
                    log.info("configuration_changed")
        except (SQLAlchemyError, OSError) as problem:
            log.warning("configuration_not_recorded", problem=type(problem).__name__)
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            return
