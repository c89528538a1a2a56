"""Arithmetic on deadlines. Called by workflow code and therefore frozen like it (D8): no zone, no clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from definitions.deadline import Deadline


def earliest(deadlines: Sequence[Deadline]) -> Deadline | None:
    """The next deadline; ties go by key so that every replay agrees."""
    return min(deadlines, key=lambda d: (d.at, d.key), default=None)


def due(deadlines: Sequence[Deadline], now: datetime) -> tuple[Deadline, ...]:
    """Deadlines that have come by `now`, earliest first."""
    return tuple(sorted((d for d in deadlines if d.at <= now), key=lambda d: (d.at, d.key)))


def wait_for(deadlines: Sequence[Deadline], now: datetime) -> timedelta | None:
    """How long to sleep to the earliest; None: nothing to wait for; zero when it has come."""
    first = earliest(deadlines)
    if first is None:
        return None
    return max(first.at - now, timedelta(0))


def replace(deadlines: Sequence[Deadline], key: str, new: Deadline | None) -> tuple[Deadline, ...]:
    """The deadlines with whatever stood under `key` gone and `new`, when given, in its place: a change never
    stacks a second one (D6). `new` under another key moves the deadline there, over anything that stood there."""
    gone = {key} if new is None else {key, new.key}
    kept = tuple(d for d in deadlines if d.key not in gone)
    return kept if new is None else (*kept, new)
