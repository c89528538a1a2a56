"""The circuit to one payer's system: opened by failures in a row, tried again after a growing pause, drained oldest
first (E95, E96). A verdict from the row as it is; nothing here knows of another payer."""

from datetime import datetime, timedelta
from typing import Final

from definitions.exchange import Attempt, Circuit
from definitions.vocabulary import LineState

OPEN_AFTER: Final = 3
"""Ambiguous failures in a row (time-outs, 5xx, cut connections) that open a circuit. One that cannot be reached at all
opens it at once: nothing left this house, and whatever follows would not leave either."""

PAUSE_FIRST: Final = timedelta(minutes=1)
PAUSE_MAX: Final = timedelta(minutes=30)

STALLED_AFTER: Final = timedelta(minutes=5)
"""A drain that shows no sign for this long is taken up by whoever is first then; longer than one send may take."""


def pause(failures: int) -> timedelta:
    """How long to leave a payer alone after so many failures in a row."""
    doubled: int = 2 ** min(max(failures - 1, 0), 10)
    return min(PAUSE_FIRST * doubled, PAUSE_MAX)


def after(circuit: Circuit, attempt: Attempt, waiting: bool, now: datetime) -> Circuit:
    """The circuit after an attempt. `waiting`: requests are held for this payer."""
    if attempt is Attempt.ANSWERED:
        if not waiting:
            return Circuit()
        return Circuit(state=LineState.DRAINING, opened_at=circuit.opened_at or now, retry_at=now + STALLED_AFTER)
    failures = circuit.failures + 1
    opens = attempt is Attempt.UNREACHABLE or circuit.state is not LineState.CLOSED or failures >= OPEN_AFTER
    if not opens:
        return circuit.model_copy(update={"failures": failures})
    return Circuit(
        state=LineState.OPEN,
        failures=failures,
        opened_at=circuit.opened_at or now,
        retry_at=now + pause(failures),
    )


def may_go(circuit: Circuit, first_in_queue: bool, now: datetime) -> bool:
    """Whether a request may be sent at `now`. `first_in_queue`: none that waits for this payer is older. While
    draining only the first goes, and it stays the first until it is through: one at a time, in order."""
    if not first_in_queue:
        return False
    return circuit.state is not LineState.OPEN or circuit.retry_at is None or now >= circuit.retry_at


def probing(circuit: Circuit, now: datetime) -> Circuit:
    """The circuit while its first request is tried after the pause: half open."""
    if circuit.state is not LineState.OPEN:
        return circuit
    return circuit.model_copy(update={"state": LineState.DRAINING, "retry_at": now + STALLED_AFTER})


def look_again_at(circuit: Circuit, first_in_queue: bool, now: datetime) -> datetime:
    """When a held request is looked at again. The first goes when the pause ends; the others are woken by the one
    before them, and look by themselves only in case it left the queue without a word."""
    due = max(circuit.retry_at or now, now)
    return due if first_in_queue else due + STALLED_AFTER
