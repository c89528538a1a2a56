"""The chains prove themselves: whatever a superuser does behind the triggers is named at its first link."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from storage.chains import BATCH, LEDGERS, Break, Fault, Head, Ledger, canonical
from storage.verify import main, read_heads, verify

BEGAN = datetime(2026, 3, 6, 12, tzinfo=UTC)
PERSON, OTHER = UUID(int=1), UUID(int=2)
EPISODES = {PERSON: UUID(int=11), OTHER: UUID(int=12)}
Disturb = Callable[..., None]


@pytest.fixture
def dsn(fresh_database: str) -> str:
    return fresh_database.replace("postgresql+psycopg://", "postgresql://")


def people(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "INSERT INTO facility (key, zone, name, edition, opened_on) "
        "VALUES ('north', 'America/Chicago', 'North', '2026-01', '2026-01-01')"
    )
    for person, episode in EPISODES.items():
        coverage = uuid4()
        connection.execute(
            "INSERT INTO person (id, sealed, created_at, version) VALUES (%s, '', '2026-01-01T00:00Z', 1)", (person,)
        )
        connection.execute(
            "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date) "
            "VALUES (%s, %s, 'county', 'insurance', 1, '2026-01-01')",
            (coverage, person),
        )
        connection.execute(
            "INSERT INTO episode (id, person_id, facility, coverage_id, payer, edition, phase, requested_level, source, "
            "diagnoses, opened_at, version) VALUES (%s, %s, 'north', %s, 'county', '2026-01', 'in_care', '3.5', 'test', "
            "'[]', %s, 1)",
            (episode, person, coverage, BEGAN),
        )


def acts(connection: psycopg.Connection[Any], chain: str, many: int, at: datetime = BEGAN) -> None:
    for number in range(many):
        connection.execute(
            "INSERT INTO audit_entry (chain, at, actor, role, action, subject, purpose, detail) "
            "VALUES (%s, %s, 'reviewer', 'reviewer', 'looked', 'a|b', 'payment', %s)",
            (chain, at + timedelta(minutes=number), Jsonb({"ü": number, "a": [1.5, None, "x\n"], "bb": {"c": True}})),
        )


def disclosures(connection: psycopg.Connection[Any], person: UUID, many: int) -> None:
    for number in range(many):
        made = uuid4()
        connection.execute(
            "INSERT INTO disclosure (id, person_id, episode_id, content, purpose, recipient, fingerprint, intent_at, "
            "actor, exception, subject_id) VALUES (%s, %s, %s, 'claim', 'payment', 'payer/county', 'f', %s, 'worker', "
            "'medical_emergency', %s)",
            (made, person, EPISODES[person], BEGAN + timedelta(seconds=number), uuid4()),
        )
        connection.execute(
            "INSERT INTO disclosure_outcome (disclosure_id, outcome, at) VALUES (%s, 'sent', %s)", (made, BEGAN)
        )


def exceptions(connection: psycopg.Connection[Any], person: UUID, many: int) -> None:
    for number in range(many):
        connection.execute(
            "INSERT INTO disclosure_exception (id, chain, person_id, episode_id, facility, kind, recipient, contents, "
            "valid_from, evidence, declared_at, declared_by) VALUES (%s, '', %s, %s, 'north', 'court_order', "
            "'court/first', %s, %s, %s, %s, 'director')",
            (uuid4(), person, EPISODES[person], Jsonb(["handoff"]), BEGAN, Jsonb({"court": "c1", "order": "o1"}),
             BEGAN + timedelta(seconds=number)),
        )  # fmt: skip


@pytest.fixture
def filled(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        people(connection)
        acts(connection, "first", 5)
        acts(connection, "second", 5)
        disclosures(connection, PERSON, 5)
        disclosures(connection, OTHER, 5)
        exceptions(connection, PERSON, 5)
        exceptions(connection, OTHER, 5)
    return dsn


@pytest.fixture
def disturb(filled: str) -> Disturb:
    """A superuser who has switched the triggers off."""

    def run(*statements: str) -> None:
        with psycopg.connect(filled) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                assert connection.execute(statement.encode()).rowcount > 0, "the test changed nothing"

    return run


def only(dsn: str) -> Break:
    """The one break there is."""
    breaks, _, _ = verify(dsn)
    assert len(breaks) == 1, breaks
    return breaks[0]


CHAINS = {
    "audit_entry": ("audit_entry", "chain = 'second'", "second"),
    "disclosure": ("disclosure", f"person_id = '{OTHER}'", str(OTHER)),
    "disclosure_outcome": ("disclosure_outcome", f"person_id = '{OTHER}'", str(OTHER)),
    "disclosure_exception": ("disclosure_exception", f"person_id = '{OTHER}'", str(OTHER)),
}
CHAINED_BEFORE = ("audit_entry", "disclosure", "disclosure_outcome")
"""What was a ledger before revision 0013."""
chained = pytest.mark.parametrize(("table", "own", "chain"), CHAINS.values(), ids=CHAINS)


def test_what_the_triggers_wrote_is_whole_by_hashes_of_our_own(filled: str) -> None:
    breaks, heads, entries = verify(filled)
    assert breaks == []
    assert entries == 40
    assert {(h.ledger, h.chain, h.length) for h in heads} == {
        (table, chain, 5)
        for table, chains in {
            "audit_entry": ("first", "second"),
            "disclosure": (str(PERSON), str(OTHER)),
            "disclosure_outcome": (str(PERSON), str(OTHER)),
            "disclosure_exception": (str(PERSON), str(OTHER)),
        }.items()
        for chain in chains
    }


VALUES = {
    "id": f"'{UUID(int=9)}'", "disclosure_id": f"'{UUID(int=9)}'",
    "at": "at + interval '1 microsecond'", "intent_at": "intent_at - interval '1 hour'", "seq": "seq + 1000",
    "detail": "'{}'", "scope": "'{}'", "evidence": "'{}'", "episode_id": f"'{UUID(int=11)}'",
    "consent_id": f"'{UUID(int=7)}'", "subject_id": "NULL", "message_id": f"'{UUID(int=7)}'", "exception": "NULL",
    "notice": "''", "person_id": f"'{UUID(int=9)}'", "contents": "'[]'", "ends": f"'{UUID(int=7)}'",
    "valid_from": "valid_from - interval '1 hour'", "valid_until": "now()",
    "declared_at": "declared_at - interval '1 hour'",
}  # fmt: skip


@pytest.mark.parametrize("ledger", LEDGERS, ids=[ledger.table for ledger in LEDGERS])
def test_every_column_is_under_the_hash(filled: str, disturb: Disturb, ledger: Ledger) -> None:
    table, own, chain = CHAINS[ledger.table]
    with psycopg.connect(filled) as connection:
        connection.execute(f"CREATE TABLE kept AS SELECT * FROM {table}".encode())
        # Only a superuser who takes the identity away can touch it.
        connection.execute("ALTER TABLE disclosure ALTER seq DROP IDENTITY")
        connection.execute("ALTER TABLE disclosure_exception ALTER seq DROP IDENTITY")
        connection.execute("ALTER TABLE audit_entry ALTER id DROP IDENTITY")
    for column in ledger.columns:
        setting = "900" if (table, column) == ("audit_entry", "id") else VALUES.get(column, "'other'")
        disturb(f"UPDATE {table} SET {column} = {setting} WHERE {own} AND place = 3")
        found = only(filled)
        assert (found.ledger, found.chain, found.place, found.fault) == (table, chain, 3, Fault.CHANGED), column
        assert str(found.entry) in found.sentence()
        disturb(f"UPDATE {table} t SET {column} = k.{column} FROM kept k WHERE t.hash = k.hash")
        assert verify(filled)[0] == [], column


@chained
@pytest.mark.parametrize(("places", "says"), [("(2)", "place 2 is missing"), ("(1, 2)", "places 1 to 2 are missing")])
def test_a_deletion_in_the_middle_is_named(
    filled: str, disturb: Disturb, table: str, own: str, chain: str, places: str, says: str
) -> None:
    disturb(f"DELETE FROM {table} WHERE {own} AND place IN {places}")
    found = only(filled)
    assert (found.ledger, found.chain, found.fault) == (table, chain, Fault.MISSING)
    assert says in found.sentence()


@chained
@pytest.mark.parametrize(("after", "says"), [(4, "place 5 is missing"), (2, "3 to 5"), (0, "places 1 to 5")])
def test_a_cut_tail_is_named(
    filled: str, disturb: Disturb, table: str, own: str, chain: str, after: int, says: str
) -> None:
    disturb(f"DELETE FROM {table} WHERE {own} AND place > {after}")
    found = only(filled)
    assert (found.ledger, found.chain, found.fault, found.place) == (table, chain, Fault.CUT, after + 1)
    assert says in found.sentence()


@chained
def test_a_cut_tail_with_its_head_is_named(
    filled: str, disturb: Disturb, table: str, own: str, chain: str, tmp_path: Path
) -> None:
    """The head deleted too: the rest has no head. The whole chain gone: only heads kept elsewhere tell."""
    kept = tmp_path / "heads"
    assert main(["--heads", str(kept)], filled) == 0
    head = f"ledger = '{table}' AND chain = '{chain}'"
    disturb(f"DELETE FROM {table} WHERE {own} AND place > 3", f"DELETE FROM chain_head WHERE {head}")
    assert only(filled).fault is Fault.HEADLESS
    disturb(f"DELETE FROM {table} WHERE {own}")
    assert verify(filled)[0] == []
    breaks, _, _ = verify(filled, kept=read_heads(kept))
    assert [(b.ledger, b.chain, b.fault) for b in breaks] == [(table, chain, Fault.CUT)]


def test_a_swap_of_contents_or_places_is_named(filled: str, disturb: Disturb) -> None:
    disturb(
        "UPDATE audit_entry a SET at = b.at, detail = b.detail FROM audit_entry b "
        "WHERE a.chain = 'first' AND b.chain = 'first' AND (a.place, b.place) IN ((2, 4), (4, 2))",
        "UPDATE audit_entry SET place = -4 WHERE chain = 'second' AND place = 4",
        "UPDATE audit_entry SET place = 4 WHERE chain = 'second' AND place = 2",
        "UPDATE audit_entry SET place = 2 WHERE chain = 'second' AND place = -4",
    )
    breaks, _, _ = verify(filled)
    assert [(b.chain, b.place, b.fault) for b in breaks] == [
        ("first", 2, Fault.CHANGED), ("second", 2, Fault.CHANGED),
    ]  # fmt: skip


def test_an_entry_rightly_hashed_over_another_past_is_named(filled: str, disturb: Disturb) -> None:
    disturb(
        "UPDATE audit_entry SET prev_hash = 'another' WHERE chain = 'second' AND place = 2",
        "UPDATE audit_entry SET hash = hash_of(ARRAY['2', 'audit_entry', chain, place::text, encode(prev_hash, 'hex'), "
        "id::text, moment_of(at), actor, role, action, subject, purpose, detail::text]) "
        "WHERE chain = 'second' AND place = 2",
    )
    found = only(filled)
    assert (found.chain, found.place, found.fault) == ("second", 2, Fault.NOT_LINKED)


INSERTED = (
    "INSERT INTO audit_entry (chain, at, actor, role, action, subject, purpose, detail, place, prev_hash, hash) "
    "SELECT chain, at, actor, role, action, subject, purpose, detail, {place}, prev_hash, hash FROM audit_entry "
    "WHERE chain = 'first' AND place = 5"
)


@pytest.mark.parametrize(("place", "fault"), [("6", Fault.CHANGED), ("NULL", Fault.CHANGED), ("9", Fault.MISSING)])
def test_an_entry_written_past_the_triggers_is_named(filled: str, disturb: Disturb, place: str, fault: Fault) -> None:
    disturb(INSERTED.format(place=place))
    found = only(filled)
    assert (found.chain, found.fault) == ("first", fault)


def test_a_rightly_hashed_entry_at_the_end_is_named_by_its_head(filled: str, disturb: Disturb) -> None:
    disturb(
        INSERTED.format(place="6"),
        "UPDATE audit_entry a SET prev_hash = b.hash FROM audit_entry b WHERE a.place = 6 AND b.place = 5 "
        "AND a.chain = 'first' AND b.chain = 'first'",
        "UPDATE audit_entry SET hash = hash_of(ARRAY['2', 'audit_entry', chain, place::text, encode(prev_hash, 'hex'), "
        "id::text, moment_of(at), actor, role, action, subject, purpose, detail::text]) WHERE place = 6",
    )
    assert only(filled).fault is Fault.GROWN


def test_a_rewritten_last_entry_is_named_by_its_head(filled: str, disturb: Disturb) -> None:
    disturb(
        "UPDATE audit_entry SET actor = 'nobody', hash = hash_of(ARRAY['2', 'audit_entry', chain, place::text, "
        "encode(prev_hash, 'hex'), id::text, moment_of(at), 'nobody', role, action, subject, purpose, detail::text]) "
        "WHERE chain = 'first' AND place = 5"
    )
    found = only(filled)
    assert (found.chain, found.place, found.fault) == ("first", 5, Fault.CHANGED)
    assert "head" in found.sentence()


def test_a_place_held_twice_is_named(filled: str, disturb: Disturb) -> None:
    with psycopg.connect(filled) as connection:
        connection.execute("DROP INDEX uq_audit_entry_chain_place")
    disturb(INSERTED.format(place="2"))
    assert only(filled).fault is Fault.DOUBLED


def test_a_chain_written_anew_with_its_head_shows_against_kept_heads(
    filled: str, disturb: Disturb, tmp_path: Path
) -> None:
    kept = tmp_path / "heads"
    assert main(["--heads", str(kept)], filled) == 0
    with psycopg.connect(filled) as connection:
        acts(connection, "first", 2)
    assert main(["--against", str(kept)], filled) == 0
    disturb("DELETE FROM audit_entry WHERE chain = 'first'", "DELETE FROM chain_head WHERE chain = 'first'")
    with psycopg.connect(filled) as connection:
        acts(connection, "first", 8)
    assert verify(filled)[0] == []
    breaks, _, _ = verify(filled, kept=read_heads(kept))
    assert [(b.chain, b.place, b.fault) for b in breaks] == [("first", 5, Fault.REWRITTEN)]


def test_heads_refuse_hands(filled: str) -> None:
    for statement in (
        "UPDATE chain_head SET length = 1",
        "DELETE FROM chain_head",
        "TRUNCATE chain_head",
        "INSERT INTO chain_head (ledger, chain, length, moved_at) VALUES ('audit_entry', 'x', 1, '2026-01-01T00:00Z')",
        "UPDATE disclosure_outcome SET outcome = 'not_sent'",
        "TRUNCATE disclosure_outcome",
    ):
        with psycopg.connect(filled) as connection, pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement.encode())


def test_an_intent_or_outcome_told_twice_moves_no_head(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        for table, columns in (
            ("disclosure", "id, person_id, episode_id, content, purpose, recipient, fingerprint, intent_at, actor"),
            ("disclosure_outcome", "disclosure_id, outcome, at"),
        ):
            connection.execute(
                f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} ON CONFLICT DO NOTHING".encode()
            )
    assert verify(filled)[0] == []


def test_writers_of_one_chain_who_cross_stay_in_order(dsn: str) -> None:
    """An id is drawn before the lock is held: the later id may come to stand first, and the chain is whole."""
    insert = (
        "INSERT INTO audit_entry (id, chain, at, actor, role, action, subject, purpose, detail) "
        "OVERRIDING SYSTEM VALUE VALUES (%s, 'house', %s, 'a', 'admin', 'b', 'c', 'd', '{}')"
    )
    with psycopg.connect(dsn) as connection:
        for number in (2, 1, 3):
            connection.execute(insert.encode(), (number, BEGAN))
    assert verify(dsn)[0] == []
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT id FROM audit_entry ORDER BY place").fetchall()
    assert rows == [(2,), (1,), (3,)]


def test_since_looks_at_chains_that_moved_since_and_whole(filled: str, disturb: Disturb) -> None:
    later = BEGAN + timedelta(days=1)
    with psycopg.connect(filled) as connection:
        acts(connection, "second", 1, later)
    disturb("UPDATE audit_entry SET actor = 'nobody' WHERE place = 1")
    assert {b.chain for b in verify(filled)[0]} == {"first", "second"}
    breaks, heads, entries = verify(filled, since=later)
    assert ([b.chain for b in breaks], len(heads), entries) == (["second"], 1, 6)
    disturb("DELETE FROM audit_entry WHERE chain = 'second' AND place = 6")
    assert [b.chain for b in verify(filled, since=later)[0]] == ["second"]


def test_more_than_one_fetch_of_entries(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO audit_entry (chain, at, actor, role, action, subject, purpose, detail) "
            "SELECT 'c' || n %% 7, %s, 'a', 'admin', 'b', 'c', 'd', '{}' FROM generate_series(1, %s) n",
            (BEGAN, 2 * BATCH + 1),
        )
    breaks, heads, entries = verify(dsn)
    assert (breaks, len(heads), entries) == ([], 7, 2 * BATCH + 1)


def test_no_value_can_look_like_a_border() -> None:
    assert canonical(("a,1:b", None)) == b"5:a,1:b,-"
    assert canonical(("a", "b")) != canonical(("a,1:b",))
    assert canonical((None,)) != canonical(("-",))
    assert canonical(("",)) != canonical((None,))
    assert canonical(("ü",)) == b"2:\xc3\xbc"


def test_the_command_says_what_is_broken_and_ends_with_one(filled: str, disturb: Disturb, tmp_path: Path) -> None:
    url = filled.replace("postgresql://", "postgresql+psycopg://")

    def run(*said: str, database: str = url) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "local.verify", *said], capture_output=True, text=True, check=False,
            env={"STEPDOWN_DATABASE_URL": database},
        )  # fmt: skip

    whole = run("--heads", str(tmp_path / "heads"))
    assert (whole.returncode, whole.stdout, whole.stderr) == (0, "8 chains with 40 entries are whole.\n", "")
    first = json.loads((tmp_path / "heads").read_text().splitlines()[0])
    assert Head(**first).length == 5
    disturb("UPDATE disclosure_outcome SET outcome = 'not_sent' WHERE place = 2")
    broken = run()
    assert broken.returncode == 1
    assert broken.stdout.count("not what was hashed at place 2") == 2
    assert broken.stdout.endswith("2 of 8 chains with 40 entries are broken.\n")
    assert run("--since", "2026-03-06").returncode == 2
    assert run(database="postgresql+psycopg://nobody@127.0.0.1:1/nothing").returncode == 2
