"""Records that may be one person are proposed in pairs, and what was said about a pair is kept.

Safe on a live table: the table is new, and the column of `person` is empty for those on record. People on record get the tokens of the wider search when their record is written next,
or by looking for duplicates (`POST /v1/people/duplicates`)."""

from alembic import op

revision = "0018"
down_revision = "0017"

TABLE = """
CREATE TABLE person_pair (
    id UUID NOT NULL,
    one_id UUID NOT NULL,
    other_id UUID NOT NULL,
    rank INTEGER NOT NULL,
    reasons JSONB NOT NULL,
    status VARCHAR NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by TEXT,
    reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_person_pair PRIMARY KEY (id),
    CONSTRAINT uq_person_pair_once UNIQUE (one_id, other_id),
    CONSTRAINT ck_person_pair_status CHECK (status IN ('proposed', 'dismissed', 'merged')),
    CONSTRAINT ck_person_pair_in_order CHECK (one_id < other_id),
    CONSTRAINT fk_person_pair_one_id_person FOREIGN KEY (one_id) REFERENCES person (id),
    CONSTRAINT fk_person_pair_other_id_person FOREIGN KEY (other_id) REFERENCES person (id)
);
CREATE INDEX ix_person_pair_other_id ON person_pair (other_id);
CREATE INDEX ix_person_pair_queue ON person_pair (status, rank, id);
ALTER TABLE person ADD COLUMN registered_by TEXT;
ALTER TABLE person ADD CONSTRAINT fk_person_registered_by_facility FOREIGN KEY (registered_by) REFERENCES facility (key);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)


def downgrade() -> None:
    op.execute("ALTER TABLE person DROP COLUMN registered_by")
    op.execute("DROP TABLE person_pair")
