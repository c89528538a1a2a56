"""Days that need a person: opened and resolved by the close, or resolved once by a person (features (e))."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.charging import WantedException
from definitions.ids import derived
from storage.models import ChargeException

BATCH = 5000
GONE = text(
    """
    UPDATE charge_exception SET resolved_at = :now, resolved_by = 'system', resolution = 'the cause has gone'
    WHERE facility = :facility AND service_date = :on AND resolved_at IS NULL
      AND NOT ((stay_id::text || ':' || cause) = ANY(:keys))
    """
)
OPEN = text(
    """
    INSERT INTO charge_exception (id, episode_id, stay_id, facility, service_date, cause, why, amount_at_risk,
        opened_at, version)
    SELECT w.id, w.episode_id, w.stay_id, :facility, :on, w.cause, w.why, w.amount, :now, 1
    FROM unnest(CAST(:ids AS uuid[]), CAST(:episodes AS uuid[]), CAST(:stays AS uuid[]), CAST(:causes AS text[]),
        CAST(:whys AS text[]), CAST(:amounts AS numeric[])) AS w (id, episode_id, stay_id, cause, why, amount)
    ON CONFLICT (stay_id, service_date, cause) DO UPDATE SET why = excluded.why,
        amount_at_risk = excluded.amount_at_risk, resolved_at = NULL, resolved_by = NULL, resolution = NULL,
        sealed_resolution = NULL,
        version = charge_exception.version + 1
    WHERE (charge_exception.resolved_by IS NULL OR charge_exception.resolved_by = 'system')
      AND (charge_exception.resolved_at IS NOT NULL OR (charge_exception.why, charge_exception.amount_at_risk)
           IS DISTINCT FROM (excluded.why, excluded.amount_at_risk))
    """
)


async def write_exceptions(
    session: AsyncSession, facility: str, on: date, wanted: Sequence[WantedException], now: datetime
) -> tuple[int, int]:
    """Open exactly the wanted exceptions of the date; ones whose cause has gone resolve themselves, ones a person
    resolved stay so. Answers how many were opened, reopened or put in new words, and how many resolved."""
    keys = [f"{w.stay_id}:{w.cause}" for w in wanted]
    gone: Any = await session.execute(GONE, {"now": now, "facility": facility, "on": on, "keys": keys})
    made = 0
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        result: Any = await session.execute(
            OPEN,
            {
                "facility": facility,
                "on": on,
                "now": now,
                "ids": [derived(w.stay_id, "exception", w.service_date.isoformat(), w.cause) for w in batch],
                "episodes": [w.episode_id for w in batch],
                "stays": [w.stay_id for w in batch],
                "causes": [w.cause for w in batch],
                "whys": [w.why for w in batch],
                "amounts": [w.amount_at_risk for w in batch],
            },
        )
        made += int(result.rowcount)
    return made, int(gone.rowcount)


async def resolve_by_person(
    session: AsyncSession, *, exception: UUID, actor: str, resolution: str, now: datetime
) -> bool:
    """A person's word, given once: closing the date again does not reopen it. False when there is nothing open."""
    row = await session.get(ChargeException, exception, with_for_update=True)
    if row is None or row.resolved_at is not None:
        return False
    row.resolved_at, row.resolved_by, row.resolution = now, actor, resolution
    row.version += 1
    return True
