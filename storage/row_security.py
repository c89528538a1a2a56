"""Which rows the API's role sees and what each role may do: one line per table (issue 4; HIPAA minimum necessary, 42 CFR 2.13).

Whoever adds a table adds a line to `TABLES`: who sees a row, what the API may do, what the worker may do. The migration of
the table needs nothing: `storage.migrate upgrade` brings rights and policies to what stands here after its revisions. The
roles have no right to a table without a line, so what is forgotten is denied, and `storage.migrate check` refuses it.
tests/storage/test_row_security.py walks every table.

The API says with each transaction for whom it reads (`storage/scope.py`); nothing said is nothing seen. The worker acts for
the house. Neither role owns a table, so neither can switch a policy or a trigger off."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import psycopg
from psycopg import sql


class DatabaseRole(StrEnum):
    API = "stepdown_api"
    WORKER = "stepdown_worker"


# A claim is read once a statement, in a subquery of its own: a bare function would be called for every row. `OFFSET 0` keeps a
# lookup by primary key from becoming a hash of every row that is seen (docs/performance.md, Row security).
HOUSES: Final = "(SELECT string_to_array(current_setting('stepdown.facilities', true), ','))::text[]"
"""Facilities of the transaction; null where none were said, which no row equals."""
WHOLE_HOUSE: Final = "(SELECT current_setting('stepdown.house', true) = 'on')"
"""One of the named acts that reach beyond a user's facilities (`storage/scope.py`)."""
OPENED: Final = "(SELECT string_to_array(current_setting('stepdown.opened', true), ','))::uuid[]"
"""Episodes the user broke the glass for, for reading (E13); of any facility."""

EVERYBODY: Final = "true"
"""Nothing about patients: what may be done with it is said by the rights alone."""
FACILITY: Final = f"(facility = ANY ({HOUSES}))"
ABOUT: Final = f"(facility = ANY ({HOUSES}) OR {{table}}.episode_id = ANY ({OPENED}))"
"""Rows about one episode, with its facility beside."""
EPISODE: Final = "EXISTS (SELECT 1 FROM episode e WHERE e.id = {table}.episode_id OFFSET 0)"
"""Policies hold inside policies: an episode that is not seen is not there."""
CASE: Final = 'EXISTS (SELECT 1 FROM "authorization" a WHERE a.id = {table}.authorization_id OFFSET 0)'
KNOWN: Final = (
    "({house} OR EXISTS (SELECT 1 FROM episode e WHERE e.person_id = person.id OFFSET 0) "
    "OR EXISTS (SELECT 1 FROM episode e WHERE e.person_id = person.merged_into OFFSET 0))"
).replace("{house}", WHOLE_HOUSE)
"""Somebody is known where they have or had an episode, under every record of theirs (E03); before the first one only to
the act that takes a referral."""
PERSON: Final = "({house} OR EXISTS (SELECT 1 FROM person p WHERE p.id = {table}.person_id OFFSET 0))".replace(
    "{house}", WHOLE_HOUSE
)
PAIR: Final = PERSON.replace("{table}.person_id", "ANY (ARRAY[{table}.one_id, {table}.other_id])")
MERGE: Final = PERSON.replace("{table}.person_id", "ANY (ARRAY[{table}.survivor_id, {table}.merged_id])")
MERGED: Final = "EXISTS (SELECT 1 FROM person_merge m WHERE m.id = {table}.merge_id OFFSET 0)"
EITHER: Final = (
    "EXISTS (SELECT 1 FROM episode e WHERE e.id = ANY (ARRAY[{table}.episode_id, {table}.right_episode_id]) OFFSET 0)"
)
DISCLOSURE: Final = "EXISTS (SELECT 1 FROM disclosure d WHERE d.id = {table}.disclosure_id OFFSET 0)"
EXCEPTION: Final = f"{ABOUT} AND ({{table}}.person_id IS NULL OR {PERSON})"
MESSAGE: Final = (
    "subject_id IS NULL OR EXISTS (SELECT 1 FROM authorization_request r WHERE r.id = {table}.subject_id OFFSET 0) "
    "OR EXISTS (SELECT 1 FROM episode e WHERE e.id = {table}.subject_id OFFSET 0)"
)
"""About a request, or, when people told somebody, about an episode. What could not be matched belongs to no facility and is
every reviewer's (E32)."""
DUE: Final = (
    "CASE owner_kind WHEN 'episode' THEN EXISTS (SELECT 1 FROM episode e WHERE e.id = {table}.owner_id OFFSET 0) "
    "WHEN 'authorization' THEN EXISTS (SELECT 1 FROM \"authorization\" a WHERE a.id = {table}.owner_id OFFSET 0) ELSE false END"
)
OWN: Final = "actor = (SELECT current_setting('stepdown.actor', true))"
"""Commands and their answers belong to who gave them."""

