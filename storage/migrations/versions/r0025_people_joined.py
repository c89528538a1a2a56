"""Two records of one person are joined by a fact that can be taken back (E03): who was joined with whom, and row by row what
followed. Nothing chained or sealed is rewritten; it stays under the record it was written for and is read through the alias.

Safe on a live table: the tables are new, and the column of `person` is empty for everybody on record."""

from alembic import op

revision = "0025"
down_revision = "0024"

TABLES = """
ALTER TABLE person ADD COLUMN merged_into UUID;
ALTER TABLE person ADD CONSTRAINT fk_person_merged_into_person FOREIGN KEY (merged_into) REFERENCES person (id);
CREATE INDEX ix_person_merged_into ON person (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE person_merge (
    id UUID NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    survivor_id UUID NOT NULL,
    merged_id UUID NOT NULL,
    ends UUID,
    reason TEXT NOT NULL,
    ended_episode_id UUID,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    command_key TEXT NOT NULL,
    CONSTRAINT pk_person_merge PRIMARY KEY (id),
    CONSTRAINT uq_person_merge_seq UNIQUE (seq),
    CONSTRAINT ck_person_merge_two_people CHECK (survivor_id <> merged_id),
    CONSTRAINT fk_person_merge_survivor_id_person FOREIGN KEY (survivor_id) REFERENCES person (id),
    CONSTRAINT fk_person_merge_merged_id_person FOREIGN KEY (merged_id) REFERENCES person (id),
    CONSTRAINT fk_person_merge_ended_episode_id_episode FOREIGN KEY (ended_episode_id) REFERENCES episode (id),
    CONSTRAINT fk_person_merge_ends_person_merge FOREIGN KEY (ends) REFERENCES person_merge (id)
);
CREATE INDEX ix_person_merge_survivor_id ON person_merge (survivor_id);
CREATE INDEX ix_person_merge_merged_id ON person_merge (merged_id);
CREATE UNIQUE INDEX uq_person_merge_ends ON person_merge (ends) WHERE ends IS NOT NULL;
CREATE TABLE person_merge_row (
    merge_id UUID NOT NULL,
    kind TEXT NOT NULL,
    row_id UUID NOT NULL,
    act TEXT NOT NULL,
    before JSONB NOT NULL,
    CONSTRAINT pk_person_merge_row PRIMARY KEY (merge_id, kind, row_id),
    CONSTRAINT fk_person_merge_row_merge_id_person_merge FOREIGN KEY (merge_id) REFERENCES person_merge (id)
);
"""

GUARDS = """
CREATE TRIGGER person_merge_append_only BEFORE UPDATE OR DELETE ON person_merge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER person_merge_row_append_only BEFORE UPDATE OR DELETE ON person_merge_row
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (TABLES, GUARDS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    op.execute("DROP TABLE person_merge_row")
    op.execute("DROP TABLE person_merge")
    op.execute("ALTER TABLE person DROP COLUMN merged_into")
