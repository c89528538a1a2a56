"""Real servers for the whole run: one PostgreSQL with a migrated template, one Temporal, both embedded."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from sqlalchemy import make_url
from temporalio.client import Client

from local.stack.postgres import QUICK, EmbeddedPostgres
from local.stack.temporal import TIME_SKIPPING, EmbeddedTemporal
from storage.engine import Database, make_engine
from storage.migrate import upgrade
from storage.row_security import DatabaseRole
from storage.scope import ScopedDatabase

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", options=QUICK)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(postgres_server: EmbeddedPostgres) -> str:
    """Name of the migrated template database; made once a run by running the migrations."""
    name = f"template_{os.getpid()}"
    postgres_server.ensure_database(name)
    upgrade(postgres_server.url(name))
    return name


@pytest.fixture
def fresh_database(postgres_server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """SQLAlchemy address of a database of this test's own."""
    name = f"t_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    yield postgres_server.url(name)
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    handle = Database(make_engine(fresh_database, pool_size=4))
    yield handle
    await handle.close()


@pytest.fixture
async def scoped_database(fresh_database: str) -> AsyncIterator[ScopedDatabase]:
    """As the API: nothing without saying for whom."""
    handle = ScopedDatabase(make_engine(as_role(fresh_database, DatabaseRole.API), pool_size=4, role=DatabaseRole.API))
    yield handle
    await handle.close()


def as_role(url: str, role: str) -> str:
    """The address of the same database under another role."""
    return make_url(url).set(username=role).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with time skipping allowed, for workflow tests."""
    log = tmp_path_factory.mktemp("temporal") / "log"
    server = EmbeddedTemporal(None, log=log, dynamic_config=TIME_SKIPPING, namespaces=("stepdown",))
    server.start()
    yield server.address
    server.stop()


@pytest.fixture(scope="session")
async def raw_temporal(temporal_address: str) -> Client:
    """A plain client of the test server (no codec); retried while the server starts."""
    last: Exception | None = None
    for _ in range(100):
        try:
            return await Client.connect(temporal_address, namespace="stepdown")
        except RuntimeError as error:
            last = error
            await asyncio.sleep(0.2)
    raise AssertionError("the Temporal test server did not start") from last


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests run last: Playwright keeps an event loop running in the main thread, and no other loop can
    be started in it after that."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/web/"))
