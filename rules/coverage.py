"""Which coverage is in force on a date, and what a change of coverages makes of them (E38 to E41, domain 6.16).

Pure. The midnight statement (storage/reads/night.py) asks `primary_on` of every person in SQL; a test holds the
two together."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from definitions.coverage import CoverageInterval, CoverageSpan, CoverageWish
from definitions.errors import ErrorType, Refusal
from definitions.facility import FacilityPolicy
from definitions.vocabulary import CoverageAct, CoverageReason
from rules.calendar import facility_date

Rows = tuple[CoverageInterval, ...]
DAY: Final = timedelta(days=1)

SAID_BY_PAYERS: Final = frozenset(
    {
        CoverageReason.RETRO_TERMINATED,
        CoverageReason.RETRO_GRANTED,
        CoverageReason.COVERAGE_FOUND,
        CoverageReason.RECORDED_IN_ERROR,
    }
)
"""What a payer decides looking back, or a mistake of ours: no house limit holds it, and it may come after the
episode has ended (E39, E40, E26)."""


def in_force(rows: Iterable[CoverageInterval], on: date) -> Rows:
    """The coverages of a date in the order they pay. A first coverage of which nobody said since when it holds
    reaches back to earlier days."""
    live = sorted((r for r in rows if not r.voided), key=lambda r: (r.from_date, r.rank))
    found = sorted((r for r in live if r.covers(on)), key=lambda r: r.rank)
    if not found and live and on < live[0].from_date and live[0].reaches_back:
        return (live[0],)
    return tuple(found)


def primary_on(rows: Iterable[CoverageInterval], on: date) -> CoverageInterval | None:
    """Who pays first on a date: the lowest rank in force, also when the one before it has ended."""
    return next(iter(in_force(rows, on)), None)


def date_problem(
    wish: CoverageWish, act: CoverageAct, policy: FacilityPolicy, zone: str, admitted_on: date | None, now: datetime
) -> Refusal | None:
    """Since when a change may hold: not before the admission, and not further back than the house allows, unless
    the payer itself looks back. Corrections reach as far as the mistake, as those of movements do."""
    if wish.from_date is not None and wish.through_date is not None and wish.through_date < wish.from_date:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="the last day lies before the first; check the dates")
    on = wish.from_date
    if act is CoverageAct.END and wish.through_date is not None:
        on = wish.through_date + DAY
    if on is None or admitted_on is None:
        return None
    if act in (CoverageAct.SWITCH, CoverageAct.ADD) and on < admitted_on:
        return Refusal(
            code=ErrorType.EFFECTIVE_TOO_EARLY,
            detail=f"the admission was on {admitted_on.isoformat()}; a coverage of this episode begins then or later",
        )
    if act is CoverageAct.CORRECT:
        return None
    earliest = facility_date(now - timedelta(hours=policy.backdate_limit_hours), zone)
    if on < earliest and wish.reason not in SAID_BY_PAYERS:
        return Refusal(
            code=ErrorType.EFFECTIVE_TOO_EARLY,
            detail=f"a coverage may be backdated {policy.backdate_limit_hours} hours at most, to "
            f"{earliest.isoformat()}; if the payer itself looks back, say so by the reason",
        )
    return None


def begun(rows: Rows, admitted_on: date | None) -> Rows:
    """The same coverages with the first one's unsaid beginning said: the admission, if that was earlier."""
    live = [r for r in rows if not r.voided]
    if admitted_on is None or not live:
        return rows
    first = min(live, key=lambda r: (r.from_date, r.rank))
    if not first.reaches_back or first.from_date <= admitted_on:
        return rows
    return _with(rows, first.model_copy(update={"from_date": admitted_on}))


def changed(rows: Rows, wish: CoverageWish, act: CoverageAct) -> Rows | Refusal:
    """All coverages of the person as they stand after the change."""
    if act is CoverageAct.SWITCH:
        return _switched(rows, wish)
    if act is CoverageAct.ADD:
        return _added(rows, wish)
    named = next((r for r in rows if r.id == wish.coverage_id and not r.voided), None)
    if named is None:
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no coverage {wish.coverage_id} of this person is in force")
    if wish.payer is not None and wish.payer != named.payer:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail=f"that coverage is {named.payer}; end it and record the other payer as a switch",
        )
    return _ended(rows, named, wish) if act is CoverageAct.END else _corrected(rows, named, wish)


