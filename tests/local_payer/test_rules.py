"""`POST /script`: what happens to the k-th request, said in full."""

import signal
from typing import Any

import pytest

from definitions.review_codes import Action
from definitions.services_review import Rejection
from tests.interchange.x12.samples import emitted, residential
from tests.local_payer.conftest import Door, PayerProcess, Start

NOON = "2026-03-06T12:00:00+00:00"
DENY: dict[str, Any] = {"steps": [{"say": "deny", "reason": "0F"}]}


def test_the_second_request_of_a_member(driven: PayerProcess) -> None:
    driven.script(DENY, member_suffix="0042", nth=2)
    told = [driven.ask(residential(trace=f"EP{n}", member_id="W9990042"), at=NOON) for n in range(3)]
    assert [a.action for a in told] == [Action.CERTIFIED, Action.NOT_CERTIFIED, Action.CERTIFIED]
    assert told[1].reason == "0F"
    assert driven.ask(residential(trace="EPX", member_id="W9990043"), at=NOON).action is Action.CERTIFIED


def test_repeats_of_a_trace_count_once_and_keep_their_script(driven: PayerProcess) -> None:
    driven.script(DENY, member_suffix="0042", nth=2)
    for _ in range(3):
        assert driven.ask(residential(trace="EP1", member_id="W9990042"), at=NOON).action is Action.CERTIFIED
    assert driven.ask(residential(trace="EP2", member_id="W9990042"), at=NOON).action is Action.NOT_CERTIFIED


def test_the_nth_request_of_a_payer(driven: PayerProcess) -> None:
    driven.script(DENY, payer="meridian", nth=1)
    assert driven.send(emitted(residential(trace="EP0")), at=NOON, payer="unity").status_code == 200
    told = [driven.ask(residential(trace=f"EP{n}", member_id=f"W00{n}"), at=NOON).action for n in (1, 2)]
    assert told == [Action.NOT_CERTIFIED, Action.CERTIFIED]


def test_the_newest_rule_wins_over_older_ones_and_over_the_suffix(driven: PayerProcess) -> None:
    driven.script(DENY, trace="EP1")
    driven.script({"steps": [{"say": "not_needed"}]}, trace="EP1")
    assert driven.ask(residential(trace="EP1", member_id="W123456789L"), at=NOON).action is Action.NO_ACTION_REQUIRED
    driven.client.delete(f"{driven.url}/script")
    assert driven.ask(residential(trace="EP2", member_id="W123456789D"), at=NOON).reason == "0G"


def test_steps_in_full(driven: PayerProcess, door: Door) -> None:
    """Pends, asks, says garbage, repeats itself in other bytes, denies."""
    steps = [
        {"say": "ask_documents", "due_hours": 24, "documents": ["34117-2", "11506-3"]},
        {"say": "approve_fewer", "units": 3, "after_hours": 30, "damage": "garbage"},
        {"say": "approve_fewer", "units": 3, "after_hours": 31},
        {"say": "deny", "reason": "0F", "after_hours": 60},
    ]
    driven.script({"steps": steps}, trace="EP1")
    first = driven.ask(residential(trace="EP1"), at=NOON)
    assert first.lines[0].wanted == ("34117-2", "11506-3")
    driven.advance("2026-03-10T12:00:00+00:00")
    told = [body for _, body, _ in door.taken]
    assert not told[0].startswith("ISA")
    late = [m for m in driven.messages("out") if m["road"] == "delivery"]
    assert [(m["action"], m["damage"]) for m in late] == [("A2", "garbage"), ("A2", None), ("A3", None)]
    assert driven.states() == ["denied"]


def test_an_aaa_in_full(driven: PayerProcess) -> None:
    driven.script({"steps": [{"say": "reject", "loop": "2000E", "code": "57", "follow_up": "R"}]}, trace="EP1")
    answer = driven.ask(residential(trace="EP1"), at=NOON)
    assert answer.rejections == (Rejection(loop="2000E", code="57", follow_up="R"),)


def test_a_fault_for_several_calls(driven: PayerProcess) -> None:
    driven.script({"fault": "unavailable_before_taking", "fault_calls": 2}, trace="EP1")
    text = emitted(residential(trace="EP1"))
    assert [driven.send(text, at=NOON).status_code for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(
    "rule",
    [
        {"script": {}},
        {"nth": 0, "script": {}},
        {"trace": "EP1", "script": {"steps": []}},
        {"trace": "EP1", "script": {"steps": [{"say": "approve", "after_hour": 3}]}},
        {"trace": "EP1", "script": {"steps": [{"say": "perhaps"}]}},
    ],
)
def test_a_rule_without_sense_is_refused(driven: PayerProcess, rule: dict[str, Any]) -> None:
    assert driven.client.post(f"{driven.url}/script", json=rule).status_code == 422


def test_rules_and_their_counts_outlive_the_process(start: Start) -> None:
    before = start("--drive", "driven")
    before.script(DENY, member_suffix="0042", nth=2)
    before.ask(residential(trace="EP1", member_id="W9990042"), at=NOON)
    before.stop(signal.SIGKILL)
    after = start("--drive", "driven")
    assert after.ask(residential(trace="EP2", member_id="W9990042"), at=NOON).action is Action.NOT_CERTIFIED


def test_what_cannot_be_written_later_is_refused_at_once(driven: PayerProcess) -> None:
    """A script with a code no guide knows: no case is taken that could not be answered to its end."""
    steps = [{"say": "pend"}, {"say": "reject", "code": "7", "after_hours": 6}]
    driven.script({"steps": steps}, trace="EP1")
    assert driven.verdicts(emitted(residential(trace="EP1")), at=NOON) == ["R"]
    assert (driven.reviews(), driven.next_due()) == ([], None)
