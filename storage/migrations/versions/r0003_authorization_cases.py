"""Authorization cases in full: grants, clocks, disputes, evidence, agreements, circuits, quarantine.

Safe on a live table: new columns are nullable or have a constant default, checks and keys are added unvalidated and
validated without blocking writers, indexes on tables in use come in 0004, built concurrently."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

STATUSES = (
    "not_required", "waiting_consent", "ready", "submitted", "pended", "approved", "partial", "denied", "cancelled",
    "contact_payer", "data_problem", "timed_out", "end_dated", "held", "information_requested", "information_sent",
    "voided",
)  # fmt: skip
KINDS = (
    "initial", "concurrent", "expedited", "retrospective", "notification", "cancel", "information", "reconsideration",
    "appeal", "external_review", "discharge",
)  # fmt: skip
DEADLINES = (
    "assessment_due", "assessment_escalation", "consent_renewal", "consent_expiry", "transition_effective",
    "leave_return", "bed_hold_end", "review_due", "last_covered_day", "payer_decision", "payer_inquiry", "payer_retry",
    "information_due", "peer_to_peer", "appeal_filing", "appeal_decision", "notification_due",
    "follow_up", "open_item_due", "alert_acknowledgement",
)  # fmt: skip
WIDER = (
    ("authorization", "status", STATUSES),
    ("authorization_request", "status", STATUSES),
    ("authorization_request", "kind", KINDS),
    ("due", "kind", DEADLINES),
)

# What was granted before grants were rows of their own, and the unit each covered day used.
GRANTS = """
    INSERT INTO authorization_grant (id, authorization_id, request_id, decision_id, episode_id, facility, payer, level,
        unit, units, from_date, through_date, number, state, opened_at)
    SELECT d.id, d.authorization_id, d.request_id, d.id, c.episode_id, c.facility, c.payer, d.level,
        coalesce(d.unit, c.unit), d.units, d.from_date, d.through_date, d.number, 'active', d.received_at
    FROM authorization_decision d JOIN "authorization" c ON c.id = d.authorization_id
    WHERE d.superseded_by IS NULL AND d.units > 0 AND d.level IS NOT NULL AND d.from_date IS NOT NULL
      AND d.through_date >= d.from_date
"""
USES = """
    UPDATE charge SET grant_id = g.id
    FROM authorization_grant g
    WHERE g.authorization_id = charge.authorization_id AND g.level = charge.level AND charge.kind = 'per_diem'
      AND charge.service_date BETWEEN g.from_date AND g.through_date AND charge.status = 'live'
      AND charge.authorization_state = 'covered'
