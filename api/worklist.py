"""The reviewer's worklist as it is shown: rows of storage/reads/worklist.py with what the rules say about them."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from api.auth import must_see, scope
from api.deps import Services
from api.errors import problem
from api.tokens import User
from api.told import titles_of, why_text
from definitions.errors import ErrorType
from definitions.utilization import Grant
from definitions.vocabulary import ClockName, CoverageKind
from rules.calendar import facility_date, midnight_ending
from rules.next_action import bucket as bucket_of
from rules.utilization import units_left
from runtime.people import search_tokens
from storage.reads.worklist import (
    BUCKETS,
    HIDDEN,
    Beside,
    Clock,
    GrantUsed,
    HouseDay,
    PayerLine,
    Place,
    WorkFilter,
    WorkRow,
    beside,
    payer_lines,
    work_counts,
    work_page,
)
from storage.repositories.person import people_with

OURS: Final = frozenset({
    ClockName.INFORMATION, ClockName.NOTIFICATION, ClockName.RETROSPECTIVE_FILING, ClockName.PEER_TO_PEER,
    ClockName.APPEAL_FILING, ClockName.EXTERNAL_FILING,
})  # fmt: skip
"""Clocks that run against the house; all others run against the payer (domain 4.3)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see of the list; None: not narrowed."""

    bucket: str | None = None
    facility: str | None = None
    payer: str | None = None
    owner: str | None = None
    q: str | None = None
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Worklist:
    now: datetime
    items: list[dict[str, Any]]
    following: str | None
    buckets: dict[str, int]
    hidden: int
    lines: list[PayerLine]
    """Payers whose system is down or just back, with what is held for them."""


def house_days(services: Services, facilities: Sequence[str], now: datetime) -> list[HouseDay]:
    """Each facility's own day; the reviewer's today ends at its midnight (features (e))."""
    found = []
    for key in facilities:
        zone = services.catalog.latest.facilities[key].zone
        today = facility_date(now, zone)
        ends = [midnight_ending(today + timedelta(days=n), zone) for n in (0, 1, 7)]
        found.append(HouseDay(key, today, *ends))
    return found


def unasked(services: Services) -> tuple[str, ...]:
    """Payers of whom nobody asks anything: self-pay and county funding."""
    return tuple(p.key for p in services.catalog.latest.payers.values() if p.kind is not CoverageKind.INSURANCE)


async def read_worklist(services: Services, user: User, asked: Asked) -> Worklist:
    """One page with the counts of all buckets under the same filters. The number of statements is fixed."""
    if asked.bucket is not None and asked.bucket not in (*BUCKETS, HIDDEN):
        raise problem(ErrorType.INVALID_REQUEST, f"bucket is one of {', '.join((*BUCKETS, HIDDEN))}")
    known = services.catalog.latest.facilities
    mine = [f for f in scope(user, services) if f in known]
    if asked.facility is not None:
        must_see(user, services, asked.facility if asked.facility in known else None, f"facility {asked.facility}")
        mine = [asked.facility]
    now = await services.clock.now()
    days, after = house_days(services, mine, now), read_place(asked.cursor)
    async with services.read(user) as session:
        people = await people_with(session, search_tokens(services.keyring, asked.q)) if asked.q else None
        wanted = WorkFilter(
            unasked(services), asked.payer, asked.owner, tuple(people) if people is not None else None,
            tuple(scope(user, services).hidden_ids),
        )  # fmt: skip
        found = await work_page(
            session, days, now, bucket=asked.bucket, wanted=wanted, after=after, limit=asked.limit
        )  # fmt: skip
        counts = await work_counts(session, days, now, wanted=wanted)
        more = await beside(session, [row.case["id"] for row in found.rows])
        lines = await payer_lines(session, mine)
    by_house = {d.facility: d for d in days}
    titles = titles_of(services.catalog.latest)
    items = [_item(row, by_house[row.case["facility"]], now, more, lines) for row in found.rows]
    for item in items:
        why = item["next_action_why"]
        item["next_action_why_text"] = why and why_text(why, known[item["facility"]].zone, titles)
    following = write_place(found.following) if found.following else None
    return Worklist(now, items, following, {b: counts[b] for b in BUCKETS}, counts[HIDDEN], list(lines.values()))


def _item(row: WorkRow, day: HouseDay, now: datetime, more: Beside, lines: dict[str, PayerLine]) -> dict[str, Any]:
    case, acts_on = row.case, row.acts_on
    grants = more.grants.get(case["id"], [])
    at_level, granted = case["clinical_level"], case["granted_level"]
    last = case["last_covered_day"]
    line = lines.get(case["payer"])
    return {
        **{name: value for name, value in case.items() if name not in ("place_number", "first", "lane", "due")},
        "mismatch": bool(at_level and granted and at_level != granted),
        **counted(grants, day.today, case["end_dated_on"]),
        "billed_units": more.charged.get(case["id"], 0),
        "days_left": days_left(last, case["end_dated_on"], day.today),
        "bucket": bucket_of(
            acts_on["next_action_owner"], acts_on["next_action_at"], acts_on["last_covered_day"] is not None, now,
            (day.today_ends, day.tomorrow_ends, day.week_ends),
        ),
        **{name: acts_on[name] for name in ACTION},
        "acts_on": acts_on["id"],
        "clock": running(more.clocks.get(case["id"], [])),
        "circuit": shown_line(line) if line else None,
        "also": [{name: other[name] for name in ALSO} for other in row.also],
    }  # fmt: skip


ACTION: Final = ("next_action", "next_action_at", "next_action_owner", "next_action_why")
ALSO: Final = (
    "id", "level", "granted_level", "status", "review_status", "why", "last_covered_day", "end_dated_on", "owner",
    "version", *ACTION,
)  # fmt: skip


def counted(grants: Sequence[GrantUsed], today: date, end_dated_on: date | None) -> dict[str, int]:
    """Units granted, used and left; of each grant the smaller of units and dates is left (AUTH-01)."""
    return {
        "granted_units": sum(g.units for g in grants),
        "used_units": sum(g.used for g in grants),
        "units_left": sum(left_of(g, today, end_dated_on) for g in grants),
    }


def left_of(grant: GrantUsed, today: date, end_dated_on: date | None) -> int:
    limits = Grant(
        authorization_id=grant.authorization_id, level=grant.level, unit=grant.unit, units=grant.units,
        from_date=grant.from_date, through_date=grant.through_date, end_dated_on=end_dated_on,
    )  # fmt: skip
    return units_left(limits, grant.used, today)


def days_left(last_covered_day: date | None, end_dated_on: date | None, today: date) -> int | None:
    """Covered dates from today on, today among them; None where nothing is granted (AUTH-06)."""
    if last_covered_day is None:
        return None
    last = min(last_covered_day, end_dated_on) if end_dated_on else last_covered_day
    return max((last - today).days + 1, 0)


def running(clocks: Sequence[Clock]) -> dict[str, Any] | None:
    """The payer's clock that ends first, or ours where the payer has none to keep."""
    theirs = [c for c in clocks if c.name not in OURS]
    chosen = next(iter(theirs or clocks), None)
    if chosen is None:
        return None
    return {
        "name": chosen.name, "whose": "house" if chosen.name in OURS else "payer", "due_at": chosen.due_at,
        "paused_at": chosen.paused_at, "breached_at": chosen.breached_at, "rule": chosen.rule,
    }  # fmt: skip


def shown_line(line: PayerLine) -> dict[str, Any]:
    return {
        "payer": line.payer, "state": line.state, "since": line.opened_at, "retry_at": line.retry_at, "why": line.why,
        "held": line.held,
    }  # fmt: skip


def write_place(place: Place) -> str:
    due = place.due.isoformat() if place.due else ""
    return base64.urlsafe_b64encode(f"{place.lane}|{due}|{place.case_id}".encode()).decode()


def read_place(text: str | None) -> Place | None:
    if text is None:
        return None
    try:
        lane, due, case_id = base64.urlsafe_b64decode(text.encode()).decode().split("|")
        return Place(int(lane), datetime.fromisoformat(due) if due else None, UUID(case_id))
    except (ValueError, UnicodeDecodeError):
        raise problem(
            ErrorType.INVALID_REQUEST, "the cursor is not one of ours; take it from the page before"
        ) from None
