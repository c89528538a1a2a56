"""The authorization worklist: one row per episode and payer, read from the cases' own rows (features (e), UR worklist).

What a case needs next is kept on its row (rules/next_action.py), so the list only reads: a page of rows in order of
need from one index, counts per bucket from another, and what stands beside the page's cases in one statement each.
A second case of the same episode and payer, such as an ended one whose appeal still runs, is folded into the row;
whatever is needed first in any of them decides where the row stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models.authorization import DUE, LANE

BUCKETS: Final = ("overdue", "today", "tomorrow", "week", "later", "none", "waiting")
HIDDEN: Final = "hidden"
"""Rows of payers of whom nobody asks anything: kept out of the list, and counted."""
COVERED, UNCOVERED, THEIRS, NOTHING = 0, 1, 2, 3
"""Lanes of storage/models/authorization.py."""


@dataclass(frozen=True, slots=True)
class HouseDay:
    """A facility's own day: the reviewer's today ends at its midnight."""

    facility: str
    today: date
    today_ends: datetime
    tomorrow_ends: datetime
    week_ends: datetime


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """What narrows the list. `unasked`: payers of whom nobody asks anything (self-pay, county funding).
    `people`: only these persons."""

    unasked: tuple[str, ...] = ()
    payer: str | None = None
    owner: str | None = None
    people: tuple[UUID, ...] | None = None
    hidden: tuple[str, ...] = ()
    """Episodes and people the reader is told nothing of."""

    def sql(self, *, unasked: str) -> tuple[str, dict[str, Any]]:
        """Fixed words; every value goes as a parameter."""
        said, values = [unasked], dict[str, Any](unasked=list(self.unasked))
        for column, value in (("payer", self.payer), ("owner", self.owner)):
            if value is not None:
                said.append(f"{column} = :{column}")
                values[column] = value
        if self.people is not None:
            said.append("episode_id IN (SELECT id FROM episode WHERE person_id = ANY(CAST(:people AS uuid[])))")
            values["people"] = [str(p) for p in self.people]
        if self.hidden:
            said.append("episode_id <> ALL(CAST(:hidden AS uuid[]))")
            values["hidden"] = list(self.hidden)
        return " AND ".join(said), values


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in the order of need: the cursor of the next page. `due` None: as soon as somebody can."""

    lane: int
    due: datetime | None
    case_id: UUID


@dataclass(frozen=True, slots=True)
class WorkRow:
    """`case`: the case of the stay the person is in, else the newest of the episode and payer; `also`: the others, such
    as one opened ahead of a move; `acts_on`: the one that needs something first. Each is a row of `authorization` with
    what the list shows of its episode."""

    place: Place
    case: dict[str, Any]
    also: tuple[dict[str, Any], ...]
    acts_on: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WorkPage:
    rows: list[WorkRow]
    following: Place | None
    """Where the next page begins; None at the end."""


SHOWN: Final = """
    a.id, a.episode_id, a.person_id, a.facility, a.payer, e.phase, e.level AS clinical_level, a.level, a.granted_level,
    a.status, a.review_status, a.why, a.unit, a.requested_units, a.granted_units, a.number, a.from_date,
    a.last_covered_day, a.end_dated_on, a.review_due_at, a.owner, a.version, a.opened_at, a.next_action,
    a.next_action_at, a.next_action_owner, a.next_action_why"""

PAGE: Final = """
    WITH picked AS MATERIALIZED (
        SELECT p.* FROM unnest(CAST(:houses AS text[]), CAST(:lanes AS int[]), CAST(:lows AS timestamptz[]),
                               CAST(:highs AS timestamptz[])) AS h (house, of_lane, low, high)
        CROSS JOIN LATERAL (
            SELECT id, facility, episode_id, payer, {lane} AS lane, {due} AS due, next_action_at FROM "authorization"
            WHERE listed AND facility = h.house AND {within} AND {narrowed}{after}
            ORDER BY {lane}, {due}, id LIMIT :limit) p
        ORDER BY p.lane, p.due, p.id LIMIT :limit
    ), place AS (
        SELECT p.*, row_number() OVER (ORDER BY p.lane, p.due, p.id) AS place_number FROM picked p
    )
    SELECT p.place_number, p.id AS first, p.lane, p.next_action_at AS due, {shown}
    FROM place p
    LEFT JOIN "authorization" a ON a.listed AND a.facility = p.facility AND a.episode_id = p.episode_id
         AND a.payer = p.payer AND (a.status <> 'not_required' OR a.id = p.id) AND NOT EXISTS (
            SELECT 1 FROM "authorization" WHERE listed AND facility = p.facility AND episode_id = p.episode_id
               AND payer = p.payer AND ({lane}, {due}, id) < (p.lane, p.due, p.id) AND {narrowed})
    LEFT JOIN episode e ON e.id = a.episode_id
    ORDER BY p.place_number, coalesce(a.stay_id = e.stay_id, false) DESC, a.opened_at DESC, a.id DESC"""

