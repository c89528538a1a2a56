"""Circuits of payers: what opens them, how long they pause, who goes first (E95, E96)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.exchange import Attempt, Circuit
from definitions.vocabulary import LineState
from rules.circuit import (
    OPEN_AFTER,
    PAUSE_FIRST,
    PAUSE_MAX,
    STALLED_AFTER,
    after,
    look_again_at,
    may_go,
    pause,
    probing,
)

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
ATTEMPTS = st.lists(st.tuples(st.sampled_from(Attempt), st.booleans()), max_size=12)


def lived(attempts: list[tuple[Attempt, bool]]) -> Circuit:
    circuit = Circuit()
    for number, (attempt, waiting) in enumerate(attempts):
        circuit = after(circuit, attempt, waiting, NOW + number * timedelta(minutes=1))
    return circuit


@pytest.mark.parametrize(
    ("attempts", "state", "failures"),
    [
        ([], LineState.CLOSED, 0),
        ([(Attempt.AMBIGUOUS, False)] * (OPEN_AFTER - 1), LineState.CLOSED, OPEN_AFTER - 1),
        ([(Attempt.AMBIGUOUS, False)] * OPEN_AFTER, LineState.OPEN, OPEN_AFTER),
        ([(Attempt.UNREACHABLE, True)], LineState.OPEN, 1),
        ([(Attempt.AMBIGUOUS, False)] * 2 + [(Attempt.ANSWERED, False)] + [(Attempt.AMBIGUOUS, False)] * 2,
         LineState.CLOSED, 2),
        ([(Attempt.UNREACHABLE, True), (Attempt.ANSWERED, True)], LineState.DRAINING, 0),
        ([(Attempt.UNREACHABLE, True), (Attempt.ANSWERED, True), (Attempt.AMBIGUOUS, True)], LineState.OPEN, 1),
        ([(Attempt.UNREACHABLE, True), (Attempt.ANSWERED, True), (Attempt.ANSWERED, False)], LineState.CLOSED, 0),
    ],
)  # fmt: skip
def test_what_attempts_make_of_a_circuit(attempts: list[tuple[Attempt, bool]], state: LineState, failures: int) -> None:
    circuit = lived(attempts)
    assert (circuit.state, circuit.failures) == (state, failures)


@pytest.mark.parametrize(("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (6, 30), (5000, 30)])
def test_the_pause_grows_to_its_limit(failures: int, minutes: int) -> None:
    assert pause(failures) == timedelta(minutes=minutes)


@given(ATTEMPTS)
def test_a_circuit_that_is_not_closed_always_says_when_it_is_tried(attempts: list[tuple[Attempt, bool]]) -> None:
    circuit = lived(attempts)
    assert (circuit.state is LineState.CLOSED) == (circuit.retry_at is None)
    assert (circuit.state is LineState.CLOSED) == (circuit.opened_at is None)


@given(ATTEMPTS, st.integers(0, 60))
def test_nobody_overtakes_and_the_first_goes_at_last(attempts: list[tuple[Attempt, bool]], minutes: int) -> None:
    circuit, now = lived(attempts), NOW + timedelta(minutes=minutes)
    assert not may_go(circuit, False, now)
    due = look_again_at(circuit, True, now)
    assert due >= now
    assert may_go(circuit, True, due)
    assert look_again_at(circuit, False, now) > due or timedelta(0) == STALLED_AFTER


def test_half_open_lets_one_through_until_it_is_known() -> None:
    broken = after(Circuit(), Attempt.UNREACHABLE, True, NOW)
    trying = probing(broken, NOW + PAUSE_FIRST)
    assert trying.state is LineState.DRAINING
    assert trying.failures == 1
    again = after(trying, Attempt.UNREACHABLE, True, NOW + PAUSE_FIRST)
    assert again.retry_at == NOW + PAUSE_FIRST + 2 * PAUSE_FIRST
    assert probing(Circuit(), NOW) == Circuit()
    assert PAUSE_MAX > PAUSE_FIRST
