"""The per diem ledger: compared with what a night wants, then written in bulk (D5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.charging import WantedCharge, WantedException
from definitions.ids import derived
from definitions.vocabulary import ChargeStatus, Track
from storage.models import Charge
from storage.repositories.facility_day import reopen_dependents

POSTED = text(
    """
    SELECT c.id, c.stay_id, c.person_id, c.kind, c.level, c.payer, c.amount, c.rate_version, c.per_diem_track,
           c.revenue_code, c.procedure_code, c.authorization_id, c.grant_id, c.authorization_state, c.rule, c.why,
           c.revision, c.status, c.tombstone
    FROM charge c WHERE c.facility = :facility AND c.service_date = :on
    ORDER BY c.stay_id, c.kind, c.revision
    """
)
STAGING = text(
    """
    CREATE TEMP TABLE IF NOT EXISTS charge_staging (
        id uuid, stay_id uuid, episode_id uuid, person_id uuid, payer text, kind text, level text, track text,
        per_diem_track text, revenue_code text, procedure_code text, amount numeric(12,2), rate_version text,
        authorization_id uuid, grant_id uuid, authorization_state text, rule text, why text, revision int
    ) ON COMMIT DELETE ROWS
    """
)
COPY = "COPY charge_staging FROM STDIN"
MERGE = text(
    """
    INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, track,
        per_diem_track, revenue_code, procedure_code, amount, rate_version, authorization_id, grant_id,
        authorization_state, rule, why, status, revision, posted_at, close_version)
    SELECT id, stay_id, episode_id, person_id, :facility, payer, :on, kind, level, track, per_diem_track,
        revenue_code, procedure_code, amount, rate_version, authorization_id, grant_id, authorization_state, rule, why,
        'live', revision, :now, :version
    FROM charge_staging
    ON CONFLICT DO NOTHING
    """
)
LOST = text("SELECT s.id, s.stay_id FROM charge_staging s WHERE NOT EXISTS (SELECT 1 FROM charge c WHERE c.id = s.id)")
VOID = text(
    """
    UPDATE charge SET status = 'void', voided_at = :now, void_reason = v.reason, successor = v.successor
    FROM unnest(CAST(:ids AS uuid[]), CAST(:successors AS uuid[]), CAST(:reasons AS text[])) AS v (id, successor, reason)
    WHERE charge.id = v.id AND charge.status = 'live'
    """
)
REFRESH = text(
    """
    UPDATE charge SET authorization_id = v.authorization_id, grant_id = v.grant_id, authorization_state = v.state,
        rule = v.rule, why = v.why
    FROM unnest(CAST(:ids AS uuid[]), CAST(:authorizations AS uuid[]), CAST(:grants AS uuid[]), CAST(:states AS text[]),
        CAST(:rules AS text[]), CAST(:whys AS text[])) AS v (id, authorization_id, grant_id, state, rule, why)
    WHERE charge.id = v.id
    """
)
COPY_CHUNK = 2000
"""Rows of text handed to COPY at once."""


@dataclass(frozen=True, slots=True)
class Posted:
    """One row of the ledger as it stands."""

    id: UUID
    stay_id: UUID
    person_id: UUID
    kind: str
    level: str
    payer: str
    amount: Decimal
    rate_version: str
    per_diem_track: str
    revenue_code: str | None
    procedure_code: str | None
    authorization_id: UUID | None
    grant_id: UUID | None
    authorization_state: str
    rule: str
    why: str
    revision: int
    status: str
    tombstone: bool

    def says(self, wanted: WantedCharge) -> bool:
        """A claim line made of it would be the same."""
        return (
            self.level == wanted.level
            and self.payer == wanted.payer
            and self.amount == wanted.amount
            and self.rate_version == wanted.rate_version
            and self.per_diem_track == wanted.per_diem_track
            and self.revenue_code == wanted.revenue_code
            and self.procedure_code == wanted.procedure_code
        )

    def explains(self, wanted: WantedCharge) -> bool:
        """So are its cover and its reason."""
        return (
            self.authorization_id == wanted.authorization_id
            and self.grant_id == wanted.grant_id
            and self.authorization_state == wanted.authorization_state
            and self.rule == wanted.rule
            and self.why == wanted.why
        )


@dataclass(frozen=True, slots=True)
class Void:
    posted: Posted
    successor: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What reconciling wants done."""

    insert: list[tuple[WantedCharge, int]] = field(default_factory=list)
    """With the revision each gets."""
    void: list[Void] = field(default_factory=list)
    refresh: list[tuple[Posted, WantedCharge]] = field(default_factory=list)
    """Live charges whose cover or reason changed; the money did not."""
    suggestions: list[WantedException] = field(default_factory=list)

    @property
    def grants(self) -> list[UUID]:
        """Grants of which this date now uses one unit more or less."""
        found = {w.grant_id for w, _ in self.insert} ^ {v.posted.grant_id for v in self.void}
        for posted, wanted in self.refresh:
            found |= {posted.grant_id, wanted.grant_id} if posted.grant_id != wanted.grant_id else set()
        return sorted((g for g in found if g is not None), key=attrgetter("int"))


