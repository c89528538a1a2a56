"""Requests that wait in a payer's queue are found by an index, also once they were woken."""

from alembic import op

revision = "0010"
down_revision = "0009"

NAME = "ix_authorization_request_queue"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # A build that was cut off leaves an invalid index of the same name behind.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        op.execute(f"CREATE INDEX CONCURRENTLY {NAME} ON authorization_request (held_at, id) WHERE held_at IS NOT NULL")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
