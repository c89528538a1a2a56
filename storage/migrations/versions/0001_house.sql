-- The first schema. Written once; later changes are revisions of their own.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE app_user (
    username TEXT NOT NULL,
    role TEXT NOT NULL,
    facilities JSONB NOT NULL,
    password_hash TEXT NOT NULL,
    disabled BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_app_user PRIMARY KEY (username)
);

CREATE TABLE audit_entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    chain TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    purpose TEXT NOT NULL,
    detail JSONB NOT NULL,
    prev_hash BYTEA,
    hash BYTEA,
    CONSTRAINT pk_audit_entry PRIMARY KEY (id)
);

CREATE INDEX ix_audit_entry_chain ON audit_entry (chain, id);

CREATE TABLE business_clock (
    id SERIAL NOT NULL,
    now TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_business_clock PRIMARY KEY (id)
);

CREATE TABLE census_line (
    facility TEXT NOT NULL,
    service_date DATE NOT NULL,
    version INTEGER NOT NULL,
    program TEXT NOT NULL,
    level TEXT NOT NULL,
    payer TEXT NOT NULL,
    opening INTEGER NOT NULL,
    admissions INTEGER NOT NULL,
    transfers_in INTEGER NOT NULL,
    returns INTEGER NOT NULL,
    discharges INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    transfers_out INTEGER NOT NULL,
    leaves_out INTEGER NOT NULL,
    closing INTEGER NOT NULL,
    on_leave INTEGER NOT NULL,
    CONSTRAINT pk_census_line PRIMARY KEY (facility, service_date, version, program, level, payer)
);

CREATE TABLE census_presence (
    stay_id UUID NOT NULL,
    service_date DATE NOT NULL,
    version INTEGER NOT NULL,
    facility TEXT NOT NULL,
    episode_id UUID NOT NULL,
    program TEXT NOT NULL,
    level TEXT NOT NULL,
    payer TEXT NOT NULL,
    track VARCHAR NOT NULL,
    state TEXT NOT NULL,
    CONSTRAINT pk_census_presence PRIMARY KEY (stay_id, service_date, version),
    CONSTRAINT ck_census_presence_track CHECK (track IN ('bed', 'day'))
);

CREATE INDEX ix_census_presence_day ON census_presence (facility, service_date, version);

CREATE TABLE command (
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    actor TEXT NOT NULL,
    subject_id UUID,
    accepted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT NOT NULL,
    answer JSONB,
    answered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_command PRIMARY KEY (key)
);

CREATE TABLE control_number (
    partner TEXT NOT NULL,
    last INTEGER NOT NULL,
    CONSTRAINT pk_control_number PRIMARY KEY (partner)
);

CREATE TABLE due (
    owner_kind TEXT NOT NULL,
    owner_id UUID NOT NULL,
    key TEXT NOT NULL,
    kind VARCHAR NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    why TEXT NOT NULL,
    subject_id TEXT,
    detail JSONB,
    CONSTRAINT pk_due PRIMARY KEY (owner_kind, owner_id, key),
    CONSTRAINT ck_due_kind CHECK (kind IN ('assessment_due', 'assessment_escalation', 'consent_renewal', 'consent_expiry', 'transition_effective', 'leave_return', 'bed_hold_end', 'review_due', 'last_covered_day', 'payer_decision', 'payer_inquiry', 'follow_up', 'open_item_due', 'alert_acknowledgement'))
);

CREATE INDEX ix_due_at ON due (at, owner_kind, owner_id);

CREATE TABLE exchange_message (
    id UUID NOT NULL,
    partner TEXT NOT NULL,
    direction TEXT NOT NULL,
    kind TEXT NOT NULL,
    control_number TEXT,
    subject_id UUID,
    person_id UUID,
    sealed BYTEA NOT NULL,
    fingerprint TEXT NOT NULL,
    status TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    problem TEXT,
    CONSTRAINT pk_exchange_message PRIMARY KEY (id),
    CONSTRAINT uq_exchange_message_once UNIQUE (partner, direction, fingerprint)
);

