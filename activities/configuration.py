"""What this worker runs on, put on record when it differs from the last time: editions, law, settings (as api/configuration.py
does for the API; the policy of doors is the API's alone)."""

from typing import Final

from runtime.catalog import Catalog
from runtime.configuration import configuration_of
from runtime.settings import Settings
from storage.configuration import keep_trying_to_note
from storage.engine import Database

PROCESS: Final = "worker"


async def put_on_record(database: Database, settings: Settings, catalog: Catalog) -> None:
    await keep_trying_to_note(database.write, PROCESS, configuration_of(settings, catalog))