IN_BUCKET: Final = f"{LANE} = h.of_lane AND {DUE} >= h.low AND {DUE} < h.high"
IN_ANY: Final = f"{LANE} <= h.of_lane"

COUNTS: Final = """
    SELECT CASE WHEN r.payer = ANY(:unasked) THEN 'hidden' WHEN r.lane = 2 THEN 'waiting' WHEN r.lane = 1 THEN 'none'
                WHEN r.due = '-infinity' THEN 'today' WHEN r.due < :now THEN 'overdue'
                WHEN r.due < h.today_ends THEN 'today' WHEN r.due < h.tomorrow_ends THEN 'tomorrow'
                WHEN r.due < h.week_ends THEN 'week' ELSE 'later' END AS bucket, count(*)
    FROM unnest(CAST(:houses AS text[]), CAST(:todays AS timestamptz[]), CAST(:tomorrows AS timestamptz[]),
                CAST(:weeks AS timestamptz[])) AS h (house, today_ends, tomorrow_ends, week_ends)
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (episode_id, payer) payer, {lane} AS lane, {due} AS due FROM "authorization"
        WHERE listed AND facility = h.house AND {narrowed}
        ORDER BY episode_id, payer, {lane}, {due}, id) r
    GROUP BY 1"""


async def work_page(
    session: AsyncSession,
    days: Sequence[HouseDay],
    now: datetime,
    *,
    bucket: str | None = None,
    wanted: WorkFilter = WorkFilter(),
    after: Place | None = None,
    limit: int = 50,
) -> WorkPage:
    """A page in order of need: what people owe by its date, then what nothing is granted for, then the payer's turn.
    One statement. A page may hold fewer rows than `limit` although more follow: folded cases take their place."""
    ranges = [r for d in days for r in _ranges(d, bucket, now)]
    if not ranges:
        return WorkPage([], None)
    unasked = "payer = ANY(:unasked)" if bucket == HIDDEN else "payer <> ALL(:unasked)"
    narrowed, values = wanted.sql(unasked=unasked)
    cursor = ""
    if after is not None:
        cursor = f" AND ({LANE}, {DUE}, id) > (:after_lane, CAST(:after_due AS timestamptz), CAST(:after_id AS uuid))"
        values |= {
            "after_lane": after.lane, "after_id": str(after.case_id),
            "after_due": after.due.isoformat() if after.due else "-infinity",
        }  # fmt: skip
    houses, lanes, lows, highs = zip(*ranges, strict=True)
    values |= {
        "houses": list(houses), "lanes": list(lanes), "lows": list(lows), "highs": list(highs), "limit": limit + 1,
    }  # fmt: skip
    within = IN_ANY if bucket in (None, HIDDEN) else IN_BUCKET
    statement = PAGE.format(lane=LANE, due=DUE, narrowed=narrowed, within=within, after=cursor, shown=SHOWN)
    rows = (await session.execute(text(statement), values)).mappings().all()
    places = list(dict.fromkeys(Place(r["lane"], r["due"], r["first"]) for r in rows))
    kept = set(places[:limit])
    shown = [row for row in _folded(rows) if row.place in kept]
    return WorkPage(shown, places[limit - 1] if len(places) > limit else None)


def _folded(rows: Sequence[Any]) -> Iterator[WorkRow]:
    """A place whose case another one of its row comes before has no case beside it, and is none of its own."""
    for _, found in groupby(rows, key=lambda r: r["place_number"]):
        cases = [dict(r) for r in found]
        if cases[0]["id"] is None:
            continue
        first = next(c for c in cases if c["id"] == c["first"])
        yield WorkRow(Place(first["lane"], first["due"], first["first"]), cases[0], tuple(cases[1:]), first)


async def work_counts(
    session: AsyncSession, days: Sequence[HouseDay], now: datetime, *, wanted: WorkFilter = WorkFilter()
) -> dict[str, int]:
    """Rows per bucket, and how many are hidden; one statement."""
    counts = dict.fromkeys((*BUCKETS, HIDDEN), 0)
    if not days:
        return counts
    narrowed, values = wanted.sql(unasked=f"({LANE} < 3 OR payer = ANY(:unasked))")
    values |= {
        "now": now, "houses": [d.facility for d in days], "todays": [d.today_ends for d in days],
        "tomorrows": [d.tomorrow_ends for d in days], "weeks": [d.week_ends for d in days],
    }  # fmt: skip
    rows = await session.execute(text(COUNTS.format(lane=LANE, due=DUE, narrowed=narrowed)), values)
    return counts | {bucket: int(count) for bucket, count in rows}


Range = tuple[str, int, str, str]
"""Facility, lane, from a moment on, before a moment."""