CREATE INDEX ix_exchange_message_orphan ON exchange_message (partner, at) WHERE status = 'orphan';

CREATE INDEX ix_exchange_message_subject ON exchange_message (subject_id, at);

CREATE TABLE facility (
    key TEXT NOT NULL,
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    edition TEXT NOT NULL,
    opened_on DATE NOT NULL,
    CONSTRAINT pk_facility PRIMARY KEY (key)
);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    payload JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    relayed_at TIMESTAMP WITH TIME ZONE,
    attempts INTEGER NOT NULL,
    parked BOOLEAN DEFAULT false NOT NULL,
    problem TEXT,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
);

CREATE INDEX ix_outbox_unsent ON outbox (id) WHERE relayed_at IS NULL;

CREATE TABLE person (
    id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    wrapped_key BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_person PRIMARY KEY (id)
);

CREATE TABLE census_snapshot (
    facility TEXT NOT NULL,
    service_date DATE NOT NULL,
    version INTEGER NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_census_snapshot PRIMARY KEY (facility, service_date, version),
    CONSTRAINT fk_census_snapshot_facility_facility FOREIGN KEY(facility) REFERENCES facility (key)
);

CREATE TABLE coverage (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    payer TEXT NOT NULL,
    kind VARCHAR NOT NULL,
    rank INTEGER NOT NULL,
    from_date DATE NOT NULL,
    through_date DATE,
    CONSTRAINT pk_coverage PRIMARY KEY (id),
    CONSTRAINT ck_coverage_kind CHECK (kind IN ('insurance', 'self_pay', 'county_funding')),
    CONSTRAINT uq_coverage_person_id_payer_rank_from_date UNIQUE (person_id, payer, rank, from_date),
    CONSTRAINT fk_coverage_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);

CREATE INDEX ix_coverage_person_id ON coverage (person_id);

CREATE TABLE facility_day (
    facility TEXT NOT NULL,
    service_date DATE NOT NULL,
    version INTEGER NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    stale BOOLEAN DEFAULT false NOT NULL,
    stale_reason TEXT,
    stale_command UUID,
    CONSTRAINT pk_facility_day PRIMARY KEY (facility, service_date),
    CONSTRAINT fk_facility_day_facility_facility FOREIGN KEY(facility) REFERENCES facility (key)
);

CREATE INDEX ix_facility_day_stale ON facility_day (facility, service_date) WHERE stale;

CREATE TABLE person_token (
    person_id UUID NOT NULL,
    kind TEXT NOT NULL,
    token BYTEA NOT NULL,
    CONSTRAINT pk_person_token PRIMARY KEY (person_id, kind, token),
    CONSTRAINT fk_person_token_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);

CREATE INDEX ix_person_token_lookup ON person_token (kind, token);

CREATE TABLE program (
    key TEXT NOT NULL,
    facility TEXT NOT NULL,
    name TEXT NOT NULL,
    capacity INTEGER NOT NULL,
    CONSTRAINT pk_program PRIMARY KEY (key),
    CONSTRAINT fk_program_facility_facility FOREIGN KEY(facility) REFERENCES facility (key)
);

CREATE INDEX ix_program_facility ON program (facility);

CREATE TABLE bed (
    id TEXT NOT NULL,
    facility TEXT NOT NULL,
    program TEXT NOT NULL,
    unit TEXT NOT NULL,
    room TEXT NOT NULL,
    label TEXT NOT NULL,
    levels JSONB NOT NULL,
    attributes JSONB NOT NULL,
    closed_reason TEXT,
    cleaning_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_bed PRIMARY KEY (id),
    CONSTRAINT fk_bed_facility_facility FOREIGN KEY(facility) REFERENCES facility (key),
    CONSTRAINT fk_bed_program_program FOREIGN KEY(program) REFERENCES program (key)
);

CREATE INDEX ix_bed_facility ON bed (facility);

