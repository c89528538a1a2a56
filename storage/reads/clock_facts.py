"""The rows an episode's deadlines come from, in one statement (D6)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.clock_facts import ClockFacts
from definitions.consent import ConsentForm, EndEvent
from definitions.vocabulary import Phase
from storage.models import Episode

RETURN_NOTICE = "return_overdue"
HOLD_NOTICE = "bed_hold_ended"
ASSESSMENT_NOTICE = "assessment_overdue"
FAR_AWAY = date(9000, 1, 1)
"""Cards that never end print a date like this; nobody waits for it."""
NOTICES = [RETURN_NOTICE, HOLD_NOTICE, ASSESSMENT_NOTICE]

# One round trip instead of six: this is read after every command of every episode.
ROWS = text(
    """
    SELECT
      (SELECT jsonb_agg(jsonb_build_object('id', i.id, 'kind', i.kind, 'subject_id', i.subject_id,
          'owner_role', i.owner_role, 'due_at', i.due_at, 'open', i.status = 'open',
          'escalated', i.escalated_at IS NOT NULL))
       FROM open_item i WHERE i.episode_id = :episode AND (i.status = 'open' OR i.kind = ANY(:notices))) AS items,
      (SELECT jsonb_agg(jsonb_build_object('id', d.id, 'instrument', d.instrument, 'due_at', d.due_at,
          'escalate_at', d.escalate_at, 'escalated', d.escalated_at IS NOT NULL))
       FROM assessment_due d WHERE d.episode_id = :episode AND d.status = 'due') AS requirements,
      (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'form', c.form, 'presented', c.status = 'presented',
          'signed_at', c.signed_at, 'expires_at', c.expires_at, 'reminded', c.reminded,
          'ends_by', c.scope ->> 'ends_by'))
       FROM consent c WHERE c.episode_id = :episode AND c.status IN ('signed', 'presented')) AS consents,
      (SELECT jsonb_agg(jsonb_build_object('id', t.id, 'to_level', t.to_level, 'effective_at', t.effective_at,
          'disposition', t.disposition))
       FROM transition t WHERE t.episode_id = :episode AND t.status = 'scheduled') AS transitions,
      (SELECT jsonb_agg(jsonb_build_object('id', a.id, 'kind', a.kind, 'left_at', a.left_at,
          'expected_return_at', a.expected_return_at, 'hold_until', a.hold_until))
       FROM absence a JOIN stay s ON s.id = a.stay_id
       WHERE a.episode_id = :episode AND a.returned_at IS NULL AND upper_inf(s.period) AND NOT isempty(s.period)
      ) AS absences,
      (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'rule', l.rule, 'acknowledge_by', l.acknowledge_by))
       FROM alert l WHERE l.episode_id = :episode AND l.acknowledged_at IS NULL AND l.cleared_at IS NULL
          AND l.acknowledge_by IS NOT NULL) AS alerts,
      (SELECT jsonb_agg(jsonb_build_object('id', v.id, 'payer', v.payer, 'on', x.changes_on, 'begins', x.begins,
          'zone', f.zone))
       FROM coverage v JOIN facility f ON f.key = :facility,
            LATERAL (VALUES (v.from_date, true), (v.through_date + 1, false)) AS x (changes_on, begins)
       WHERE v.person_id = :person AND NOT v.voided AND x.changes_on > :settled AND x.changes_on < :far_away
      ) AS coverages
    """
)
Row = dict[str, Any]
EVENTS = frozenset(event.value for event in EndEvent)


async def read_clock_facts(
    session: AsyncSession, episode: Episode, forms: Mapping[str, ConsentForm]
) -> tuple[ClockFacts, bool]:
    """The facts, and whether the person is away now. What this transaction has written so far counts."""
    await session.flush()
    found = (
        await session.execute(
            ROWS,
            {
                "episode": episode.id,
                "notices": NOTICES,
                "person": episode.person_id,
                "facility": episode.facility,
                "settled": episode.coverage_on or episode.opened_at.date(),
                "far_away": FAR_AWAY,
            },
        )
    ).one()
    items: list[Row] = found.items or []
    told = {(i["kind"], i["subject_id"]) for i in items}
    ended = episode.phase in (Phase.CLOSED, Phase.NOT_ADMITTED)
    facts = ClockFacts.model_validate(
        {
            "phase": episode.phase,
            "requirements": [{**d, "noticed": (ASSESSMENT_NOTICE, d["id"]) in told} for d in found.requirements or []],
            "consents": [] if ended else _consents(found.consents or [], forms),
            "transitions": [] if ended else found.transitions or [],
            "absences": [] if ended else _absences(found.absences or [], told),
            "items": [i for i in items if i["open"] and i["due_at"] is not None],
            "alerts": found.alerts or [],
            # Dates on which who pays may change, later than the one the episode's mirror was taken on.
            "coverages": [] if ended else found.coverages or [],
        }
    )
    return facts, bool(found.absences)


def _consents(rows: list[Row], forms: Mapping[str, ConsentForm]) -> list[Row]:
    renewing = {c["form"] for c in rows if c["presented"]}
    return [
        {
            **c,
            # What an event has ended is not renewed ahead of it: nobody knew, and nothing is owed.
            "renew_days_before": forms[c["form"]].renew_days_before
            if c["form"] in forms and c["ends_by"] not in EVENTS
            else (),
            "renewal_open": c["form"] in renewing,
        }
        for c in rows
        if not c["presented"] and c["expires_at"] is not None and c["signed_at"] is not None
    ]


def _absences(rows: list[Row], told: set[tuple[str, str | None]]) -> list[Row]:
    return [
        {
            **a,
            "return_noticed": (RETURN_NOTICE, a["id"]) in told,
            "hold_noticed": (HOLD_NOTICE, a["id"]) in told,
        }
        for a in rows
    ]
