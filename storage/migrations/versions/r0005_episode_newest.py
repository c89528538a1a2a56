"""The newest episodes of a facility come in order from an index; built without holding writers."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # A build that was cut off leaves an invalid index of the same name behind.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_episode_newest")
        op.execute("CREATE INDEX CONCURRENTLY ix_episode_newest ON episode (facility, opened_at DESC, id DESC)")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_episode_newest")