CREATE TABLE episode (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    facility TEXT NOT NULL,
    coverage_id UUID,
    payer TEXT NOT NULL,
    edition TEXT NOT NULL,
    phase VARCHAR NOT NULL,
    requested_level TEXT NOT NULL,
    level TEXT,
    program TEXT,
    stay_id UUID,
    authorized_level TEXT,
    source TEXT NOT NULL,
    diagnoses JSONB NOT NULL,
    prior_episode_id UUID,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    admitted_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    last_contact_at TIMESTAMP WITH TIME ZONE,
    disposition VARCHAR,
    version INTEGER NOT NULL,
    CONSTRAINT pk_episode PRIMARY KEY (id),
    CONSTRAINT ck_episode_phase CHECK (phase IN ('intake', 'in_care', 'closed', 'not_admitted')),
    CONSTRAINT ck_episode_disposition CHECK (disposition IN ('completed', 'step_down_internal', 'transfer_sud', 'transfer_psychiatric', 'transfer_acute', 'against_advice', 'elopement', 'administrative', 'financial', 'incarcerated', 'deceased', 'medical', 'lost_to_contact', 'admitted_in_error', 'other')),
    CONSTRAINT fk_episode_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
    CONSTRAINT fk_episode_facility_facility FOREIGN KEY(facility) REFERENCES facility (key),
    CONSTRAINT fk_episode_coverage_id_coverage FOREIGN KEY(coverage_id) REFERENCES coverage (id),
    CONSTRAINT fk_episode_prior_episode_id_episode FOREIGN KEY(prior_episode_id) REFERENCES episode (id)
);

CREATE INDEX ix_episode_board ON episode (facility, phase, level, id);

CREATE INDEX ix_episode_person_id ON episode (person_id);

CREATE UNIQUE INDEX uq_episode_open_person ON episode (person_id, facility) WHERE phase IN ('intake', 'in_care');

CREATE TABLE session (
    id UUID NOT NULL,
    facility TEXT NOT NULL,
    program TEXT NOT NULL,
    template TEXT NOT NULL,
    block TEXT NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    service_date DATE NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    minutes INTEGER NOT NULL,
    counts BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_session PRIMARY KEY (id),
    CONSTRAINT uq_session_program_template_block_starts_at UNIQUE (program, template, block, starts_at),
    CONSTRAINT fk_session_facility_facility FOREIGN KEY(facility) REFERENCES facility (key),
    CONSTRAINT fk_session_program_program FOREIGN KEY(program) REFERENCES program (key)
);

CREATE INDEX ix_session_program_date ON session (program, service_date);

CREATE TABLE assessment (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    instrument TEXT NOT NULL,
    edition TEXT NOT NULL,
    answers JSONB NOT NULL,
    score NUMERIC(8, 2),
    severity TEXT,
    detail JSONB NOT NULL,
    recommended_level TEXT,
    outcome TEXT NOT NULL,
    performed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by TEXT NOT NULL,
    supersedes UUID,
    command_key TEXT NOT NULL,
    CONSTRAINT pk_assessment PRIMARY KEY (id),
    CONSTRAINT fk_assessment_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_assessment_supersedes_assessment FOREIGN KEY(supersedes) REFERENCES assessment (id)
);

CREATE INDEX ix_assessment_episode ON assessment (episode_id, instrument, performed_at);

CREATE TABLE assessment_due (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    stay_id UUID,
    instrument TEXT NOT NULL,
    level TEXT,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    escalate_at TIMESTAMP WITH TIME ZONE NOT NULL,
    escalated_at TIMESTAMP WITH TIME ZONE,
    owner_role TEXT NOT NULL,
    why TEXT NOT NULL,
    status VARCHAR NOT NULL,
    satisfied_by UUID,
    transition_id UUID,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_assessment_due PRIMARY KEY (id),
    CONSTRAINT ck_assessment_due_status CHECK (status IN ('due', 'completed', 'refused', 'suspended', 'cancelled')),
    CONSTRAINT fk_assessment_due_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id)
);

CREATE INDEX ix_assessment_due_episode ON assessment_due (episode_id, status);

CREATE INDEX ix_assessment_due_open ON assessment_due (episode_id, instrument) WHERE status = 'due';

