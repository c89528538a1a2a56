"""Tokens that were taken back, and payers' machines with secrets of their own. New tables, and a column with a
constant default: no row is rewritten."""

from alembic import op

revision = "0020"
down_revision = "0019"

STATEMENTS = (
    """
    CREATE TABLE token_cut_off (
        issuer TEXT NOT NULL,
        username TEXT NOT NULL,
        before TIMESTAMP WITH TIME ZONE NOT NULL,
        cut_by TEXT NOT NULL,
        reason TEXT NOT NULL,
        CONSTRAINT pk_token_cut_off PRIMARY KEY (issuer, username)
    )
    """,
    """
    CREATE TABLE payer_client (
        client_id TEXT NOT NULL,
        payer TEXT NOT NULL,
        secret_hash BYTEA NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        made_by TEXT NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        ended_by TEXT,
        CONSTRAINT pk_payer_client PRIMARY KEY (client_id)
    )
    """,
    "ALTER TABLE app_user ADD COLUMN issuer TEXT DEFAULT 'local' NOT NULL",
    "CREATE INDEX ix_payer_client_payer ON payer_client (payer)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE app_user DROP COLUMN issuer")
    op.execute("DROP TABLE payer_client")
    op.execute("DROP TABLE token_cut_off")
