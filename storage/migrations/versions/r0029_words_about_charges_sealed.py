"""Words about charges are sealed too: why a biller settled a day or took one off. As revision 0027, and by the same backfill.

Safe on a live table: two empty columns without default."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.execute("ALTER TABLE charge ADD COLUMN sealed_void_reason BYTEA")
    op.execute("ALTER TABLE charge_exception ADD COLUMN sealed_resolution BYTEA")


def downgrade() -> None:
    raise RuntimeError("sealed words cannot be put back in clear by the database, which holds no key; restore a backup")
