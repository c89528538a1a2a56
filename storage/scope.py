"""For whom a transaction of the API reads and writes: the claims row-level security judges by (storage/row_security.py)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

CLAIM: Final = text(
    "SELECT set_config('transaction_read_only', :read_only, true), set_config('stepdown.facilities', :facilities, true), "
    "set_config('stepdown.house', :house, true), set_config('stepdown.actor', :actor, true), "
    "set_config('stepdown.role', :role, true), set_config('stepdown.opened', :opened, true)"
)
CLAIMED: Final = (
    "SELECT set_config('stepdown.facilities', %(facilities)s, true), set_config('stepdown.house', %(house)s, true)"
)
"""The same for a connection of the driver's own, as the first statement of its transaction."""
WIDEN: Final = text(
    "SELECT set_config('stepdown.facilities', :facilities, true), set_config('stepdown.house', :house, true)"
)
BETWEEN: Final = ","


class HouseAct(StrEnum):
    """Acts of the API that reach beyond a user's facilities, each for a reason of the field. There are no others."""

    REFERRAL = "referral"
    """Somebody who is known elsewhere in the house is recognised (E01, E04), and those who bill there are told (E38)."""
    FREED_DAYS = "freed_days"
    """A voided day may let another facility bill that person's day (invariant 1): its date is closed again."""
    PAYER_DOOR = "payer_door"
    """A payer's answer is matched before anybody knows whose it is (E32 to E34)."""
    ALIKE = "alike"
    """Whether two records are one person is asked among everybody; whom the user may not see is not shown (E02 to E04)."""
    ERASURE = "erasure"
    """A record ends in the whole house or not at all: holds and rows of every facility count (domain 3.6, E24)."""
    EXPORT = "export"
    """A patient's copy holds the record of every house that treated them, or is not given here (45 CFR 164.524)."""
    MERGE = "merge"
    """Two records become one, or two again, in the whole house or not at all (E03)."""
    MISFILING = "misfiling"
    """What was charted on somebody else's record is taken out of everything it reached, wherever that is (E03)."""
    EYES = "eyes"
    """Who is hidden from somebody, and what they opened, is asked of every facility before anything is shown (E13)."""
    BREAK_GLASS = "break_glass"
    """Who breaks the glass is not let in by their facilities; the record of it and the director's item are written where
    the person is (45 CFR 164.312(a)(2)(ii))."""
    COUNTS = "counts"
    """Numbers of the whole house for its monitoring, without a row."""


class Unsaid(Exception):
    """A facility's key cannot be said in a claim."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`actor`: whose commands are seen. `facilities`: whose rows. `act` set: the whole house, for that reason."""

    actor: str
    role: str
    facilities: tuple[str, ...]
    act: HouseAct | None = None
    opened: tuple[UUID, ...] = ()
    """Episodes beyond them that the user broke the glass for (E13)."""

    def __post_init__(self) -> None:
        if any(BETWEEN in facility or not facility for facility in self.facilities):
            raise Unsaid("facility keys are words without a comma")

    def claims(self) -> dict[str, str]:
        return {
            "facilities": BETWEEN.join(self.facilities), "house": "on" if self.act else "off", "actor": self.actor,
            "role": self.role, "opened": BETWEEN.join(str(episode) for episode in self.opened),
        }  # fmt: skip


NOBODY: Final = Scope("unknown", "", ())
"""Before somebody is known: signing in, sessions, the clock, whether the database answers. Sees no patient's row."""


def for_house(act: HouseAct, facilities: Sequence[str], actor: str = "system", role: str = "system") -> Scope:
    return Scope(actor, role, tuple(facilities), act)


@asynccontextmanager
async def widened(session: AsyncSession, scope: Scope, act: HouseAct, facilities: Sequence[str]) -> AsyncIterator[None]:
    """The rest of a user's transaction stays in their facilities; what is written inside is judged inside."""
    await session.flush()
    await session.execute(WIDEN, {"facilities": BETWEEN.join(facilities), "house": "on"})
    yield
    await session.flush()
    claims = scope.claims()
    await session.execute(WIDEN, {"facilities": claims["facilities"], "house": claims["house"]})


class ScopedDatabase:
    """The API's units of work: none is had without saying for whom. The claims end with the transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def write(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session, session.begin():
            await session.execute(CLAIM, {**scope.claims(), "read_only": "off"})
            yield session

    @asynccontextmanager
    async def read(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session, session.begin():
            await session.execute(CLAIM, {**scope.claims(), "read_only": "on"})
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
