"""Nothing the house leaves behind names anybody: histories, attributes, logs, metrics, refusals, the database, the bundle."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg
import pytest
from psycopg import sql
from temporalio.api.workflowservice.v1 import ListSchedulesRequest
from temporalio.client import Client

from activities import seal_words
from local.leak_search import Searcher
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.stack.process import free_port
from local.support import SupportRefused, bundle, secrets_of, shown, tail, written
from storage.verify import verify
from tests.api.conftest import MOMENT
from tests.api.standing_peer import Peer, standing_peer
from tests.leaks.life import Life
from tests.leaks.marks import PEOPLE, WORDS
from tests.leaks.offices import Offices

SEARCHER: Final = Searcher({**PEOPLE, **WORDS})


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with standing_peer(tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, peer: Peer) -> Iterator[Life]:
    extra = {"STEPDOWN_LOG_LEVEL": "debug", "STEPDOWN_WORKER_METRICS_PORT": str(free_port()), **peer.settings}
    house = House(tmp_path_factory.mktemp("house"), extra=extra)
    try:
        house.start()
        asyncio.run(_stand(house))
        lived = Life(house)
        lived.live()
        Offices(lived, peer).live()
        yield lived
        lived.close()
    finally:
        house.stop()


async def _stand(house: House) -> None:
    driver = Driver(house)
    await driver.open(MOMENT)
    await driver.close()


def test_the_life_went_through_every_kind_of_answer(life: Life) -> None:
    """A search of a house where nothing happened would find nothing."""
    assert {200, 201, 401, 403, 404, 409, 422, 503} <= life.witness.statuses
    assert len(life.witness.refusals) > 30
    with psycopg.connect(life.house.postgres.dsn("stepdown")) as connection:
        told = connection.execute(
            "SELECT (SELECT count(*) FROM exchange_message WHERE direction = 'out'), (SELECT count(*) FROM exchange_message "
            "WHERE direction = 'in' AND reason IS NOT NULL), (SELECT count(*) FROM case_evidence), "
            "(SELECT count(*) FROM clinical_document)"
        ).fetchone()
    assert told is not None
    assert all(told), told


def test_refusals_and_headers_name_nobody(life: Life) -> None:
    """The sign-in page alone shows the name that was typed there, to who typed it."""
    told = [(SEARCHER.found(one), one[:200]) for one in life.witness.refusals if b"<title>Sign in" not in one]
    assert [one for one in told if one[0]] == []
    assert SEARCHER.found(b"\n".join(life.witness.headers)) == set()


def test_logs_name_nobody_at_the_level_of_debugging(life: Life) -> None:
    for name in ("api", "worker", "temporal", "storage.migrate", "runtime.temporal"):
        content = (life.house.folder / f"{name}.log").read_bytes()
        assert (name, SEARCHER.found(content)) == (name, set())
    assert b'"level": "debug"' in (life.house.folder / "worker.log").read_bytes()


def test_metrics_and_the_openapi_document_name_nobody(life: Life) -> None:
    port = life.house.settings.worker_metrics_port
    for address in (f"{life.house.url}/metrics", f"http://127.0.0.1:{port}/metrics", f"{life.house.url}/openapi.json"):
        content = httpx2.get(address, timeout=30).content
        assert len(content) > 500
        assert SEARCHER.found(content) == set()
        assert secrets(life).found(content) == set()


def secrets(life: Life) -> Searcher:
    return Searcher(secrets_of(life.house.settings))


def test_the_workflow_server_holds_no_name_anywhere(life: Life) -> None:
    """Ids, memos, search attributes and schedules as they are told, every event of every history as it is kept, and the
    server's files byte by byte."""
    told = asyncio.run(_told_by_temporal(life.house))
    assert len(told) > 200
    assert SEARCHER.found(b"\n".join(told)) == set()
    files = [path for path in life.house.folder.glob("temporal.db*") if path.stat().st_size]
    assert files
    for path in files:
        assert (path.name, SEARCHER.found(path.read_bytes())) == (path.name, set())