def _switched(rows: Rows, wish: CoverageWish) -> Rows | Refusal:
    made = _new(wish, 1)
    if isinstance(made, Refusal):
        return made
    standing = next((r for r in rows if r.rank == made.rank and r.covers(made.from_date)), None)
    if standing is not None and standing.payer == made.payer:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail=f"{made.payer} is in force at that place on {made.from_date.isoformat()} already; correct its dates",
        )
    return taken_over(rows, made)


def taken_over(rows: Rows, made: CoverageInterval) -> Rows | Refusal:
    """`made` takes its rank from its first day: who held it ends the day before, or never held it; who was recorded
    to begin later still does."""
    after = []
    for row in rows:
        if row.voided or row.rank != made.rank or not _overlap(row, made):
            after.append(row)
        elif row.from_date < made.from_date:
            after.append(row.model_copy(update={"through_date": made.from_date - DAY}))
        elif row.from_date == made.from_date:
            made = made.model_copy(update={"reaches_back": made.reaches_back or row.reaches_back})
            after.append(row.model_copy(update={"voided": True}))
        elif made.through_date is not None:
            return _overlaps(row, made.rank)
        else:
            after.append(row)
    later = [r.from_date for r in after if not r.voided and r.rank == made.rank and r.from_date > made.from_date]
    if later and (made.through_date is None or made.through_date >= min(later)):
        made = made.model_copy(update={"through_date": min(later) - DAY})
    return (*after, made)


def _added(rows: Rows, wish: CoverageWish) -> Rows | Refusal:
    made = _new(wish, 2)
    if isinstance(made, Refusal):
        return made
    clash = next((r for r in rows if not r.voided and r.rank == made.rank and _overlap(r, made)), None)
    return _overlaps(clash, made.rank) if clash is not None else (*rows, made)


def _new(wish: CoverageWish, rank: int) -> CoverageInterval | Refusal:
    if wish.payer is None or wish.from_date is None:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="say which payer, and from which date")
    return CoverageInterval(
        id=wish.coverage_id, payer=wish.payer, rank=wish.rank or rank, from_date=wish.from_date,
        through_date=wish.through_date,
    )  # fmt: skip


def _ended(rows: Rows, named: CoverageInterval, wish: CoverageWish) -> Rows | Refusal:
    if wish.through_date is None:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="say the last day it covers")
    if named.through_date is not None and wish.through_date >= named.through_date:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail=f"it ends on {named.through_date.isoformat()} already; correct its dates to lengthen it",
        )
    if wish.through_date < named.from_date:
        return _with(rows, named.model_copy(update={"voided": True}))
    return _with(rows, named.model_copy(update={"through_date": wish.through_date}))


def _corrected(rows: Rows, named: CoverageInterval, wish: CoverageWish) -> Rows | Refusal:
    """The interval as it should have been recorded. A neighbour that ended the day before moves with the first day:
    a switch recorded for the wrong date is put right in one act."""
    first = wish.from_date or named.from_date
    right = named.model_copy(
        update={
            "from_date": first,
            "through_date": wish.through_date,
            "rank": wish.rank or named.rank,
            "reaches_back": named.reaches_back and wish.from_date is None,
        }
    )
    if right == named:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="that is how it stands already; say what is wrong")
    neighbour = next((r for r in rows if not r.voided and r.rank == right.rank and _joins(r, named)), None)
    after = _with(rows, right)
    if neighbour is not None and named.rank == right.rank and first != named.from_date:
        if neighbour.from_date >= first:
            return _overlaps(neighbour, right.rank)
        after = _with(after, neighbour.model_copy(update={"through_date": first - DAY}))
    others = (r for r in after if not r.voided and r.id != right.id and r.rank == right.rank)
    clash = next((r for r in others if _overlap(r, right)), None)
    return _overlaps(clash, right.rank) if clash is not None else after


