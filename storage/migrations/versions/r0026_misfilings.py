"""What was charted on the wrong episode is said by a fact of its own (E03): the wrong one is never edited, and counts no
more since.

Safe on a live table: the table is new."""

from alembic import op

revision = "0026"
down_revision = "0025"

TABLES = """
CREATE TABLE misfiling (
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    subject_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    person_id UUID NOT NULL,
    right_episode_id UUID,
    recorded_as UUID,
    other_person BOOLEAN NOT NULL,
    reason VARCHAR NOT NULL,
    before JSONB NOT NULL,
    effects JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    command_key TEXT NOT NULL,
    CONSTRAINT pk_misfiling PRIMARY KEY (id),
    CONSTRAINT ck_misfiling_two_episodes CHECK (right_episode_id <> episode_id),
    CONSTRAINT ck_misfiling_kind CHECK (kind IN ('assessment', 'document', 'attendance', 'consent', 'movement')),
    CONSTRAINT ck_misfiling_reason
        CHECK (reason IN ('chart_mixed_up', 'same_name', 'label_mixed_up', 'other_episode_of_person', 'other')),
    CONSTRAINT fk_misfiling_episode_id_episode FOREIGN KEY (episode_id) REFERENCES episode (id),
    CONSTRAINT fk_misfiling_person_id_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_misfiling_right_episode_id_episode FOREIGN KEY (right_episode_id) REFERENCES episode (id)
);
CREATE UNIQUE INDEX uq_misfiling_subject_id ON misfiling (subject_id) WHERE kind <> 'attendance';
CREATE INDEX ix_misfiling_episode_id ON misfiling (episode_id, at);
CREATE INDEX ix_misfiling_right_episode_id ON misfiling (right_episode_id) WHERE right_episode_id IS NOT NULL;
"""

GUARDS = """
CREATE TRIGGER misfiling_append_only BEFORE UPDATE OR DELETE ON misfiling
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (TABLES, GUARDS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    op.execute("DROP TABLE misfiling")