READ: Final = "SELECT"
ADD: Final = "SELECT, INSERT"
CHANGE: Final = "SELECT, INSERT, UPDATE"
ALL: Final = "SELECT, INSERT, UPDATE, DELETE"
UPDATE: Final = "SELECT, UPDATE"
LOCK: Final = "SELECT, UPDATE (version)"
"""Read, and locked while something about it is written."""
FOLLOW: Final = "SELECT, UPDATE (person_id)"
"""Read, and given to another record of the same person when records are joined or taken apart (E03)."""
FOLLOW_VERSION: Final = "SELECT, UPDATE (version, person_id)"
NOTHING: Final = ""
# Words of staff are emptied with their person's key, and those written in clear before are sealed (storage/staff_words.py).
WORDS_OF_TRANSITION: Final = ", UPDATE (rationale, sealed_rationale, decision_reason, sealed_decision_reason)"
WORDS_OF_MOVEMENT: Final = ", UPDATE (reason, sealed_reason)"
WORDS_OF_ASSESSMENT: Final = ", UPDATE (answers, sealed_answers)"


@dataclass(frozen=True, slots=True)
class Line:
    """`seen`: when the API sees a row, and may write one."""

    seen: str
    api: str
    worker: str

    @property
    def scoped(self) -> bool:
        """Whether rows belong to facilities."""
        return self.seen not in (EVERYBODY, OWN)