def enrolled(rows: Rows, made: CoverageInterval, today: date, *, elsewhere: bool) -> tuple[Rows, UUID] | Refusal:
    """A referral brings a card: the coverages after it, and which one it is. The newest card holds from today on; a
    card never restates days before it, whatever start it prints. `elsewhere`: another episode is open, and what began
    today for it is not taken away by a referral."""
    same = next((r for r in rows if r.payer == made.payer and r.rank == made.rank and r.covers(today)), None)
    if same is not None:
        return rows, same.id
    held = [r for r in rows if not r.voided and r.rank == made.rank]
    if any(_overlap(r, made) for r in held):
        made = made.model_copy(update={"from_date": max(made.from_date, today), "reaches_back": False})
    if made.through_date is not None and made.through_date < made.from_date:
        # A card that has run out takes nobody's place.
        return (*rows, made.model_copy(update={"from_date": made.through_date, "voided": True})), made.id
    if elsewhere and any(r.from_date == made.from_date for r in held):
        return Refusal(
            code=ErrorType.COVERAGE_OVERLAPS,
            detail=f"another coverage of rank {made.rank} begins on {made.from_date.isoformat()}; change it in the "
            "episode it belongs to",
        )
    after = taken_over(rows, made)
    return after if isinstance(after, Refusal) else (after, made.id)


def first_change(before: Rows, after: Rows) -> date | None:
    """The first date on which somebody else pays, or pays in another place; None: nothing changes for any day."""
    for on in sorted(_edges(before) | _edges(after)):
        if [(r.rank, r.payer) for r in in_force(before, on)] != [(r.rank, r.payer) for r in in_force(after, on)]:
            return on
    return None


def entered(before: Rows, after: Rows) -> tuple[CoverageSpan, ...]:
    """Dates each coverage holds now that its payer did not hold before: for these the payer is asked (E38, E41)."""
    spans = []
    for row in after:
        if row.voided:
            continue
        opened: date | None = None
        for on in sorted(e for e in _edges((row, *before)) if row.covers(e)):
            held = any(b.payer == row.payer and b.covers(on) for b in before)
            if opened is None and not held:
                opened = on
            elif opened is not None and held:
                spans.append(CoverageSpan(coverage=row, first=opened, last=on - DAY))
                opened = None
        if opened is not None:
            spans.append(CoverageSpan(coverage=row, first=opened, last=row.through_date))
    return tuple(spans)


def payer_runs(rows: Rows, first: date, last: date) -> list[tuple[date, date | None, str]]:
    """The days from `first` to `last` as runs that one payer pays; the final run's end is None when the payer still
    pays on `last`. Days nobody pays are in no run."""
    edges = [first, *sorted(e for e in _edges(rows) if first < e <= last)]
    runs: list[tuple[date, date | None, str]] = []
    for on, following in zip(edges, [*edges[1:], None], strict=True):
        payer = _payer(rows, on)
        until = following - DAY if following is not None else None
        if payer is None:
            continue
        if runs and runs[-1][2] == payer and runs[-1][1] == on - DAY:
            runs[-1] = (runs[-1][0], until, payer)
        else:
            runs.append((on, until, payer))
    return runs


def last_day_of(rows: Iterable[CoverageInterval], payer: str, since: date) -> date:
    """The last day `payer` is in force at or after `since`; the day before `since` when it is not at all, and
    `date.max` when no end is in sight."""
    ends = [
        r.through_date or date.max
        for r in rows
        if not r.voided and r.payer == payer and (r.through_date is None or r.through_date >= since)
    ]
    return max(ends, default=since - DAY)


def _payer(rows: Rows, on: date) -> str | None:
    found = primary_on(rows, on)
    return found.payer if found else None


def _edges(rows: Iterable[CoverageInterval]) -> set[date]:
    """Dates on which anything may change. The day before a first coverage stands for all earlier ones."""
    live = [r for r in rows if not r.voided]
    ended = (r.through_date for r in live if r.through_date is not None and r.through_date < date.max)
    edges = {r.from_date for r in live} | {last + DAY for last in ended}
    return edges | {r.from_date - DAY for r in live if r.reaches_back and r.from_date > date.min}


def _joins(one: CoverageInterval, following: CoverageInterval) -> bool:
    """`one` ends the day before `following` begins."""
    return one.through_date is not None and following.from_date - one.through_date == DAY


def _overlap(one: CoverageInterval, other: CoverageInterval) -> bool:
    return one.from_date <= (other.through_date or date.max) and other.from_date <= (one.through_date or date.max)


def _overlaps(row: CoverageInterval, rank: int) -> Refusal:
    until = row.through_date.isoformat() if row.through_date else "further notice"
    return Refusal(
        code=ErrorType.COVERAGE_OVERLAPS,
        detail=f"{row.payer} is recorded at rank {rank} from {row.from_date.isoformat()} until {until}; end or correct "
        "it first, or choose another rank",
    )


def _with(rows: Rows, changed_row: CoverageInterval) -> Rows:
    return tuple(changed_row if r.id == changed_row.id else r for r in rows)
