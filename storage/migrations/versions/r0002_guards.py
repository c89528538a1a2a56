"""Append-only tables and hash chains, held by the database itself."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0002_guards.sql").read_text().replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "DROP FUNCTION IF EXISTS refuse_change() CASCADE;"
        "DROP FUNCTION IF EXISTS chain_audit() CASCADE;"
        "DROP FUNCTION IF EXISTS chain_disclosure() CASCADE;"
    )