CREATE TABLE "authorization" (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    person_id UUID NOT NULL,
    coverage_id UUID NOT NULL,
    stay_id UUID,
    facility TEXT NOT NULL,
    payer TEXT NOT NULL,
    level TEXT NOT NULL,
    status VARCHAR NOT NULL,
    why TEXT NOT NULL,
    unit TEXT NOT NULL,
    requested_units INTEGER NOT NULL,
    granted_units INTEGER NOT NULL,
    granted_level TEXT,
    number TEXT,
    from_date DATE NOT NULL,
    last_covered_day DATE,
    review_due_at TIMESTAMP WITH TIME ZONE,
    end_dated_on DATE,
    owner TEXT,
    transition_id UUID,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_authorization PRIMARY KEY (id),
    CONSTRAINT ck_authorization_status CHECK (status IN ('not_required', 'waiting_consent', 'ready', 'submitted', 'pended', 'approved', 'partial', 'denied', 'cancelled', 'contact_payer', 'data_problem', 'timed_out', 'end_dated')),
    CONSTRAINT fk_authorization_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_authorization_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
    CONSTRAINT fk_authorization_coverage_id_coverage FOREIGN KEY(coverage_id) REFERENCES coverage (id),
    CONSTRAINT fk_authorization_facility_facility FOREIGN KEY(facility) REFERENCES facility (key)
);

CREATE INDEX ix_authorization_episode ON "authorization" (episode_id);

CREATE INDEX ix_authorization_number ON "authorization" (payer, number);

CREATE INDEX ix_authorization_worklist ON "authorization" (facility, status, review_due_at, id);

CREATE TABLE bed_occupancy (
    id UUID NOT NULL,
    bed_id TEXT NOT NULL,
    episode_id UUID NOT NULL,
    stay_id UUID,
    period TSTZRANGE NOT NULL,
    state TEXT NOT NULL,
    CONSTRAINT pk_bed_occupancy PRIMARY KEY (id),
    CONSTRAINT ex_bed_occupancy_bed_period EXCLUDE USING gist (bed_id WITH =, period WITH &&) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk_bed_occupancy_bed_id_bed FOREIGN KEY(bed_id) REFERENCES bed (id),
    CONSTRAINT fk_bed_occupancy_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id)
);

CREATE INDEX ix_bed_occupancy_episode_id ON bed_occupancy (episode_id);

CREATE TABLE consent (
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    form TEXT NOT NULL,
    edition TEXT NOT NULL,
    program TEXT,
    status VARCHAR NOT NULL,
    scope JSONB NOT NULL,
    presented_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    signed_at TIMESTAMP WITH TIME ZONE,
    signed_by TEXT,
    witnessed_by TEXT,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revocation_received_at TIMESTAMP WITH TIME ZONE,
    renews UUID,
    transition_id UUID,
    reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_consent PRIMARY KEY (id),
    CONSTRAINT ck_consent_status CHECK (status IN ('presented', 'signed', 'refused', 'expired', 'revoked', 'superseded', 'voided')),
    CONSTRAINT fk_consent_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
    CONSTRAINT fk_consent_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_consent_renews_consent FOREIGN KEY(renews) REFERENCES consent (id)
);

CREATE INDEX ix_consent_episode ON consent (episode_id, status);

CREATE INDEX ix_consent_person ON consent (person_id, form, status);

CREATE UNIQUE INDEX uq_consent_presented ON consent (episode_id, form, coalesce(program, '')) WHERE status = 'presented';

