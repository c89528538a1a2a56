"""${message}

Safe on a live table: add columns nullable or with a constant default, create indexes concurrently, split
backfills into batches, drop what code no longer reads only one release later (docs/migrations.md).
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
