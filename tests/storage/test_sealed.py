"""The list of sealed columns is whole, and the database tells which key sealed a row."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import LargeBinary

from runtime.keyring import Key, Keyring
from storage.engine import Database
from storage.models import Base, ExchangeMessage, Person
from storage.sealed import SEALED, UNDER_HOUSE_KEY, Kept, counts_by_key, put, rows_under_others

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD = Keyring([Key("old", bytes([1]) * 32)], bytes(32))
BOTH = Keyring([Key("a.longer-name", bytes([2]) * 32), Key("old", bytes([1]) * 32)], bytes(32))


def test_every_column_of_bytes_is_on_the_list() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    missing = found - set(SEALED)
    assert not missing, f"say in storage/sealed.py what these hold: {sorted(missing)}"
    assert set(SEALED) == found
    house = {name for name, kept in SEALED.items() if kept is Kept.UNDER_HOUSE_KEY}
    assert house <= {s.name for s in UNDER_HOUSE_KEY}, "a rotation must know how to seal them again"


async def test_rows_are_found_by_the_key_that_sealed_them_and_sealed_again(database: Database) -> None:
    person, message = uuid4(), uuid4()
    async with database.write() as session:
        session.add(
            Person(id=person, sealed=b"-", wrapped_key=OLD.new_data_key(person.bytes)[0], created_at=NOW, version=1)
        )
        session.add(
            ExchangeMessage(
                id=message, partner=f"p{message}", direction="in", kind="278", sealed=OLD.seal(b"x", b"orphan-message"),
                fingerprint=str(message), status="quarantined", at=NOW,
            )
        )  # fmt: skip
    for sealed, row in zip(UNDER_HOUSE_KEY, (person, message), strict=True):
        async with database.write() as session:
            before = await counts_by_key(session, sealed)
            rows = dict(await rows_under_others(session, sealed, "a.longer-name", after=None, limit=10_000))
            bound = b"data-key:" + person.bytes if row == person else b"orphan-message"
            await put(session, sealed, [(row, BOTH.seal(OLD.open(rows[row], bound), bound))])
        async with database.read() as session:
            after = await counts_by_key(session, sealed)
        assert after["a.longer-name"] == before.get("a.longer-name", 0) + 1
        assert after.get("old", 0) == before["old"] - 1
