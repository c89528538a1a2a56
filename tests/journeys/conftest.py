"""One whole house for the journeys: servers, payer, worker and API as separate processes, on the driven clock."""

from collections.abc import Iterator

import pytest

from local.rehearsal.house import House
from tests.journeys.review_house import ReviewHouse
from tests.journeys.review_story import Clockwork


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session", params=["x12", "pas"])
def clockwork(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clockwork]:
    """One house and one clock for all journeys of utilization review, whose files follow each other in time; all of them over
    X12, and all of them over Da Vinci PAS."""
    made = ReviewHouse(tmp_path_factory.mktemp(f"reviews-{request.param}"), request.param)
    try:
        made.start()
        running = Clockwork(made)
        yield running
        running.close()
    finally:
        made.stop()
