"""Answers keep their order of arrival and what they meant; undecided questions have an index of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

STATUSES = (
    "not_required", "waiting_consent", "ready", "submitted", "pended", "approved", "partial", "denied", "cancelled",
    "contact_payer", "data_problem", "timed_out", "end_dated", "held", "information_requested", "information_sent",
    "voided",
)  # fmt: skip
UNDECIDED = (
    "'ready', 'waiting_consent', 'submitted', 'pended', 'timed_out', 'contact_payer', 'data_problem', 'held', "
    "'information_requested', 'information_sent'"
)

# What was not kept before is judged once more by the code alone; a part and a change both meant partial.
MEANINGS = """
    UPDATE authorization_decision d SET arrival = o.arrival, status = CASE d.action
        WHEN 'A1' THEN CASE WHEN d.units < r.units OR d.level <> r.level THEN 'partial' ELSE 'approved' END
        WHEN 'A2' THEN 'partial' WHEN 'A6' THEN 'partial' WHEN 'A3' THEN 'denied' WHEN 'A4' THEN 'pended'
        WHEN 'C' THEN 'cancelled' WHEN 'CT' THEN 'contact_payer' WHEN 'NA' THEN 'not_required'
        WHEN 'none' THEN 'contact_payer' ELSE 'data_problem' END
    FROM authorization_request r, (
        SELECT id, row_number() OVER (PARTITION BY authorization_id ORDER BY received_at, id) AS arrival
        FROM authorization_decision) o
    WHERE r.id = d.request_id AND o.id = d.id
"""


def upgrade() -> None:
    op.add_column("authorization_decision", sa.Column("arrival", sa.Integer(), server_default="0", nullable=False))
    op.add_column("authorization_decision", sa.Column("status", sa.String(), nullable=True))
    op.execute(MEANINGS)
    op.execute(
        "ALTER TABLE authorization_decision ADD CONSTRAINT ck_authorization_decision_status CHECK (status IN ("
        + ", ".join(f"'{s}'" for s in STATUSES)
        + ")) NOT VALID"
    )
    op.execute("ALTER TABLE authorization_decision VALIDATE CONSTRAINT ck_authorization_decision_status")
    op.alter_column("authorization_decision", "status", nullable=False)
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_authorization_request_undecided")
        op.execute(
            "CREATE INDEX CONCURRENTLY ix_authorization_request_undecided ON authorization_request "
            f"(authorization_id, from_date) WHERE status IN ({UNDECIDED})"
        )


def downgrade() -> None:
    op.drop_index("ix_authorization_request_undecided", "authorization_request")
    op.drop_column("authorization_decision", "status")
    op.drop_column("authorization_decision", "arrival")
