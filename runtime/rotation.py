"""How many workflow runs may still hold payloads that were sealed before a moment."""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client

from runtime.keyring_file import LOOKED_AT_SECONDS

MARGIN: Final = timedelta(seconds=60 + LOOKED_AT_SECONDS)
"""Until every process has read the file, some still seal under the key before."""


async def runs_from_before(client: Client, moment: datetime) -> int:
    """Runs, open ones and those still kept, that began before `moment`: their histories need the keys of then. An open
    run goes on in a new one at each change of level and every 30 days; a closed one goes with its retention."""
    limit = (moment + MARGIN).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (await client.count_workflows(f"StartTime < '{limit}'")).count
