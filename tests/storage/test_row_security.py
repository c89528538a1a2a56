"""Every table is walked: who may see a row of it, who may change one, and that nobody who serves may undo it."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from local.stack.postgres import EmbeddedPostgres
from storage import row_security
from storage.engine import TooStrong, make_engine
from storage.migrate import check
from storage.models import Base, Episode
from storage.row_security import TABLES, UNGUARDED, DatabaseRole
from storage.scope import NOBODY, HouseAct, Scope, ScopedDatabase, Unsaid, for_house
from tests.conftest import as_role

HOUSES = ("here", "there")
SCOPED = sorted(name for name, line in TABLES.items() if line.scoped)
LEDGERS = ("audit_entry", "chain_head", "disclosure", "disclosure_outcome", "disclosure_exception")
PLAIN: dict[str, object] = {
    "text": "x", "character varying": "x", "integer": 1, "bigint": 1, "boolean": False, "date": "2026-03-02",
    "timestamp with time zone": "2026-03-02T00:00:00Z", "jsonb": "{}", "bytea": b"x", "numeric": 1,
    "tstzrange": "[2026-03-02,2026-03-03)",
}  # fmt: skip
COLUMNS = """
    SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = %s AND is_identity = 'NO'
      AND (is_nullable = 'NO' OR column_name = ANY(%s))
"""


def owner(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)


def of(house: str, table: str) -> UUID:
    return uuid5(NAMESPACE_OID, f"{house}/{table}")


def known(house: str, table: str) -> dict[str, object]:
    """What ties a row to its house."""
    named = {"facility": house, "key": house, "owner_kind": "episode", "owner_id": of(house, "episode")}
    named |= {name: of(house, "person") for name in ("one_id", "other_id", "survivor_id", "merged_id")}
    named |= {"id": of(house, table), "merge_id": of(house, "person_merge")}
    named |= {"subject_id": of(house, "authorization_request")} if table == "exchange_message" else {}
    for other in ("person", "episode", "authorization", "disclosure", "request", "stay", "session", "assessment"):
        named[f"{other}_id"] = of(house, "authorization_request" if other == "request" else other)
    return named


@pytest.fixture(scope="module")
def filled(postgres_server: EmbeddedPostgres, template: str) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """A row of every scoped table in each of two houses. Checks and triggers are off for who fills: what a row says is no
    matter here, only whose it is."""
    name = f"two_houses_{template}"
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    with owner(postgres_server.url(name)) as connection:
        for table, check in connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' "
            "AND connamespace = current_schema()::regnamespace"
        ).fetchall():
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{check}"'.encode())
        connection.execute("SET session_replication_role = replica")
        for table in SCOPED:
            for house in HOUSES:
                fill(connection, table, house)
        connection.execute("SET session_replication_role = origin")
        yield connection, name
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def fill(connection: psycopg.Connection[Any], table: str, house: str) -> None:
    told = known(house, table)
    tied = [name for name in told if name != "key"]
    row: dict[str, object] = {}
    for name, kind in connection.execute(COLUMNS, (table, tied)):
        if name in told and (kind == "uuid" or name in ("facility", "key", "owner_kind")):
            row[name] = told[name]
        elif kind == "uuid":
            row[name] = of(house, f"{table}.{name}")
        else:
            row[name] = f"{house}/{table}" if name in ("id", "trace", "fingerprint", "template") else PLAIN[kind]
    if table == "program":
        row["key"] = f"{house}/{table}"
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        ),
        list(row.values()),
    )


@pytest.fixture
async def api(
    filled: tuple[psycopg.Connection[Any], str], postgres_server: EmbeddedPostgres
) -> AsyncIterator[ScopedDatabase]:
    url = postgres_server.url(filled[1], DatabaseRole.API)
    made = ScopedDatabase(make_engine(url, pool_size=2, role=DatabaseRole.API))
    yield made
    await made.close()


def user(*facilities: str) -> Scope:
    return Scope("clinician:one", "clinician", facilities)


def test_every_table_stands_on_one_list_and_every_line_has_its_table(fresh_database: str) -> None:
    with owner(fresh_database) as connection:
        found = {
            name for (name,) in connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
            )
        }  # fmt: skip
    assert found == TABLES.keys() | UNGUARDED.keys()
    assert not TABLES.keys() & UNGUARDED.keys()
    assert set(Base.metadata.tables) == set(TABLES)


def test_every_table_has_row_security_with_a_policy_for_each_role(fresh_database: str) -> None:
    with owner(fresh_database) as connection:
        assert row_security.differing(connection) == []
        rows = connection.execute(
            "SELECT relname, relrowsecurity, (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy "
            "WHERE polrelid = c.oid) FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
        ).fetchall()
    for table, on, policies in rows:
        assert (table in UNGUARDED) or (on, policies) == (True, ["api_scope", "worker_house"]), table


def test_whoever_forgets_a_line_is_told_and_nothing_is_open(fresh_database: str) -> None:
    """An upgrade goes on: the table may be an operator's own."""
    with owner(fresh_database) as connection:
        connection.execute("CREATE TABLE forgotten (id INT)")
        row_security.apply(connection)
        assert row_security.strangers(connection) == ["forgotten"]
        for role in DatabaseRole:
            may = connection.execute("SELECT has_table_privilege(%s, 'forgotten', 'SELECT')", (role.value,)).fetchone()
            assert may == (False,)
    with pytest.raises(row_security.NotOnTheList, match="forgotten"):
        check(fresh_database)
    with owner(fresh_database) as connection:
        connection.execute("DROP TABLE forgotten")
    check(fresh_database)


