"""Signing in with a password: how long somebody who guesses waits, and when a browser's session is over."""

from datetime import datetime, timedelta
from typing import Final

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
