"""The embedded PostgreSQL: data survives, damage gets a sentence, leftovers are cleared."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no type information
import psycopg
import pytest
from sqlalchemy import create_engine, text

from local.stack import EmbeddedPostgres, StackError
from local.stack.account import open_way_to
from local.stack.postgres import QUICK


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "postgres", options=QUICK)
    made.start()
    yield made
    made.stop()


def note(server: EmbeddedPostgres, line: str) -> None:
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (line text UNIQUE)")
        connection.execute("INSERT INTO note VALUES (%s)", (line,))


def notes(server: EmbeddedPostgres) -> list[str]:
    with psycopg.connect(server.dsn()) as connection:
        return [row[0] for row in connection.execute("SELECT line FROM note ORDER BY line")]


def test_data_survives_a_restart_and_a_kill(server: EmbeddedPostgres) -> None:
    note(server, "before the restart")
    assert server.stop()
    assert server.pid is None
    server.start()
    note(server, "before the kill")
    server.kill()
    server.start()
    assert notes(server) == ["before the kill", "before the restart"]
    assert any("stale postmaster.pid" in said for said in server.notes)


def test_it_listens_on_a_private_socket_only(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    process = psutil.Process(server.pid)
    assert [c for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN] == []
    assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
    assert process.uids().real != 0


def test_sqlalchemy_reaches_a_database_made_once(server: EmbeddedPostgres) -> None:
    assert server.ensure_database("care")
    assert not server.ensure_database("care")
    engine = create_engine(server.url("care"))
    with engine.connect() as connection:
        connection.execute(text("CREATE EXTENSION btree_gist"))
        assert connection.execute(text("SHOW timezone")).scalar() == "UTC"
        assert connection.execute(text("SHOW server_encoding")).scalar() == "UTF8"
    engine.dispose()


def test_the_servers_log_quotes_no_rows(server: EmbeddedPostgres) -> None:
    note(server, "Quillfeather")
    with pytest.raises(psycopg.errors.UniqueViolation):
        note(server, "Quillfeather")
    with psycopg.connect(server.dsn()) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute("SELECT quillfeather FROM note WHERE line = 'Quillfeather'")
    logged = server.log.read_text()
    assert "duplicate key" in logged
    assert "'Quillfeather'" not in logged
    assert "(Quillfeather)" not in logged


def test_a_pid_file_of_another_process_is_removed_and_that_process_left_alone(server: EmbeddedPostgres) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n1\n5432\n\n\n 1 1\nready\n")
    server.start()
    assert server.answers()
    assert any(f"process {os.getpid()} is no longer PostgreSQL" in said for said in server.notes)


def test_an_unreadable_pid_file_is_removed(server: EmbeddedPostgres) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text("")
    server.start()
    assert server.answers()
    assert any("unreadable" in said for said in server.notes)


def test_a_server_left_behind_is_stopped_first(server: EmbeddedPostgres) -> None:
    note(server, "kept")
    left = server.pid
    again = EmbeddedPostgres(server.data, options=QUICK)
    again.start()
    try:
        assert again.pid not in (None, left)
        assert notes(again) == ["kept"]
        assert any(f"process {left}" in said and "left behind" in said for said in again.notes)
    finally:
        again.stop()


@pytest.mark.parametrize("missing", ["PG_VERSION", "global/pg_control"])
def test_a_half_written_folder_gets_a_sentence(server: EmbeddedPostgres, missing: str) -> None:
    server.stop()
    (server.data / missing).unlink()
    with pytest.raises(StackError, match=r"half written.*make reset"):
        server.start()


def test_a_file_in_place_of_the_folder_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("not a folder")
    with pytest.raises(StackError, match="half written"):
        EmbeddedPostgres(tmp_path / "postgres").start()


def test_another_majors_data_gets_a_sentence(server: EmbeddedPostgres) -> None:
    server.stop()
    (server.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(StackError, match="written by PostgreSQL 13"):
        server.start()


def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "half").write_text("")
    server = EmbeddedPostgres(tmp_path / "postgres", options=QUICK)
    server.start()
    try:
        assert server.answers()
        assert any("interrupted" in said for said in server.notes)
        assert not (tmp_path / "postgres.new").exists()
    finally:
        server.stop()


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    server = EmbeddedPostgres(deep / "postgres", options=QUICK)
    server.start()
    try:
        assert server.answers()
        assert not server.sockets.is_relative_to(tmp_path)
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
    finally:
        server.stop()
        server.sockets.rmdir()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", options={"shared_buffers": "nonsense"})
    with pytest.raises(StackError, match="shared_buffers"):
        server.start()
    assert server.pid is None


def test_the_way_is_opened_for_passing_only(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert closed in open_way_to(closed / "inner")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert open_way_to(closed / "inner") == ()
