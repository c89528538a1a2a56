"""PAS as a channel, against a payer in another process: the states, evidence and silences of X12, in FHIR (domain 4.6)."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from definitions.vocabulary import AuthorizationStatus
from local.books import compare
from storage.engine import Database
from storage.repositories.exchange import misnumbered
from tests.activities import cases
from tests.activities.cases import Exchange
from tests.activities.pas_house import over_pas
from tests.local_payer.conftest import Door, PayerProcess

MINUTE = timedelta(minutes=1)
Open = Callable[..., Exchange]


@pytest.fixture
async def opened(database: Database) -> AsyncIterator[Open]:
    made: list[Exchange] = []

    def make(url: str, **options: Any) -> Exchange:
        made.append(Exchange(database, url, catalog=over_pas(), **options))
        return made[-1]

    yield make
    for exchange in made:
        await exchange.line.close()


@pytest.fixture
def payer(tmp_path: Any) -> Iterator[PayerProcess]:
    """Its book is compared whole, so every test has its own."""
    made = PayerProcess(tmp_path / "book.sqlite", Door(url="http://127.0.0.1:9"), "--drive", "driven", controlled=True)
    yield made
    made.stop()
    made.client.close()


async def test_submitted_and_approved_with_gate_ledger_and_both_books(
    database: Database, payer: PayerProcess, opened: Open, fresh_database: str
) -> None:
    one, house = await cases.case(database), opened(payer.url)
    record = await house.send(one)
    assert (record.status, await cases.outcomes(database, one)) == (AuthorizationStatus.APPROVED, ["sent"])
    (sent,), (answer,) = await cases.messages(database, one), await cases.messages(database, one, "in")
    assert (sent.kind, sent.version, sent.control_number) == ("pas", "pas-2.2.1/Claim/$submit", "000000001")
    assert (answer.kind, answer.status) == ("pas", "matched")
    (told,) = await cases.disclosures(database, one)
    assert (told.content, told.recipient, told.fingerprint) == (
        "authorization_request", "payer/meridian", sent.fingerprint
    )  # fmt: skip
    assert told.consent_id is not None
    async with database.read() as session:
        assert await misnumbered(session) == []
    assert [r["state"] for r in payer.reviews()] == ["approved"]
    assert compare(fresh_database, payer.book_url) == []