TABLES: Final[dict[str, Line]] = {
    # people: known where they are or were treated
    "person": Line(KNOWN, CHANGE, CHANGE),
    "person_token": Line(PERSON, "SELECT, INSERT, DELETE", ALL),
    "coverage": Line(PERSON, CHANGE, CHANGE),
    "consent": Line(PERSON, CHANGE, CHANGE),
    "guardian": Line(PERSON, CHANGE, CHANGE),
    "person_pair": Line(PAIR, CHANGE, CHANGE),
    "person_merge": Line(MERGE, ADD, READ),
    "person_merge_row": Line(MERGED, ADD, READ),
    "misfiling": Line(EITHER, ADD, READ),
    "legal_hold": Line(PERSON, CHANGE, READ),
    "person_access": Line(PERSON, CHANGE, READ),
    "break_glass": Line(FACILITY, CHANGE, READ),
    "patient_export": Line(PERSON, CHANGE, READ),
    "record_deletion": Line(PERSON, CHANGE, READ),
    # care
    "clinical_document": Line(ABOUT, CHANGE, CHANGE),
    "episode": Line(ABOUT.replace("{table}.episode_id", "{table}.id"), FOLLOW_VERSION, CHANGE),
    "movement": Line(EPISODE, READ + WORDS_OF_MOVEMENT, ADD + WORDS_OF_MOVEMENT),
    "stay": Line(ABOUT, FOLLOW, CHANGE),
    "absence": Line(EPISODE, READ, ALL),
    "bed_occupancy": Line(EPISODE, READ, ALL),
    "transition": Line(ABOUT, READ + WORDS_OF_TRANSITION, CHANGE),
    "assessment": Line(EPISODE, ADD + WORDS_OF_ASSESSMENT, ADD + WORDS_OF_ASSESSMENT),
    "assessment_due": Line(EPISODE, CHANGE, CHANGE),
    "alert": Line(EPISODE, CHANGE, CHANGE),
    "attendance": Line(EPISODE, UPDATE, CHANGE),
    "open_item": Line(ABOUT, CHANGE, CHANGE),
    "due": Line(DUE, READ, ALL),
    "timeline_entry": Line(ABOUT, ADD, ADD),
    # utilization review
    "authorization": Line(ABOUT, LOCK, CHANGE),
    "authorization_request": Line(EPISODE, READ, CHANGE),
    "authorization_decision": Line(CASE, READ, CHANGE),
    "authorization_grant": Line(ABOUT, READ, CHANGE),
    "authorization_clock": Line(CASE, READ, CHANGE),
    "authorization_dispute": Line(CASE, READ, CHANGE),
    "case_evidence": Line(CASE, "SELECT, INSERT, DELETE, UPDATE (sealed)", ADD),
    "single_case_agreement": Line(ABOUT, READ, CHANGE),
    # money and census
    "charge": Line(ABOUT, CHANGE, CHANGE),
    "charge_exception": Line(ABOUT, UPDATE, CHANGE),
    "per_diem_account": Line(EPISODE, READ, ALL),
    "census_snapshot": Line(FACILITY, READ, ADD),
    "census_line": Line(FACILITY, READ, ADD),
    "census_presence": Line(FACILITY, READ, ADD),
    "facility_day": Line(FACILITY, CHANGE, CHANGE),
    # the ledger and the audit: added to, by permission and by trigger
    "disclosure": Line(EPISODE, ADD, ADD),
    "disclosure_outcome": Line(DISCLOSURE, ADD, ADD),
    "disclosure_exception": Line(EXCEPTION, ADD, ADD),
    "audit_entry": Line(EVERYBODY, ADD, ADD),
    "chain_head": Line(EVERYBODY, READ, NOTHING),  # moved by the triggers of the chains, which run as their owner
    # exchange
    "exchange_message": Line(MESSAGE, CHANGE, CHANGE),
    "exchange_file": Line(EVERYBODY, ADD, ADD),
    "payer_circuit": Line(EVERYBODY, READ, CHANGE),
    "control_number": Line(EVERYBODY, CHANGE, CHANGE),
    # the house
    "facility": Line(FACILITY.replace("facility =", "key ="), READ, CHANGE),
    "program": Line(FACILITY, READ, CHANGE),
    "bed": Line(FACILITY, READ, CHANGE),
    "session": Line(FACILITY, READ, CHANGE),
    # plumbing
    "command": Line(OWN, CHANGE, CHANGE),
    "outbox": Line(EVERYBODY, "INSERT, SELECT (id, parked)", CHANGE),
    "business_clock": Line(EVERYBODY, READ, CHANGE),
    "app_user": Line(EVERYBODY, CHANGE, NOTHING),
    "web_session": Line(EVERYBODY, ALL, NOTHING),
    "token_cut_off": Line(EVERYBODY, CHANGE, NOTHING),
    "payer_client": Line(EVERYBODY, CHANGE, NOTHING),
    "house_key": Line(EVERYBODY, READ, CHANGE),
}

UNGUARDED: Final[dict[str, str]] = {"alembic_version": "the revision of the schema; no role but the owner may read it"}
"""Tables without rights for anybody but the owner, and why they need no policy."""

