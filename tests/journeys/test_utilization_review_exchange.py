"""A payer that is away for two days while another works on, and one that takes a request and says nothing (E82, E95)."""

from datetime import UTC, timedelta
from typing import Any

import httpx2
import pytest

from local.rehearsal.driver import WINDOW
from tests.journeys.review_audit import AUDIT
from tests.journeys.review_story import Clockwork, Person, Told, moment

START = moment("2026-07-27 09:00")
"""A Monday."""
DOWN, UP = moment("2026-07-27 09:30"), moment("2026-07-29 09:30")


async def first_in_line(p: Person) -> None:
    """Also takes the payer away, and looks at its line while it is."""
    httpx2.post(
        f"{p.house.apart_url}/control/down", json={"begins": DOWN.isoformat(), "ends": UP.isoformat()}, timeout=20
    ).raise_for_status()
    await stayed(p, 31, "2026-07-27 10:00")


async def stayed(p: Person, number: int, since: str) -> None:
    await p.until(since)
    p.admit(number, "statecare", "3.5")
    await p.until("2026-07-28 12:00")
    p.seen["away"] = (p.reviewer.case(), line(p, "statecare"), line(p, "meridian"), p.days())
    await p.until("2026-07-29 12:00")
    p.seen["back"] = (p.reviewer.case(), line(p, "statecare"))
    await p.until("2026-07-30 10:00")
    p.stage.end("completed", "goals met")
    await p.until("2026-07-31 10:00")


async def second_in_line(p: Person) -> None:
    await stayed(p, 32, "2026-07-27 12:00")


async def third_in_line(p: Person) -> None:
    await stayed(p, 33, "2026-07-27 15:00")


async def beside(p: Person) -> None:
    """Another payer, at the same time."""
    await p.until("2026-07-27 13:00")
    p.admit(34, "meridian", "3.5")
    p.seen["case"] = p.reviewer.case()
    await p.until("2026-07-30 10:00")
    p.stage.end("completed", "goals met")
    await p.until("2026-07-31 10:00")


async def unanswered(p: Person) -> None:
    """The payer keeps the case and lets the call run into its time-out; asked by X215, it says what it decided."""
    await p.until("2026-07-28 10:00")
    p.admit(35, "meridian", "3.7", "T")
    await p.part.settle()
    p.seen["at first"] = p.reviewer.case()
    await p.until("2026-07-28 12:00")
    p.seen["asked"] = p.reviewer.case()
    await p.until("2026-07-30 10:00")
    p.stage.end("completed", "goals met")
    await p.until("2026-07-31 10:00")


def line(p: Person, payer: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        row for row in p.stage.caller.get("reviewer", "/v1/payers")["items"] if row["payer"] == payer
    )
    return found


@pytest.fixture(scope="module")
def told(clockwork: Clockwork) -> Told:
    return clockwork.tell(
        START,
        {
            "first": first_in_line,
            "second": second_in_line,
            "third": third_in_line,
            "beside": beside,
            "unanswered": unanswered,
        },
    )


QUEUE = ("first", "second", "third")


@pytest.mark.parametrize("name", AUDIT)
def test_the_record_holds(told: Told, name: str) -> None:
    assert AUDIT[name](told) == []


@pytest.mark.parametrize("name", QUEUE)
def test_requests_are_held_and_the_other_roads_are_shown(told: Told, name: str) -> None:
    p = told.person(name)
    case, statecare, meridian, days = p.seen["away"]
    assert case["status"] == "held"
    assert (statecare["state"], statecare["held"]) == ("open", 3)
    assert statecare["fallback"]["telephone"]
    assert statecare["fallback"]["fax"]
    assert (meridian["state"], meridian["held"]) == ("closed", 0)
    assert all(row[3] == "at_risk" for row in days)
    ((opened, _, status),) = p.items("payer_unreachable")
    assert status == "done"
    assert opened < UP


def test_they_go_oldest_first_when_the_payer_is_back_and_each_once(told: Told) -> None:
    """E95, E96: in the order of their asking, in our book and in the payer's."""
    asked = [
        told.person(name).rows(
            "SELECT requested_at, sent_at, trace FROM authorization_request WHERE episode_id = %(e)s AND kind = 'initial'"
        )[0]
        for name in QUEUE
    ]
    assert asked == sorted(asked)
    assert all(UP <= sent <= UP + timedelta(minutes=30) + WINDOW for _, sent, _ in asked)
    book = httpx2.get(f"{told.house.apart_url}/book/messages", timeout=20).json()["messages"]
    traces = [trace for _, _, trace in asked]
    assert [m["trace"] for m in book if m["direction"] == "in" and m["trace"] in traces] == traces
    for name in QUEUE:
        case, statecare = told.person(name).seen["back"]
        assert case["status"] == "approved"
        assert (statecare["state"], statecare["held"]) == ("closed", 0)
        assert {row[3] for row in told.person(name).days()} == {"covered"}


def test_another_payer_s_requests_did_not_wait(told: Told) -> None:
    p = told.person("beside")
    assert p.seen["case"]["status"] == "approved"
    ((asked, sent),) = p.rows(
        "SELECT requested_at, sent_at FROM authorization_request WHERE episode_id = %(e)s AND kind = 'initial'"
    )
    assert asked == sent == moment("2026-07-27 13:00").astimezone(UTC)
    assert p.items("payer_unreachable") == []


def test_a_time_out_is_settled_by_an_inquiry_and_nothing_is_sent_again(told: Told) -> None:
    p = told.person("unanswered")
    assert p.seen["at first"]["status"] == "timed_out"
    assert p.seen["asked"]["status"] == "approved"
    ((ident, attempts, inquiries, trace),) = p.rows(
        "SELECT id, attempts, inquiries, trace FROM authorization_request WHERE episode_id = %(e)s AND kind = 'initial'"
    )
    assert (attempts, inquiries) == (1, 1)
    book = httpx2.get(f"{told.house.payer_url}/book/messages", timeout=20).json()["messages"]
    came = [m["kind"] for m in book if m["direction"] == "in" and m["trace"] == trace]
    assert came == ["I"]
    for kind in ("authorization_no_answer", "payer_inquiry"):
        # Its notice of discharge is kept in silence too, and settled the same way.
        assert [d["request"] for _, d in p.happened(kind)].count(str(ident)) == 1
    assert {row[3] for row in p.days()} == {"covered"}
