"""Copies of a patient's record are asked for with a due day, made as work that can be taken up again, and kept sealed.

Safe on a live table: the table is new."""

from alembic import op

revision = "0022"
down_revision = "0021"

TABLE = """
CREATE TABLE patient_export (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    facility TEXT NOT NULL,
    status TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    requested_by TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    extended_at TIMESTAMP WITH TIME ZONE,
    extension_reason TEXT,
    notes_consent_id UUID,
    with_notes BOOLEAN DEFAULT false NOT NULL,
    claimed_until TIMESTAMP WITH TIME ZONE,
    done INTEGER DEFAULT 0 NOT NULL,
    total INTEGER DEFAULT 0 NOT NULL,
    problem TEXT,
    made_at TIMESTAMP WITH TIME ZONE,
    sealed_bundle BYTEA,
    sealed_pdf BYTEA,
    bundle_sha256 TEXT,
    pdf_sha256 TEXT,
    handed_over_at TIMESTAMP WITH TIME ZONE,
    handed_over_by TEXT,
    channel TEXT,
    CONSTRAINT pk_patient_export PRIMARY KEY (id),
    CONSTRAINT fk_patient_export_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_patient_export_episode_id_episode FOREIGN KEY (episode_id) REFERENCES episode (id),
    CONSTRAINT fk_patient_export_facility_facility FOREIGN KEY (facility) REFERENCES facility (key),
    CONSTRAINT fk_patient_export_notes_consent_id_consent FOREIGN KEY (notes_consent_id) REFERENCES consent (id),
    CONSTRAINT ck_patient_export_status CHECK (status IN ('requested', 'ready', 'handed_over', 'cancelled')),
    CONSTRAINT ck_patient_export_notes_by_consent CHECK (with_notes = (notes_consent_id IS NOT NULL))
);
CREATE INDEX ix_patient_export_person ON patient_export (person_id, requested_at);
CREATE INDEX ix_patient_export_open ON patient_export (status) WHERE status = 'requested';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE patient_export")
