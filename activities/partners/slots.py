"""How many calls to one payer may be under way at a time: a payer that answers slowly takes up its own slots only."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

PER_PAYER: Final = 4
"""Of the worker's exchange slots."""
SOONEST: Final = timedelta(milliseconds=500)
LATEST: Final = timedelta(seconds=30)
"""However long the line is, a call that was turned away looks again by then."""
WEIGHT: Final = 0.2
"""Of the newest call in what a call takes."""


class PayerSlots:
    """Counted in one event loop. A call that finds no slot gives its place on the queue back and comes again, so that
    it does not stand in the way of other payers' calls. Those turned away come again one behind the other, as fast as
    slots have been falling free: two thousand that all came every half second did little else than be turned away."""

    def __init__(self, per_payer: int = PER_PAYER, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_payer = per_payer
        self._clock = clock
        self._taken: Counter[str] = Counter()
        self._takes: dict[str, float] = {}
        """Seconds that a call has been taking, by payer."""
        self._last: dict[str, float] = {}
        """When the last of those turned away comes again, by payer."""

    @contextmanager
    def taken(self, payer: str) -> Iterator[None]:
        if self._taken[payer] >= self._per_payer:
            raise ApplicationError(
                f"all slots of payer {payer} are taken",
                type="payer_busy",
                next_retry_delay=self._again_after(payer),
                category=ApplicationErrorCategory.BENIGN,
            )
        self._taken[payer] += 1
        began = self._clock()
        try:
            yield
        finally:
            self._ended(payer, self._clock() - began)

    def _again_after(self, payer: str) -> timedelta:
        now = self._clock()
        pace = self._takes.get(payer, 0.0) / self._per_payer
        soonest, latest = now + SOONEST.total_seconds(), now + LATEST.total_seconds()
        at = min(max(max(self._last.get(payer, now), now) + pace, soonest), latest)
        self._last[payer] = at
        return timedelta(seconds=at - now)

    def _ended(self, payer: str, seconds: float) -> None:
        before = self._takes.get(payer, seconds)
        self._takes[payer] = before + (seconds - before) * WEIGHT
        self._taken[payer] -= 1
        if not self._taken[payer]:
            del self._taken[payer]
