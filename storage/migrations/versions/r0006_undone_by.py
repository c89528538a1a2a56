"""What a movement cancels or ends names it, so that taking the movement back finds exactly that (E58, AUTH-08).

New columns are empty and without default: no table is rewritten, and the check is validated without holding writers."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATUSES = (
    "not_required", "waiting_consent", "ready", "submitted", "pended", "approved", "partial", "denied", "cancelled",
    "contact_payer", "data_problem", "timed_out", "end_dated", "held", "information_requested", "information_sent",
    "voided",
)  # fmt: skip


def upgrade() -> None:
    known = ", ".join(f"'{s}'" for s in STATUSES)
    for statement in (
        "ALTER TABLE assessment_due ADD COLUMN cancelled_by uuid",
        'ALTER TABLE "authorization" ADD COLUMN end_dated_by uuid, ADD COLUMN ended_from varchar',
        'ALTER TABLE "authorization" ADD CONSTRAINT ck_authorization_ended_from '
        f"CHECK (ended_from IN ({known})) NOT VALID",
        'ALTER TABLE "authorization" VALIDATE CONSTRAINT ck_authorization_ended_from',
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "ALTER TABLE assessment_due DROP COLUMN cancelled_by;"
        'ALTER TABLE "authorization" DROP COLUMN end_dated_by, DROP COLUMN ended_from;'
    )
