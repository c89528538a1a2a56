"""The chains of the audit and of disclosures prove themselves: each entry has its place, each chain its head, the outcome
of a disclosure is chained too, and every column is hashed (form 2, `storage/chains.py`).

Until now the order of a chain was the order of ids, which are drawn before the chain's lock: two writers of one chain could
cross. A place is given under the lock. A head remembers how far its chain came, so that a cut tail is noticed.

Safe on a live table: new columns are empty and without default, indexes are built concurrently. Writers of the three tables
wait while the heads are counted (one pass over each); readers do not. Entries written before keep form 1 and no place."""

from alembic import op

revision = "0013"
down_revision = "0012"

COLUMNS = """
ALTER TABLE audit_entry ADD COLUMN IF NOT EXISTS place BIGINT;
ALTER TABLE disclosure
    ADD COLUMN IF NOT EXISTS place BIGINT,
    ADD COLUMN IF NOT EXISTS notice TEXT,
    ADD COLUMN IF NOT EXISTS scope JSONB,
    ADD COLUMN IF NOT EXISTS evidence JSONB;
ALTER TABLE disclosure_outcome
    ADD COLUMN IF NOT EXISTS person_id UUID,
    ADD COLUMN IF NOT EXISTS place BIGINT,
    ADD COLUMN IF NOT EXISTS prev_hash BYTEA,
    ADD COLUMN IF NOT EXISTS hash BYTEA;
CREATE TABLE IF NOT EXISTS chain_head (
    ledger TEXT NOT NULL,
    chain TEXT NOT NULL,
    length BIGINT NOT NULL,
    head BYTEA,
    moved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_chain_head PRIMARY KEY (ledger, chain)
) WITH (fillfactor = 70);
"""

PLACES = (
    ("uq_audit_entry_chain_place", "audit_entry (chain, place)"),
    ("uq_disclosure_person_id_place", "disclosure (person_id, place)"),
    ("uq_disclosure_outcome_person_id_place", "disclosure_outcome (person_id, place)"),
)

