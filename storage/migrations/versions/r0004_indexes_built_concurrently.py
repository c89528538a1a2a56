"""Indexes of 0003 on tables in use, built without blocking writers."""

from alembic import op

revision = "0004"
down_revision = "0003"

INDEXES = (
    ("ix_authorization_next_action", '"authorization"', "facility, (next_action_owner = 'payer'), next_action_at, id",
     "listed"),
    ("ix_authorization_request_held", "authorization_request", "held_at", "status = 'held'"),
    ("ix_charge_grant", "charge", "grant_id, service_date", "status = 'live' AND grant_id IS NOT NULL"),
    ("ix_exchange_message_control", "exchange_message", "partner, direction, control_number", None),
    ("ix_exchange_message_quarantine", "exchange_message", "at, id", "status = 'quarantined'"),
)  # fmt: skip


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            # A build that was cut off leaves an invalid index of the same name behind.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            clause = f" WHERE {where}" if where else ""
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} ({columns}){clause}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, *_ in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
