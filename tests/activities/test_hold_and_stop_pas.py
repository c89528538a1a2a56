"""PAS keeps the promises of everything that sends: requests, documents, appeals, cancellations, inquiries (domain 3.4)."""

from collections.abc import AsyncIterator

import pytest

from storage.engine import Database
from tests.activities import test_hold_and_stop as suite
from tests.activities.cases import Exchange
from tests.activities.pas_house import over_pas
from tests.activities.test_hold_and_stop import World
from tests.local_payer.conftest import PayerProcess


@pytest.fixture
async def world(database: Database, payer: PayerProcess) -> AsyncIterator[World]:
    made = Exchange(database, payer.url, timeout=2, catalog=over_pas())
    yield World(made, payer)
    await made.line.close()


class TestRequestsOverPas(suite.TestRequests):
    pass


class TestRequestsWithDocumentsOverPas(suite.TestRequestsWithDocuments):
    pass


class TestDocumentsOverPas(suite.TestDocuments):
    pass


class TestAppealsOverPas(suite.TestAppeals):
    pass


class TestCancellationsOverPas(suite.TestCancellations):
    pass


class TestRequestsInThePayersQueueOverPas(suite.TestRequestsInThePayersQueue):
    pass
