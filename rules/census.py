"""Who is counted where at a midnight, and how the count came about (domain 7.1, 7.3)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

from definitions.accrual import Absence, StaySpan
from definitions.charging import CensusCount
from rules.accrual import Night, away_at, in_house


def state_at_end(stay: StaySpan, absences: Sequence[Absence], night: Night) -> str | None:
    """`present`, the kind of absence, or None when the stay does not hold the person at the ending midnight."""
    if not in_house(stay, night.ends):
        return None
    absence = away_at(stay, absences, night.ends)
    if absence is not None:
        return absence.kind
    return "present" if stay.track.value == "bed" else "enrolled"


def steps_of(stay: StaySpan, absences: Sequence[Absence], night: Night) -> tuple[str, ...]:
    """Which columns of the census this stay counts in for the date; the sum always balances."""
    was = in_house(stay, night.begins) and away_at(stay, absences, night.begins) is None
    holds = in_house(stay, night.ends)
    here = holds and away_at(stay, absences, night.ends) is None
    came = stay.started_at >= night.begins
    steps = ["opening"] if was else []
    arrived = was
    if came:
        steps.append("transfers_in" if stay.arrival == "transfer" else "admissions")
        arrived = True
    if here:
        if not arrived:
            steps.append("returns")
        steps.append("closing")
    elif arrived:
        steps.append(_way_out(stay, holds))
    if holds and not here:
        steps.append("on_leave")
    return tuple(steps)


def by_payer(steps: Sequence[str], before: str, now: str) -> list[tuple[str, str]]:
    """Each step in the line of its payer. Somebody who was here when another payer took over (E38) leaves the old
    payer's line as a transfer out and joins the new one's as a transfer in, without having moved."""
    if before == now or "opening" not in steps:
        return [(now, step) for step in steps]
    moved = [(before, "opening"), (before, "transfers_out"), (now, "transfers_in")]
    return moved + [(now, step) for step in steps if step != "opening"]


def _way_out(stay: StaySpan, holds: bool) -> str:
    if holds:
        return "leaves_out"
    return {"transfer": "transfers_out", "death": "deaths"}.get(stay.departure or "", "discharges")


COLUMNS = tuple(f.name for f in fields(CensusCount))[3:]


def count_lines(steps: Counter[tuple[str, str, str, str]]) -> list[CensusCount]:
    """Lines from (program, level, payer, column) counts, in order."""
    keys = sorted({key[:3] for key in steps})
    return [
        CensusCount(program, level, payer, **{c: steps[(program, level, payer, c)] for c in COLUMNS})
        for program, level, payer in keys
    ]
