"""The embedded Temporal server: histories survive, its port stays, damage gets a sentence."""

from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no type information
import pytest

from local.stack import EmbeddedTemporal, StackError
from local.stack.process import port_taken
from runtime.temporal import prepare_namespace


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedTemporal]:
    made = EmbeddedTemporal(tmp_path / "temporal.db", log=tmp_path / "temporal.log")
    made.start()
    yield made
    made.kill()


async def test_a_namespace_survives_a_restart_and_a_kill(server: EmbeddedTemporal) -> None:
    address = server.address
    assert len(await prepare_namespace(address, "stepdown")) > 0
    assert server.stop()
    assert not server.answers()
    server.start()
    assert server.address == address
    assert await prepare_namespace(address, "stepdown") == ()
    server.kill()
    server.start()
    assert server.address == address
    assert await prepare_namespace(address, "stepdown") == ()


def test_it_listens_on_the_loopback_address_only(server: EmbeddedTemporal) -> None:
    assert server.pid is not None
    listening = [c for c in psutil.Process(server.pid).net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]
    assert {c.laddr.ip for c in listening} == {"127.0.0.1"}
    assert server.port in {c.laddr.port for c in listening}


def test_a_damaged_file_gets_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "temporal.db"
    file.write_bytes(b"half a database" * 100)
    server = EmbeddedTemporal(file, log=tmp_path / "log")
    with pytest.raises(StackError, match=r"half written.*make reset"):
        server.start()
    assert server.pid is None


def test_a_given_port_that_is_taken_gets_a_sentence(server: EmbeddedTemporal, tmp_path: Path) -> None:
    assert port_taken(server.port)
    second = EmbeddedTemporal(None, log=tmp_path / "second.log", port=server.port)
    # The first server answers at that port: only the second one's end can tell.
    second.launch()
    child = second.pid
    assert child is not None
    psutil.Process(child).wait(30)
    with pytest.raises(StackError, match="did not start"):
        second.wait()
