"""People may be hidden from users (E13), and who breaks the glass is on record with a review by somebody else. What was
written never changes: a line is lifted once, a review is written once, and no row is deleted.

Safe on a live table: both tables are new."""

from alembic import op

revision = "0024"
down_revision = "0023"

TABLES = """
CREATE TABLE person_access (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    username TEXT,
    reason TEXT NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    set_by TEXT NOT NULL,
    lifted_at TIMESTAMP WITH TIME ZONE,
    lifted_by TEXT,
    CONSTRAINT pk_person_access PRIMARY KEY (id),
    CONSTRAINT fk_person_access_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT ck_person_access_kind CHECK (kind IN ('blocked', 'restricted', 'allowed')),
    CONSTRAINT ck_person_access_about_somebody CHECK ((kind = 'restricted') = (username IS NULL))
);
CREATE UNIQUE INDEX uq_person_access_standing ON person_access (person_id, kind, coalesce(username, ''))
    WHERE lifted_at IS NULL;
CREATE INDEX ix_person_access_username ON person_access (username) WHERE lifted_at IS NULL;
CREATE INDEX ix_person_access_restricted ON person_access (kind, person_id) WHERE lifted_at IS NULL;
CREATE TABLE break_glass (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    facility TEXT NOT NULL,
    username TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason VARCHAR NOT NULL,
    sealed BYTEA NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    item_id UUID NOT NULL,
    review_due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reviewed_at TIMESTAMP WITH TIME ZONE,
    reviewed_by TEXT,
    reviewer TEXT,
    finding VARCHAR,
    CONSTRAINT pk_break_glass PRIMARY KEY (id),
    CONSTRAINT fk_break_glass_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_break_glass_episode_id_episode FOREIGN KEY (episode_id) REFERENCES episode (id),
    CONSTRAINT fk_break_glass_facility_facility FOREIGN KEY (facility) REFERENCES facility (key),
    CONSTRAINT ck_break_glass_reason CHECK (reason IN ('emergency', 'covering_care', 'patient_asks', 'safety')),
    CONSTRAINT ck_break_glass_finding CHECK (finding IN ('justified', 'not_justified')),
    CONSTRAINT ck_break_glass_two_people CHECK (reviewer IS NULL OR reviewer <> username),
    CONSTRAINT ck_break_glass_reviewed_whole CHECK ((finding IS NULL) = (reviewed_at IS NULL)),
    CONSTRAINT ck_break_glass_ends CHECK (ends_at > opened_at)
);
CREATE INDEX ix_break_glass_person_id ON break_glass (person_id);
CREATE INDEX ix_break_glass_episode_id ON break_glass (episode_id);
CREATE INDEX ix_break_glass_username ON break_glass (username, ends_at);
CREATE INDEX ix_break_glass_unreviewed ON break_glass (facility, review_due_at) WHERE reviewed_at IS NULL;
"""

# What may differ between a row and its successor is named; a column that is added later is held by itself.
GUARDS = """
CREATE FUNCTION guard_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    once text[] := TG_ARGV;
    was jsonb := to_jsonb(OLD);
    becomes jsonb := to_jsonb(NEW);
    name text;
BEGIN
    IF was - once IS DISTINCT FROM becomes - once THEN
        RAISE EXCEPTION 'a row of % never changes', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    FOREACH name IN ARRAY once LOOP
        IF was ->> name IS NOT NULL AND was ->> name IS DISTINCT FROM becomes ->> name THEN
            RAISE EXCEPTION '% of % is written once', name, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER person_access_guard BEFORE UPDATE ON person_access
    FOR EACH ROW EXECUTE FUNCTION guard_written_once('lifted_at', 'lifted_by');
CREATE TRIGGER break_glass_guard BEFORE UPDATE ON break_glass
    FOR EACH ROW EXECUTE FUNCTION guard_written_once('reviewed_at', 'reviewed_by', 'reviewer', 'finding');
CREATE TRIGGER person_access_no_delete BEFORE DELETE ON person_access FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER break_glass_no_delete BEFORE DELETE ON break_glass FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER person_access_no_truncate BEFORE TRUNCATE ON person_access
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER break_glass_no_truncate BEFORE TRUNCATE ON break_glass
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (TABLES, GUARDS.replace("%", "%%")):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    op.execute("DROP TABLE break_glass")
    op.execute("DROP TABLE person_access")
    op.execute("DROP FUNCTION guard_written_once")
