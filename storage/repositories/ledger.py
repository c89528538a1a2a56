"""The per diem ledger: compared with what a night wants, then written in bulk (D5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.charging import WantedCharge, WantedException
from definitions.ids import derived
from storage.models import Charge

POSTED = text(
    """
    SELECT c.id, c.stay_id, c.kind, c.level, c.payer, c.amount, c.rate_version, c.per_diem_track, c.authorization_id,
           c.authorization_state, c.revision, c.status, c.tombstone, c.rule
    FROM charge c WHERE c.facility = :facility AND c.service_date = :on
    ORDER BY c.stay_id, c.kind, c.revision
    """
)
STAGING = """
    CREATE TEMP TABLE IF NOT EXISTS charge_staging (
        id uuid, stay_id uuid, episode_id uuid, person_id uuid, facility text, payer text, service_date date,
        kind text, level text, track text, per_diem_track text, revenue_code text, procedure_code text,
        amount numeric(12,2), rate_version text, authorization_id uuid, authorization_state text, rule text,
        why text, revision int, close_version int
    ) ON COMMIT DELETE ROWS
"""
COPY = "COPY charge_staging FROM STDIN"
MERGE = text(
    """
    INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, track,
        per_diem_track, revenue_code, procedure_code, amount, rate_version, authorization_id, authorization_state,
        rule, why, status, revision, posted_at, close_version)
    SELECT id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, track, per_diem_track,
        revenue_code, procedure_code, amount, rate_version, authorization_id, authorization_state, rule, why,
        'live', revision, :now, close_version
    FROM charge_staging
    ON CONFLICT DO NOTHING
    RETURNING stay_id
    """
)


@dataclass(frozen=True, slots=True)
class Posted:
    """One row of the ledger as it stands."""

    id: UUID
    stay_id: UUID
    kind: str
    level: str
    payer: str
    amount: Decimal
    rate_version: str
    per_diem_track: str
    authorization_id: UUID | None
    authorization_state: str
    revision: int
    status: str
    tombstone: bool
    rule: str

    def says(self, wanted: WantedCharge) -> bool:
        """The money is the same."""
        return (
            self.level == wanted.level
            and self.payer == wanted.payer
            and self.amount == wanted.amount
            and self.rate_version == wanted.rate_version
            and self.per_diem_track == wanted.per_diem_track
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """What reconciling wants done."""

    insert: list[tuple[WantedCharge, int]]
    """With the revision each gets."""
    void: list[tuple[UUID, UUID | None, str]]
    """(charge, successor, reason)."""
    recover: list[tuple[UUID, WantedCharge]]
    """Live charges whose authorization changed; the money did not."""
    suggestions: list[WantedException]


async def read_posted(session: AsyncSession, facility: str, on: date) -> list[Posted]:
    return [Posted(*row) for row in await session.execute(POSTED, {"facility": facility, "on": on})]


def charge_id(wanted: WantedCharge, revision: int) -> UUID:
    return derived(wanted.stay_id, "charge", wanted.service_date.isoformat(), wanted.kind, revision)


def compare(wanted: Sequence[WantedCharge], posted: Sequence[Posted]) -> Changes:
    """Desired against posted: insert, void with successor, leave alone; a void made by a person stays (R5 of
    features.md: a rerun that would add it again is a suggestion, never an act)."""
    live: dict[tuple[UUID, str], Posted] = {}
    last: dict[tuple[UUID, str], int] = {}
    tombs: set[tuple[UUID, str]] = set()
    for row in posted:
        key = (row.stay_id, row.kind)
        last[key] = max(last.get(key, 0), row.revision)
        if row.status == "live":
            live[key] = row
        elif row.tombstone:
            tombs.add(key)
    changes = Changes([], [], [], [])
    keep: set[tuple[UUID, str]] = set()
    for want in wanted:
        key = (want.stay_id, want.kind)
        keep.add(key)
        if key in tombs and key not in live:
            changes.suggestions.append(_suggestion(want))
            continue
        standing = live.get(key)
        if standing is None:
            changes.insert.append((want, last.get(key, 0) + 1))
        elif not standing.says(want):
            revision = standing.revision + 1
            changes.insert.append((want, revision))
            changes.void.append((standing.id, charge_id(want, revision), "restated: " + want.why))
        elif (standing.authorization_id, standing.authorization_state) != (
            want.authorization_id,
            want.authorization_state,
        ):
            changes.recover.append((standing.id, want))
    for key, standing in live.items():
        if key not in keep:
            changes.void.append((standing.id, None, "no longer payable"))
    return changes


def _suggestion(want: WantedCharge) -> WantedException:
    return WantedException(
        want.stay_id, want.episode_id, want.service_date, "rerun_would_add",
        f"a person voided this day; closing again would add {want.amount} for {want.level}: {want.why}", want.amount,
    )  # fmt: skip


async def apply(session: AsyncSession, facility: str, changes: Changes, *, version: int, now: datetime) -> set[UUID]:
    """Write the changes; answers stays whose insert lost against another live charge of the same person and
    day (the unique index decided)."""
    if changes.void:
        await session.execute(
            text(
                "UPDATE charge SET status = 'void', voided_at = :now, void_reason = :reason, successor = :successor "
                "WHERE id = :id"
            ),
            [{"id": i, "successor": s, "reason": r, "now": now} for i, s, r in changes.void],
        )
    for row_id, want in changes.recover:
        await session.execute(
            update(Charge)
            .where(Charge.id == row_id)
            .values(authorization_id=want.authorization_id, authorization_state=want.authorization_state)
        )
    if not changes.insert:
        return set()
    await _stage(session, facility, changes.insert, version)
    posted = {row[0] for row in await session.execute(MERGE, {"now": now})}
    await session.execute(text("TRUNCATE charge_staging"))
    return {want.stay_id for want, _ in changes.insert} - posted


async def _stage(session: AsyncSession, facility: str, rows: Sequence[tuple[WantedCharge, int]], version: int) -> None:
    await session.execute(text(STAGING))
    raw = await raw_connection(session)
    async with raw.cursor() as cursor, cursor.copy(COPY) as copy:
        for w, revision in rows:
            await copy.write_row(
                (
                    charge_id(w, revision), w.stay_id, w.episode_id, w.person_id, facility, w.payer, w.service_date,
                    w.kind, w.level, w.track, w.per_diem_track, w.revenue_code, w.procedure_code, w.amount,
                    w.rate_version, w.authorization_id, w.authorization_state, w.rule, w.why, revision, version,
                )
            )  # fmt: skip


async def raw_connection(session: AsyncSession) -> AsyncConnection[Any]:
    """The driver's connection of this transaction, for COPY."""
    connection = await (await session.connection()).get_raw_connection()
    driver: AsyncConnection[Any] = connection.driver_connection  # type: ignore[assignment]  # psycopg by the URL
    return driver