CREATE TABLE movement (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sequence INTEGER NOT NULL,
    supersedes UUID,
    level TEXT,
    program TEXT,
    track VARCHAR,
    bed_id TEXT,
    reason TEXT,
    disposition VARCHAR,
    expected_return_at TIMESTAMP WITH TIME ZONE,
    transition_id UUID,
    actor TEXT NOT NULL,
    command_key TEXT NOT NULL,
    CONSTRAINT pk_movement PRIMARY KEY (id),
    CONSTRAINT ck_movement_kind CHECK (kind IN ('admission', 'transfer', 'bed_move', 'leave', 'send_out', 'return', 'discharge', 'death', 'not_admitted', 'void')),
    CONSTRAINT ck_movement_track CHECK (track IN ('bed', 'day')),
    CONSTRAINT ck_movement_disposition CHECK (disposition IN ('completed', 'step_down_internal', 'transfer_sud', 'transfer_psychiatric', 'transfer_acute', 'against_advice', 'elopement', 'administrative', 'financial', 'incarcerated', 'deceased', 'medical', 'lost_to_contact', 'admitted_in_error', 'other')),
    CONSTRAINT uq_movement_episode_id_sequence UNIQUE (episode_id, sequence),
    CONSTRAINT fk_movement_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_movement_supersedes_movement FOREIGN KEY(supersedes) REFERENCES movement (id),
    CONSTRAINT fk_movement_bed_id_bed FOREIGN KEY(bed_id) REFERENCES bed (id)
);

CREATE INDEX ix_movement_episode ON movement (episode_id, effective_at);

CREATE TABLE open_item (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    facility TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_id TEXT,
    owner_role TEXT NOT NULL,
    why TEXT NOT NULL,
    rule TEXT,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    escalated_at TIMESTAMP WITH TIME ZONE,
    status VARCHAR NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    resolved_by TEXT,
    resolution TEXT,
    CONSTRAINT pk_open_item PRIMARY KEY (id),
    CONSTRAINT ck_open_item_status CHECK (status IN ('open', 'done', 'cancelled')),
    CONSTRAINT fk_open_item_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_open_item_facility_facility FOREIGN KEY(facility) REFERENCES facility (key)
);

CREATE INDEX ix_open_item_episode ON open_item (episode_id, status);

CREATE INDEX ix_open_item_owner ON open_item (facility, owner_role, due_at) WHERE status = 'open';

CREATE TABLE stay (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    person_id UUID NOT NULL,
    facility TEXT NOT NULL,
    program TEXT NOT NULL,
    level TEXT NOT NULL,
    track VARCHAR NOT NULL,
    billing VARCHAR NOT NULL,
    payer TEXT NOT NULL,
    period TSTZRANGE NOT NULL,
    arrival TEXT NOT NULL,
    departure TEXT,
    edition TEXT NOT NULL,
    CONSTRAINT pk_stay PRIMARY KEY (id),
    CONSTRAINT ck_stay_track CHECK (track IN ('bed', 'day')),
    CONSTRAINT ck_stay_billing CHECK (billing IN ('overnight', 'attendance', 'session')),
    CONSTRAINT ex_stay_episode_track_period EXCLUDE USING gist (episode_id WITH =, track WITH =, period WITH &&) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT ex_stay_person_bed_period EXCLUDE USING gist (person_id WITH =, period WITH &&) WHERE (track = 'bed') DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk_stay_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_stay_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
    CONSTRAINT fk_stay_facility_facility FOREIGN KEY(facility) REFERENCES facility (key),
    CONSTRAINT fk_stay_program_program FOREIGN KEY(program) REFERENCES program (key)
);

CREATE INDEX ix_stay_episode_id ON stay (episode_id);

CREATE INDEX ix_stay_facility_period ON stay USING gist (facility, period);

CREATE TABLE timeline_entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    episode_id UUID NOT NULL,
    facility TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    edition TEXT NOT NULL,
    detail JSONB NOT NULL,
    command_key TEXT,
    CONSTRAINT pk_timeline_entry PRIMARY KEY (id),
    CONSTRAINT fk_timeline_entry_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id)
);

CREATE INDEX ix_timeline_entry_episode ON timeline_entry (episode_id, at, id);

CREATE INDEX ix_timeline_entry_feed ON timeline_entry (facility, id);

