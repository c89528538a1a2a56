"""Clinical documents have a registry: what one is never changes, signatures are written once, and the sealed bytes may only
be emptied. A request to a payer refuses a counselling note among its attachments by itself (E23).

Safe on a live table: the table is new; the request gets a trigger, which needs its lock for a moment and reads no row."""

from alembic import op

revision = "0017"
down_revision = "0016"

KINDS = (
    "'progress_note', 'group_note', 'evaluation', 'history_and_physical', 'treatment_plan', 'treatment_plan_review', "
    "'medication_list', 'laboratory_report', 'discharge_summary', 'referral_letter', 'signed_form', 'payer_letter', "
    "'correspondence', 'counselling_note', 'other'"
)
CLASSES = (
    "'authorization_request', 'clinical_attachment', 'claim', 'eligibility_query', 'counselling_notes', 'handoff', "
    "'mandated_report'"
)

TABLE = f"""
CREATE TABLE clinical_document (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    facility TEXT NOT NULL,
    kind VARCHAR NOT NULL,
    content_class VARCHAR NOT NULL,
    author TEXT NOT NULL,
    service_date DATE NOT NULL,
    stay_id UUID,
    session_id UUID,
    authorization_id UUID,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    sealed BYTEA,
    source VARCHAR NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_by TEXT NOT NULL,
    needs_cosign BOOLEAN DEFAULT false NOT NULL,
    version INTEGER NOT NULL,
    supersedes UUID,
    signed_at TIMESTAMP WITH TIME ZONE,
    signed_by TEXT,
    cosigned_at TIMESTAMP WITH TIME ZONE,
    cosigned_by TEXT,
    voided_at TIMESTAMP WITH TIME ZONE,
    voided_by TEXT,
    void_reason VARCHAR,
    CONSTRAINT pk_clinical_document PRIMARY KEY (id),
    CONSTRAINT fk_clinical_document_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_clinical_document_episode_id_episode FOREIGN KEY (episode_id) REFERENCES episode (id),
    CONSTRAINT fk_clinical_document_facility_facility FOREIGN KEY (facility) REFERENCES facility (key),
    CONSTRAINT fk_clinical_document_supersedes_clinical_document FOREIGN KEY (supersedes)
        REFERENCES clinical_document (id),
    CONSTRAINT ck_clinical_document_kind CHECK (kind IN ({KINDS})),
    CONSTRAINT ck_clinical_document_content_class CHECK (content_class IN ({CLASSES})),
    CONSTRAINT ck_clinical_document_source CHECK (source IN ('upload', 'fhir')),
    CONSTRAINT ck_clinical_document_void_reason
        CHECK (void_reason IN ('entered_in_error', 'wrong_patient', 'duplicate', 'wrong_type')),
    CONSTRAINT ck_clinical_document_notes_apart
        CHECK ((kind = 'counselling_note') = (content_class = 'counselling_notes')),
    CONSTRAINT ck_clinical_document_two_hands CHECK (cosigned_by IS NULL OR cosigned_by <> signed_by)
);
CREATE INDEX ix_clinical_document_episode ON clinical_document (episode_id, service_date, id);
CREATE INDEX ix_clinical_document_person ON clinical_document (person_id);
CREATE UNIQUE INDEX uq_clinical_document_supersedes ON clinical_document (supersedes);
CREATE INDEX ix_clinical_document_unsigned ON clinical_document (author, received_at)
    WHERE signed_at IS NULL AND voided_at IS NULL;
"""

# What may differ between a row and its successor is named; a column that is added later is held by itself.
GUARDS = """
CREATE FUNCTION guard_clinical_document() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    once text[] := ARRAY['signed_at', 'signed_by', 'cosigned_at', 'cosigned_by', 'voided_at', 'voided_by', 'void_reason'];
    was jsonb := to_jsonb(OLD) - 'sealed';
    becomes jsonb := to_jsonb(NEW) - 'sealed';
    name text;
BEGIN
    IF NEW.sealed IS NOT NULL AND NEW.sealed IS DISTINCT FROM OLD.sealed THEN
        RAISE EXCEPTION 'the bytes of a document never change; file another version' USING ERRCODE = 'restrict_violation';
    END IF;
    IF was - once IS DISTINCT FROM becomes - once THEN
        RAISE EXCEPTION 'a document never changes; file another version' USING ERRCODE = 'restrict_violation';
    END IF;
    FOREACH name IN ARRAY once LOOP
        IF was ->> name IS NOT NULL AND was ->> name IS DISTINCT FROM becomes ->> name THEN
            RAISE EXCEPTION USING MESSAGE = name || ' of a document is written once', ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER clinical_document_guard BEFORE UPDATE ON clinical_document
    FOR EACH ROW EXECUTE FUNCTION guard_clinical_document();
CREATE TRIGGER clinical_document_no_delete BEFORE DELETE ON clinical_document
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER clinical_document_no_truncate BEFORE TRUNCATE ON clinical_document
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- E23. An attachment names a document by `document_id`, or by its id as control number.
CREATE FUNCTION refuse_notes_attached() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_typeof(NEW.attachments) = 'array' AND EXISTS (
        SELECT 1
          FROM jsonb_array_elements(NEW.attachments) AS line,
               LATERAL (VALUES (line ->> 'document_id'), (line ->> 'control_number')) AS named (document)
          JOIN clinical_document d ON d.id = CASE
               WHEN named.document ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN named.document::uuid END
         WHERE d.content_class = 'counselling_notes'
    ) THEN
        RAISE EXCEPTION 'a counselling note never goes with a request (E23)' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER authorization_request_without_notes BEFORE INSERT OR UPDATE OF attachments ON authorization_request
    FOR EACH ROW WHEN (NEW.attachments IS NOT NULL) EXECUTE FUNCTION refuse_notes_attached();
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (TABLE, GUARDS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    op.execute("DROP TRIGGER authorization_request_without_notes ON authorization_request")
    op.execute("DROP TABLE clinical_document")
    op.execute("DROP FUNCTION refuse_notes_attached")
    op.execute("DROP FUNCTION guard_clinical_document")
