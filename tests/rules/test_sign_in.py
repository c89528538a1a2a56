"""Pauses after wrong passwords, and when a session is over."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.sign_in import FORGOTTEN, LONGEST_PAUSE, failures_now, pause_after, session_over

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 0), (4, 0), (5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 900), (11, 900), (10_000, 900)],
)
def test_the_pause_grows_and_has_an_end(failures: int, seconds: int) -> None:
    assert pause_after(failures) == timedelta(seconds=seconds) <= LONGEST_PAUSE


def test_old_failures_are_forgotten() -> None:
    assert failures_now(7, None, NOW) == 0
    assert failures_now(7, NOW - FORGOTTEN, NOW) == 7
    assert failures_now(7, NOW - FORGOTTEN - timedelta(seconds=1), NOW) == 0


@pytest.mark.parametrize(
    ("started", "seen", "over"),
    [
        (timedelta(0), timedelta(0), False),
        (timedelta(hours=1), timedelta(minutes=29, seconds=59), False),
        (timedelta(hours=1), timedelta(minutes=30), True),
        (timedelta(hours=11, minutes=59), timedelta(0), False),
        (timedelta(hours=12), timedelta(0), True),
    ],
)
def test_a_session_ends_idle_or_old(started: timedelta, seen: timedelta, over: bool) -> None:
    assert session_over(NOW - started, NOW - seen, NOW, IDLE, LONGEST) is over
