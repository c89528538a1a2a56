"""Legal holds stand on a person's record, and a deletion is asked for by one, approved by another and proves itself.

Safe on a live table: both tables are new."""

from alembic import op

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE legal_hold (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    facility TEXT NOT NULL,
    reason TEXT NOT NULL,
    authority TEXT NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    placed_by TEXT NOT NULL,
    released_at TIMESTAMP WITH TIME ZONE,
    released_by TEXT,
    release_reason TEXT,
    release_authority TEXT,
    CONSTRAINT pk_legal_hold PRIMARY KEY (id),
    CONSTRAINT fk_legal_hold_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_legal_hold_facility_facility FOREIGN KEY (facility) REFERENCES facility (key),
    CONSTRAINT ck_legal_hold_released_with_authority CHECK ((released_at IS NULL) = (release_authority IS NULL))
);
CREATE INDEX ix_legal_hold_person ON legal_hold (person_id, placed_at);
CREATE TABLE record_deletion (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    facility TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    requested_by TEXT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by TEXT,
    decline_reason TEXT,
    erased_at TIMESTAMP WITH TIME ZONE,
    counts JSONB,
    certificate JSONB,
    proof TEXT,
    CONSTRAINT pk_record_deletion PRIMARY KEY (id),
    CONSTRAINT fk_record_deletion_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_record_deletion_facility_facility FOREIGN KEY (facility) REFERENCES facility (key),
    CONSTRAINT ck_record_deletion_status CHECK (status IN ('requested', 'declined', 'erased', 'proved')),
    CONSTRAINT ck_record_deletion_two_people
        CHECK (status = 'declined' OR decided_by IS NULL OR decided_by <> requested_by),
    CONSTRAINT ck_record_deletion_proved CHECK ((status = 'proved') = (certificate IS NOT NULL))
);
CREATE INDEX ix_record_deletion_person ON record_deletion (person_id);
CREATE UNIQUE INDEX uq_record_deletion_open ON record_deletion (person_id) WHERE status IN ('requested', 'erased');
"""

GUARDS = """
CREATE FUNCTION guard_legal_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    once text[] := ARRAY['released_at', 'released_by', 'release_reason', 'release_authority'];
BEGIN
    IF OLD.released_at IS NOT NULL OR to_jsonb(OLD) - once IS DISTINCT FROM to_jsonb(NEW) - once THEN
        RAISE EXCEPTION 'a hold is placed once and released once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_hold_guard BEFORE UPDATE ON legal_hold FOR EACH ROW EXECUTE FUNCTION guard_legal_hold();
CREATE TRIGGER legal_hold_no_delete BEFORE DELETE ON legal_hold FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER legal_hold_no_truncate BEFORE TRUNCATE ON legal_hold FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_record_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said text[] := ARRAY['status', 'decided_at', 'decided_by', 'decline_reason', 'erased_at', 'counts', 'certificate', 'proof'];
BEGIN
    IF OLD.status IN ('declined', 'proved') OR to_jsonb(OLD) - said IS DISTINCT FROM to_jsonb(NEW) - said
        OR (OLD.status = 'erased' AND NEW.status <> 'proved') THEN
        RAISE EXCEPTION 'a deletion that was decided never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER record_deletion_guard BEFORE UPDATE ON record_deletion
    FOR EACH ROW EXECUTE FUNCTION guard_record_deletion();
CREATE TRIGGER record_deletion_no_delete BEFORE DELETE ON record_deletion
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER record_deletion_no_truncate BEFORE TRUNCATE ON record_deletion
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The last word is the database's: whatever asks, a key under a standing hold is not destroyed (E24).
CREATE FUNCTION refuse_erasing_under_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM legal_hold h WHERE h.person_id = OLD.id AND h.released_at IS NULL) THEN
        RAISE EXCEPTION 'a legal hold stands on this record (E24)' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER person_erased_under_no_hold BEFORE UPDATE OF wrapped_key ON person
    FOR EACH ROW WHEN (OLD.wrapped_key IS NOT NULL AND NEW.wrapped_key IS NULL) EXECUTE FUNCTION refuse_erasing_under_hold();
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (TABLES, GUARDS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    op.execute("DROP TRIGGER person_erased_under_no_hold ON person")
    op.execute("DROP TABLE record_deletion")
    op.execute("DROP TABLE legal_hold")
    for name in ("refuse_erasing_under_hold", "guard_record_deletion", "guard_legal_hold"):
        op.execute(f"DROP FUNCTION {name}")
