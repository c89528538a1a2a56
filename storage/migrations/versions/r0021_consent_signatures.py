"""A consent keeps who signed it, how, and the text as it was shown; who may sign for somebody is on record; being unable to
sign is an end of its own.

Safe on a live table: new columns are empty or have a constant default, so no table is rewritten; the check is validated
without holding writers."""

from alembic import op

revision = "0021"
down_revision = "0020"

BEFORE = "'presented', 'signed', 'refused', 'expired', 'revoked', 'superseded', 'voided'"
NOW = f"{BEFORE}, 'unable_to_sign'"

STATEMENTS = (
    "ALTER TABLE consent ADD COLUMN signatures JSONB, ADD COLUMN rendering BYTEA, "
    "ADD COLUMN reminded INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE consent DROP CONSTRAINT ck_consent_status",
    f"ALTER TABLE consent ADD CONSTRAINT ck_consent_status CHECK (status IN ({NOW})) NOT VALID",
    "ALTER TABLE consent VALIDATE CONSTRAINT ck_consent_status",
    """
    CREATE TABLE guardian (
        id UUID NOT NULL,
        person_id UUID NOT NULL,
        relationship TEXT NOT NULL,
        document TEXT NOT NULL,
        from_date DATE NOT NULL,
        until_date DATE,
        sealed BYTEA NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_by TEXT NOT NULL,
        CONSTRAINT pk_guardian PRIMARY KEY (id),
        CONSTRAINT fk_guardian_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
        CONSTRAINT ck_guardian_dates_in_order CHECK (until_date IS NULL OR until_date >= from_date)
    )
    """,
    "CREATE INDEX ix_guardian_person_id ON guardian (person_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "DROP TABLE guardian",
        "UPDATE consent SET status = 'refused' WHERE status = 'unable_to_sign'",
        "ALTER TABLE consent DROP CONSTRAINT ck_consent_status",
        f"ALTER TABLE consent ADD CONSTRAINT ck_consent_status CHECK (status IN ({BEFORE}))",
        "ALTER TABLE consent DROP COLUMN signatures, DROP COLUMN rendering, DROP COLUMN reminded",
    ):
        op.get_bind().exec_driver_sql(statement)
