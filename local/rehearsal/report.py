"""The closing line of a rehearsal, computed from the database by queries of its own.

Nothing here calls the code that wrote the rows: nights are counted again in SQL from movements' projection,
so a mistake in the ledger cannot hide behind itself."""

from typing import Any

import psycopg

COUNTS = {
    "episodes": "SELECT count(*) FROM episode",
    "assessments": "SELECT count(*) FROM assessment_due",
    "consents": "SELECT count(*) FROM consent",
    "authorization_requests": "SELECT count(*) FROM authorization_request WHERE sent_at IS NOT NULL",
    "schedule_changes": """
        SELECT count(DISTINCT cancelled_by) + (SELECT count(DISTINCT stay_id) FROM attendance)
        FROM attendance WHERE cancelled_by IS NOT NULL""",
    "per_diem_charges": "SELECT count(*) FROM charge WHERE status = 'live'",
}
LEVELS = "SELECT array_agg(DISTINCT level ORDER BY level) FROM stay WHERE NOT isempty(period)"
TWICE = """
    SELECT coalesce(sum(extra), 0)::int FROM (
        SELECT count(*) - 1 AS extra FROM charge WHERE status = 'live'
        GROUP BY person_id, service_date, per_diem_track HAVING count(*) > 1) doubled"""

# Nights a bed stay held its person at local midnight, for payers that pay the night whatever mode they use at the
# two ends (ends are left out: the first date of an admission and the last date of a stay depend on the contract).
UNBILLED_NIGHTS = """
    WITH night AS (
        SELECT s.id AS stay_id, d::date AS on_date,
               (d::date + 1)::timestamp AT TIME ZONE f.zone AS midnight
        FROM stay s JOIN facility f ON f.key = s.facility
        JOIN facility_day fd ON fd.facility = s.facility AND fd.closed_at IS NOT NULL
        CROSS JOIN LATERAL (SELECT fd.service_date AS d) x
        WHERE s.track = 'bed' AND NOT isempty(s.period)
          AND lower(s.period) < (fd.service_date::timestamp AT TIME ZONE f.zone)
          AND (upper(s.period) IS NULL OR upper(s.period) >= ((fd.service_date + 1)::timestamp AT TIME ZONE f.zone)))
    SELECT count(*) FROM night n
    WHERE NOT EXISTS (SELECT 1 FROM absence a WHERE a.stay_id = n.stay_id AND a.left_at < n.midnight
                      AND (a.returned_at IS NULL OR a.returned_at >= n.midnight))
      AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.stay_id = n.stay_id AND c.service_date = n.on_date
                      AND c.status = 'live')"""

# Days on which a PHP or IOP place was attended for at least the longest minimum any of our contracts has, without
# a charge, without a paid night, and without an exception somebody owns.
UNBILLED_PROGRAM_DAYS = """
    WITH attended AS (
        SELECT a.stay_id, a.service_date, sum(a.minutes) AS minutes, count(*) AS services
        FROM attendance a JOIN session m ON m.id = a.session_id AND m.counts
        WHERE a.status = 'attended' GROUP BY a.stay_id, a.service_date)
    SELECT count(*) FROM attended t JOIN stay s ON s.id = t.stay_id
    JOIN facility_day fd ON fd.facility = s.facility AND fd.service_date = t.service_date AND fd.closed_at IS NOT NULL
    WHERE ((s.level = '2.5' AND t.minutes >= 300) OR (s.level = '2.1' AND t.minutes >= 180 AND t.services >= 3))
      AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.person_id = s.person_id AND c.service_date = t.service_date
                      AND c.status = 'live')
      AND NOT EXISTS (SELECT 1 FROM charge_exception x WHERE x.stay_id = t.stay_id AND x.service_date = t.service_date)"""

# A disclosure rides on a consent of that person, signed before it and neither revoked nor expired then, whose
# scope as signed names the content, the purpose and the recipient's class.
UNCOVERED = """
    SELECT count(*) FROM disclosure d LEFT JOIN consent c ON c.id = d.consent_id
    WHERE d.exception IS NULL AND NOT coalesce(
        c.person_id = d.person_id AND c.signed_at <= d.intent_at
        AND (c.revoked_at IS NULL OR c.revoked_at > d.intent_at)
        AND (c.expires_at IS NULL OR c.expires_at > d.intent_at)
        AND c.scope->'contents' ? d.content AND c.scope->'purposes' ? d.purpose
        AND (c.scope->'recipients' ? d.recipient OR c.scope->'recipient_classes' ? 'health_plans'), false)"""
# An acknowledgement (999, TA1) names places in a payer's own file and nobody.
UNTOLD = """
    SELECT count(*) FROM exchange_message m
    WHERE m.direction = 'out' AND m.kind <> '999' AND NOT EXISTS (SELECT 1 FROM disclosure d WHERE d.message_id = m.id)"""

PROMPTS = """
    SELECT kind, owner_role, count(*) FROM open_item GROUP BY kind, owner_role ORDER BY count(*) DESC, kind"""


def closing_line(dsn: str) -> dict[str, Any]:
    """The figures, each by its own statement."""
    with psycopg.connect(dsn) as connection:

        def one(query: str) -> Any:
            row = connection.execute(query).fetchone()
            return row[0] if row else None

        figures: dict[str, Any] = {"episodes": one(COUNTS["episodes"]), "levels": one(LEVELS) or []}
        for name in ("assessments", "consents", "authorization_requests", "schedule_changes", "per_diem_charges"):
            figures[name] = one(COUNTS[name])
        figures["days_billed_twice"] = one(TWICE)
        figures["payable_days_unbilled"] = one(UNBILLED_NIGHTS) + one(UNBILLED_PROGRAM_DAYS)
        figures["disclosures_without_consent"] = one(UNCOVERED) + one(UNTOLD)
        return figures


def prompts(dsn: str) -> list[tuple[str, str, int]]:
    """Everything the rehearsal asked of people: kind, owner, how often."""
    with psycopg.connect(dsn) as connection:
        return [(k, r, n) for k, r, n in connection.execute(PROMPTS).fetchall()]