CREATE TABLE transition (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    facility TEXT NOT NULL,
    kind VARCHAR NOT NULL,
    urgent BOOLEAN DEFAULT false NOT NULL,
    from_level TEXT,
    to_level TEXT,
    program TEXT,
    bed_id TEXT,
    recommended_level TEXT,
    deviation_reason VARCHAR,
    disposition VARCHAR,
    rationale TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR NOT NULL,
    signed_off_by TEXT,
    signed_off_at TIMESTAMP WITH TIME ZONE,
    order_needed BOOLEAN DEFAULT false NOT NULL,
    ordered_by TEXT,
    ordered_at TIMESTAMP WITH TIME ZONE,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    decision TEXT,
    decision_reason TEXT,
    executed_at TIMESTAMP WITH TIME ZONE,
    blocked_reasons JSONB,
    plan JSONB,
    plan_fingerprint TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_transition PRIMARY KEY (id),
    CONSTRAINT ck_transition_kind CHECK (kind IN ('admission', 'step_down', 'step_up', 'lateral', 'parallel', 'bed_move', 'discharge')),
    CONSTRAINT ck_transition_status CHECK (status IN ('needs_sign_off', 'pending', 'scheduled', 'executed', 'blocked', 'returned', 'denied', 'withdrawn')),
    CONSTRAINT ck_transition_deviation_reason CHECK (deviation_reason IN ('recommended_unavailable', 'payer_denied', 'patient_preference', 'legal_mandate', 'geography_transport', 'waitlist', 'clinical_override', 'same')),
    CONSTRAINT ck_transition_disposition CHECK (disposition IN ('completed', 'step_down_internal', 'transfer_sud', 'transfer_psychiatric', 'transfer_acute', 'against_advice', 'elopement', 'administrative', 'financial', 'incarcerated', 'deceased', 'medical', 'lost_to_contact', 'admitted_in_error', 'other')),
    CONSTRAINT fk_transition_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_transition_facility_facility FOREIGN KEY(facility) REFERENCES facility (key),
    CONSTRAINT fk_transition_bed_id_bed FOREIGN KEY(bed_id) REFERENCES bed (id)
);

CREATE INDEX ix_transition_episode_id ON transition (episode_id);

CREATE INDEX ix_transition_queue ON transition (facility, status, effective_at, id);

CREATE UNIQUE INDEX uq_transition_open ON transition (episode_id, to_level) WHERE status IN ('needs_sign_off', 'pending', 'scheduled', 'blocked');

