"""Deadlines as data (D6): replaced, never stacked; one wait, to the earliest; the same answer on every replay."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from definitions.deadline import Deadline
from definitions.vocabulary import DeadlineKind
from rules.deadlines import due, earliest, replace, wait_for

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def deadline(key: str, minutes: int) -> Deadline:
    return Deadline(
        key=key, kind=DeadlineKind.ASSESSMENT_DUE, at=NOON + timedelta(minutes=minutes), why=f"{key} is due"
    )


some = st.builds(deadline, st.sampled_from("abcdefg"), st.integers(-300, 300))
sets = st.lists(some, unique_by=lambda d: d.key, max_size=7)


def test_nothing_to_wait_for() -> None:
    assert earliest(()) is None
    assert due((), NOON) == ()
    assert wait_for((), NOON) is None


def test_the_wait_ends_with_the_earliest_and_is_never_negative() -> None:
    both = [deadline("b", 30), deadline("a", 10)]
    assert wait_for(both, NOON) == timedelta(minutes=10)
    assert wait_for(both, NOON + timedelta(minutes=10)) == timedelta(0)
    assert wait_for(both, NOON + timedelta(hours=3)) == timedelta(0)


def test_a_deadline_has_come_at_its_very_instant() -> None:
    assert [d.key for d in due([deadline("b", 0), deadline("a", 0), deadline("c", 1)], NOON)] == ["a", "b"]


@given(sets, st.randoms(use_true_random=False))
def test_order_of_the_data_changes_nothing(deadlines: list[Deadline], chance: Random) -> None:
    """Replays may hold the same deadlines in another order; ties go by key."""
    shuffled = list(deadlines)
    chance.shuffle(shuffled)
    assert earliest(shuffled) == earliest(deadlines)
    assert due(shuffled, NOON) == due(deadlines, NOON)
    assert wait_for(shuffled, NOON) == wait_for(deadlines, NOON)


@given(sets, st.integers(-300, 300))
def test_due_is_empty_exactly_while_there_is_something_to_wait(deadlines: list[Deadline], minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes)
    wait = wait_for(deadlines, now)
    assert bool(due(deadlines, now)) == (wait == timedelta(0))
    if wait is not None:
        assert due(deadlines, now + wait)


@given(sets, some)
def test_a_change_replaces(deadlines: list[Deadline], new: Deadline) -> None:
    once = replace(deadlines, new.key, new)
    assert replace(once, new.key, new) == once
    assert [d for d in once if d.key == new.key] == [new]
    assert {d.key for d in once} == {d.key for d in deadlines} | {new.key}
    assert [d for d in once if d.key != new.key] == [d for d in deadlines if d.key != new.key]


@given(sets, st.sampled_from("abcdefg"), some)
def test_removing_and_moving_keep_keys_unique(deadlines: list[Deadline], key: str, new: Deadline) -> None:
    assert key not in {d.key for d in replace(deadlines, key, None)}
    moved = replace(deadlines, key, new)
    assert len({d.key for d in moved}) == len(moved)
    assert new in moved
    assert key == new.key or key not in {d.key for d in moved}
