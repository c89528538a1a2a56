"""The authority to sign for somebody can end before its dates say so: when, why and who recorded it.

Safe on a live table: new columns are empty, so no table is rewritten."""

from alembic import op

revision = "0031"
down_revision = "0030"

COLUMNS = ("ended_at TIMESTAMP WITH TIME ZONE", "end_reason TEXT", "ended_by TEXT")


def upgrade() -> None:
    added = ", ".join(f"ADD COLUMN {column}" for column in COLUMNS)
    op.get_bind().exec_driver_sql(f"ALTER TABLE guardian {added}")


def downgrade() -> None:
    dropped = ", ".join(f"DROP COLUMN {column.split()[0]}" for column in COLUMNS)
    op.get_bind().exec_driver_sql(f"ALTER TABLE guardian {dropped}")
