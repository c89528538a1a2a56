"""Answers that are not what was asked: a lower level taken or contested, a call between physicians, two appeals and an
external review (AUTH-07, AUTH-08, AUTH-12 to AUTH-14, E27, E46, E47)."""

from datetime import UTC, date
from typing import Any

import pytest

from tests.journeys.review_audit import AUDIT
from tests.journeys.review_story import Clockwork, Person, Told, moment

START = moment("2026-06-15 10:00")
"""A Monday."""


async def lower_level_taken(p: Person) -> None:
    """The payer grants 2.5 for 3.5; the team agrees, and the clinician asks for the move."""
    rule = {"member_suffix": "0011", "nth": 1, "script": {"steps": [{"say": "approve_lower_level"}]}}
    p.tell_payer(p.house.payer_url, **rule)
    p.admit(11, "meridian", "3.5")
    await p.until("2026-06-16 09:00")
    p.seen["offered"] = (p.stage.page()["level"], p.reviewer.case())
    p.seen["days before"] = p.days()
    p.reviewer.choose("accept_and_transfer")
    p.seen["wanted"] = p.items("transition_wanted")
    p.seen["level after choice"] = p.stage.page()["level"]
    await p.until("2026-06-17 09:00")
    p.stage.rate("2.5")
    p.stage.move("2.5")
    await p.until("2026-06-19 09:00")
    p.seen["after"] = p.stage.page()
    p.stage.end("completed", "goals met")
    await p.until("2026-06-20 10:00")


async def lower_level_contested(p: Person) -> None:
    """The same answer; the patient stays while the appeal runs, with the financial notice, and wins."""
    p.admit(12, "meridian", "3.5", "LG")
    await p.until("2026-06-17 09:00")
    p.seen["days before"] = p.days()
    p.reviewer.choose("appeal_and_stay")
    p.seen["notice"] = p.items("financial_notice")
    await p.until("2026-06-19 09:00")
    p.seen["case"] = p.reviewer.case()
    p.stage.end("completed", "goals met")
    await p.until("2026-06-20 10:00")


async def overturned_by_call(p: Person) -> None:
    """Denied; the call is set, our clinician misses it, it is set again within the window, and the payer gives in."""
    p.admit(13, "meridian", "3.7", "D")
    await p.until("2026-06-15 15:00")
    p.seen["denied"] = p.reviewer.case()
    p.reviewer.schedule_call(moment("2026-06-16 10:00"))
    await p.until("2026-06-16 10:30")
    p.reviewer.call("clinician_absent")
    p.seen["again"] = p.items("peer_to_peer_again")
    p.seen["days before"] = p.days()
    p.reviewer.schedule_call(moment("2026-06-17 14:00"))
    await p.until("2026-06-17 17:00")
    p.seen["outcome"] = p.items("peer_to_peer_outcome")
    p.reviewer.call(
        "overturned", call_reference="P2P-77", number="CERT-13", units=10, criteria="criteria set 4",
        reviewer_credentials="MD, addiction psychiatry", rationale="withdrawal history was not before them",
    )  # fmt: skip
    await p.until("2026-06-19 12:00")
    p.seen["case"] = p.reviewer.case()
    p.stage.end("completed", "goals met")
    await p.until("2026-06-20 10:00")


async def external_review(p: Person) -> None:
    """Two appeals fail; the external review succeeds weeks after the patient left (E47)."""
    p.admit(14, "meridian", "3.5", "DHH48")
    await p.until("2026-06-15 14:00")
    p.reviewer.appeal(expedited=True, rationale="urgent: the treating physician appeals")
    await p.until("2026-06-16 09:00")
    p.seen["first"] = disputes(p)
    p.reviewer.appeal(representative="form", rationale="second level, with the signed form")
    await p.until("2026-06-19 09:00")
    p.seen["second"] = disputes(p)
    p.stage.end("financial", "denied twice; left for outpatient care")
    await p.until("2026-06-22 09:00")
    p.seen["uncovered"] = p.days()
    p.seen["open after leaving"] = p.reviewer.case()
    p.reviewer.appeal("external_review", representative="form", call_reference="IRO-1")
    await p.until("2026-07-02 09:00")
    p.reviewer.hear(
        "A1", "IRO-2", request_id=p.reviewer.request("external_review")["id"], number="IRO-14",
        from_date="2026-06-15", through_date="2026-06-28", units=14, reviewer_credentials="independent MD",
    )  # fmt: skip
    await p.until("2026-07-03 09:00")
    p.seen["case"] = p.reviewer.case()


def disputes(p: Person) -> list[tuple[Any, ...]]:
    return p.rows(
        "SELECT d.kind, d.level, d.status FROM authorization_dispute d JOIN authorization_request r "
        "ON r.id = d.request_id WHERE r.episode_id = %(e)s ORDER BY d.opened_at, d.kind DESC, d.level"
    )


@pytest.fixture(scope="module")
def told(clockwork: Clockwork) -> Told:
    return clockwork.tell(
        START,
        {
            "taken": lower_level_taken,
            "contested": lower_level_contested,
            "call": overturned_by_call,
            "external": external_review,
        },
    )


@pytest.mark.parametrize("name", AUDIT)
def test_the_record_holds(told: Told, name: str) -> None:
    assert AUDIT[name](told) == []


