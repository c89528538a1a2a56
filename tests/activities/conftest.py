"""A facility and a payer in its own process, for all tests of activities."""

from collections.abc import Iterator

import pytest

from storage.engine import Database
from tests.activities.harbor import Harbor
from tests.local_payer.conftest import Door, PayerProcess


@pytest.fixture
async def harbor(database: Database) -> Harbor:
    made = Harbor(database)
    await made.open()
    return made


@pytest.fixture(scope="module")
def payer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PayerProcess]:
    """One payer process for a file's tests; members tell them apart. It is never asked to deliver."""
    nowhere = Door(url="http://127.0.0.1:9")
    made = PayerProcess(tmp_path_factory.mktemp("payer") / "book.sqlite", nowhere, "--drive", "driven", controlled=True)
    yield made
    made.stop()
    made.client.close()
