"""Everything a transition plan needs that only PostgreSQL knows, in at most two statements (D8)."""

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.edition import Edition
from definitions.movement import ProjectedStay
from definitions.plan_facts import BedFact, PlanFacts, Wish
from definitions.vocabulary import Track
from storage.models import Bed, BedOccupancy, Episode

RATING = "LOC_DIM"

# One round trip instead of ten: a plan is read for every preview, request, decision and execution. Consents are all
# of the person's, for one signed in an earlier episode may still cover; the last movement is one that still stands;
# who has no end is found by the index on facility and period.
ROWS = text(
    """
    SELECT
      (SELECT jsonb_agg(jsonb_build_object('id', s.id, 'level', s.level, 'program', s.program, 'track', s.track,
          'started_at', lower(s.period), 'ended_at', upper(s.period), 'arrival', s.arrival, 'departure', s.departure)
          ORDER BY lower(s.period), s.id)
       FROM stay s WHERE s.episode_id = :episode AND NOT isempty(s.period)) AS stays,
      EXISTS (SELECT 1 FROM absence a JOIN stay s ON s.id = a.stay_id
       WHERE a.episode_id = :episode AND a.returned_at IS NULL AND upper_inf(s.period) AND NOT isempty(s.period)
      ) AS away,
      (SELECT jsonb_agg(jsonb_build_object('id', d.id, 'instrument', d.instrument, 'due_at', d.due_at,
          'stay_id', d.stay_id))
       FROM assessment_due d WHERE d.episode_id = :episode AND d.status IN ('due', 'suspended')) AS requirements,
      (SELECT jsonb_agg(jsonb_build_object('assessment_id', r.id, 'instrument', r.instrument,
          'performed_at', r.performed_at, 'recommended_level', r.recommended_level, 'supersedes', r.supersedes)
          ORDER BY r.performed_at, r.recorded_at)
       FROM assessment r WHERE r.episode_id = :episode AND r.outcome = 'completed'
         AND NOT EXISTS (SELECT 1 FROM misfiling w WHERE w.subject_id = r.id AND w.kind = 'assessment')) AS results,
      (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'form', c.form, 'program', c.program, 'status', c.status,
          'programs', coalesce(c.scope -> 'programs', '[]'), 'signed_at', c.signed_at, 'expires_at', c.expires_at,
          'revoked_at', c.revoked_at))
       FROM consent c WHERE c.person_id = :person AND (c.status <> 'presented' OR c.episode_id = :episode)) AS consents,
      (SELECT jsonb_agg(jsonb_build_object('id', z.id, 'stay_id', z.stay_id, 'payer', z.payer, 'level', z.level,
          'status', z.status, 'from_date', z.from_date, 'last_covered_day', z.last_covered_day,
          'end_dated_on', z.end_dated_on, 'transition_id', z.transition_id))
       FROM "authorization" z WHERE z.episode_id = :episode) AS cases,
      (SELECT o.bed_id FROM bed_occupancy o
       WHERE o.episode_id = :episode AND o.state = 'occupied' AND upper_inf(o.period)) AS held_bed,
      CASE WHEN :counted THEN (SELECT count(*) FROM stay s WHERE s.facility = :facility
          AND s.ends_at IS NULL AND s.period @> CAST('infinity' AS timestamptz) AND s.program = CAST(:program AS text)
          AND s.track = 'day') ELSE 0 END AS enrolled,
      (SELECT jsonb_object_agg(k.stay_id, k.places) FROM (
          SELECT t.stay_id, count(*) AS places FROM attendance t JOIN session m ON m.id = t.session_id
          JOIN stay s ON s.id = t.stay_id
          WHERE s.episode_id = :episode AND upper(s.period) IS NULL AND NOT isempty(s.period)
            AND t.status = 'scheduled' AND m.starts_at >= :effective_at GROUP BY t.stay_id) k) AS future_places,
      (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'rule', l.rule, 'severity', l.severity))
       FROM alert l WHERE l.episode_id = :episode AND l.cleared_at IS NULL) AS alerts,
      (SELECT jsonb_agg(jsonb_build_object('id', v.id, 'payer', v.payer, 'rank', v.rank, 'from_date', v.from_date,
          'through_date', v.through_date, 'reaches_back', v.reaches_back, 'voided', v.voided)
          ORDER BY v.from_date, v.rank, v.id)
       FROM coverage v WHERE v.person_id = :person) AS coverages,
      (SELECT max(m.effective_at) FROM movement m WHERE m.episode_id = :episode AND m.kind <> 'void'
         AND NOT EXISTS (SELECT 1 FROM movement newer WHERE newer.episode_id = :episode AND newer.supersedes = m.id)
      ) AS last_movement_at
    """
)


