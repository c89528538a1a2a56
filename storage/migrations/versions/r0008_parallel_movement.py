"""A stay that begins beside another may be written: its kind of movement was missing from the check (domain 1.7).

The wider check is added before the narrow one goes and is validated without holding writers."""

from alembic import op

revision = "0008"
down_revision = "0007"

KINDS = (
    "admission", "transfer", "parallel", "bed_move", "leave", "send_out", "return", "discharge", "death",
    "not_admitted", "void",
)  # fmt: skip


def upgrade() -> None:
    _kinds(KINDS)


def downgrade() -> None:
    _kinds(tuple(k for k in KINDS if k != "parallel"))


def _kinds(kinds: tuple[str, ...]) -> None:
    known = ", ".join(f"'{k}'" for k in kinds)
    for statement in (
        f"ALTER TABLE movement ADD CONSTRAINT ck_movement_kind_new CHECK (kind IN ({known})) NOT VALID",
        "ALTER TABLE movement VALIDATE CONSTRAINT ck_movement_kind_new",
        "ALTER TABLE movement DROP CONSTRAINT ck_movement_kind",
        "ALTER TABLE movement RENAME CONSTRAINT ck_movement_kind_new TO ck_movement_kind",
    ):
        op.get_bind().exec_driver_sql(statement)
