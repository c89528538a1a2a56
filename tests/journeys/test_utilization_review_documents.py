"""Documents that a payer waits for, a coverage found after a weekend's admission, another payer in mid-stay (AUTH-08,
AUTH-12, E26, E30, E38)."""

from datetime import UTC, date
from decimal import Decimal
from typing import Any

import pytest

from tests.journeys.review_audit import AUDIT
from tests.journeys.review_story import Clockwork, Person, Told, moment

START = moment("2026-07-06 10:00")
"""A Monday."""


async def documents(p: Person) -> None:
    """Pended until documents come, 48 hours at most; they go the next morning and bring the approval."""
    p.admit(21, "bluestone", "3.7", "I48")
    p.seen["pended"] = p.reviewer.case()
    await p.until("2026-07-07 09:00")
    p.seen["days before"] = p.days()
    p.reviewer.send_documents("ATT-21-1", "ATT-21-2")
    await p.until("2026-07-08 09:00")
    p.seen["decided"] = p.reviewer.case()
    p.stage.end("completed", "goals met")
    await p.until("2026-07-09 10:00")


async def documents_missed(p: Person) -> None:
    """Nobody sends them: the time passes once, and the payer denies."""
    p.admit(22, "meridian", "3.7", "I48")
    await p.until("2026-07-09 09:00")
    p.seen["days before"] = p.days()
    p.stage.end("completed", "goals met")
    await p.until("2026-07-10 10:00")


async def weekend(p: Person) -> None:
    """In on a Saturday night without a known payer; the plan is found on Monday and decides a day later."""
    await p.until("2026-07-11 22:00")
    p.admit(23, "self_pay", "3.5")
    await p.until("2026-07-13 11:00")
    p.seen["before"] = p.days()
    change(p, "meridian", "2026-07-11", "coverage_found", "MB900000023P24")
    await p.until("2026-07-14 09:00")
    p.seen["at risk"] = p.days()
    await p.until("2026-07-16 10:00")
    p.seen["case"] = p.reviewer.cases("meridian")[-1]
    p.stage.end("completed", "goals met")
    await p.until("2026-07-17 10:00")


async def another_payer(p: Person) -> None:
    """The plan changes on the twelfth day: each payer is asked for its own days and pays them at its own price."""
    p.admit(24, "statecare", "3.5")
    await p.until("2026-07-17 09:00")
    change(p, "meridian", "2026-07-17", "plan_changed", "MB900000024")
    await p.until("2026-07-20 10:00")
    p.seen["page"] = p.stage.page()
    p.stage.sign_presented()
    p.stage.end("completed", "goals met")
    await p.until("2026-07-21 10:00")


def change(p: Person, payer: str, first: str, reason: str, member_id: str) -> None:
    body = {
        "act": "switch", "payer": payer, "from_date": first, "reason": reason, "member_id": member_id,
        "version": p.stage.page()["version"],
    }  # fmt: skip
    p.stage.post("admissions", f"/v1/episodes/{p.stage.episode}/coverages", body)


@pytest.fixture(scope="module")
def told(clockwork: Clockwork) -> Told:
    return clockwork.tell(
        START,
        {"documents": documents, "missed": documents_missed, "weekend": weekend, "switched": another_payer},
    )


@pytest.mark.parametrize("name", AUDIT)
def test_the_record_holds(told: Told, name: str) -> None:
    assert AUDIT[name](told) == []


def covered(rows: list[tuple[Any, ...]]) -> list[tuple[int, str, str]]:
    """(day, payer, how it is authorized)."""
    return [(row[0].day, row[2], row[3]) for row in rows]


def clocks(p: Person) -> list[tuple[Any, ...]]:
    return p.rows(
        'SELECT c.name, c.paused_seconds, c.outcome FROM authorization_clock c JOIN "authorization" a '
        "ON a.id = c.authorization_id WHERE a.episode_id = %(e)s AND c.name <> 'appeal_filing' "
        "AND c.name <> 'peer_to_peer' ORDER BY c.started_at, c.name"
    )


def test_the_payer_s_clock_stands_still_while_it_waits_for_documents(told: Told) -> None:
    p = told.person("documents")
    assert p.seen["pended"]["status"] == "information_requested"
    ((_, due, status),) = p.items("information_requested")
    assert (due, status) == (moment("2026-07-08 10:00"), "done")
    assert clocks(p) == [
        ("decision_urgent", 23 * 3600, "met"),
        ("information", 0, "met"),
        ("decision_after_information", 0, "met"),
    ]
    assert p.items("information_late") == p.items("payer_late") == []


