"""`python -m local.stack` as a person types it, with real servers."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no type information
import psycopg
import pytest
from dotenv import dotenv_values

from local.stack.process import free_port
from tests.stack.running import Running, environment_for, parts, say


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return environment_for(tmp_path / "data")


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def starter(*options: str) -> Running:
        started.append(Running(environment, *options))
        return started[-1]

    yield starter
    for running in started:
        running.end(signal.SIGTERM)


def dsn(environment: dict[str, str]) -> str:
    url = dotenv_values(Path(environment["STEPDOWN_DATA_DIR"]) / "settings.env")["STEPDOWN_DATABASE_URL"]
    assert url is not None
    return url.replace("+psycopg", "")


def test_up_down_and_up_again_continues(environment: dict[str, str], start: Callable[..., Running]) -> None:
    first = start("--servers-only")
    first.wait_for("servers only")
    first.wait_for("tables and namespace are up to date")
    running = parts(environment)
    assert sorted(running) == ["postgres", "temporal"]
    with psycopg.connect(dsn(environment)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    keyring = Path(environment["STEPDOWN_DATA_DIR"]) / "keyring"
    keys = keyring.read_text()

    status, said = say(environment, "up", "--servers-only")
    assert status == 0
    assert f"already runs at http://127.0.0.1:8700 (process {first.process.pid})" in said
    assert say(environment, "status")[0] == 0
    status, said = say(environment, "reset", "--yes")
    assert (status, "make down" in said) == (1, True)
    assert first.process.poll() is None

    assert say(environment, "down")[0] == 0
    assert first.end() == 0
    assert not [pid for pid in running.values() if psutil.pid_exists(pid)]
    assert say(environment, "status")[0] == 1
    assert "not running" in say(environment, "down")[1]

    second = start("--servers-only")
    second.wait_for("servers only")
    with psycopg.connect(dsn(environment)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    assert keyring.read_text() == keys
    assert second.end(signal.SIGINT) == 0
    assert [line.split("s  ", 1)[1] for line in second.lines[-3:]] == [
        "stopping; Ctrl-C again ends everything at once",
        "postgres stopped",
        "temporal stopped",
    ]


def test_two_at_the_same_moment_do_no_harm(environment: dict[str, str], start: Callable[..., Running]) -> None:
    both = [start("--servers-only"), start("--servers-only")]
    deadline = time.monotonic() + 60
    while all(r.process.poll() is None for r in both) and time.monotonic() < deadline:
        time.sleep(0.05)
    (winner,) = [r for r in both if r.process.poll() is None]
    (other,) = [r for r in both if r is not winner]
    assert other.end() == 0
    assert "nothing was started" in other.lines[-1]
    winner.wait_for("servers only")
    assert winner.end() == 0


@pytest.mark.parametrize("name", ["postgres", "temporal"])
def test_a_killed_server_comes_back(environment: dict[str, str], start: Callable[..., Running], name: str) -> None:
    running = start("--servers-only")
    running.wait_for("servers only")
    before = parts(environment)[name]
    psutil.Process(before).kill()
    running.wait_for(f"{name} stopped (signal 9); starting it again")
    running.wait_for(f"{name} runs again")
    assert parts(environment)[name] != before
    with psycopg.connect(dsn(environment)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_works(
    environment: dict[str, str], start: Callable[..., Running]
) -> None:
    first = start("--servers-only")
    first.wait_for("servers only")
    left = [psutil.Process(pid) for pid in parts(environment).values()]
    first.process.kill()
    first.end()
    psutil.wait_procs(left, timeout=30)
    assert not [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    second = start("--servers-only")
    second.wait_for("servers only")


def test_stopping_in_the_middle_of_a_start_is_clean(environment: dict[str, str], start: Callable[..., Running]) -> None:
    running = start("--servers-only")
    running.wait_for("PostgreSQL answers")
    children = psutil.Process(running.process.pid).children(recursive=True)
    assert running.end(signal.SIGTERM) == 0
    psutil.wait_procs(children, timeout=30)
    assert not [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE]
    assert "temporal stopped" in running.lines[-1]


def test_a_taken_port_is_named_with_the_setting_that_changes_it(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = say(environment | {"STEPDOWN_API_PORT": str(port)}, "up")
        assert status == 1
        assert f"Port {port}, which the API needs, is taken" in said
        assert "STEPDOWN_API_PORT=" in said
        payer = {"STEPDOWN_API_PORT": str(free_port()), "STEPDOWN_PARTNER_BASE_URL": f"http://127.0.0.1:{port}"}
        status, said = say(environment | payer, "up")
        assert (status, "STEPDOWN_PARTNER_BASE_URL=" in said) == (1, True)
    assert not (Path(environment["STEPDOWN_DATA_DIR"]) / "postgres").exists()


def test_a_half_written_folder_says_what_to_do(environment: dict[str, str], start: Callable[..., Running]) -> None:
    folder = Path(environment["STEPDOWN_DATA_DIR"])
    running = start("--servers-only")
    running.wait_for("servers only")
    running.end()
    (folder / "postgres" / "PG_VERSION").unlink()
    status, said = say(environment, "up", "--servers-only")
    assert status == 1
    assert "half written" in said
    assert "make reset" in said
    assert "Traceback" not in said
    status, said = say(environment, "reset", typed="no\n")
    assert (status, "Nothing was deleted" in said) == (1, True)
    assert (folder / "postgres").exists()
    status, said = say(environment, "reset", typed="reset\n")
    assert (status, "Deleted postgres" in said) == (0, True)
    assert [p.name for p in folder.iterdir()] == ["lock"]
    again = start("--servers-only")
    again.wait_for("servers only")


def test_wrong_settings_get_a_sentence(environment: dict[str, str]) -> None:
    status, said = say(environment | {"STEPDOWN_LOG_LEVEL": "loud"}, "up", "--servers-only")
    assert status == 1
    assert "STEPDOWN_LOG_LEVEL" in said
    assert "Traceback" not in said


def test_migrations_are_checked_on_a_throw_away_server(environment: dict[str, str]) -> None:
    status, said = say(environment, "check-migrations")
    assert status == 0, said
    assert "No new upgrade operations" in said
