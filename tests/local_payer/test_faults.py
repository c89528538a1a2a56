"""The line and the gateway fail as they are told; the book says what was taken and what left (domain 6.12)."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
import pytest

from definitions.review_codes import Action
from interchange.x12.envelope import EnvelopeProblem, read_interchanges
from interchange.x12.review_response import parse_answer
from tests.interchange.x12.samples import emitted, only_set, residential
from tests.local_payer.conftest import PayerProcess, Start

NOON = "2026-03-06T12:00:00+00:00"


def test_failing_before_taking_leaves_nothing_in_the_book(driven: PayerProcess) -> None:
    text = emitted(residential(member_id="W123456789E1"))
    assert driven.send(text, at=NOON).status_code == 503
    assert (driven.reviews(), driven.messages()) == ([], [])
    assert parse_answer(*only_set(driven.send(text, at=NOON).text)).action is Action.CERTIFIED
    assert driven.states() == ["approved"]


def test_failing_after_taking_leaves_the_case_and_an_answer_that_did_not_leave(driven: PayerProcess) -> None:
    text = emitted(residential(member_id="W123456789E2"))
    assert driven.send(text, at=NOON).status_code == 503
    assert driven.states() == ["approved"]
    assert [(m["action"], m["left_at"]) for m in driven.messages("out")] == [("A1", None)]
    answer = parse_answer(*only_set(driven.send(text, at=NOON).text))
    assert (answer.number, len(driven.reviews())) == (driven.reviews()[0]["number"], 1)
    assert [m["left_at"] for m in driven.messages("out")] == [datetime(2026, 3, 6, 12, tzinfo=UTC).isoformat()]


def test_a_slow_answer_comes_within_the_callers_patience_or_not(driven: PayerProcess) -> None:
    text = emitted(residential(member_id="W123456789S1"))
    with pytest.raises(httpx2.ReadTimeout):
        driven.send(text, at=NOON, seconds=0.3)
    began = time.monotonic()
    answer = parse_answer(*only_set(driven.send(text, at=NOON).text))
    assert answer.action is Action.CERTIFIED
    assert time.monotonic() - began >= 1
    assert len(driven.cases()) == 1


def test_the_connection_ends_in_the_middle_of_the_answer(driven: PayerProcess) -> None:
    text = emitted(residential(member_id="W123456789B6"))
    with pytest.raises(httpx2.RemoteProtocolError):
        driven.send(text, at=NOON)
    assert [m["whole"] for m in driven.messages("out")] == [0]
    assert parse_answer(*only_set(driven.send(text, at=NOON).text)).action is Action.CERTIFIED
    assert [m["whole"] for m in driven.messages("out")] == [0, 1]


def _unreadable(content: bytes, problem: str) -> None:
    with pytest.raises(EnvelopeProblem) as found:
        read_interchanges(content.decode("utf-8", "replace"))
    assert found.value.note == problem


def _trace(content: bytes, _: str) -> None:
    assert parse_answer(*only_set(content.decode())).trace == "NOBODYS9999"


def _version(content: bytes, _: str) -> None:
    assert only_set(content.decode())[1].version == "004010X094A1"


@pytest.mark.parametrize(
    ("number", "check", "problem"),
    [
        (1, _unreadable, "022"),
        (2, _unreadable, "023"),
        (3, _unreadable, "001"),
        (4, _trace, ""),
        (5, _version, ""),
    ],
    ids=["garbage", "truncated", "control number", "trace", "version"],
)
def test_a_broken_answer_leaves_once_and_whole_when_asked_again(
    driven: PayerProcess, number: int, check: Callable[[bytes, str], None], problem: str
) -> None:
    text = emitted(residential(member_id=f"W123456789B{number}"))
    check(driven.send(text, at=NOON).content, problem)
    again = parse_answer(*only_set(driven.send(text, at=NOON).text))
    assert (again.action, again.trace) == (Action.CERTIFIED, "EP1001RES1")
    first, second = driven.messages("out")
    assert first["digest"] != second["digest"]
    assert first["control_number"] == second["control_number"]


def test_garbage_is_no_text_in_utf_8(driven: PayerProcess) -> None:
    content = driven.send(emitted(residential(member_id="W123456789B1")), at=NOON).content
    with pytest.raises(UnicodeDecodeError):
        content.decode()


def test_the_gateway_rejects_first_and_takes_the_same_trace_then(driven: PayerProcess) -> None:
    text = emitted(residential(member_id="W123456789R1"))
    assert driven.verdicts(text) == ["R"]
    assert driven.reviews() == []
    assert parse_answer(*only_set(driven.send(text, at=NOON).text)).action is Action.CERTIFIED
    assert [(m["kind"], m["answered_kind"]) for m in driven.messages("in")] == [("refused", "999"), ("I", "278")]


@pytest.mark.parametrize(("number", "follow_up"), list(enumerate("CNPRSWXY", start=1)))
def test_each_follow_up(driven: PayerProcess, number: int, follow_up: str) -> None:
    answer = driven.ask(residential(member_id=f"W123456789X{number}"))
    assert [r.follow_up for r in answer.rejections] == [follow_up]
    assert answer.action is None
    assert driven.states() == ["rejected"]


def test_one_transaction_of_a_file_that_fails_takes_none(driven: PayerProcess) -> None:
    """A system that fails before it takes a file has taken none of it."""
    good, bad = residential(trace="GOOD"), residential(trace="BAD", member_id="W123456789E1")
    both = emitted(good) + emitted(bad)
    assert driven.send(both, at=NOON).status_code == 503
    assert driven.reviews() == []
    answers = read_interchanges(driven.send(both, at=NOON).text)
    assert [parse_answer(i, i.groups[0].transactions[0]).trace for i in answers] == ["GOOD", "BAD"]


def test_connections_are_refused_while_it_is_switched_off(start: Start) -> None:
    payer = start("--drive", "driven", controlled=True)
    text = emitted(residential())
    assert payer.control("down") == {"switched_off": True, "windows": []}
    with httpx2.Client() as fresh, pytest.raises(httpx2.ConnectError):
        fresh.post(f"{payer.url}/x12/meridian", content=text)
    payer.control("up")
    assert payer.send(text, at=NOON).status_code == 200


def test_a_window_of_business_time(start: Start) -> None:
    payer = start("--drive", "driven", controlled=True)
    pended = payer.ask(residential(member_id="W123456789P2"), at=NOON)
    assert pended.action is Action.PENDED
    payer.control("down", {"begins": "2026-03-06T13:00:00Z", "ends": "2026-03-06T18:00:00Z"})
    assert payer.next_due() == "2026-03-06T13:00:00+00:00"
    assert payer.advance("2026-03-06T13:00:00Z").json() == {"delivered": 0, "left": 0}
    with httpx2.Client() as fresh, pytest.raises(httpx2.ConnectError):
        fresh.post(f"{payer.url}/x12/meridian", content="")
    assert payer.next_due() == "2026-03-06T18:00:00+00:00"
    assert payer.advance("2026-03-06T18:00:00Z").json() == {"delivered": 1, "left": 0}
    (delivered,) = [m for m in payer.messages("out") if m["road"] == "delivery"]
    assert (delivered["due_at"], delivered["left_at"]) == ("2026-03-06T14:00:00+00:00", "2026-03-06T18:00:00+00:00")
    assert payer.send(emitted(residential()), at="2026-03-06T18:00:00Z").status_code == 200
    assert payer.next_due() is None


def test_windows_that_follow_one_another_are_one_outage(start: Start) -> None:
    payer = start("--drive", "driven")
    payer.ask(residential(member_id="W123456789P2"), at=NOON)
    payer.control("down", {"begins": "2026-03-06T15:00:00Z", "ends": "2026-03-06T19:00:00Z"})
    payer.control("down", {"begins": "2026-03-06T13:00:00Z", "ends": "2026-03-06T16:00:00Z"})
    assert payer.advance("2026-03-06T18:59:59Z").json() == {"delivered": 0, "left": 0}
    assert payer.advance("2026-03-06T19:00:00Z").json() == {"delivered": 1, "left": 0}


def test_with_two_ports_it_stops_at_once(start: Start) -> None:
    payer = start("--drive", "wall", controlled=True)
    assert payer.send(emitted(residential())).status_code == 200
    assert payer.stop() in (0, -signal.SIGTERM)
    for url in (payer.url, payer.book_url):
        with pytest.raises(httpx2.ConnectError):
            payer.client.get(f"{url}/healthz")


def test_without_a_second_port_a_payer_that_is_down_says_so(driven: PayerProcess) -> None:
    driven.control("down", {"begins": "2026-03-06T11:00:00Z", "ends": "2026-03-06T13:00:00Z"})
    text = emitted(residential())
    assert driven.send(text, at=NOON).status_code == 503
    assert driven.messages() == []
    assert driven.send(text, at="2026-03-06T13:00:00Z").status_code == 200


def test_an_outage_outlives_the_process(start: Start) -> None:
    before = start("--drive", "driven")
    before.control("down")
    before.stop()
    after = start("--drive", "driven")
    assert after.send(emitted(residential()), at=NOON).status_code == 503
    assert after.control("up")["switched_off"] is False


def test_a_window_that_ends_before_it_begins_is_refused(driven: PayerProcess) -> None:
    backwards = {"begins": "2026-03-06T13:00:00Z", "ends": "2026-03-06T11:00:00Z"}
    assert driven.client.post(f"{driven.url}/control/down", json=backwards).status_code == 422
