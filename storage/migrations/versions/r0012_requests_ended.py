"""A request that the end of its case took back remembers from which status, so that a correction restores only those."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

STATUSES = (
    "not_required", "waiting_consent", "ready", "submitted", "pended", "approved", "partial", "denied", "cancelled",
    "contact_payer", "data_problem", "timed_out", "end_dated", "held", "information_requested", "information_sent",
    "voided",
)  # fmt: skip
# Ended before this was kept: what the end took back concerned later days only. What a reviewer took back is not told
# apart any more and stays as it was read until now.
ENDED = """
    UPDATE authorization_request r SET ended_from = CASE WHEN r.first_sent_at IS NULL THEN 'ready'
        WHEN r.reference IS NOT NULL THEN 'pended' ELSE 'submitted' END
    FROM "authorization" c
    WHERE c.id = r.authorization_id AND c.status = 'end_dated' AND r.status = 'cancelled' AND r.answered_at IS NULL
      AND r.from_date > c.end_dated_on AND r.kind NOT IN ('cancel', 'discharge')
"""


def upgrade() -> None:
    op.add_column("authorization_request", sa.Column("ended_from", sa.String(), nullable=True))
    op.execute(
        "ALTER TABLE authorization_request ADD CONSTRAINT ck_authorization_request_ended_from CHECK (ended_from IN ("
        + ", ".join(f"'{s}'" for s in STATUSES)
        + ")) NOT VALID"
    )
    op.execute("ALTER TABLE authorization_request VALIDATE CONSTRAINT ck_authorization_request_ended_from")
    op.execute(ENDED)


def downgrade() -> None:
    op.drop_column("authorization_request", "ended_from")
