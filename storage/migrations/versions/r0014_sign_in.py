"""Wrong passwords are counted, and a browser's session is a row that can be ended.

Safe on a live table: the new columns have constant defaults or none, so no row is rewritten."""

from alembic import op

revision = "0014"
down_revision = "0013"

STATEMENTS = (
    """
    ALTER TABLE app_user
        ADD COLUMN failures INTEGER DEFAULT 0 NOT NULL,
        ADD COLUMN failed_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN locked_until TIMESTAMP WITH TIME ZONE
    """,
    """
    CREATE TABLE web_session (
        id BYTEA NOT NULL,
        username TEXT NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_web_session PRIMARY KEY (id),
        CONSTRAINT fk_web_session_username_app_user FOREIGN KEY (username) REFERENCES app_user (username)
    )
    """,
    "CREATE INDEX ix_web_session_username ON web_session (username)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE web_session")
    op.execute("ALTER TABLE app_user DROP COLUMN failures, DROP COLUMN failed_at, DROP COLUMN locked_until")
