"""The port of everything that sends, packets, claims and feeds of later days too; its contract is the suite in
tests/activities/hold_and_stop.py. Two promises: what is queued stops in the transaction that revokes, and whoever must act
is told by an owned item."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from definitions.halting import Halted, HoldOrder


class Sender(Protocol):
    """One kind of sender. It asks the gate itself in every sending transaction besides: what slips past `hold` because it
    was made a moment later is refused there."""

    @property
    def name(self) -> str: ...

    async def hold(self, session: AsyncSession, order: HoldOrder) -> tuple[Halted, ...]:
        """Within the caller's transaction, which holds the lock of the order's episode: stop what is queued about the
        person and nothing covers any more, open the items of people who must act, and report both, with what has left
        and is unanswered. What waits is released by the sender's own look at its rows once something covers it: once."""
        ...
