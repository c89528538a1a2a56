"""Lists under row-level security find their rows by an index again (docs/performance.md, Row security). Beneath a policy
PostgreSQL uses only conditions that cannot leak: ranges and COALESCE are not among them. So the end of a stay and of an
occupancy stands beside its period, written by a trigger, and the order of the worklist is said by a CASE.

Safe on a live table: columns are empty at first, indexes are built without blocking writers, and an end that is not
written down yet is read as an open one, which the period then decides. The backfill goes in small steps, each its own
transaction."""

from typing import Final

from alembic import op

revision = "0028"
down_revision = "0027"

DUE: Final = "(CASE WHEN next_action_at IS NULL THEN '-infinity'::timestamptz ELSE next_action_at END)"
DUE_BEFORE: Final = "(COALESCE(next_action_at, '-infinity'::timestamptz))"
LANE: Final = (
    "(CASE WHEN status = 'not_required' THEN 3 WHEN next_action_owner = 'payer' THEN 2 "
    "WHEN last_covered_day IS NULL THEN 1 ELSE 0 END)"
)
WORKLIST: Final = (
    ("ix_authorization_need", "facility, {lane}, {due}, id", ""),
    (
        "ix_authorization_row", "facility, episode_id, payer, {lane}, {due}, id",
        "INCLUDE (status, next_action_owner, last_covered_day, next_action_at, owner) ",
    ),
)  # fmt: skip
TABLES: Final = ("stay", "bed_occupancy")
ENDS: Final = (
    ("ix_stay_ends", "stay", "facility, ends_at"),
    ("ix_bed_occupancy_ends", "bed_occupancy", "bed_id, ends_at"),
)
STEP: Final = 5_000

WRITTEN: Final = """
CREATE FUNCTION write_end_of_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An empty period never was: it ended before everything.
    NEW.ends_at := CASE WHEN isempty(NEW.period) THEN 'epoch'::timestamptz ELSE upper(NEW.period) END;
    RETURN NEW;
END $$;
"""
BACKFILL: Final = """
DO $$
DECLARE
    last uuid := '00000000-0000-0000-0000-000000000000';
    step uuid[];
BEGIN
    LOOP
        SELECT array_agg(id ORDER BY id) INTO step FROM (SELECT id FROM {table} WHERE id > last ORDER BY id LIMIT {step}) s;
        EXIT WHEN step IS NULL;
        UPDATE {table} SET period = period WHERE id = ANY(step) AND ends_at IS NULL AND NOT upper_inf(period);
        last := step[cardinality(step)];
        COMMIT;
    END LOOP;
END $$;
"""


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN ends_at TIMESTAMP WITH TIME ZONE")
    op.execute(WRITTEN)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_end_of_period BEFORE INSERT OR UPDATE OF period ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION write_end_of_period()"
        )
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(BACKFILL.format(table=table, step=STEP))
        for name, table, columns in ENDS:
            # A build that was cut off leaves an invalid index of the same name behind.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} ({columns})")
        _replace(DUE)


def _replace(due: str) -> None:
    for name, columns, more in WORKLIST:
        said = columns.format(lane=LANE, due=due)
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_next")
        op.execute(f'CREATE INDEX CONCURRENTLY {name}_next ON "authorization" ({said}) {more}WHERE listed')
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"ALTER INDEX {name}_next RENAME TO {name}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _replace(DUE_BEFORE)
        for name, _, _ in ENDS:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    op.execute("DROP FUNCTION write_end_of_period() CASCADE")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN ends_at")
