"""Coverages become dated intervals: two of one person never hold the same place on the same day (E38).

Safe on a live table: the new columns have constant defaults, so no row is rewritten. Then writers of `coverage` wait
while older overlaps are put in order, and readers while the constraint is built; the table has a row or two for a
person. The release before goes on writing: its inserts meet a constraint that is checked at once. A run that was cut
off is run again."""

from alembic import op

revision = "0009"
down_revision = "0008"

COLUMNS = """
ALTER TABLE coverage
    ADD COLUMN IF NOT EXISTS reaches_back BOOLEAN DEFAULT true NOT NULL,
    ADD COLUMN IF NOT EXISTS voided BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN IF NOT EXISTS reason VARCHAR DEFAULT 'referral' NOT NULL,
    ADD COLUMN IF NOT EXISTS changed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN IF NOT EXISTS changed_by TEXT;
"""
MIRROR = "ALTER TABLE episode ADD COLUMN IF NOT EXISTS coverage_on DATE"
# Dates in disorder: nobody knows which is wrong. Beside another coverage such a row never was in force; alone it is the
# only word on who pays and holds until further notice. Of two that begin together, the one an episode names keeps the
# place and the others move behind everybody. What began earlier ends the day before the next of its rank begins.
IN_ORDER = """
LOCK TABLE coverage IN SHARE ROW EXCLUSIVE MODE;
UPDATE coverage c SET voided = true WHERE c.through_date < c.from_date
    AND EXISTS (SELECT 1 FROM coverage o WHERE o.person_id = c.person_id AND o.id <> c.id
                AND (o.through_date IS NULL OR o.through_date >= o.from_date));
UPDATE coverage SET through_date = NULL WHERE through_date < from_date AND NOT voided;
WITH twice AS (
    SELECT c.id, row_number() OVER place AS turn, max_rank.rank AS behind
    FROM coverage c
    JOIN (SELECT person_id, max(rank) AS rank FROM coverage GROUP BY person_id) max_rank USING (person_id)
    WHERE NOT c.voided
    WINDOW place AS (
        PARTITION BY c.person_id, c.rank, c.from_date
        ORDER BY (SELECT max(e.opened_at) FROM episode e WHERE e.coverage_id = c.id) DESC NULLS LAST, c.id)
), moved AS (
    SELECT t.id, t.behind + row_number() OVER (PARTITION BY c.person_id ORDER BY c.rank, c.from_date, t.turn) AS rank
    FROM twice t JOIN coverage c ON c.id = t.id WHERE t.turn > 1
)
UPDATE coverage c SET rank = m.rank FROM moved m WHERE m.id = c.id;
WITH following AS (
    SELECT id, lead(from_date) OVER (PARTITION BY person_id, rank ORDER BY from_date) AS next
    FROM coverage WHERE NOT voided
)
UPDATE coverage c SET through_date = f.next - 1 FROM following f
WHERE f.id = c.id AND f.next IS NOT NULL AND (c.through_date IS NULL OR c.through_date >= f.next);
"""
GUARDS = """
ALTER TABLE coverage
    DROP CONSTRAINT uq_coverage_person_id_payer_rank_from_date,
    ADD CONSTRAINT ck_coverage_reason CHECK (reason IN ('referral', 'plan_changed', 'employment_ended', 'continuation',
        'order_changed', 'retro_terminated', 'retro_granted', 'coverage_found', 'recorded_in_error')),
    ADD CONSTRAINT ck_coverage_dates_in_order CHECK (voided OR through_date IS NULL OR through_date >= from_date),
    ADD CONSTRAINT ex_coverage_person_rank_dates EXCLUDE USING gist (
        person_id WITH =, rank WITH =, daterange(from_date, through_date, '[]') WITH &&
    ) WHERE (NOT voided);
"""
DEADLINES = (
    "ALTER TABLE due DROP CONSTRAINT IF EXISTS ck_due_kind",
    """
ALTER TABLE due ADD CONSTRAINT ck_due_kind CHECK (kind IN ('assessment_due', 'assessment_escalation',
    'consent_renewal', 'consent_expiry', 'transition_effective', 'leave_return', 'bed_hold_end', 'review_due',
    'last_covered_day', 'payer_decision', 'payer_inquiry', 'payer_retry', 'information_due', 'peer_to_peer',
    'appeal_filing', 'appeal_decision', 'notification_due', 'follow_up', 'open_item_due',
    'alert_acknowledgement', 'coverage_change')) NOT VALID
""",
    "ALTER TABLE due VALIDATE CONSTRAINT ck_due_kind",
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in (COLUMNS, MIRROR, *DEADLINES):
            op.execute(statement)
    op.get_bind().exec_driver_sql(IN_ORDER)
    op.get_bind().exec_driver_sql(GUARDS)


def downgrade() -> None:
    raise RuntimeError("coverages that follow each other cannot be told apart by the old key; restore a backup instead")
