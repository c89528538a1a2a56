"""What this API runs on, put on record when it differs from the last time: editions, law, policy, settings."""

from functools import partial
from typing import Final

from api.deps import Services
from api.policy import POLICY
from runtime.configuration import configuration_of
from storage.configuration import keep_trying_to_note
from storage.scope import NOBODY

PROCESS: Final = "api"


async def put_on_record(services: Services) -> None:
    found = configuration_of(services.settings, services.catalog, POLICY)
    await keep_trying_to_note(partial(services.database.write, NOBODY), PROCESS, found)
