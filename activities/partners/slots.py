"""How many calls to one payer may be under way at a time: a payer that answers slowly takes up its own slots only."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

PER_PAYER: Final = 4
"""Of the worker's exchange slots."""
AGAIN_AFTER: Final = timedelta(milliseconds=500)


class PayerSlots:
    """Counted in one event loop. A call that finds no slot gives its place on the queue back and comes again, so that
    it does not stand in the way of other payers' calls."""

    def __init__(self, per_payer: int = PER_PAYER) -> None:
        self._per_payer = per_payer
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, payer: str) -> Iterator[None]:
        if self._taken[payer] >= self._per_payer:
            raise ApplicationError(
                f"all slots of payer {payer} are taken",
                type="payer_busy",
                next_retry_delay=AGAIN_AFTER,
                category=ApplicationErrorCategory.BENIGN,
            )
        self._taken[payer] += 1
        try:
            yield
        finally:
            self._taken[payer] -= 1
            if not self._taken[payer]:
                del self._taken[payer]
