"""When a call that found no slot of its payer comes again."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.partners.slots import LATEST, SOONEST, PayerSlots


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def turned_away(slots: PayerSlots, payer: str = "meridian") -> float:
    with pytest.raises(ApplicationError) as refused, slots.taken(payer):
        pass
    assert refused.value.type == "payer_busy"
    assert refused.value.next_retry_delay is not None
    return refused.value.next_retry_delay.total_seconds()


def test_those_turned_away_come_one_behind_the_other_as_slots_fall_free() -> None:
    """Calls take two seconds in four slots: one falls free every half second."""
    hands = Hands()
    slots = PayerSlots(per_payer=4, clock=hands)
    with slots.taken("meridian"):
        hands.at += 2
    with slots.taken("meridian"), slots.taken("meridian"), slots.taken("meridian"), slots.taken("meridian"):
        assert [turned_away(slots) for _ in range(4)] == [0.5, 1.0, 1.5, 2.0]
        hands.at += 1
        assert turned_away(slots) == 1.5


def test_nobody_comes_at_once_and_nobody_waits_for_ever() -> None:
    hands = Hands()
    slots = PayerSlots(per_payer=1, clock=hands)
    with slots.taken("meridian"):
        assert turned_away(slots) == SOONEST.total_seconds()  # nothing is known of this payer yet
        hands.at += 20
    with slots.taken("meridian"):
        assert [turned_away(slots) for _ in range(3)] == [20.0, LATEST.total_seconds(), LATEST.total_seconds()]


def test_a_line_that_is_over_delays_nobody_and_payers_do_not_wait_for_each_other() -> None:
    hands = Hands()
    slots = PayerSlots(per_payer=1, clock=hands)
    with slots.taken("meridian"):
        hands.at += 2
    with slots.taken("meridian"):
        assert turned_away(slots) == 2.0
        with slots.taken("bluestone"):
            assert turned_away(slots, "bluestone") == SOONEST.total_seconds()
    hands.at += 60
    with slots.taken("meridian"):
        # What a call takes is remembered with weight, and the last one took no time.
        assert turned_away(slots) == pytest.approx(1.6)


def test_a_slot_is_given_back_when_the_call_fails() -> None:
    slots = PayerSlots(per_payer=1)
    with pytest.raises(ZeroDivisionError), slots.taken("meridian"):
        raise ZeroDivisionError
    with slots.taken("meridian"):
        turned_away(slots)
