"""Revision 0009 on a database that was in use: overlaps are put in order, nothing is lost, writers go on."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command

from local.stack.postgres import EmbeddedPostgres
from storage.migrate import config, upgrade

PERSON, OTHER, ALONE = uuid4(), uuid4(), uuid4()
ROWS = (
    # id, person, payer, rank, from, through
    (1, PERSON, "meridian", 1, "2026-01-01", None),
    (2, PERSON, "unity", 1, "2026-03-10", None),
    (3, PERSON, "county", 1, "2026-03-10", None),
    (4, PERSON, "statecare", 2, "2026-02-01", "2026-01-01"),
    (5, OTHER, "meridian", 1, "2026-01-01", "2026-12-31"),
    (6, OTHER, "meridian", 1, "2026-06-01", None),
    (7, OTHER, "unity", 2, "2026-01-01", None),
    (8, ALONE, "county", 1, "2026-03-01", "2026-01-01"),
)


@pytest.fixture
def before(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    name = f"before_{uuid4().hex}"
    postgres_server.ensure_database(name)
    command.upgrade(config(postgres_server.url(name)), "0008")
    yield name
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def test_older_overlaps_are_put_in_order(postgres_server: EmbeddedPostgres, before: str) -> None:
    with psycopg.connect(postgres_server.dsn(before), autocommit=True) as connection:
        for person in (PERSON, OTHER, ALONE):
            connection.execute(
                "INSERT INTO person (id, sealed, created_at, version) VALUES (%s, '', '2026-01-01T00:00Z', 1)",
                (person,),
            )
        connection.execute(
            "INSERT INTO facility (key, zone, name, edition, opened_on) "
            "VALUES ('north', 'America/Chicago', 'North', '2026-01', '2026-01-01')"
        )
        for number, person, payer, rank, first, last in ROWS:
            connection.execute(
                "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date, through_date) "
                "VALUES (%s, %s, %s, 'insurance', %s, %s, %s)",
                (UUID(int=number), person, payer, rank, first, last),
            )
        # The episode of today names county: of the two that begin together it keeps the place.
        connection.execute(
            "INSERT INTO episode (id, person_id, facility, coverage_id, payer, edition, phase, requested_level, source, "
            "diagnoses, opened_at, version) VALUES (%s, %s, 'north', %s, 'county', '2026-01', 'in_care', '3.5', 'test', "
            "'[]', '2026-03-10T12:00Z', 1)",
            (uuid4(), PERSON, UUID(int=3)),
        )
    upgrade(postgres_server.url(before))
    with psycopg.connect(postgres_server.dsn(before)) as connection:
        found = connection.execute(
            "SELECT id, payer, rank, from_date::text, through_date::text, voided, reaches_back, reason "
            "FROM coverage ORDER BY id"
        ).fetchall()
    assert [(r[0].int, *r[1:6]) for r in found] == [
        (1, "meridian", 1, "2026-01-01", "2026-03-09", False),
        (2, "unity", 3, "2026-03-10", None, False),
        (3, "county", 1, "2026-03-10", None, False),
        (4, "statecare", 2, "2026-02-01", "2026-01-01", True),
        (5, "meridian", 1, "2026-01-01", "2026-05-31", False),
        (6, "meridian", 1, "2026-06-01", None, False),
        (7, "unity", 2, "2026-01-01", None, False),
        (8, "county", 1, "2026-03-01", None, False),
    ]
    assert {(r[6], r[7]) for r in found} == {(True, "referral")}
