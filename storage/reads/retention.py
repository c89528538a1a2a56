"""What a person's periods run from, and what is open about them; for one person, and for everybody whose time may be over
(domain 3.6)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.retention import DeletionFacts
from storage.reach import Reach


@dataclass(frozen=True, slots=True)
class LastMoments:
    """The newest of everything that a period runs from."""

    person_id: UUID
    facilities: tuple[str, ...]
    episodes: tuple[UUID, ...]
    last_service: datetime
    last_consent: datetime | None
    last_log: datetime | None


MOMENTS: Final = """
    SELECT e.person_id, array_agg(DISTINCT e.facility) AS facilities, array_agg(e.id ORDER BY e.opened_at DESC) AS episodes,
           max(greatest(e.closed_at, e.opened_at, e.last_contact_at, e.admitted_at)) AS last_service,
           (SELECT max(greatest(c.presented_at, c.signed_at, c.expires_at, c.revoked_at, c.revocation_received_at))
              FROM consent c WHERE c.person_id = e.person_id) AS last_consent,
           (SELECT max(d.intent_at) FROM disclosure d WHERE d.person_id IN
                   (SELECT q.id FROM person q WHERE q.id = e.person_id OR q.merged_into = e.person_id)) AS last_log
      FROM episode e JOIN person p ON p.id = e.person_id
"""
ONE: Final = text(MOMENTS + " WHERE e.person_id = :person GROUP BY e.person_id")
DUE: Final = text(
    MOMENTS
    + """
     WHERE p.wrapped_key IS NOT NULL AND e.person_id <> ALL(CAST(:hidden AS uuid[]))
       AND (CAST(:after AS uuid) IS NULL OR e.person_id > :after)
     GROUP BY e.person_id
    HAVING bool_and(e.phase IN ('closed', 'not_admitted')) AND bool_and(e.facility = ANY(:facilities))
       AND max(greatest(e.closed_at, e.opened_at, e.last_contact_at, e.admitted_at)) < :before
     ORDER BY e.person_id LIMIT :many
    """
)
"""Everybody without an open episode whose last service lies before a moment, in one statement; by id."""

EVERY: Final = "(SELECT q.id FROM person q WHERE q.id = :person OR q.merged_into = :person)"
"""Every record of the person: what is held or disputed under a record that was merged is held for them (E03)."""
OPEN: Final = text(
    """
    SELECT (SELECT count(*) FROM episode WHERE person_id IN EVERY_RECORD AND phase IN ('intake', 'in_care')) AS open_episodes,
           (SELECT count(*) FROM legal_hold WHERE person_id IN EVERY_RECORD AND released_at IS NULL) AS holds,
           (SELECT count(*) FROM open_item i JOIN episode e ON e.id = i.episode_id
             WHERE e.person_id IN EVERY_RECORD AND i.kind = 'legal_hold' AND i.status = 'open') AS legal_demands,
           (SELECT count(*) FROM authorization_request r JOIN episode e ON e.id = r.episode_id
             WHERE e.person_id IN EVERY_RECORD AND r.status IN ('ready', 'waiting_consent', 'submitted', 'pended', 'timed_out',
                   'contact_payer', 'data_problem', 'held', 'information_requested', 'information_sent'))
               AS undecided_requests,
           (SELECT count(*) FROM authorization_dispute d JOIN "authorization" a ON a.id = d.authorization_id
             WHERE a.person_id IN EVERY_RECORD AND d.status IN ('scheduled', 'filed')) AS open_disputes,
           (SELECT count(*) FROM charge_exception x JOIN episode e ON e.id = x.episode_id
             WHERE e.person_id IN EVERY_RECORD AND x.resolved_at IS NULL) AS open_charge_questions,
           (SELECT count(*) FROM per_diem_account p JOIN episode e ON e.id = p.episode_id
             WHERE e.person_id IN EVERY_RECORD AND p.closed_on IS NULL) AS open_accounts,
           (SELECT count(*) FROM patient_export WHERE person_id IN EVERY_RECORD AND status IN ('requested', 'ready'))
               AS copies_being_made,
           (SELECT max(erased_at) FROM record_deletion WHERE person_id IN EVERY_RECORD) AS erased_at
    """.replace("EVERY_RECORD", EVERY)
)


async def last_moments(session: AsyncSession, person_id: UUID) -> LastMoments | None:
    row = (await session.execute(ONE, {"person": person_id})).one_or_none()
    return _moments(row) if row is not None else None


async def maybe_over(
    session: AsyncSession, facilities: Reach, *, before: datetime, after: UUID | None, many: int
) -> list[LastMoments]:
    rows = await session.execute(
        DUE, {"facilities": list(facilities), "hidden": facilities.hidden_ids, "before": before, "after": after, "many": many}
    )  # fmt: skip
    return [_moments(row) for row in rows]


async def deletion_facts(session: AsyncSession, person_id: UUID) -> DeletionFacts:
    row = (await session.execute(OPEN, {"person": person_id})).one()
    return DeletionFacts(**row._mapping)


def _moments(row: Any) -> LastMoments:
    return LastMoments(
        row.person_id, tuple(sorted(row.facilities)), tuple(row.episodes), row.last_service, row.last_consent, row.last_log
    )  # fmt: skip
