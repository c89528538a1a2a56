"""Paths without consent are on file: declared by somebody, with their evidence, in a chain of their own; an end is one more
row, for nothing is edited.

Safe on a live table: the table is new, and nothing that exists is touched."""

from alembic import op

revision = "0015"
down_revision = "0014"

TABLE = """
CREATE TABLE disclosure_exception (
    id UUID NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    chain TEXT NOT NULL,
    person_id UUID,
    episode_id UUID,
    facility TEXT NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    contents JSONB NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    evidence JSONB NOT NULL,
    sealed BYTEA,
    words TEXT,
    ends UUID,
    declared_at TIMESTAMP WITH TIME ZONE NOT NULL,
    declared_by TEXT NOT NULL,
    place BIGINT,
    prev_hash BYTEA,
    hash BYTEA,
    CONSTRAINT pk_disclosure_exception PRIMARY KEY (id),
    CONSTRAINT uq_disclosure_exception_seq UNIQUE (seq),
    CONSTRAINT fk_disclosure_exception_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_disclosure_exception_episode_id_episode FOREIGN KEY (episode_id) REFERENCES episode (id),
    CONSTRAINT fk_disclosure_exception_facility_facility FOREIGN KEY (facility) REFERENCES facility (key),
    CONSTRAINT fk_disclosure_exception_ends_disclosure_exception FOREIGN KEY (ends) REFERENCES disclosure_exception (id)
);
CREATE INDEX ix_disclosure_exception_person ON disclosure_exception (person_id, recipient);
CREATE INDEX ix_disclosure_exception_facility ON disclosure_exception (facility, recipient) WHERE person_id IS NULL;
CREATE UNIQUE INDEX uq_disclosure_exception_ends ON disclosure_exception (ends) WHERE ends IS NOT NULL;
CREATE UNIQUE INDEX uq_disclosure_exception_chain_place ON disclosure_exception (chain, place);
"""

CHAIN = """
CREATE FUNCTION chain_disclosure_exception() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE so_far bigint;
BEGIN
    NEW.chain := coalesce(NEW.person_id::text, 'facility/' || NEW.facility);
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.chain, 17));
    IF EXISTS (SELECT 1 FROM disclosure_exception e WHERE e.id = NEW.id) THEN
        RETURN NEW;
    END IF;
    SELECT h.length, h.head INTO so_far, NEW.prev_hash FROM chain_head h
     WHERE h.ledger = 'disclosure_exception' AND h.chain = NEW.chain;
    NEW.place := coalesce(so_far, 0) + 1;
    NEW.hash := hash_of(ARRAY['2', 'disclosure_exception', NEW.chain, NEW.place::text, encode(NEW.prev_hash, 'hex'),
        NEW.id::text, NEW.seq::text, NEW.person_id::text, NEW.episode_id::text, NEW.facility, NEW.kind, NEW.recipient,
        NEW.contents::text, moment_of(NEW.valid_from), moment_of(NEW.valid_until), NEW.evidence::text, NEW.words,
        NEW.ends::text, moment_of(NEW.declared_at), NEW.declared_by]);
    PERFORM move_head('disclosure_exception', NEW.chain, NEW.place, NEW.hash, NEW.declared_at);
    RETURN NEW;
END $$;
CREATE TRIGGER disclosure_exception_chain BEFORE INSERT ON disclosure_exception
    FOR EACH ROW EXECUTE FUNCTION chain_disclosure_exception();
CREATE TRIGGER disclosure_exception_append_only BEFORE UPDATE OR DELETE ON disclosure_exception
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disclosure_exception_no_truncate BEFORE TRUNCATE ON disclosure_exception
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (TABLE, CHAIN):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    op.execute("DROP TABLE disclosure_exception")
    op.execute("DROP FUNCTION chain_disclosure_exception")