async def write_exceptions(
    session: AsyncSession, facility: str, on: date, wanted: Sequence[WantedException], now: datetime
) -> int:
    """Open exactly the wanted exceptions of the date; ones whose cause has gone resolve themselves."""
    keys = [f"{w.stay_id}:{w.cause}" for w in wanted]
    await session.execute(
        text(
            "UPDATE charge_exception SET resolved_at = :now, resolved_by = 'system', resolution = 'the cause has gone' "
            "WHERE facility = :facility AND service_date = :on AND resolved_at IS NULL "
            "AND NOT ((stay_id::text || ':' || cause) = ANY(:keys))"
        ),
        {"now": now, "facility": facility, "on": on, "keys": keys},
    )
    if not wanted:
        return 0
    made = 0
    for start in range(0, len(wanted), 2000):
        batch = wanted[start : start + 2000]
        result: Any = await session.execute(
            text(
                "INSERT INTO charge_exception (id, episode_id, stay_id, facility, service_date, cause, why, "
                "amount_at_risk, opened_at, version) SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:episodes AS uuid[]), "
                "CAST(:stays AS uuid[]), CAST(:facilities AS text[]), CAST(:dates AS date[]), CAST(:causes AS text[]), "
                "CAST(:whys AS text[]), CAST(:amounts AS numeric[]), CAST(:opened AS timestamptz[]), CAST(:ones AS int[])) "
                "ON CONFLICT (stay_id, service_date, cause) DO UPDATE SET why = excluded.why, "
                "amount_at_risk = excluded.amount_at_risk, resolved_at = NULL, resolved_by = NULL, resolution = NULL "
                "WHERE charge_exception.resolved_by = 'system'"
            ),
            {
                "ids": [derived(w.stay_id, "exception", w.service_date.isoformat(), w.cause) for w in batch],
                "episodes": [w.episode_id for w in batch],
                "stays": [w.stay_id for w in batch],
                "facilities": [facility] * len(batch),
                "dates": [w.service_date for w in batch],
                "causes": [w.cause for w in batch],
                "whys": [w.why for w in batch],
                "amounts": [w.amount_at_risk for w in batch],
                "opened": [now] * len(batch),
                "ones": [1] * len(batch),
            },
        )
        made += int(result.rowcount)
    return made


async def void_by_person(session: AsyncSession, *, charge: UUID, actor: str, reason: str, now: datetime) -> bool:
    """A person's void is a tombstone: no rerun posts the day again."""
    result: Any = await session.execute(
        update(Charge)
        .where(Charge.id == charge, Charge.status == "live")
        .values(status="void", tombstone=True, voided_at=now, void_reason=f"{actor}: {reason}")
    )
    return int(result.rowcount) == 1
