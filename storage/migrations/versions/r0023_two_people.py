"""Two people are two names: a second signature and the approval of a deletion are not given by the same person under another
role.

Safe on a live table: each constraint is added unproved under a short lock and proved afterwards, which blocks no writer."""

from alembic import op

revision = "0023"
down_revision = "0022"

CHECKS = (
    (
        "clinical_document",
        "ck_clinical_document_two_hands",
        "cosigned_by IS NULL OR substring(cosigned_by FROM position(':' IN cosigned_by) + 1) "
        "<> substring(signed_by FROM position(':' IN signed_by) + 1)",
        "cosigned_by IS NULL OR cosigned_by <> signed_by",
    ),
    (
        "record_deletion",
        "ck_record_deletion_two_people",
        "status = 'declined' OR decided_by IS NULL OR substring(decided_by FROM position(':' IN decided_by) + 1) "
        "<> substring(requested_by FROM position(':' IN requested_by) + 1)",
        "status = 'declined' OR decided_by IS NULL OR decided_by <> requested_by",
    ),
)


def upgrade() -> None:
    for table, name, by_name, _ in CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({by_name}) NOT VALID")
    for table, name, _, _ in CHECKS:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    for table, name, _, by_role in CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({by_role})")
