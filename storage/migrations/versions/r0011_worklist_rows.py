"""The worklist reads a facility's rows in order of need, and groups them by episode and payer, each from an index.
Built without blocking writers; the indexes it replaces go afterwards."""

from alembic import op

revision = "0011"
down_revision = "0010"

LANE = (
    "(CASE WHEN status = 'not_required' THEN 3 WHEN next_action_owner = 'payer' THEN 2 "
    "WHEN last_covered_day IS NULL THEN 1 ELSE 0 END)"
)
DUE = "(COALESCE(next_action_at, '-infinity'::timestamptz))"
INDEXES = (
    ("ix_authorization_need", f"facility, {LANE}, {DUE}, id", ""),
    (
        "ix_authorization_row", f"facility, episode_id, payer, {LANE}, {DUE}, id",
        "INCLUDE (status, next_action_owner, last_covered_day, next_action_at, owner) ",
    ),
)  # fmt: skip
REPLACED = (
    ("ix_authorization_next_action", "facility, (next_action_owner = 'payer'), next_action_at, id", "WHERE listed"),
    ("ix_authorization_worklist", "facility, status, review_due_at, id", ""),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns, more in INDEXES:
            # A build that was cut off leaves an invalid index of the same name behind.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f'CREATE INDEX CONCURRENTLY {name} ON "authorization" ({columns}) {more}WHERE listed')
        for name, _, _ in REPLACED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns, more in REPLACED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f'CREATE INDEX CONCURRENTLY {name} ON "authorization" ({columns}) {more}')
        for name, _, _ in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