def _ranges(day: HouseDay, bucket: str | None, now: datetime) -> list[Range]:
    """Where a bucket lies in the index of one facility; for the whole list, up to which lane. What has no date is for
    today."""
    undated, dawn, dusk = "-infinity", "0001-01-01T00:00:00+00:00", "infinity"
    this, today, tomorrow, week = (
        at.isoformat() for at in (now, day.today_ends, day.tomorrow_ends, day.week_ends)
    )  # fmt: skip
    spans: dict[str | None, list[tuple[int, str, str]]] = {
        "overdue": [(COVERED, dawn, this)],
        "today": [(COVERED, undated, dawn), (COVERED, this, today)],
        "tomorrow": [(COVERED, today, tomorrow)],
        "week": [(COVERED, tomorrow, week)],
        "later": [(COVERED, week, dusk)],
        "none": [(UNCOVERED, undated, dusk)],
        "waiting": [(THEIRS, undated, dusk)],
        None: [(THEIRS, undated, dusk)],
        HIDDEN: [(NOTHING, undated, dusk)],
    }
    return [(day.facility, *span) for span in spans[bucket]]


@dataclass(frozen=True, slots=True)
class GrantUsed:
    """One open grant with how many days use a unit of it."""

    grant_id: UUID
    authorization_id: UUID
    level: str
    unit: str
    units: int
    from_date: date
    through_date: date
    number: str | None
    used: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that runs in a case, or is paused."""

    authorization_id: UUID
    name: str
    rule: str
    due_at: datetime
    paused_at: datetime | None
    breached_at: datetime | None


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a page's cases, by case: open grants with their use, days charged at the case's level with a
    unit or without, and clocks, soonest first."""

    grants: dict[UUID, list[GrantUsed]]
    charged: dict[UUID, int]
    clocks: dict[UUID, list[Clock]]


GRANTS: Final = text(
    """
    SELECT g.id, g.authorization_id, g.level, g.unit, g.units, g.from_date, g.through_date, g.number,
           coalesce(u.used, 0) AS used
    FROM authorization_grant g LEFT JOIN (
        SELECT grant_id, count(*) AS used FROM charge
        WHERE status = 'live' AND grant_id IN (
            SELECT id FROM authorization_grant WHERE authorization_id = ANY(CAST(:cases AS uuid[])) AND state = 'active')
        GROUP BY grant_id) u ON u.grant_id = g.id
    WHERE g.authorization_id = ANY(CAST(:cases AS uuid[])) AND g.state = 'active'
    ORDER BY g.from_date, g.through_date, g.id
    """
)

CHARGED: Final = text(
    """
    SELECT a.id, count(*) FROM "authorization" a
    JOIN charge c ON c.episode_id = a.episode_id AND c.payer = a.payer AND c.level IN (a.level, a.granted_level)
         AND c.service_date >= a.from_date AND c.service_date <= coalesce(a.end_dated_on, c.service_date)
    WHERE a.id = ANY(CAST(:cases AS uuid[])) AND c.status = 'live'
    GROUP BY a.id
    """
)

CLOCKS: Final = text(
    """
    SELECT authorization_id, name, rule, due_at, paused_at, breached_at FROM authorization_clock
    WHERE authorization_id = ANY(CAST(:cases AS uuid[])) AND stopped_at IS NULL
    ORDER BY due_at, name
    """
)

LINES: Final = text(
    """
    SELECT c.payer, c.state, c.opened_at, c.retry_at, c.why,
           (SELECT count(*) FROM authorization_request r JOIN "authorization" a ON a.id = r.authorization_id
            WHERE r.status = 'held' AND a.payer = c.payer AND a.facility = ANY(CAST(:houses AS text[]))) AS held
    FROM payer_circuit c WHERE c.state <> 'closed' ORDER BY c.opened_at, c.payer
    """
)


async def beside(session: AsyncSession, cases: Sequence[UUID]) -> Beside:
    """Three statements, however many cases."""
    found = Beside({}, {}, {})
    if not cases:
        return found
    values = {"cases": [str(c) for c in cases]}
    for row in await session.execute(GRANTS, values):
        found.grants.setdefault(row.authorization_id, []).append(GrantUsed(*row))
    found.charged.update({case: int(count) for case, count in await session.execute(CHARGED, values)})
    for row in await session.execute(CLOCKS, values):
        found.clocks.setdefault(row.authorization_id, []).append(Clock(*row))
    return found


@dataclass(frozen=True, slots=True)
class PayerLine:
    """A payer whose system is down, or just back: since when, when it is tried again, why, and how many requests of
    the caller's facilities wait for it."""

    payer: str
    state: str
    opened_at: datetime | None
    retry_at: datetime | None
    why: str | None
    held: int


async def payer_lines(session: AsyncSession, facilities: Sequence[str]) -> dict[str, PayerLine]:
    """By payer; those whose circuit is closed are left out. One statement."""
    rows = await session.execute(LINES, {"houses": list(facilities)})
    return {row.payer: PayerLine(*row) for row in rows}
