"""Revisions 0003 and 0007 on a database of the first release: what was granted becomes rows, days keep the units they
used, answers keep their order and meaning (E32, AUTH-01)."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command

from local.stack.postgres import EmbeddedPostgres
from storage.migrate import config, upgrade

PERSON, COVERAGE, EPISODE, CASE, STAY = (UUID(int=n) for n in range(1, 6))
INITIAL, MORE, AWAITED = UUID(int=11), UUID(int=12), UUID(int=13)
REQUESTS = (
    # id, kind, status, from, through, sent
    (INITIAL, "initial", "approved", "2026-03-07", "2026-03-13", "2026-03-06T18:00Z"),
    (MORE, "concurrent", "partial", "2026-03-14", "2026-03-20", "2026-03-12T18:00Z"),
    (AWAITED, "concurrent", "ready", "2026-03-17", "2026-03-23", None),
)
DECISIONS = (
    # id, request, action, units, from, through, received, superseded by
    (21, INITIAL, "A4", None, None, None, "2026-03-06T19:00Z", 22),
    (22, INITIAL, "A1", 7, "2026-03-07", "2026-03-13", "2026-03-06T20:00Z", None),
    (23, MORE, "A1", 3, "2026-03-14", "2026-03-16", "2026-03-13T20:00Z", None),
)
CHARGES = (
    # id, day, kind, status, state
    (31, "2026-03-13", "per_diem", "live", "covered"),
    (32, "2026-03-14", "per_diem", "live", "covered"),
    (33, "2026-03-17", "per_diem", "live", "uncovered"),
)


@pytest.fixture
def before(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    name = f"before_{uuid4().hex}"
    postgres_server.ensure_database(name)
    command.upgrade(config(postgres_server.url(name)), "0002")
    yield name
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def insert(connection: psycopg.Connection[Any], table: str, **values: Any) -> None:
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    connection.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})'.encode(), tuple(values.values()))


def older(connection: psycopg.Connection[Any]) -> None:
    """One case of the first release: asked, pended, granted, extended in part, three days posted."""
    opened = "2026-03-06T18:00Z"
    insert(connection, "person", id=PERSON, sealed=b"", created_at=opened, version=1)
    insert(connection, "facility", key="north", zone="America/Chicago", name="North", edition="2026-01",
           opened_on="2026-01-01")  # fmt: skip
    insert(connection, "program", key="res", facility="north", name="Residential", capacity=10)
    insert(connection, "coverage", id=COVERAGE, person_id=PERSON, payer="meridian", kind="insurance", rank=1,
           from_date="2026-01-01")  # fmt: skip
    insert(connection, "episode", id=EPISODE, person_id=PERSON, facility="north", coverage_id=COVERAGE, payer="meridian",
           edition="2026-01", phase="in_care", requested_level="3.5", source="test", diagnoses="[]", opened_at=opened,
           version=1)  # fmt: skip
    insert(connection, "stay", id=STAY, episode_id=EPISODE, person_id=PERSON, facility="north", program="res",
           level="3.5", track="bed", billing="overnight", payer="meridian", period="[2026-03-07T17:00Z,)",
           arrival="admitted", edition="2026-01")  # fmt: skip
    insert(connection, "authorization", id=CASE, episode_id=EPISODE, person_id=PERSON, coverage_id=COVERAGE,
           stay_id=STAY, facility="north", payer="meridian", level="3.5", status="approved", why="granted", unit="DY",
           requested_units=21, granted_units=10, from_date="2026-03-07", last_covered_day="2026-03-16",
           opened_at=opened, version=4)  # fmt: skip
    for id_, kind, status, first, last, sent in REQUESTS:
        insert(connection, "authorization_request", id=id_, authorization_id=CASE, episode_id=EPISODE, kind=kind,
               status=status, trace=f"T{id_.int}", level="3.5", unit="DY", units=7, from_date=first, through_date=last,
               urgent=True, requested_at=opened, sent_at=sent, attempts=1 if sent else 0)  # fmt: skip
    for number, request, action, units, first, last, received, _ in DECISIONS:
        insert(connection, "authorization_decision", id=UUID(int=number), request_id=request, authorization_id=CASE,
               action=action, level="3.5" if units else None, unit="DY" if units else None, units=units,
               from_date=first, through_date=last, received_at=received, source="x12",
               fingerprint=str(number))  # fmt: skip
    for number, *_, by in DECISIONS:
        connection.execute(
            "UPDATE authorization_decision SET superseded_by = %s WHERE id = %s",
            (UUID(int=by) if by else None, UUID(int=number)),
        )
    for number, day, kind, status, state in CHARGES:
        insert(connection, "charge", id=UUID(int=number), stay_id=STAY, episode_id=EPISODE, person_id=PERSON,
               facility="north", payer="meridian", service_date=day, kind=kind, level="3.5", track="bed",
               per_diem_track="bed", amount="650.00", rate_version="1", authorization_id=CASE,
               authorization_state=state, rule="r", why="w", status=status, revision=1, posted_at=opened,
               close_version=1)  # fmt: skip


def test_what_the_first_release_granted_becomes_rows(postgres_server: EmbeddedPostgres, before: str) -> None:
    with psycopg.connect(postgres_server.dsn(before), autocommit=True) as connection:
        older(connection)
    upgrade(postgres_server.url(before))
    with psycopg.connect(postgres_server.dsn(before)) as connection:
        grants = connection.execute(
            "SELECT id, request_id, units, from_date::text, through_date::text, state FROM authorization_grant "
            "ORDER BY from_date"
        ).fetchall()
        used = connection.execute("SELECT service_date::text, grant_id FROM charge ORDER BY service_date").fetchall()
        answers = connection.execute(
            "SELECT id, arrival, status, superseded_by IS NULL FROM authorization_decision ORDER BY arrival"
        ).fetchall()
        asked = connection.execute(
            "SELECT id, first_sent_at IS NOT NULL, inquiries, ended_from FROM authorization_request ORDER BY id"
        ).fetchall()
        case = connection.execute('SELECT status, granted_units, listed FROM "authorization"').fetchall()
    assert grants == [
        (UUID(int=22), INITIAL, 7, "2026-03-07", "2026-03-13", "active"),
        (UUID(int=23), MORE, 3, "2026-03-14", "2026-03-16", "active"),
    ], "a pend grants nothing, and what was answered before it stands"
    assert used == [("2026-03-13", UUID(int=22)), ("2026-03-14", UUID(int=23)), ("2026-03-17", None)]
    assert answers == [
        (UUID(int=21), 1, "pended", False), (UUID(int=22), 2, "approved", True), (UUID(int=23), 3, "partial", True),
    ]  # fmt: skip
    assert asked == [(INITIAL, True, 0, None), (MORE, True, 0, None), (AWAITED, False, 0, None)]
    assert case == [("approved", 10, True)]
