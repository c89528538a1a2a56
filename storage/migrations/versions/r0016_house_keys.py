"""Names of the house's keys, and since when each seals. A new table: nothing live is touched."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE house_key (
            id TEXT NOT NULL,
            current_from TIMESTAMP WITH TIME ZONE NOT NULL,
            made_by TEXT NOT NULL,
            retired_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT pk_house_key PRIMARY KEY (id)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE house_key")