async def read_plan_facts(session: AsyncSession, episode: Episode, edition: Edition, wish: Wish) -> PlanFacts:
    """The facts as this transaction sees them, its own writes included; execution reads them again in its own (D1)."""
    await session.flush()
    facility = edition.facilities[episode.facility]
    level = edition.levels.get(wish.to_level or "")
    program = wish.program
    if program is None and level is not None:
        found = facility.program_for(level.key)
        program = found.key if found else None
    row = (
        await session.execute(
            ROWS,
            {
                "episode": episode.id,
                "person": episode.person_id,
                "facility": episode.facility,
                "program": program,
                "counted": level is not None and level.track is Track.DAY,
                "effective_at": wish.effective_at,
            },
        )
    ).one()
    results = _standing(row.results or [])
    stays = tuple(ProjectedStay.model_validate(s) for s in row.stays or ())
    kept = wish.keeps(stays)
    places = {stay: count for stay, count in (row.future_places or {}).items() if not kept or stay != str(kept.id)}
    ratings = [r for r in results if r["instrument"] == RATING]
    return PlanFacts.model_validate(
        {
            "episode_id": episode.id,
            "facility": facility,
            "phase": episode.phase,
            "payer": edition.payers[episode.payer],
            "coverages": row.coverages or (),
            "payers": edition.payers,
            "levels": edition.levels,
            "forms": edition.consents,
            "template": edition.schedules.get(level.template) if level else None,
            "stays": stays,
            "away": row.away,
            "requirements": row.requirements or (),
            "results": results,
            "consents": row.consents or (),
            "cases": row.cases or (),
            "beds": await _beds(session, episode, wish) if level is not None and level.needs_bed else (),
            "held_bed": row.held_bed,
            "enrolled": row.enrolled,
            "future_places": sum(places.values()),
            "alerts": row.alerts or (),
            "rating": ratings[-1] if ratings else None,
            "last_movement_at": row.last_movement_at,
        }
    )


def _standing(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results that no later one corrects, oldest first."""
    superseded = {r["supersedes"] for r in results if r["supersedes"] is not None}
    return [r for r in results if r["assessment_id"] not in superseded]


async def _beds(session: AsyncSession, episode: Episode, wish: Wish) -> tuple[BedFact, ...]:
    """Beds of the facility; taken when somebody else has them at or after the effective moment."""
    taken = (
        select(BedOccupancy.id)
        .where(
            BedOccupancy.bed_id == Bed.id,
            BedOccupancy.episode_id != episode.id,
            BedOccupancy.period.op("&&")(Range(wish.effective_at, None, bounds="[)")),
        )
        .exists()
    )
    rows = await session.execute(
        select(Bed, taken.label("taken")).where(Bed.facility == episode.facility).order_by(Bed.unit, Bed.id)
    )
    return tuple(
        BedFact(
            id=bed.id,
            label=bed.label,
            program=bed.program,
            levels=tuple(bed.levels),
            taken=is_taken,
            closed_reason=bed.closed_reason
            or ("cleaning" if bed.cleaning_until and bed.cleaning_until > wish.effective_at else None),
        )
        for bed, is_taken in rows
    )