def test_documents_bring_the_decision_and_the_days_are_covered(told: Told) -> None:
    p = told.person("documents")
    assert covered(p.seen["days before"]) == [(6, "bluestone", "at_risk")]
    assert p.seen["decided"]["status"] == "approved"
    assert covered(p.days()) == [(day, "bluestone", "covered") for day in (6, 7, 8)]
    sent = p.rows(
        "SELECT r.kind, d.content FROM disclosure d JOIN authorization_request r ON r.id = d.subject_id "
        "WHERE d.episode_id = %(e)s AND r.kind <> 'discharge' ORDER BY d.intent_at"
    )
    assert sent == [("initial", "authorization_request"), ("information", "clinical_attachment")]
    (left,) = p.rows("SELECT through_date FROM authorization_request WHERE episode_id = %(e)s AND kind = 'discharge'")
    assert left == (date(2026, 7, 8),), "the payer is told the day of leaving, which its contract pays"
    (sheets,) = p.rows(
        "SELECT attachments FROM authorization_request WHERE episode_id = %(e)s AND kind = 'information'"
    )
    assert [a["control_number"] for a in sheets[0]] == ["ATT-21-1", "ATT-21-2"]


def test_documents_that_nobody_sends_are_missed_once_and_the_denial_opens_its_ways(told: Told) -> None:
    p = told.person("missed")
    ((opened, _, _),) = p.items("information_late")
    assert opened == moment("2026-07-08 10:00").astimezone(UTC)
    assert len(p.items("authorization_denied")) == 1
    assert covered(p.seen["days before"]) == [(day, "meridian", "uncovered") for day in (6, 7, 8)]
    (denied,) = p.happened("authorization_denied")
    assert denied[1]["reason"] == "0P"


def test_a_plan_found_after_the_weekend_is_asked_looking_back(told: Told) -> None:
    """E26: UM10 says why it comes late; its days are at risk until the answer, then priced again as covered."""
    p = told.person("weekend")
    assert covered(p.seen["before"]) == [(day, "self_pay", "not_required") for day in (11, 12)]
    (asked,) = p.rows(
        "SELECT kind, delay_reason, from_date, urgent FROM authorization_request WHERE episode_id = %(e)s "
        "AND kind <> 'discharge'"
    )
    assert asked == ("retrospective", "1", date(2026, 7, 11), False)
    assert covered(p.seen["at risk"]) == [(day, "meridian", "at_risk") for day in (11, 12, 13)]
    assert covered(p.days()) == [(day, "meridian", "covered") for day in (11, 12, 13, 14, 15)]
    assert {row[4] for row in p.days()} == {Decimal("824.00")}
    assert ("decision_retrospective", 0, "met") in clocks(p)


def test_each_payer_pays_its_own_days(told: Told) -> None:
    """E38. The first plan pays the day of leaving and not of admission; the second the other way round."""
    p = told.person("switched")
    first = [(date(2026, 7, day), "statecare", "covered", Decimal("416.15")) for day in range(7, 17)]
    second = [(date(2026, 7, day), "meridian", "covered", Decimal("824.00")) for day in (17, 18, 19)]
    assert [(d[0], d[2], d[3], d[4]) for d in p.days()] == first + second
    cases = p.rows(
        'SELECT payer, status, end_dated_on, from_date FROM "authorization" WHERE episode_id = %(e)s ORDER BY from_date'
    )
    assert [c[:3] for c in cases] == [
        ("statecare", "end_dated", date(2026, 7, 16)), ("meridian", "end_dated", date(2026, 7, 19))
    ]  # fmt: skip
    assert cases[1][3] == date(2026, 7, 17)
    assert p.seen["page"]["payer"] == "meridian"


def test_what_the_first_payer_was_asked_for_later_is_taken_back_there(told: Told) -> None:
    """Its review was due on the 16th and went by itself for days from the 20th on, which it does not pay any more."""
    p = told.person("switched")
    ((_, due, status),) = p.items("review_due")
    assert due == moment("2026-07-16 15:00", "America/Denver"), "three days before, at the cut-off in its own zone"
    assert status == "done"
    kinds = p.rows(
        'SELECT r.kind, r.status FROM authorization_request r JOIN "authorization" a ON a.id = r.authorization_id '
        "WHERE r.episode_id = %(e)s AND a.payer = 'statecare' ORDER BY r.requested_at, r.kind"
    )
    assert ("initial", "approved") in kinds
    assert [k for k, _ in kinds].count("concurrent") == 1