ROLES: Final = """
DO $$
DECLARE r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['stepdown_api', 'stepdown_worker'] LOOP
        CONTINUE WHEN EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', r);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role % is missing and % may not create it: docs/operations.md, Roles of the database',
                    r, current_user USING ERRCODE = 'undefined_object';
        END;
    END LOOP;
    SELECT rolname INTO r FROM pg_roles
     WHERE rolname IN ('stepdown_api', 'stepdown_worker') AND (rolsuper OR rolbypassrls OR rolname = current_user) LIMIT 1;
    IF r IS NOT NULL THEN
        RAISE EXCEPTION 'the role % owns, is a superuser or passes row security by: docs/operations.md, Roles of the database',
            r USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO stepdown_api', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO stepdown_worker', current_database());
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO stepdown_api, stepdown_worker', current_schema());
END $$;
"""
TRIGGERS: Final = """
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
        AND prorettype = 'trigger'::regtype AND NOT prosecdef LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', f, current_schema());
    END LOOP;
END $$;
"""
"""Triggers run as the owner: chains move heads that no role may touch, and guards count what the caller may not see."""
FOUND: Final = """
    SELECT c.relname, c.relrowsecurity,
           (SELECT array_agg(p.polname || '=' || coalesce(obj_description(p.oid, 'pg_policy'), '') ORDER BY p.polname)
            FROM pg_policy p WHERE p.polrelid = c.oid)
    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    ORDER BY c.relname
"""


class NotApplied(Exception):
    """What stands in the database is not what stands here."""


class NotOnTheList(Exception):
    """A table without a line; the message says which, and what to do."""


def statements(table: str, line: Line) -> Iterator[str]:
    """Rights and policies of one table; safe to repeat."""
    for role, rights in ((DatabaseRole.API, line.api), (DatabaseRole.WORKER, line.worker)):
        yield f'REVOKE ALL ON "{table}" FROM {role}'
        if rights:
            yield f'GRANT {rights} ON "{table}" TO {role}'
    yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    for policy, (role, seen) in _policies(table, line).items():
        yield f'DROP POLICY IF EXISTS {policy} ON "{table}"'
        yield f'CREATE POLICY {policy} ON "{table}" TO {role} USING ({seen}) WITH CHECK ({seen})'
        yield f"COMMENT ON POLICY {policy} ON \"{table}\" IS '{_mark(line, seen)}'"


def _policies(table: str, line: Line) -> dict[str, tuple[DatabaseRole, str]]:
    seen = line.seen.replace("{table}", f'"{table}"')
    if line.scoped:
        # The same as `seen`, told so that the planner expects every row to pass: whoever asks names their facilities
        # themselves, and a policy that seems to throw most rows away turns ordered reads into sorts of everything.
        seen = f"nullif({seen}, false) IS NOT NULL"
    return {"api_scope": (DatabaseRole.API, seen), "worker_house": (DatabaseRole.WORKER, EVERYBODY)}


def _mark(line: Line, seen: str) -> str:
    """Tells whether what stands in the database is what stands here."""
    return sha256(f"{line.api}|{line.worker}|{seen}".encode()).hexdigest()[:16]


def differing(connection: psycopg.Connection[Any]) -> list[str]:
    """Tables whose rights or policies are not what stands here."""
    found = {name: (on, policies or []) for name, on, policies in connection.execute(FOUND)}
    wanted = {
        table: (True, [f"{p}={_mark(line, seen)}" for p, (_, seen) in _policies(table, line).items()])
        for table, line in TABLES.items()
        if table in found
    }
    return [table for table, whole in wanted.items() if found[table] != whole]


def strangers(connection: psycopg.Connection[Any]) -> list[str]:
    """Tables that stand on neither list, such as an operator's own: neither role has a right to them."""
    found = {name for name, _, _ in connection.execute(FOUND)}
    return sorted(found - TABLES.keys() - UNGUARDED.keys())


def script() -> str:
    """All of it as text, for who applies migrations by hand."""
    said = [ROLES, *(s + ";\n" for table, line in TABLES.items() for s in statements(table, line)), TRIGGERS]
    return "".join(said)


def apply(connection: psycopg.Connection[Any]) -> list[str]:
    """Bring rights and policies to what stands here, in one transaction; answers the tables that were changed."""
    with connection.transaction():
        connection.execute(sql.SQL(ROLES))
        changed = differing(connection)
        for table in changed:
            for statement in statements(table, TABLES[table]):
                connection.execute(statement.encode())
        connection.execute(sql.SQL(TRIGGERS))
    return changed
