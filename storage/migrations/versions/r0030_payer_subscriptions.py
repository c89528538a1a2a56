"""How a payer's system tells us of pended answers: what was subscribed there, when it was last tried, and why not.

Safe on a live table: three empty columns without default on the row that says how the line to a payer stands; a worker of the
release before reads and writes the others only."""

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE payer_circuit ADD COLUMN subscription TEXT, "
        "ADD COLUMN subscribed_at TIMESTAMP WITH TIME ZONE, ADD COLUMN subscription_why TEXT"
    )


def downgrade() -> None:
    op.execute(
        "ALTER TABLE payer_circuit DROP COLUMN subscription, DROP COLUMN subscribed_at, DROP COLUMN subscription_why"
    )