CREATE TABLE absence (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    stay_id UUID NOT NULL,
    kind TEXT NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE NOT NULL,
    returned_at TIMESTAMP WITH TIME ZONE,
    expected_return_at TIMESTAMP WITH TIME ZONE,
    hold_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_absence PRIMARY KEY (id),
    CONSTRAINT fk_absence_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_absence_stay_id_stay FOREIGN KEY(stay_id) REFERENCES stay (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_absence_episode_id ON absence (episode_id);

CREATE INDEX ix_absence_stay_id ON absence (stay_id);

CREATE TABLE alert (
    id UUID NOT NULL,
    assessment_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    condition TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    acknowledge_by TIMESTAMP WITH TIME ZONE,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    acknowledged_by TEXT,
    cleared_at TIMESTAMP WITH TIME ZONE,
    cleared_by TEXT,
    cleared_reason TEXT,
    CONSTRAINT pk_alert PRIMARY KEY (id),
    CONSTRAINT fk_alert_assessment_id_assessment FOREIGN KEY(assessment_id) REFERENCES assessment (id),
    CONSTRAINT fk_alert_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id)
);

CREATE INDEX ix_alert_open ON alert (episode_id) WHERE cleared_at IS NULL;

CREATE TABLE attendance (
    session_id UUID NOT NULL,
    stay_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    service_date DATE NOT NULL,
    status VARCHAR NOT NULL,
    minutes INTEGER,
    recorded_at TIMESTAMP WITH TIME ZONE,
    recorded_by TEXT,
    cancelled_by UUID,
    CONSTRAINT pk_attendance PRIMARY KEY (session_id, stay_id),
    CONSTRAINT ck_attendance_status CHECK (status IN ('scheduled', 'attended', 'no_show', 'excused', 'cancelled')),
    CONSTRAINT fk_attendance_session_id_session FOREIGN KEY(session_id) REFERENCES session (id),
    CONSTRAINT fk_attendance_stay_id_stay FOREIGN KEY(stay_id) REFERENCES stay (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk_attendance_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id)
);

CREATE INDEX ix_attendance_counted ON attendance (service_date, stay_id) WHERE minutes IS NOT NULL;

CREATE INDEX ix_attendance_episode_date ON attendance (episode_id, service_date);

CREATE INDEX ix_attendance_stay_date ON attendance (stay_id, service_date);

CREATE TABLE authorization_request (
    id UUID NOT NULL,
    authorization_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    trace TEXT NOT NULL,
    level TEXT NOT NULL,
    unit TEXT NOT NULL,
    units INTEGER NOT NULL,
    from_date DATE NOT NULL,
    through_date DATE NOT NULL,
    urgent BOOLEAN NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    answered_at TIMESTAMP WITH TIME ZONE,
    decision_due_at TIMESTAMP WITH TIME ZONE,
    attempts INTEGER NOT NULL,
    reference TEXT,
    CONSTRAINT pk_authorization_request PRIMARY KEY (id),
    CONSTRAINT ck_authorization_request_kind CHECK (kind IN ('initial', 'concurrent', 'expedited', 'retrospective', 'notification', 'cancel')),
    CONSTRAINT ck_authorization_request_status CHECK (status IN ('not_required', 'waiting_consent', 'ready', 'submitted', 'pended', 'approved', 'partial', 'denied', 'cancelled', 'contact_payer', 'data_problem', 'timed_out', 'end_dated')),
    CONSTRAINT fk_authorization_request_authorization_id_authorization FOREIGN KEY(authorization_id) REFERENCES "authorization" (id),
    CONSTRAINT fk_authorization_request_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT uq_authorization_request_trace UNIQUE (trace)
);

CREATE INDEX ix_authorization_request_authorization_id ON authorization_request (authorization_id);

CREATE INDEX ix_authorization_request_episode_id ON authorization_request (episode_id);

CREATE TABLE charge (
    id UUID NOT NULL,
    stay_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    person_id UUID NOT NULL,
    facility TEXT NOT NULL,
    payer TEXT NOT NULL,
    service_date DATE NOT NULL,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    track VARCHAR NOT NULL,
    per_diem_track TEXT NOT NULL,
    revenue_code TEXT,
    procedure_code TEXT,
    amount NUMERIC(12, 2) NOT NULL,
    rate_version TEXT NOT NULL,
    authorization_id UUID,
    authorization_state TEXT NOT NULL,
    rule TEXT NOT NULL,
    why TEXT NOT NULL,
    status VARCHAR NOT NULL,
    revision INTEGER NOT NULL,
    successor UUID,
    tombstone BOOLEAN DEFAULT false NOT NULL,
    void_reason TEXT,
    posted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    voided_at TIMESTAMP WITH TIME ZONE,
    close_version INTEGER NOT NULL,
    CONSTRAINT pk_charge PRIMARY KEY (id),
    CONSTRAINT ck_charge_status CHECK (status IN ('live', 'void')),
    CONSTRAINT ck_charge_track CHECK (track IN ('bed', 'day')),
    CONSTRAINT uq_charge_stay_date_kind_revision UNIQUE (stay_id, service_date, kind, revision),
    CONSTRAINT fk_charge_stay_id_stay FOREIGN KEY(stay_id) REFERENCES stay (id),
    CONSTRAINT fk_charge_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_charge_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
    CONSTRAINT fk_charge_facility_facility FOREIGN KEY(facility) REFERENCES facility (key)
);

CREATE INDEX ix_charge_episode ON charge (episode_id, service_date);

CREATE INDEX ix_charge_facility_date ON charge (facility, service_date);

CREATE UNIQUE INDEX uq_charge_live_day ON charge (person_id, service_date, per_diem_track) WHERE status = 'live';

CREATE TABLE charge_exception (
    id UUID NOT NULL,
    episode_id UUID NOT NULL,
    stay_id UUID NOT NULL,
    facility TEXT NOT NULL,
    service_date DATE NOT NULL,
    cause TEXT NOT NULL,
    why TEXT NOT NULL,
    amount_at_risk NUMERIC(12, 2),
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    resolved_by TEXT,
    resolution TEXT,
    detail JSONB,
    version INTEGER NOT NULL,
    CONSTRAINT pk_charge_exception PRIMARY KEY (id),
    CONSTRAINT uq_charge_exception_stay_id_service_date_cause UNIQUE (stay_id, service_date, cause),
    CONSTRAINT fk_charge_exception_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_charge_exception_stay_id_stay FOREIGN KEY(stay_id) REFERENCES stay (id),
    CONSTRAINT fk_charge_exception_facility_facility FOREIGN KEY(facility) REFERENCES facility (key)
);

CREATE INDEX ix_charge_exception_episode_id ON charge_exception (episode_id);

CREATE INDEX ix_charge_exception_open ON charge_exception (facility, service_date) WHERE resolved_at IS NULL;

CREATE TABLE disclosure (
    id UUID NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    person_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    content TEXT NOT NULL,
    purpose TEXT NOT NULL,
    recipient TEXT NOT NULL,
    consent_id UUID,
    exception TEXT,
    subject_id UUID,
    message_id UUID,
    fingerprint TEXT NOT NULL,
    intent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    prev_hash BYTEA,
    hash BYTEA,
    CONSTRAINT pk_disclosure PRIMARY KEY (id),
    CONSTRAINT uq_disclosure_seq UNIQUE (seq),
    CONSTRAINT fk_disclosure_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
    CONSTRAINT fk_disclosure_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id),
    CONSTRAINT fk_disclosure_consent_id_consent FOREIGN KEY(consent_id) REFERENCES consent (id)
);

