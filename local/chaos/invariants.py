"""What must hold whatever was killed. Plain SQL over the record; nothing here calls the code that wrote it."""

from typing import Final, LiteralString

import psycopg

BROKEN: Final[dict[str, LiteralString]] = {
    "day_billed_twice": """
        SELECT count(*) FROM (
            SELECT 1 FROM charge WHERE status = 'live'
            GROUP BY person_id, service_date, per_diem_track HAVING count(*) > 1) twice""",
    "accepted_command_unanswered": "SELECT count(*) FROM command WHERE status = 'accepted' OR answer IS NULL",
    "stays_overlap": """
        SELECT count(*) FROM stay a JOIN stay b ON a.id < b.id AND a.period && b.period
        WHERE (a.episode_id = b.episode_id AND a.track = b.track)
           OR (a.person_id = b.person_id AND a.track = 'bed' AND b.track = 'bed')""",
    "bed_taken_twice": """
        SELECT count(*) FROM bed_occupancy a JOIN bed_occupancy b
        ON a.bed_id = b.bed_id AND a.id < b.id AND a.period && b.period""",
    "outbox_not_drained": "SELECT count(*) FROM outbox WHERE relayed_at IS NULL",
    "executed_without_its_one_movement": """
        SELECT count(*) FROM transition t WHERE t.status = 'executed'
        AND (SELECT count(*) FROM movement m WHERE m.transition_id = t.id) <> 1""",
    "movement_without_its_families": """
        SELECT count(*) FROM movement m WHERE m.kind IN ('admission', 'transfer') AND NOT (
            EXISTS (SELECT 1 FROM assessment_due d WHERE d.transition_id = m.transition_id)
            AND EXISTS (SELECT 1 FROM consent c WHERE c.episode_id = m.episode_id)
            AND EXISTS (SELECT 1 FROM "authorization" z WHERE z.transition_id = m.transition_id)
            AND EXISTS (SELECT 1 FROM stay s JOIN attendance t ON t.stay_id = s.id
                        WHERE s.episode_id = m.episode_id AND lower(s.period) = m.effective_at)
            AND EXISTS (SELECT 1 FROM stay s JOIN per_diem_account p ON p.stay_id = s.id
                        WHERE s.episode_id = m.episode_id AND lower(s.period) = m.effective_at))""",
    "movements_with_a_gap": """
        SELECT count(*) FROM (
            SELECT 1 FROM movement GROUP BY episode_id HAVING count(*) <> max(sequence)) gap""",
    "request_sent_without_disclosure": """
        SELECT count(*) FROM exchange_message m WHERE m.direction = 'out'
        AND NOT EXISTS (SELECT 1 FROM disclosure d WHERE d.message_id = m.id)""",
    "audit_chain_cut": """
        SELECT count(*) FROM (
            SELECT prev_hash, lag(hash) OVER (PARTITION BY chain ORDER BY place) AS before FROM audit_entry) c
        WHERE prev_hash IS DISTINCT FROM before""",
    "presence_unbilled": """
        SELECT count(*) FROM stay s JOIN facility f ON f.key = s.facility
        JOIN facility_day d ON d.facility = s.facility AND d.closed_at IS NOT NULL AND NOT d.stale
        WHERE s.track = 'bed' AND NOT isempty(s.period)
          AND lower(s.period) < (d.service_date::timestamp AT TIME ZONE f.zone)
          AND (upper(s.period) IS NULL OR upper(s.period) >= ((d.service_date + 1)::timestamp AT TIME ZONE f.zone))
          AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.stay_id = s.id AND c.service_date = d.service_date
                          AND c.status = 'live')""",
}
"""Each counts what breaks it; all must be zero once the house is at rest."""
OPEN_EPISODES: Final = "SELECT id::text FROM episode WHERE phase IN ('intake', 'in_care')"


def broken(dsn: str) -> dict[str, int]:
    """Invariants that do not hold, and how often."""
    found = {}
    with psycopg.connect(dsn) as connection:
        for name, query in BROKEN.items():
            row = connection.execute(query).fetchone()
            if row is None or row[0]:
                found[name] = row[0] if row else -1
    return found


def executed(dsn: str) -> set[str]:
    """Transitions that the record says were executed."""
    with psycopg.connect(dsn) as connection:
        return {row[0] for row in connection.execute("SELECT id::text FROM transition WHERE status = 'executed'")}


def open_episodes(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute(OPEN_EPISODES)]
