"""Whether a token still counts: its user as they stand now, and tokens that were taken back.

Asked at every request and remembered for two seconds, so a right that was taken away is gone within them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from api.tokens import OURS, TokenRefused, User
from definitions.vocabulary import Role
from storage.models import AppUser
from storage.repositories.user import cut_off_of
from storage.scope import NOBODY, ScopedDatabase

REMEMBERED_SECONDS: Final = 2.0
MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of a user. `row`: role and facilities of a local user, None when gone or disabled; of everybody else
    the token says them."""

    at: float
    before: datetime | None
    local: bool = False
    row: tuple[str, tuple[str, ...]] | None = None


class Standing:
    def __init__(self, database: ScopedDatabase, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[tuple[str, str, bool], _Known] = {}

    async def now(self, user: User) -> User:
        """The token's user with the rights they have now. Raises TokenRefused."""
        machine = user.role == Role.PAYER.value
        key = (user.issuer, user.username, machine)
        known = self._known.get(key)
        if known is None or self._clock() - known.at > REMEMBERED_SECONDS:
            known = await self._read(user, machine)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = known
        if known.before is not None and (user.issued_at is None or user.issued_at < known.before.timestamp()):
            raise TokenRefused("taken back")
        if not known.local:
            return user
        if known.row is None:
            raise TokenRefused("no such user any more")
        return replace(user, role=known.row[0], facilities=known.row[1])

    def forget(self, issuer: str, username: str) -> None:
        """What is known of this user is read anew."""
        for machine in (True, False):
            self._known.pop((issuer, username, machine), None)

    async def _read(self, user: User, machine: bool) -> _Known:
        at = self._clock()
        async with self._database.read(NOBODY) as session:
            before = await cut_off_of(session, f"{user.issuer}:payer" if machine else user.issuer, user.username)
            if user.issuer != OURS or machine:
                return _Known(at, before)
            row = await session.get(AppUser, user.username)
        here = row is not None and not row.disabled
        return _Known(at, before, True, (row.role, tuple(row.facilities)) if here and row is not None else None)