def one_case(p: Person, level: str) -> tuple[Any, ...]:
    (found,) = p.rows(
        'SELECT status, granted_level, granted_units, end_dated_on FROM "authorization" '
        "WHERE episode_id = %(e)s AND level = %(l)s",
        l=level,
    )
    return found


def covered(rows: list[tuple[Any, ...]]) -> list[tuple[int, str, str]]:
    return [(row[0].day, row[1], row[3]) for row in rows]


def test_the_level_changes_when_the_clinician_asks_and_not_before(told: Told) -> None:
    """AUTH-07, E27: accept and transfer; the old case ends the day before the move."""
    p = told.person("taken")
    level, offered = p.seen["offered"]
    assert (level, offered["status"], offered["granted_level"]) == ("3.5", "partial", "2.5")
    assert p.seen["level after choice"] == "3.5"
    assert [status for _, _, status in p.seen["wanted"]] == ["open"]
    moved = moment("2026-06-17 09:00").astimezone(UTC)
    closed = p.rows("SELECT status, resolved_at FROM open_item WHERE episode_id = %(e)s AND kind = 'transition_wanted'")
    assert closed == [("done", moved)]
    assert (p.seen["after"]["level"], p.seen["after"]["authorized_level"]) == ("2.5", "2.5")
    assert one_case(p, "3.5") == ("end_dated", "2.5", 14, date(2026, 6, 16))
    assert covered(p.days()) == [(15, "3.5", "uncovered"), (16, "3.5", "uncovered")]
    assert {status for _, _, status in disputes(p)} == {"withdrawn"}


def test_appeal_and_stay_gives_notice_and_wins_the_days_back(told: Told) -> None:
    p = told.person("contested")
    assert [status for _, _, status in p.seen["notice"]] == ["open"]
    assert covered(p.seen["days before"]) == [(15, "3.5", "uncovered"), (16, "3.5", "uncovered")]
    assert covered(p.days()) == [(day, "3.5", "covered") for day in (15, 16, 17, 18)]
    assert disputes(p) == [("peer_to_peer", 0, "withdrawn"), ("appeal", 1, "overturned")]
    (asked,) = p.rows("SELECT urgent, status FROM authorization_request WHERE episode_id = %(e)s AND kind = 'appeal'")
    assert asked == (True, "approved")


def test_a_missed_call_is_set_anew_within_the_window_and_overturns(told: Told) -> None:
    """E46, AUTH-13: the window of 72 hours runs on while the call is set."""
    p = told.person("call")
    assert p.seen["denied"]["status"] == "denied"
    ((_, due, status),) = p.seen["again"]
    assert (due, status) == (moment("2026-06-18 10:00"), "open")
    ((opened, _, _),) = p.seen["outcome"]
    assert opened == moment("2026-06-17 15:00").astimezone(UTC), "an hour after the call"
    assert [len(p.happened(f"authorization_peer_to_peer_{k}")) for k in ("scheduled", "absent", "overturned")] == [
        2,
        1,
        1,
    ]
    assert covered(p.seen["days before"]) == [(15, "3.7", "uncovered")]
    assert covered(p.days()) == [(day, "3.7", "covered") for day in (15, 16, 17, 18)]
    assert disputes(p) == [("peer_to_peer", 0, "overturned"), ("appeal", 1, "withdrawn")]
    (kept,) = p.rows(
        "SELECT d.number, d.call_reference, d.criteria, d.reviewer_credentials, e.kind FROM authorization_decision d "
        "JOIN case_evidence e ON e.id = d.evidence_id JOIN authorization_request r ON r.id = d.request_id "
        "WHERE r.episode_id = %(e)s"
    )
    assert kept == ("CERT-13", "P2P-77", "criteria set 4", "MD, addiction psychiatry", "call")


def test_the_external_review_covers_the_days_stayed_and_no_more(told: Told) -> None:
    """E47: the patient left on the 19th; the case lived on, and the grant covers backwards until then."""
    p = told.person("external")
    assert p.seen["first"] == [("peer_to_peer", 0, "open"), ("appeal", 1, "upheld"), ("appeal", 2, "open")]
    assert p.seen["second"][-1] == ("external_review", 0, "open")
    assert covered(p.seen["uncovered"]) == [(day, "3.5", "uncovered") for day in (15, 16, 17, 18)]
    assert p.seen["open after leaving"]["status"] == "end_dated"
    assert covered(p.days()) == [(day, "3.5", "covered") for day in (15, 16, 17, 18)]
    assert one_case(p, "3.5") == ("end_dated", "3.5", 14, date(2026, 6, 18))
    assert disputes(p)[-1] == ("external_review", 0, "overturned")
    later = p.rows("SELECT count(*) FROM authorization_request WHERE episode_id = %(e)s AND kind = 'concurrent'")
    assert later == [(0,)], "nobody asks for a continued stay of somebody who left"
    clocks = p.rows(
        'SELECT c.name, c.outcome FROM authorization_clock c JOIN "authorization" a ON a.id = c.authorization_id '
        "WHERE a.episode_id = %(e)s AND c.name IN ('appeal_decision', 'appeal_decision_urgent', 'external_decision') "
        "ORDER BY c.started_at"
    )
    assert clocks == [("appeal_decision_urgent", "met"), ("appeal_decision", "met"), ("external_decision", "met")]
