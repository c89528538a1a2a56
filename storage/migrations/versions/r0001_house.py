"""The first schema, as reviewable SQL beside this file."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0001_house.sql").read_text().replace("%", "%%"))


def downgrade() -> None:
    raise RuntimeError("the first schema is not taken back; drop the database instead")
