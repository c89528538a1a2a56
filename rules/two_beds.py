"""One person in two beds: records that were joined may hold stays at the same time, of which one is not real (E03, E04). Until
somebody corrects it a night counts once, in the stay that stands first, and is charged there alone (CEN-01, invariant 1)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from definitions.accrual import Absence, StaySpan
from rules.accrual import Night, in_house
from rules.census import steps_of


@dataclass(frozen=True, slots=True)
class Beside:
    """A stay of a joined person, in the order in which stays stand: the record that stands for all comes first. `before`
    stand before it, `yielding` yield to it."""

    stay: StaySpan
    absences: Sequence[Absence]
    before: tuple[StaySpan, ...] = ()
    yielding: tuple["Beside", ...] = ()


def in_order(stays: Sequence[tuple[StaySpan, Sequence[Absence]]]) -> list[Beside]:
    """From stays in the order in which they stand."""
    placed = [Beside(stay, away, tuple(s for s, _ in stays[:n])) for n, (stay, away) in enumerate(stays)]
    return [replace(one, yielding=tuple(placed[n + 1 :])) for n, one in enumerate(placed)]


def yields(one: Beside, moment: datetime) -> bool:
    """Another stay of the person holds a bed at this moment and stands before it."""
    return any(in_house(stay, moment) for stay in one.before)


def steps_beside(one: Beside, night: Night) -> tuple[str, ...]:
    """Its columns of the census. Where another stay takes the night over, the person moves between the two: a transfer out
    of one line and into the other, never a second admission."""
    steps = steps_of(one.stay, one.absences, night)
    began, ends = yields(one, max(night.begins, one.stay.started_at)), yields(one, night.ends)
    if began and ends:
        return ()
    if ends:
        return ("opening", "transfers_out") if "opening" in steps else ()
    if began:
        return _comes_back(steps)
    return tuple(_as_move(one, step, night) for step in steps)


def _comes_back(steps: Sequence[str]) -> tuple[str, ...]:
    if "closing" in steps:
        return ("transfers_in", "closing")
    return ("on_leave",) if "on_leave" in steps else ()


def _as_move(one: Beside, step: str, night: Night) -> str:
    if step == "admissions" and any(steps_beside(o, night) == ("opening", "transfers_out") for o in one.yielding):
        return "transfers_in"
    if step == "discharges" and any("transfers_in" in steps_beside(o, night) for o in one.yielding):
        return "transfers_out"
    return step