async def read_posted(session: AsyncSession, facility: str, on: date) -> list[Posted]:
    return [Posted(*row) for row in (await session.execute(POSTED, {"facility": facility, "on": on})).all()]


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
    changes = Changes()
    keep: set[tuple[UUID, str]] = set()
    for want in wanted:
        key = (want.stay_id, want.kind)
        keep.add(key)
        standing = live.get(key)
        if standing is None:
            if key in tombs:
                changes.suggestions.append(_suggestion(want))
            else:
                changes.insert.append((want, last.get(key, 0) + 1))
        elif not standing.says(want):
            revision = standing.revision + 1
            changes.insert.append((want, revision))
            changes.void.append(Void(standing, charge_id(want, revision), "restated: " + want.why))
        elif not standing.explains(want):
            changes.refresh.append((standing, want))
    changes.void.extend(Void(row, None, "no longer payable") for key, row in live.items() if key not in keep)
    return changes


def _suggestion(want: WantedCharge) -> WantedException:
    return WantedException(
        want.stay_id, want.episode_id, want.service_date, "rerun_would_add",
        f"a person voided this day; closing again would add {want.amount} for {want.level}: {want.why}", want.amount,
    )  # fmt: skip


async def apply(
    session: AsyncSession, facility: str, on: date, changes: Changes, *, version: int, now: datetime
) -> set[UUID]:
    """Write the changes; answers stays whose insert lost against another live charge of the same person and
    day (the unique index decided)."""
    if changes.void:
        await session.execute(
            VOID,
            {
                "now": now,
                "ids": [v.posted.id for v in changes.void],
                "successors": [v.successor for v in changes.void],
                "reasons": [v.reason for v in changes.void],
            },
        )
    if changes.refresh:
        await session.execute(
            REFRESH,
            {
                "ids": [row.id for row, _ in changes.refresh],
                "authorizations": [w.authorization_id for _, w in changes.refresh],
                "grants": [w.grant_id for _, w in changes.refresh],
                "states": [w.authorization_state for _, w in changes.refresh],
                "rules": [w.rule for _, w in changes.refresh],
                "whys": [w.why for _, w in changes.refresh],
            },
        )
    return await _insert(session, facility, on, changes, version, now) if changes.insert else set()


async def _insert(
    session: AsyncSession, facility: str, on: date, changes: Changes, version: int, now: datetime
) -> set[UUID]:
    await session.execute(STAGING)
    raw = await raw_connection(session)
    async with raw.cursor() as cursor, cursor.copy(COPY) as copy:
        for chunk in _lines(changes.insert):
            await copy.write(chunk)
    result: Any = await session.execute(MERGE, {"facility": facility, "on": on, "now": now, "version": version})
    lost: set[UUID] = set()
    if result.rowcount != len(changes.insert):
        rows = (await session.execute(LOST)).all()
        lost = {row[1] for row in rows}
        await session.execute(
            text("UPDATE charge SET successor = NULL WHERE facility = :facility AND service_date = :on "
                 "AND successor = ANY(:ids)"),
            {"facility": facility, "on": on, "ids": [row[0] for row in rows]},
        )  # fmt: skip
    await session.execute(text("TRUNCATE charge_staging"))
    return lost


def _lines(rows: Sequence[tuple[WantedCharge, int]]) -> Iterator[str]:
    """COPY text format, a chunk of lines at a time. Most cells repeat from bed to bed and are escaped once."""
    known: dict[str | None, str] = {None: "\\N"}
    for start in range(0, len(rows), COPY_CHUNK):
        lines = []
        for w, revision in rows[start : start + COPY_CHUNK]:
            cells = [
                known[c] if c in known else known.setdefault(c, _escaped(c))
                for c in (
                    w.payer, w.kind, w.level, w.track, w.per_diem_track, w.revenue_code, w.procedure_code,
                    str(w.amount), w.rate_version,
                )
            ]  # fmt: skip
            case = "\\N" if w.authorization_id is None else str(w.authorization_id)
            grant = "\\N" if w.grant_id is None else str(w.grant_id)
            lines.append(
                f"{charge_id(w, revision)}\t{w.stay_id}\t{w.episode_id}\t{w.person_id}\t" + "\t".join(cells)
                + f"\t{case}\t{grant}\t{w.authorization_state}\t{w.rule}\t{_escaped(w.why)}\t{revision}\n"
            )  # fmt: skip
        yield "".join(lines)


def _escaped(cell: str | None) -> str:
    if cell is None:
        return "\\N"
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


async def void_by_person(
    session: AsyncSession, *, charge: UUID, actor: str, reason: str, now: datetime, sealed: bytes | None = None
) -> bool:
    """A person's void is a tombstone: no rerun posts the day again. Days that counted it (weekly caps, bed-hold days,
    another facility's day) are closed again. False when there is no such live charge.
    `sealed`: who voided it and why, when a person says so; `reason` is the house's."""
    row = await session.get(Charge, charge, with_for_update=True)
    if row is None or row.status is not ChargeStatus.LIVE:
        return False
    row.status, row.tombstone, row.voided_at = ChargeStatus.VOID, True, now
    row.void_reason, row.sealed_void_reason = None if sealed is not None else f"{actor}: {reason}", sealed
    await session.flush()
    await reopen_dependents(
        session,
        facility=row.facility,
        on=row.service_date,
        week=row.track is Track.DAY,
        held=[row.person_id] if row.kind == "bed_hold" else [],
        freed=[row.person_id],
        grants=[row.grant_id] if row.grant_id is not None else [],
        now=now,
    )
    return True


async def raw_connection(session: AsyncSession) -> AsyncConnection[Any]:
    """The driver's connection of this transaction, for COPY."""
    connection = await (await session.connection()).get_raw_connection()
    driver: AsyncConnection[Any] = connection.driver_connection  # type: ignore[assignment]  # psycopg by the URL
    return driver