async def _told_by_temporal(house: House) -> list[bytes]:
    """Without a keyring: what anybody with the server's address reads."""
    client = await Client.connect(house.temporal.address, namespace=house.settings.temporal_namespace)
    found = []
    schedules = ListSchedulesRequest(namespace=client.namespace, maximum_page_size=100)
    found.append((await client.workflow_service.list_schedules(schedules)).SerializeToString())
    async for run in client.list_workflows():
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        found.append((await handle.describe()).raw_description.SerializeToString())
        async for event in handle.fetch_history_events():
            found.append(event.SerializeToString())
    return found


def test_the_database_names_people_in_sealed_columns_only_and_seals_them(life: Life) -> None:
    """Every column of every table, sealed ones too: their bytes show nobody, and what staff wrote in their own words."""
    wrong = {}
    with psycopg.connect(life.house.postgres.dsn("stepdown")) as connection:
        tables = connection.execute(
            "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
        assert len(tables) > 300
        for table, column in tables:
            found = SEARCHER.found(_content(connection, table, column))
            if found:
                wrong[f"{table}.{column}"] = found
    assert wrong == {}


def _content(connection: psycopg.Connection[Any], table: str, column: str) -> bytes:
    """As bytes where it is bytes, else as text."""
    query = sql.SQL("SELECT {0} FROM {1} WHERE {0} IS NOT NULL").format(sql.Identifier(column), sql.Identifier(table))
    values = [row[0] for row in connection.execute(query)]
    return b"\n".join(bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in values)


def test_what_staff_wrote_is_there_for_who_may_read_it(life: Life) -> None:
    """The proof that there was something to find: the same words, opened through the API, each opening on record."""
    told = "\n".join(json.dumps(life.caller.get("reviewer", f"/v1/episodes/{episode}")) for episode in life.episodes)
    assert {"rationale", "denial", "leave", "discharge"} <= SEARCHER.found(told.encode())
    with psycopg.connect(life.house.postgres.dsn("stepdown")) as connection:
        seen = connection.execute(
            "SELECT count(*) FROM audit_entry WHERE action = 'viewed_person' AND actor LIKE 'reviewer:%%' "
            "AND detail ->> 'page' = 'answer/episode' AND detail -> 'filter' ->> 'episode' = ANY(%s)",
            (life.episodes,),
        ).fetchone()
        filled = connection.execute(
            "SELECT (SELECT count(*) FROM alert WHERE length(sealed_cleared_reason) > 44), (SELECT count(*) FROM open_item "
            "WHERE length(sealed_resolution) > 44), (SELECT count(*) FROM assessment WHERE length(sealed_answers) > 46), "
            "(SELECT count(*) FROM consent WHERE length(sealed_reason) > 44), (SELECT count(*) FROM charge "
            "WHERE length(sealed_void_reason) > 44), (SELECT count(*) FROM charge_exception WHERE length(sealed_resolution) > "
            "44), (SELECT count(*) FROM break_glass WHERE length(sealed) > 44)"
        ).fetchone()
    assert seen is not None
    assert seen[0] >= len(life.episodes)
    assert filled is not None
    assert all(filled), filled


def test_words_of_before_are_found_in_clear_and_sealed_by_the_backfill(life: Life) -> None:
    """The proof that the search of the database searches: rows as processes wrote them before they were sealed are found,
    and after the backfill they are not."""
    planted = {
        "transition.rationale": "rationale", "transition.decision_reason": "denial", "movement.reason": "leave",
        "open_item.resolution": "item", "alert.cleared_reason": "alert",
    }  # fmt: skip
    with psycopg.connect(life.house.postgres.dsn("stepdown")) as connection:
        connection.execute("SET session_replication_role = replica")
        for place, word in planted.items():
            table, column = place.split(".")
            named = [sql.Identifier(name) for name in (table, column, f"sealed_{column}")]
            made = connection.execute(
                sql.SQL("UPDATE {0} SET {1} = %s, {2} = NULL WHERE length({2}) > 44").format(*named), (WORDS[word],)
            )
            assert made.rowcount > 0, place
    with psycopg.connect(life.house.postgres.dsn("stepdown")) as connection:
        for place, word in planted.items():
            assert (place, SEARCHER.found(_content(connection, *place.split(".")))) == (place, {word})
    asyncio.run(_seal(life.house))
    with psycopg.connect(life.house.postgres.dsn("stepdown")) as connection:
        for place in planted:
            assert (place, SEARCHER.found(_content(connection, *place.split(".")))) == (place, set())
    breaks, heads, _ = verify(life.house.postgres.dsn("stepdown"))
    assert breaks == []
    assert heads


async def _seal(house: House) -> None:
    await seal_words.run(house.settings, lambda _: None)


def test_what_left_for_the_payer_did_name_people(life: Life) -> None:
    """The same searcher, where names must be: the payer's own book."""
    content = b"".join(path.read_bytes() for path in life.house.folder.glob("payer.db*"))
    assert {"family", "member", "given"} <= SEARCHER.found(content)


def test_no_secret_stands_in_a_list_of_processes_or_a_log(life: Life) -> None:
    searcher = secrets(life)
    pids = [part.pid for part in life.house.parts.values() if part.pid is not None]
    assert len(pids) == 3
    for pid in pids:
        assert searcher.found(Path(f"/proc/{pid}/cmdline").read_bytes()) == set()
    for path in life.house.folder.glob("*.log"):
        assert (path.name, searcher.found(path.read_bytes())) == (path.name, set())
    assert searcher.found((life.house.folder / "keyring").read_bytes()), "the search knows the keys it looks for"


def test_the_support_bundle_says_what_is_needed_and_names_nobody(life: Life, tmp_path: Path) -> None:
    house, out = life.house, tmp_path / "bundle.json"
    settings = house.settings.model_copy(update={"temporal_address": house.temporal.address})
    logs = [house.folder / "api.log", house.folder / "worker.log"]
    said = asyncio.run(bundle(settings, logs, datetime(2026, 3, 2, tzinfo=UTC)))
    written(said, settings, out)
    content = out.read_bytes()
    assert SEARCHER.found(content) == set()
    assert secrets(life).found(content) == set()
    read = json.loads(content)
    assert read["database"]["revision"] == read["database"]["revision_of_this_code"]
    assert read["database"]["stuck"]["quarantine"]["count"] >= 1
    assert all(row["id"] for row in read["database"]["stuck"]["quarantine"]["oldest"])
    assert read["temporal"]["running"] >= 1
    assert read["settings"]["keyring_file"].endswith("keyring")
    assert read["settings"]["token_key"] == "set"
    assert out.stat().st_mode & 0o077 == 0, "for who made it alone"
    with pytest.raises(FileExistsError):
        written(said, settings, out)


def test_a_bundle_with_a_secret_in_it_is_not_written(life: Life, tmp_path: Path) -> None:
    settings = life.house.settings
    secret = settings.payer_secret.get_secret_value()
    with pytest.raises(SupportRefused, match="payer_secret") as refused:
        written({"logs": [f"token was {secret}"]}, settings, tmp_path / "bundle.json")
    assert secret not in str(refused.value)
    assert not (tmp_path / "bundle.json").exists()


def test_lines_that_nothing_masked_are_counted_and_left_out(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text('Traceback: Zyxquomark\n{"event": "x", "patient": "Zyxquomark", "episode_id": "e1"}\n[1]\n')
    assert tail(log) == [{"event": "x", "patient": "***", "episode_id": "e1"}, {"lines_left_out": 2}]
    assert tail(tmp_path / "none.log") == [{"unreadable": "FileNotFoundError"}]


def test_addresses_stand_without_their_credentials(life: Life) -> None:
    word = "s" * 12
    settings = life.house.settings.model_copy(
        update={
            "database_url": f"postgresql+psycopg://u:{word}@db/x",
            "partner_base_url": f"https://u:{word}@p.example/y",
        }
    )
    said = shown(settings)
    assert said["database_url"] == "postgresql+psycopg://db/x"
    assert said["partner_base_url"] == "https://p.example/y"