"""


def upgrade() -> None:
    for table, column, values in WIDER:
        widen(table, column, values)
    op.create_table(
        "exchange_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("control_number", sa.Text(), nullable=True),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_file")),
        sa.UniqueConstraint("partner", "fingerprint", name="uq_exchange_file_once"),
    )
    op.create_table(
        "payer_circuit",
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('closed', 'open', 'draining')", name=op.f("ck_payer_circuit_state")),
        sa.PrimaryKeyConstraint("payer", name=op.f("pk_payer_circuit")),
    )
    op.create_table(
        "authorization_clock",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("regime", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_seconds", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "name IN ('decision_urgent', 'decision_concurrent', 'decision_standard', 'decision_retrospective', 'decision_after_information', 'information', 'notification', 'retrospective_filing', 'peer_to_peer', 'appeal_filing', 'appeal_decision_urgent', 'appeal_decision', 'external_filing', 'external_decision_urgent', 'external_decision')",
            name=op.f("ck_authorization_clock_name"),
        ),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorization.id"],
            name=op.f("fk_authorization_clock_authorization_id_authorization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_clock")),
        sa.UniqueConstraint("subject_id", "name", "started_at", name="uq_authorization_clock_once"),
    )
    op.create_index(
        "ix_authorization_clock_case", "authorization_clock", ["authorization_id", "started_at"], unique=False
    )
    op.create_table(
        "case_evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["authorization_id"], ["authorization.id"], name=op.f("fk_case_evidence_authorization_id_authorization")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_case_evidence_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_evidence")),
    )
    op.create_index(op.f("ix_case_evidence_authorization_id"), "case_evidence", ["authorization_id"], unique=False)
    op.create_table(
        "single_case_agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.Uuid(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("through_date", sa.Date(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_single_case_agreement_amount")),
        sa.CheckConstraint("through_date >= from_date", name=op.f("ck_single_case_agreement_span")),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorization.id"],
            name=op.f("fk_single_case_agreement_authorization_id_authorization"),
        ),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["episode.id"], name=op.f("fk_single_case_agreement_episode_id_episode")
        ),
        sa.ForeignKeyConstraint(
            ["facility"], ["facility.key"], name=op.f("fk_single_case_agreement_facility_facility")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_single_case_agreement")),
    )
    op.create_index(
        op.f("ix_single_case_agreement_authorization_id"), "single_case_agreement", ["authorization_id"], unique=False
    )
    op.create_index(
        "ix_single_case_agreement_night",
        "single_case_agreement",
        ["facility", "through_date"],
        unique=False,
        postgresql_where=sa.text("signed_at IS NOT NULL AND ended_at IS NULL"),
    )
    op.create_table(
        "authorization_dispute",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("expedited", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("representative", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("call_reference", sa.Text(), nullable=True),
        sa.Column("filed_by", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('peer_to_peer', 'reconsideration', 'appeal', 'external_review')",
            name=op.f("ck_authorization_dispute_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'scheduled', 'filed', 'upheld', 'overturned', 'withdrawn', 'missed')",
            name=op.f("ck_authorization_dispute_status"),
        ),
        sa.CheckConstraint("level >= 0", name=op.f("ck_authorization_dispute_level")),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorization.id"],
            name=op.f("fk_authorization_dispute_authorization_id_authorization"),
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["authorization_request.id"],
            name=op.f("fk_authorization_dispute_request_id_authorization_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_dispute")),
        sa.UniqueConstraint("request_id", "kind", "level", name="uq_authorization_dispute_once"),
    )
    op.create_index(
        op.f("ix_authorization_dispute_authorization_id"), "authorization_dispute", ["authorization_id"], unique=False
    )
    op.create_table(
        "authorization_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.Uuid(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("through_date", sa.Date(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('active', 'superseded', 'voided_by_payer')", name=op.f("ck_authorization_grant_state")
        ),
        sa.CheckConstraint("through_date >= from_date", name=op.f("ck_authorization_grant_span")),
        sa.CheckConstraint("units > 0", name=op.f("ck_authorization_grant_units")),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorization.id"],
            name=op.f("fk_authorization_grant_authorization_id_authorization"),
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["authorization_decision.id"],
            name=op.f("fk_authorization_grant_decision_id_authorization_decision"),
        ),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"], name=op.f("fk_authorization_grant_episode_id_episode")),
        sa.ForeignKeyConstraint(["facility"], ["facility.key"], name=op.f("fk_authorization_grant_facility_facility")),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["authorization_request.id"],
            name=op.f("fk_authorization_grant_request_id_authorization_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_grant")),
    )
    op.create_index("ix_authorization_grant_case", "authorization_grant", ["authorization_id"], unique=False)
    op.create_index(
        "ix_authorization_grant_night",
        "authorization_grant",
        ["facility", "through_date", "from_date"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.add_column("authorization", sa.Column("review_status", sa.String(), nullable=True))
    op.add_column("authorization", sa.Column("next_action", sa.Text(), nullable=True))
    op.add_column("authorization", sa.Column("next_action_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("authorization", sa.Column("next_action_why", sa.Text(), nullable=True))
    op.add_column("authorization", sa.Column("next_action_owner", sa.Text(), nullable=True))
    op.add_column("authorization", sa.Column("listed", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("authorization_decision", sa.Column("stated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("authorization_decision", sa.Column("call_reference", sa.Text(), nullable=True))
    op.add_column("authorization_decision", sa.Column("criteria", sa.Text(), nullable=True))
    op.add_column("authorization_decision", sa.Column("reviewer_credentials", sa.Text(), nullable=True))
    op.add_column("authorization_decision", sa.Column("evidence_id", sa.Uuid(), nullable=True))
    op.add_column("authorization_decision", sa.Column("recorded_by", sa.Text(), nullable=True))
    op.add_column("authorization_request", sa.Column("about", sa.Uuid(), nullable=True))
    op.add_column("authorization_request", sa.Column("dispute_id", sa.Uuid(), nullable=True))
    op.add_column("authorization_request", sa.Column("delay_reason", sa.Text(), nullable=True))
    op.add_column("authorization_request", sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("authorization_request", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "authorization_request", sa.Column("inquiries", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("authorization_request", sa.Column("inquired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("authorization_request", sa.Column("wanted_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("authorization_request", sa.Column("wanted", JSONB(), nullable=True))
    op.add_column("authorization_request", sa.Column("attachments", JSONB(), nullable=True))
    op.add_column("charge", sa.Column("grant_id", sa.Uuid(), nullable=True))
    op.add_column("exchange_message", sa.Column("file_id", sa.Uuid(), nullable=True))
    op.add_column("exchange_message", sa.Column("transaction_control", sa.Text(), nullable=True))
    op.add_column("exchange_message", sa.Column("version", sa.Text(), nullable=True))
    op.add_column("exchange_message", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("exchange_message", sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("exchange_message", sa.Column("resolved_by", sa.Text(), nullable=True))
    op.execute(
        "ALTER TABLE authorization_request ADD CONSTRAINT fk_authorization_request_about_authorization_request "
        "FOREIGN KEY (about) REFERENCES authorization_request (id) NOT VALID"
    )
    op.execute(
        "ALTER TABLE authorization_request VALIDATE CONSTRAINT fk_authorization_request_about_authorization_request"
    )
    op.execute(
        'ALTER TABLE "authorization" ADD CONSTRAINT ck_authorization_review_status CHECK (review_status IN '
        f"({listed(STATUSES)})) NOT VALID"
    )
    op.execute('ALTER TABLE "authorization" VALIDATE CONSTRAINT ck_authorization_review_status')
    op.execute("UPDATE authorization_request SET first_sent_at = sent_at WHERE sent_at IS NOT NULL")
    op.execute(GRANTS)
    op.execute(USES)


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{v}'" for v in values)


def widen(table: str, column: str, values: tuple[str, ...]) -> None:
    name = f"ck_{table}_{column}"
    op.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT {name}')
    op.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT {name} CHECK ({column} IN ({listed(values)})) NOT VALID')
    op.execute(f'ALTER TABLE "{table}" VALIDATE CONSTRAINT {name}')


def downgrade() -> None:
    """Not undone: grants, clocks and disputes would be lost. Restore the backup taken before the release."""
    raise RuntimeError("revision 0003 is not undone; restore the backup taken before it")
