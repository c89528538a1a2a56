"""A chain of houses with years behind it, written set-based: what boards, lists, queues and worklists read.

Unless said otherwise nine of ten episodes are closed, spread over five years; nine in a hundred are in care, one in a
hundred in intake.
Everything follows from the number of the episode, so two seeds of one size are the same."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text

from storage.engine import Database

NOW: Final = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
PAYERS: Final = ("meridian", "bluestone", "statecare")
BIG_TABLES: Final = (
    "episode", "person", "stay", "bed_occupancy", "authorization", "authorization_request",
    "authorization_decision", "authorization_grant", "authorization_clock", "open_item", "transition", "charge",
    "absence", "movement", "consent", "assessment", "assessment_due", "attendance",
)  # fmt: skip
"""Tables that grow with every episode: nothing a desk opens may read one of them whole."""

SOMEBODY: Final = """
    CREATE TEMP TABLE somebody ON COMMIT DROP AS
    SELECT n, 'bench_' || n % :facilities AS facility, 'bench_' || n % :facilities || '_beds' AS beds,
           'bench_' || n % :facilities || '_day' AS day, (ARRAY['meridian', 'bluestone', 'statecare'])[n % 3 + 1] AS payer,
           CAST(md5('person' || n) AS uuid) AS person, CAST(md5('coverage' || n) AS uuid) AS coverage,
           CAST(md5('episode' || n) AS uuid) AS episode, CAST(md5('first' || n) AS uuid) AS first_stay,
           CAST(md5('second' || n) AS uuid) AS second_stay,
           CAST(:now AS timestamptz) - (:episodes - n) * (interval '1825 days' / :episodes) AS opened,
           CASE WHEN n <= :closed THEN 'closed' WHEN n <= :admitted THEN 'in_care' ELSE 'intake' END AS phase,
           n % 3 = 0 AS in_day,
           CAST(:now AS timestamptz) - make_interval(days => CAST(n % 20 AS int) + 1) AS since,
           CASE WHEN n <= :closed THEN 'bench/' || :closed + 1 + (n - 1) % (:admitted - :closed) ELSE 'bench/' || n END
               AS bed
    FROM generate_series(1, :episodes) n"""

# One line of this table is one stay; an authorization, a movement's request and its charges hang on it.
STAYS: Final = """
    CREATE TEMP TABLE lived ON COMMIT DROP AS
    SELECT n, first_stay AS stay, episode, person, coverage, facility, payer, bed, beds AS program, '3.5' AS level,
           'bed' AS track, opened AS starts, opened + interval '20 days' AS ends
    FROM somebody WHERE phase = 'closed'
    UNION ALL
    SELECT n, second_stay, episode, person, coverage, facility, payer, NULL, day, '2.1', 'day',
           opened + interval '20 days', opened + interval '50 days'
    FROM somebody WHERE phase = 'closed'
    UNION ALL
    SELECT n, first_stay, episode, person, coverage, facility, payer, CASE WHEN in_day THEN NULL ELSE bed END,
           CASE WHEN in_day THEN day ELSE beds END, CASE WHEN in_day THEN '2.1' ELSE '3.5' END,
           CASE WHEN in_day THEN 'day' ELSE 'bed' END, since, NULL
    FROM somebody WHERE phase = 'in_care'"""

ROWS: Final = (
    "INSERT INTO facility (key, zone, name, edition, opened_on) "
    "SELECT 'bench_' || f, 'America/Chicago', 'House ' || f, '2026-01', '2020-01-01' "
    "FROM generate_series(0, :facilities - 1) f",
    "INSERT INTO program (key, facility, name, capacity) SELECT 'bench_' || f || kind, 'bench_' || f, 'Program', 1000 "
    "FROM generate_series(0, :facilities - 1) f, unnest(ARRAY['_beds', '_day']) kind",
    SOMEBODY,
    STAYS,
    "INSERT INTO bed (id, facility, program, unit, room, label, levels, attributes) "
    "SELECT bed, facility, beds, facility || '_unit_' || n % 4, 'R', 'B' || n, '[\"3.5\"]', '[]' FROM somebody "
    "WHERE phase = 'in_care'",
    "INSERT INTO person (id, sealed, created_at, version) SELECT person, 'sealed', opened, 1 FROM somebody",
    "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date) "
    "SELECT coverage, person, payer, 'insurance', 1, '2020-01-01' FROM somebody",
    "INSERT INTO episode (id, person_id, facility, coverage_id, payer, edition, phase, requested_level, level, program, "
    "stay_id, authorized_level, source, diagnoses, opened_at, admitted_at, closed_at, version) "
    "SELECT s.episode, s.person, s.facility, s.coverage, s.payer, '2026-01', s.phase, '3.5', l.level, l.program, l.stay, "
    "l.level, 'bench', '[]', s.opened, l.starts, l.ends, 1 FROM somebody s "
    "LEFT JOIN lived l ON l.n = s.n AND l.stay = CASE s.phase WHEN 'closed' THEN s.second_stay ELSE s.first_stay END",
    "INSERT INTO stay (id, episode_id, person_id, facility, program, level, track, billing, payer, period, arrival, "
    "departure, edition) SELECT stay, episode, person, facility, program, level, track, "
    "CASE track WHEN 'bed' THEN 'overnight' ELSE 'attendance' END, payer, tstzrange(starts, ends), 'admission', "
    "CASE WHEN ends IS NOT NULL THEN 'transfer' END, '2026-01' FROM lived",
    "INSERT INTO bed_occupancy (id, bed_id, episode_id, stay_id, period, state) "
    "SELECT stay, bed, episode, stay, tstzrange(starts, ends), 'occupied' FROM lived WHERE bed IS NOT NULL",
    "INSERT INTO absence (id, episode_id, stay_id, kind, left_at, expected_return_at) "
    "SELECT stay, episode, stay, 'leave', CAST(:now AS timestamptz) - interval '3 hours', "
    "CAST(:now AS timestamptz) + interval '1 day' FROM lived WHERE ends IS NULL AND track = 'bed' AND n % 50 = 1",
    "INSERT INTO absence (id, episode_id, stay_id, kind, left_at, returned_at) SELECT stay, episode, stay, 'leave', "
    "starts + interval '5 days', starts + interval '7 days' FROM lived WHERE ends IS NOT NULL AND track = 'bed' "
    "AND n % 4 = 0",
    'INSERT INTO "authorization" (id, episode_id, person_id, coverage_id, stay_id, facility, payer, level, status, why, '
    "unit, requested_units, granted_units, granted_level, from_date, last_covered_day, review_due_at, opened_at, version, "
    "listed, next_action, next_action_at, next_action_owner, next_action_why, owner) "
    "SELECT stay, episode, person, coverage, stay, facility, payer, level, "
    "CASE WHEN ends IS NOT NULL THEN 'end_dated' WHEN asked THEN 'submitted' ELSE 'approved' END, 'granted', 'DY', "
    "20, CASE WHEN asked THEN 0 ELSE 20 END, level, CAST(starts AS date), "
    "CASE WHEN NOT asked THEN CAST(starts AS date) + 20 END, CASE WHEN ends IS NULL AND NOT asked THEN due END, starts, 1, "
    "ends IS NULL, CASE WHEN ends IS NULL THEN 'send_review' END, CASE WHEN ends IS NULL THEN due END, "
    "CASE WHEN ends IS NULL THEN CASE WHEN asked AND n / :facilities % 2 = 0 THEN 'payer' ELSE 'reviewer' END END, "
    "CASE WHEN ends IS NULL THEN 'a sentence about what is due and why' END, "
    "CASE WHEN n % 7 = 0 THEN 'reviewer' END FROM (SELECT *, ends IS NULL AND n / :facilities % 5 = 0 AS asked, "
    "CAST(:now AS timestamptz) + (n / :facilities % 240 - 40) * interval '1 hour' AS due FROM lived) l",
    "INSERT INTO authorization_request (id, authorization_id, episode_id, kind, status, trace, level, unit, units, "
    "from_date, through_date, urgent, requested_at, sent_at, attempts) SELECT stay, stay, episode, 'initial', "
    "CASE WHEN ends IS NULL AND n / :facilities % 5 = 0 THEN 'submitted' ELSE 'approved' END, CAST(stay AS text), level, "
    "'DY', 20, CAST(starts AS date), CAST(starts AS date) + 20, false, starts, starts, 1 FROM lived",
    "INSERT INTO authorization_decision (id, request_id, authorization_id, action, status, number, level, unit, units, "
    "from_date, through_date, received_at, source, fingerprint) SELECT stay, stay, stay, 'A1', 'approved', 'N' || n, "
    "level, 'DY', 20, CAST(starts AS date), CAST(starts AS date) + 20, starts, 'bench', CAST(stay AS text) FROM lived "
    "WHERE ends IS NOT NULL OR n / :facilities % 5 <> 0",
    "INSERT INTO authorization_grant (id, authorization_id, request_id, decision_id, episode_id, facility, payer, level, "
    "unit, units, from_date, through_date, number, state, opened_at) SELECT stay, stay, stay, stay, episode, facility, "
    "payer, level, 'DY', 20, CAST(starts AS date), CAST(starts AS date) + 20, 'N' || n, 'active', starts FROM lived "
    "WHERE ends IS NOT NULL OR n / :facilities % 5 <> 0",
    "INSERT INTO authorization_clock (id, authorization_id, subject_id, name, regime, rule, started_at, due_at, "
    "stopped_at, outcome) SELECT stay, stay, stay, 'decision_urgent', 'erisa', '72 hours', starts, "
    "starts + interval '72 hours', CASE WHEN ends IS NOT NULL OR n / :facilities % 5 <> 0 THEN starts + interval '1 hour' END, "
    "CASE WHEN ends IS NOT NULL OR n / :facilities % 5 <> 0 THEN 'met' END FROM lived",
    "INSERT INTO open_item (id, episode_id, facility, kind, owner_role, why, opened_at, due_at, status, resolved_at) "
    "SELECT CAST(md5('item' || k || episode) AS uuid), episode, facility, 'consent_to_sign', 'clinician', 'present it', "
    "opened, opened + interval '1 day', CASE WHEN k > 3 THEN 'open' ELSE 'done' END, "
    "CASE WHEN k <= 3 THEN opened + interval '1 hour' END "
    "FROM somebody, LATERAL generate_series(1, CASE WHEN phase = 'closed' THEN 3 ELSE 5 END) k",
    "INSERT INTO transition (id, episode_id, facility, kind, from_level, to_level, program, rationale, requested_by, "
    "requested_at, effective_at, status, executed_at, plan, version) SELECT stay, episode, facility, "
    "CASE track WHEN 'bed' THEN 'admission' ELSE 'step_down' END, NULL, level, program, 'criteria met', 'bench', starts, "
    "starts, 'executed', starts, CAST(:plan AS jsonb), 2 FROM lived",
    "INSERT INTO transition (id, episode_id, facility, kind, from_level, to_level, rationale, requested_by, requested_at, "
    "effective_at, status, plan, version) SELECT CAST(md5('wish' || n) AS uuid), episode, facility, 'step_down', '3.5', "
    "'2.5', 'criteria met', 'bench', CAST(:now AS timestamptz), CAST(:now AS timestamptz) + n % 96 * interval '1 hour', "
    "(ARRAY['pending', 'needs_sign_off', 'scheduled', 'blocked'])[n / :facilities / 3 % 4 + 1], CAST(:plan AS jsonb), 1 "
    "FROM somebody WHERE phase = 'in_care' AND n / :facilities % 3 = 1",
    "INSERT INTO movement (id, episode_id, kind, effective_at, recorded_at, sequence, level, program, track, bed_id, "
    "actor, command_key) SELECT stay, episode, CASE track WHEN 'bed' THEN 'admission' ELSE 'transfer' END, starts, starts, "
    "CASE track WHEN 'bed' THEN 1 ELSE 2 END, level, program, track, bed, 'bench', 'bench' FROM lived",
    "INSERT INTO consent (id, person_id, episode_id, form, edition, status, scope, presented_at, signed_at, version) "
    "SELECT CAST(md5(form || n) AS uuid), person, episode, form, '2026-01', 'signed', '{}', opened, opened, 1 "
    "FROM somebody, unnest(ARRAY['treatment', 'part2_tpo', 'financial']) form",
    "INSERT INTO assessment (id, episode_id, instrument, edition, answers, detail, recommended_level, outcome, "
    "performed_at, recorded_at, recorded_by, command_key) SELECT stay, episode, 'LOC_DIM', '2026-01', '{}', '{}', level, "
    "'completed', starts, starts, 'bench', 'bench' FROM lived",
    "INSERT INTO assessment_due (id, episode_id, stay_id, instrument, level, due_at, escalate_at, owner_role, why, "
    "status, raised_at) SELECT CAST(md5(instrument || stay) AS uuid), episode, stay, instrument, level, "
    "starts + interval '1 day', starts + interval '2 days', 'clinician', 'owed', "
    "CASE WHEN ends IS NULL THEN 'due' ELSE 'completed' END, starts "
    "FROM lived, unnest(ARRAY['PHQ9', 'GAD7', 'TX_PLAN']) instrument",
    "INSERT INTO session (id, facility, program, template, block, title, kind, service_date, starts_at, ends_at, minutes, "
    "counts, version) SELECT CAST(md5('meeting' || f || '/' || d) AS uuid), 'bench_' || f, 'bench_' || f || '_day', 'iop', "
    "'group', 'Group', 'group', CAST(:now AS date) + d, CAST(:now AS timestamptz) + make_interval(days => d), "
    "CAST(:now AS timestamptz) + make_interval(days => d, hours => 1), 60, true, 1 "
    "FROM generate_series(0, :facilities - 1) f, generate_series(-60, 20) d",
    "INSERT INTO attendance (session_id, stay_id, episode_id, service_date, status, minutes) "
    "SELECT CAST(md5('meeting' || n % :facilities || '/' || d) AS uuid), stay, episode, CAST(:now AS date) + d, "
    "CASE WHEN d > 0 THEN 'scheduled' ELSE 'attended' END, CASE WHEN d <= 0 THEN 60 END "
    "FROM lived, LATERAL generate_series(CASE WHEN ends IS NULL THEN -5 ELSE -58 END, "
    "CASE WHEN ends IS NULL THEN 10 ELSE -56 END) d WHERE track = 'day'",
    "INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, track, "
    "per_diem_track, amount, rate_version, authorization_id, grant_id, authorization_state, rule, why, status, revision, "
    "posted_at, close_version) SELECT CAST(md5('charge' || d || stay) AS uuid), stay, episode, person, facility, payer, "
    "CAST(starts AS date) + d, 'per_diem', level, track, 'main', 800.00, '2025-01', stay, stay, 'covered', 'BILL-01', "
    "'present at midnight', 'live', 1, starts, 1 "
    "FROM lived, LATERAL generate_series(0, CASE WHEN ends IS NULL THEN least(9, n % 20) ELSE 1 END) d",
)
PLAN: Final = '{"words": {"assessments": ["' + "a sentence about what is raised " * 40 + '"]}}'
"""A transition's plan is the widest column a queue can drag along: about as long as real ones."""


class SeedSizeError(ValueError):
    """The asked size does not divide evenly into houses."""


def facilities_of(count: int) -> list[str]:
    return [f"bench_{number}" for number in range(count)]


async def seed(database: Database, episodes: int = 100_000, facilities: int = 40, closed_percent: int = 90) -> None:
    """Fill a migrated, empty database and let the planner know its size. `episodes` must be a multiple of a hundred
    times `facilities`, so that every house has its beds and their history. All but one in a hundred of those not
    closed are in care, each with an open case."""
    if episodes % (100 * facilities):
        raise SeedSizeError(f"{episodes} episodes in {facilities} houses: give a multiple of {100 * facilities}")
    values: Mapping[str, Any] = {
        "episodes": episodes, "facilities": facilities, "closed": episodes * closed_percent // 100, "now": NOW, "plan": PLAN,
        "admitted": episodes * 99 // 100,
    }  # fmt: skip
    async with database.write() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in ROWS:
            clause = text(statement)
            await session.execute(clause, {name: values[name] for name in clause.compile().params})
    async with database.engine.connect() as connection:
        loose = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await loose.execute(text("VACUUM ANALYZE"))