def test_what_somebody_loosened_is_put_back(fresh_database: str) -> None:
    with owner(fresh_database) as connection:
        connection.execute("ALTER TABLE episode DISABLE ROW LEVEL SECURITY; DROP POLICY api_scope ON stay")
        assert sorted(row_security.differing(connection)) == ["episode", "stay"]
        row_security.apply(connection)
        assert row_security.differing(connection) == []


@pytest.mark.parametrize("role", list(DatabaseRole))
def test_who_serves_owns_nothing_and_can_switch_nothing_off(fresh_database: str, role: DatabaseRole) -> None:
    with owner(fresh_database) as connection:
        attributes = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = %s"
        assert connection.execute(attributes, (role.value,)).fetchone() == (False,) * 4
        owned = "SELECT count(*) FROM pg_class WHERE pg_has_role(%s, relowner, 'MEMBER')"
        assert connection.execute(owned, (role.value,)).fetchone() == (0,)
    with owner(as_role(fresh_database, role)) as serving:
        for attempt in (
            "ALTER TABLE audit_entry DISABLE TRIGGER ALL", "ALTER TABLE episode DISABLE ROW LEVEL SECURITY",
            "SET session_replication_role = replica", "DROP POLICY api_scope ON episode", "TRUNCATE audit_entry",
            "CREATE TABLE mine (id INT)", "DROP TRIGGER audit_entry_append_only ON audit_entry",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                serving.execute(attempt.encode())


@pytest.mark.parametrize("table", LEDGERS)
@pytest.mark.parametrize("role", list(DatabaseRole))
def test_ledger_and_audit_are_only_added_to(fresh_database: str, role: DatabaseRole, table: str) -> None:
    column = {"audit_entry": "actor", "chain_head": "length", "disclosure_outcome": "outcome"}.get(table, "recipient")
    with owner(as_role(fresh_database, role)) as serving:
        for attempt in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                serving.execute(attempt.encode())


@pytest.mark.parametrize("table", SCOPED)
async def test_a_row_of_another_house_is_not_there(api: ScopedDatabase, table: str) -> None:
    count = text(f'SELECT count(*) FROM "{table}"')

    async def seen(scope: Scope) -> int:
        async with api.read(scope) as session:
            return int((await session.execute(count)).scalar_one())

    assert [await seen(user(house)) for house in HOUSES] == [1, 1]
    assert await seen(user(*HOUSES)) == 2
    assert [await seen(s) for s in (NOBODY, user(), user("elsewhere"))] == [0, 0, 0]


@pytest.mark.parametrize("table", SCOPED)
async def test_a_row_of_another_house_is_neither_changed_nor_deleted(api: ScopedDatabase, table: str) -> None:
    rights = TABLES[table].api
    column = next(c.name for c in Base.metadata.tables[table].columns if c.identity is None)
    for right, attempt in (
        ("UPDATE", f'UPDATE "{table}" SET "{column}" = "{column}"'),
        ("DELETE", f'DELETE FROM "{table}"'),
    ):
        if right not in re.sub(r"UPDATE \([a-z_, ]+\)", "", rights):
            with pytest.raises(DBAPIError, match="permission denied"):
                await _rows(api, attempt)
        else:
            assert await _rows(api, attempt) == 0


async def _rows(api: ScopedDatabase, attempt: str) -> int:
    async with api.write(user("elsewhere")) as session:
        done: Any = await session.execute(text(attempt))
        return int(done.rowcount)


async def test_a_row_cannot_be_written_into_another_house(api: ScopedDatabase) -> None:
    item = text(
        "INSERT INTO open_item (id, episode_id, facility, kind, owner_role, why, opened_at, status) "
        "VALUES (gen_random_uuid(), :episode, 'there', 'k', 'biller', 'w', '2026-03-02', 'open')"
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        async with api.write(user("here")) as session:
            await session.execute(item, {"episode": of("there", "episode")})


async def test_a_route_that_forgot_to_ask_still_shows_nothing(api: ScopedDatabase) -> None:
    """What `see_episode` reads, without its `must_see`."""
    async with api.read(user("here")) as session:
        asked = select(Episode.id).where(Episode.id.in_([of(house, "episode") for house in HOUSES]))
        assert (await session.execute(asked)).scalars().all() == [of("here", "episode")]


async def test_claims_end_with_their_transaction(api: ScopedDatabase) -> None:
    async with api.write(for_house(HouseAct.ERASURE, HOUSES)) as session:
        assert len((await session.execute(text("SELECT 1 FROM episode"))).all()) == 2
    async with api.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM episode"))).scalar_one() == 0
        assert (await connection.execute(text("SELECT count(*) FROM person"))).scalar_one() == 0


async def test_a_broken_glass_opens_one_episode_of_another_house_and_no_more(
    api: ScopedDatabase, filled: tuple[psycopg.Connection[Any], str]
) -> None:
    """E13: what hangs on the opened episode is seen, and nothing else there."""
    glass = Scope("clinician:one", "clinician", ("here",), opened=(of("there", "episode"),))
    filled[0].execute("SET session_replication_role = replica")
    fill(filled[0], "episode", "there/beside")
    filled[0].execute("UPDATE episode SET facility = 'there' WHERE id = %s", (of("there/beside", "episode"),))
    filled[0].execute("SET session_replication_role = origin")
    async with api.read(glass) as session:
        seen = (await session.execute(select(Episode.id))).scalars().all()
        assert set(seen) == {of("here", "episode"), of("there", "episode")}
        for table in ("person", "stay", "transition", "open_item", "timeline_entry", "assessment", "consent", "charge"):
            assert (await session.execute(text(f'SELECT count(*) FROM "{table}"'))).scalar_one() == 2, table
        for table in ("bed", "program", "census_line", "session"):
            assert (await session.execute(text(f'SELECT count(*) FROM "{table}"'))).scalar_one() == 1, table
    filled[0].execute("DELETE FROM episode WHERE id = %s", (of("there/beside", "episode"),))


async def test_commands_are_their_givers(api: ScopedDatabase, filled: tuple[psycopg.Connection[Any], str]) -> None:
    for actor in ("clinician:one", "clinician:other"):
        filled[0].execute(
            "INSERT INTO command (key, kind, body_hash, actor, accepted_at, status) VALUES (%s, 'k', '', %s, now(), 'done')",
            (actor, actor),
        )
    async with api.read(user("here")) as session:
        assert (await session.execute(text("SELECT key FROM command"))).scalars().all() == ["clinician:one"]


async def test_nobody_serves_as_the_owner(fresh_database: str) -> None:
    engine = make_engine(fresh_database, role=DatabaseRole.API)
    with pytest.raises(TooStrong, match="passes row security by"):
        async with engine.connect():
            pass
    await engine.dispose()


def test_a_facility_that_cannot_be_said_is_refused() -> None:
    with pytest.raises(Unsaid):
        user("here,there")
