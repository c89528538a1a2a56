"""One whole house for the journeys: servers, payer, worker and API as separate processes, on the driven clock."""

from collections.abc import Iterator

import pytest

from local.rehearsal.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    try:
        made.start()
        yield made
    finally:
        made.stop()
