"""Signing in by a name and a password kept here (demo users), or as a payer's machine; every try is on record.

Whether a name is known, locked or disabled cannot be told from outside: the answer is one, and so is the work."""

import asyncio
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.ext.asyncio import AsyncSession

from api.tokens import User
from definitions.vocabulary import Role
from rules.sign_in import failures_now, pause_after
from storage.models import AppUser
from storage.repositories import timeline
from storage.repositories.payer_client import payer_of_client
from storage.repositories.user import ensure_user, locked_user
from storage.scope import NOBODY, ScopedDatabase

DEMO_PASSWORD: Final = "local"
DEMO_ROLES: Final = ("admissions", "reviewer", "director", "clinician", "biller", "auditor", "admin")
CHAIN: Final = "sign_ins"
"""The audit chain of signing in and out."""
AT_ONCE: Final = 4
"""Passwords judged at a time: each takes 32 MB, and a connection while its user's row is held."""


class LocalUsers:
    def __init__(self, database: ScopedDatabase, *, enabled: bool, hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._enabled = enabled
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=32768)
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._room = asyncio.Semaphore(AT_ONCE)

    async def ensure_demo(self, facilities: Sequence[str]) -> None:
        """The local demo users, named like their roles; refused by the settings in production."""
        if not self._enabled:
            return
        digest = self._hasher.hash(DEMO_PASSWORD)
        async with self._database.write(NOBODY) as session:
            for role in DEMO_ROLES:
                await ensure_user(session, username=role, role=role, facilities=list(facilities), password_hash=digest)

    async def check(self, username: str, password: str, now: datetime, door: str) -> User | None:
        """None for an unknown name, a wrong password, a pause that is not over, a disabled user: all the same."""
        if not self._enabled:
            return None
        async with self._room, self._database.write(NOBODY) as session:
            row = await locked_user(session, username)
            right = await asyncio.to_thread(self._matches, row.password_hash if row else self._nobody, password)
            why = _why_not(row, right, now)
            if row is not None and why == "password":
                _count(row, now)
            elif row is not None and why is None:
                row.failures, row.failed_at, row.locked_until = 0, None, None
                if self._hasher.check_needs_rehash(row.password_hash):
                    row.password_hash = await asyncio.to_thread(self._hasher.hash, password)
            on_record(session, User(row.username, row.role, ()) if row else None, now, door, why)
            if row is None or why is not None:
                return None
            return User(row.username, row.role, tuple(row.facilities))

    async def hashed(self, password: str) -> str:
        """For keeping; never the password itself."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    def _matches(self, digest: str, password: str) -> bool:
        try:
            return self._hasher.verify(digest, password)
        except (VerificationError, InvalidHashError):
            return False

    async def record(self, user: User | None, now: datetime, door: str, why: str | None) -> None:
        async with self._database.write(NOBODY) as session:
            on_record(session, user, now, door, why)


def _why_not(row: AppUser | None, right: bool, now: datetime) -> str | None:
    if row is None:
        return "unknown"
    if row.disabled:
        return "disabled"
    if row.locked_until is not None and now < row.locked_until:
        return "paused"
    return None if right else "password"


def _count(row: AppUser, now: datetime) -> None:
    """Guesses during a pause are not counted, so that guessing does not make it longer."""
    row.failures = failures_now(row.failures, row.failed_at, now) + 1
    row.failed_at = now
    pause = pause_after(row.failures)
    row.locked_until = now + pause if pause else None


def on_record(session: AsyncSession, user: User | None, now: datetime, door: str, why: str | None) -> None:
    """An unknown name is not written down: people type passwords into the wrong field."""
    name = user.actor if user is not None else "unknown"
    timeline.audit(
        session, chain=CHAIN, at=now, actor=name, role=user.role if user is not None else "unknown",
        action="signed_in" if why is None else "sign_in_refused", subject=f"user/{name}", purpose="operations",
        detail={"door": door} | ({"why": why} if why else {}),
    )  # fmt: skip


async def machine(session: AsyncSession, client_id: str, secret: str, payers: Sequence[str]) -> User | None:
    """A payer's machine with a secret of its own."""
    payer = await payer_of_client(session, client_id, secret)
    return User(payer, Role.PAYER.value, ()) if payer is not None and payer in payers else None


def machine_of(client_id: str, secret: str, expected: str, payers: Sequence[str]) -> User | None:
    """Where machines have no secrets of their own yet: `payer-<key>` with the installation's payer secret, if there is one."""
    payer = client_id.removeprefix("payer-")
    known = client_id.startswith("payer-") and payer in payers
    matches = hmac.compare_digest(secret.encode(), expected.encode())
    return User(payer, Role.PAYER.value, ()) if known and expected and matches else None
