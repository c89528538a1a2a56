"""Words of staff and answers of assessments are sealed under the key of whom they are about (definitions/staff_words.py).

Safe on a live table, in three steps. **Expand** (this revision): empty columns without default; new processes write sealed
and read sealed or clear, old ones go on writing clear. **Backfill**: `python -m activities.seal_words`, in small batches
while everything runs, once no old process is left (an old one would read a sealed row as empty); `make up` and the compose
file do it by themselves, and it is safe to repeat. **Contract** (a later revision, when the backfill answers 0 everywhere):
`transition.rationale`, `movement.reason`, `alert.cleared_reason` and `assessment.answers` are dropped; the other columns
keep the house's own words.

No hash chain covers these tables (storage/chains.py: audit, disclosures, outcomes, exceptions), and audit and timeline carry
ids of these rows only, so nothing that was hashed changes and `make verify` says the same before and after. `movement` is
append-only by trigger. It stays so, but for its reason, which may go one way: from clear to sealed bytes of just the right
length, and to nothing once the person's key is destroyed. Replacing the trigger locks the table for a moment."""

from alembic import op

revision = "0027"
down_revision = "0026"

COLUMNS = """
ALTER TABLE transition ADD COLUMN sealed_rationale BYTEA, ADD COLUMN sealed_decision_reason BYTEA;
ALTER TABLE movement ADD COLUMN sealed_reason BYTEA;
ALTER TABLE open_item ADD COLUMN sealed_resolution BYTEA;
ALTER TABLE alert ADD COLUMN sealed_cleared_reason BYTEA;
ALTER TABLE consent ADD COLUMN sealed_reason BYTEA;
ALTER TABLE assessment ADD COLUMN sealed_answers BYTEA;
"""

# 44: the id of the record, nonce and tag (runtime/staff_words.py).
GUARD = """
CREATE FUNCTION guard_movement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    words text[] := ARRAY['reason', 'sealed_reason'];
BEGIN
    IF to_jsonb(OLD) - words IS DISTINCT FROM to_jsonb(NEW) - words THEN
        RAISE EXCEPTION 'table movement is append-only; record a new fact that supersedes this one'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.reason IS NULL AND OLD.sealed_reason IS NULL
       AND octet_length(NEW.sealed_reason) = octet_length(OLD.reason) + 44 THEN
        RETURN NEW;
    END IF;
    IF NEW.reason IS NULL AND octet_length(NEW.sealed_reason) = 0 AND NOT EXISTS (
        SELECT 1 FROM episode e JOIN person p ON p.id = e.person_id
         WHERE e.id = NEW.episode_id AND p.wrapped_key IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the reason of a movement is sealed once, and emptied with its person''s key'
        USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER movement_append_only ON movement;
CREATE TRIGGER movement_append_only BEFORE DELETE ON movement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER movement_guard BEFORE UPDATE ON movement
    FOR EACH ROW EXECUTE FUNCTION guard_movement();
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (COLUMNS, GUARD):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    raise RuntimeError("sealed words cannot be put back in clear by the database, which holds no key; restore a backup")
