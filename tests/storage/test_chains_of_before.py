"""Entries from before the revision that hashed everything: provable in the form they were written in (ADR 7)."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic import command

from local.stack.postgres import EmbeddedPostgres
from storage.chains import LEDGERS, Fault
from storage.migrate import config, upgrade
from storage.verify import verify
from tests.storage.test_chains import CHAINED_BEFORE, PERSON, acts, disclosures, people


@pytest.fixture
def before(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    name = f"before_{uuid4().hex}"
    postgres_server.ensure_database(name)
    command.upgrade(config(postgres_server.url(name)), "0012")
    yield name
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def test_entries_of_before_the_revision_stay_provable_in_their_form(
    postgres_server: EmbeddedPostgres, before: str
) -> None:
    dsn = postgres_server.dsn(before)
    with psycopg.connect(dsn) as connection:
        people(connection)
        acts(connection, "first", 3)
        disclosures(connection, PERSON, 3)
    upgrade(postgres_server.url(before))
    with psycopg.connect(dsn) as connection:
        acts(connection, "first", 2)
        disclosures(connection, PERSON, 2)
    breaks, heads, _ = verify(dsn)
    assert breaks == []
    assert {(h.ledger, h.length) for h in heads} == {
        (ledger.table, 5) for ledger in LEDGERS if ledger.table in CHAINED_BEFORE
    }

    def faults(*statements: str) -> dict[str, tuple[int | None, Fault]]:
        with psycopg.connect(dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                assert connection.execute(statement.encode()).rowcount == 1
            connection.commit()
            return {b.ledger: (b.place, b.fault) for b in verify(dsn)[0]}

    oldest = "(SELECT id FROM audit_entry WHERE place IS NULL ORDER BY id OFFSET 1 LIMIT 1)"
    first = "(SELECT id FROM disclosure WHERE place IS NULL ORDER BY seq LIMIT 1)"
    assert faults(
        f"UPDATE audit_entry SET actor = 'nobody' WHERE id = {oldest}",
        f"DELETE FROM disclosure_outcome WHERE disclosure_id = {first}",
        f"DELETE FROM disclosure WHERE id = {first}",
    ) == {
        "audit_entry": (2, Fault.CHANGED),
        "disclosure": (1, Fault.NOT_LINKED),
        "disclosure_outcome": (3, Fault.MISSING),
    }