CREATE INDEX ix_disclosure_person ON disclosure (person_id, intent_at);

CREATE TABLE per_diem_account (
    id UUID NOT NULL,
    stay_id UUID NOT NULL,
    episode_id UUID NOT NULL,
    payer TEXT NOT NULL,
    level TEXT NOT NULL,
    track VARCHAR NOT NULL,
    opened_on DATE NOT NULL,
    closed_on DATE,
    opened_by TEXT NOT NULL,
    CONSTRAINT pk_per_diem_account PRIMARY KEY (id),
    CONSTRAINT ck_per_diem_account_track CHECK (track IN ('bed', 'day')),
    CONSTRAINT fk_per_diem_account_stay_id_stay FOREIGN KEY(stay_id) REFERENCES stay (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk_per_diem_account_episode_id_episode FOREIGN KEY(episode_id) REFERENCES episode (id)
);

CREATE INDEX ix_per_diem_account_episode_id ON per_diem_account (episode_id);

CREATE INDEX ix_per_diem_account_stay_id ON per_diem_account (stay_id);

CREATE TABLE authorization_decision (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    authorization_id UUID NOT NULL,
    action TEXT NOT NULL,
    reason TEXT,
    number TEXT,
    level TEXT,
    unit TEXT,
    units INTEGER,
    from_date DATE,
    through_date DATE,
    information_requested TEXT,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT NOT NULL,
    message_id UUID,
    fingerprint TEXT NOT NULL,
    superseded_by UUID,
    CONSTRAINT pk_authorization_decision PRIMARY KEY (id),
    CONSTRAINT uq_authorization_decision_request_id_fingerprint UNIQUE (request_id, fingerprint),
    CONSTRAINT fk_authorization_decision_request_id_authorization_request FOREIGN KEY(request_id) REFERENCES authorization_request (id),
    CONSTRAINT fk_authorization_decision_authorization_id_authorization FOREIGN KEY(authorization_id) REFERENCES "authorization" (id)
);

CREATE INDEX ix_authorization_decision_authorization_id ON authorization_decision (authorization_id);

CREATE INDEX ix_authorization_decision_live ON authorization_decision (authorization_id) WHERE superseded_by IS NULL;

CREATE TABLE disclosure_outcome (
    disclosure_id UUID NOT NULL,
    outcome TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_disclosure_outcome PRIMARY KEY (disclosure_id),
    CONSTRAINT fk_disclosure_outcome_disclosure_id_disclosure FOREIGN KEY(disclosure_id) REFERENCES disclosure (id)
);