FUNCTIONS = """
CREATE OR REPLACE FUNCTION hash_of(parts text[]) RETURNS bytea LANGUAGE sql STABLE STRICT AS $$
    SELECT sha256(convert_to(string_agg(coalesce(octet_length(p) || ':' || p, '-'), ',' ORDER BY n), 'UTF8'))
    FROM unnest(parts) WITH ORDINALITY AS u (p, n)
$$;
CREATE OR REPLACE FUNCTION moment_of(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
$$;

CREATE OR REPLACE FUNCTION move_head(of_ledger text, of_chain text, to_length bigint, to_head bytea, at timestamptz)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO chain_head AS h (ledger, chain, length, head, moved_at)
    VALUES (of_ledger, of_chain, to_length, to_head, at)
    ON CONFLICT (ledger, chain) DO UPDATE
    SET length = excluded.length, head = excluded.head, moved_at = greatest(h.moved_at, excluded.moved_at)
$$;

CREATE OR REPLACE FUNCTION chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE so_far bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.chain, 7));
    SELECT h.length, h.head INTO so_far, NEW.prev_hash FROM chain_head h
     WHERE h.ledger = 'audit_entry' AND h.chain = NEW.chain;
    NEW.place := coalesce(so_far, 0) + 1;
    NEW.hash := hash_of(ARRAY['2', 'audit_entry', NEW.chain, NEW.place::text, encode(NEW.prev_hash, 'hex'), NEW.id::text,
        moment_of(NEW.at), NEW.actor, NEW.role, NEW.action, NEW.subject, NEW.purpose, NEW.detail::text]);
    PERFORM move_head('audit_entry', NEW.chain, NEW.place, NEW.hash, NEW.at);
    RETURN NEW;
END $$;

-- An insert that meets its own id again changes nothing, so it moves no head either.
CREATE OR REPLACE FUNCTION chain_disclosure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE so_far bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.person_id::text, 11));
    IF EXISTS (SELECT 1 FROM disclosure d WHERE d.id = NEW.id) THEN
        RETURN NEW;
    END IF;
    SELECT h.length, h.head INTO so_far, NEW.prev_hash FROM chain_head h
     WHERE h.ledger = 'disclosure' AND h.chain = NEW.person_id::text;
    NEW.place := coalesce(so_far, 0) + 1;
    NEW.hash := hash_of(ARRAY['2', 'disclosure', NEW.person_id::text, NEW.place::text, encode(NEW.prev_hash, 'hex'),
        NEW.id::text, NEW.seq::text, NEW.episode_id::text, NEW.content, NEW.purpose, NEW.recipient,
        NEW.consent_id::text, NEW.exception, NEW.subject_id::text, NEW.message_id::text, NEW.fingerprint,
        moment_of(NEW.intent_at), NEW.actor, NEW.notice, NEW.scope::text, NEW.evidence::text]);
    PERFORM move_head('disclosure', NEW.person_id::text, NEW.place, NEW.hash, NEW.intent_at);
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION chain_disclosure_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE so_far bigint;
BEGIN
    SELECT d.person_id INTO NEW.person_id FROM disclosure d WHERE d.id = NEW.disclosure_id;
    IF NEW.person_id IS NULL THEN
        RETURN NEW; -- no such disclosure: the foreign key says so
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.person_id::text, 13));
    IF EXISTS (SELECT 1 FROM disclosure_outcome o WHERE o.disclosure_id = NEW.disclosure_id) THEN
        RETURN NEW;
    END IF;
    SELECT h.length, h.head INTO so_far, NEW.prev_hash FROM chain_head h
     WHERE h.ledger = 'disclosure_outcome' AND h.chain = NEW.person_id::text;
    NEW.place := coalesce(so_far, 0) + 1;
    NEW.hash := hash_of(ARRAY['2', 'disclosure_outcome', NEW.person_id::text, NEW.place::text,
        encode(NEW.prev_hash, 'hex'), NEW.disclosure_id::text, NEW.outcome, moment_of(NEW.at)]);
    PERFORM move_head('disclosure_outcome', NEW.person_id::text, NEW.place, NEW.hash, NEW.at);
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION guard_chain_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') OR pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'heads of chains move with their entries only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

# Outcomes of before are counted, not hashed: nobody noted their hash when they were written.
HEADS = """
LOCK TABLE audit_entry, disclosure, disclosure_outcome IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO chain_head (ledger, chain, length, head, moved_at)
SELECT 'audit_entry', chain, count(*), (array_agg(hash ORDER BY id DESC))[1], max(at) FROM audit_entry GROUP BY chain
UNION ALL
SELECT 'disclosure', person_id::text, count(*), (array_agg(hash ORDER BY seq DESC))[1], max(intent_at)
  FROM disclosure GROUP BY person_id
UNION ALL
SELECT 'disclosure_outcome', d.person_id::text, count(*), NULL, max(o.at)
  FROM disclosure_outcome o JOIN disclosure d ON d.id = o.disclosure_id GROUP BY d.person_id
ON CONFLICT DO NOTHING;
"""

TRIGGERS = """
CREATE TRIGGER disclosure_outcome_chain BEFORE INSERT ON disclosure_outcome
    FOR EACH ROW EXECUTE FUNCTION chain_disclosure_outcome();
CREATE TRIGGER disclosure_outcome_no_truncate BEFORE TRUNCATE ON disclosure_outcome
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER chain_head_guard BEFORE INSERT OR UPDATE OR DELETE ON chain_head
    FOR EACH ROW EXECUTE FUNCTION guard_chain_head();
CREATE TRIGGER chain_head_no_truncate BEFORE TRUNCATE ON chain_head
    FOR EACH STATEMENT EXECUTE FUNCTION guard_chain_head();
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(COLUMNS)
    with op.get_context().autocommit_block():
        for name, on in PLACES:
            # A build that was cut off leaves an invalid index of the same name behind.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {on}")
    for statements in (HEADS, FUNCTIONS, TRIGGERS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    raise RuntimeError("what was chained in form 2 cannot be proved in form 1; restore a backup instead")
