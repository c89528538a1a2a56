"""Signing in: how long somebody who guesses waits, when a browser's session is over, and what an issuer's claims mean."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from definitions.access import GroupGrant
from definitions.vocabulary import Role

FREE_TRIES: Final = 5
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=15)
FORGOTTEN: Final = timedelta(hours=24)
"""A failure older than this counts no more."""


def pause_after(failures: int) -> timedelta:
    """The wait after so many failures in a row: none for typing errors, then doubling, never for ever, so that nobody can
    keep somebody out by guessing."""
    if failures < FREE_TRIES:
        return timedelta(0)
    doubled = min(failures - FREE_TRIES, 10)
    return min(FIRST_PAUSE * (1 << doubled), LONGEST_PAUSE)


def failures_now(failures: int, failed_at: datetime | None, now: datetime) -> int:
    """Failures that still count."""
    return 0 if failed_at is None or now - failed_at > FORGOTTEN else failures


def session_over(started_at: datetime, seen_at: datetime, now: datetime, idle: timedelta, longest: timedelta) -> bool:
    """Nobody has done anything for `idle`, or it began `longest` ago (45 CFR 164.312(a)(2)(iii), automatic logoff)."""
    return now - seen_at >= idle or now - started_at >= longest


def mapped(claims: Mapping[str, object], grants: Sequence[GroupGrant]) -> tuple[str, tuple[str, ...]]:
    """Role and facilities that verified claims give. With `grants` the token's groups decide and its own word about roles
    does not; without, the claims `role` and `facilities` do. Nothing known, or two roles at once, gives no role: nobody is
    let in by a guess, and every route says what it needs."""
    if not grants:
        said, houses = claims.get("role", ""), claims.get("facilities", [])
        known = {r.value for r in Role} - {Role.SYSTEM.value}
        role = said if isinstance(said, str) and said in known else ""
        return role, tuple(str(f) for f in houses) if isinstance(houses, list) else ()
    groups = claims.get("groups", [])
    mine = [g for g in grants if isinstance(groups, list) and g.group in groups]
    if len({g.role for g in mine}) != 1:
        return "", ()
    return mine[0].role.value, tuple(sorted({f for g in mine for f in g.facilities}))
