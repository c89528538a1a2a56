"""Continued stay: reviews that go by themselves, by machine and by telephone, over a weekend and a holiday; and a payer
that changes its mind while the worker dies (AUTH-04, AUTH-06, AUTH-12, E32, E37, E60, D2)."""

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from local.rehearsal.driver import WINDOW
from tests.journeys.review_audit import AUDIT
from tests.journeys.review_story import Clockwork, Person, Told, moment

START = moment("2026-05-21 10:00")
"""A Thursday; the Monday after it is Memorial Day, when these payers do not work."""
WEST = "America/Los_Angeles"


def days(month: int, first: int, last: int) -> list[date]:
    return [date(2026, month, day) for day in range(first, last + 1)]


async def ten_days_in_detox(p: Person) -> None:
    """5 days granted at first, 3 with each review; nobody but the clock asks for them."""
    p.admit(1, "meridian", "3.7-WM")
    await p.until("2026-05-31 14:00")
    p.stage.clear_alerts()
    p.seen["case"] = p.reviewer.case()
    p.stage.end("completed", "withdrawal managed")
    await p.until("2026-06-01 10:00")


async def by_telephone(p: Person) -> None:
    """The same with a payer in the west that takes nothing but calls: references and times are kept (AUTH-12)."""
    p.admit(2, "summit", "3.7-WM")
    await p.until("2026-05-21 13:00")
    p.reviewer.tell_by_telephone(p.reviewer.request("initial"), "CALL-0001")
    p.reviewer.hear("A1", "CALL-0002", number="TEL-1", criteria="criteria set 4", reviewer_credentials="RN")
    await p.until("2026-05-22 15:00")
    extension = p.reviewer.request("concurrent")
    p.reviewer.tell_by_telephone(extension, "CALL-0003")
    await p.until("2026-05-22 16:00")
    p.reviewer.hear(
        "A3", "CALL-0004", request_id=extension["id"], reason="0F", criteria="criteria set 4", reviewer_credentials="MD",
        rationale="they say that a lower level would do",
    )  # fmt: skip
    await p.until("2026-05-22 16:30")
    p.reviewer.schedule_call(moment("2026-05-23 09:00"))
    await p.until("2026-05-23 09:30")
    p.reviewer.call("overturned", number="TEL-1", units=3, call_reference="CALL-0005", reviewer_credentials="MD")
    await p.until("2026-05-28 11:00")
    p.stage.clear_alerts()
    p.stage.end("completed", "withdrawal managed")
    await p.until("2026-05-29 10:00")


async def contradicted(p: Person) -> None:
    """Granted, taken back a day later, granted again; the worker dies while the reviewer asks for more."""
    p.admit(3, "bluestone", "3.7", "A1V1A1")
    await p.until("2026-05-21 12:00")
    cut_while_asking(p, {"units": 2, "from_date": "2026-05-28", "through_date": "2026-05-29"})
    await p.until("2026-05-23 06:00")
    p.seen["taken back"] = (p.reviewer.case()["status"], p.days())
    await p.until("2026-05-24 10:00")
    p.seen["granted again"] = p.reviewer.case()
    p.stage.end("completed", "goals met")
    await p.until("2026-05-25 10:00")


def cut_while_asking(p: Person, body: dict[str, Any]) -> None:
    """The caller does not wait, the worker's power goes, and the same command comes again under its key."""
    path, key = f"/v1/authorizations/{p.reviewer.case_id}/reviews", "cut-while-asking"
    headers = {**p.stage.caller._headers("reviewer"), "Idempotency-Key": key}
    with httpx2.Client(base_url=p.house.url, timeout=0.05) as client, contextlib.suppress(httpx2.HTTPError):
        client.post(path, json=body, headers=headers)
    p.house.kill("worker")
    p.house.start_part("worker")
    p.house.wait_ready()
    p.stage.caller.post("reviewer", path, body, key=key)


@pytest.fixture(scope="module")
def told(clockwork: Clockwork) -> Told:
    return clockwork.tell(START, {"detox": ten_days_in_detox, "telephone": by_telephone, "contradicted": contradicted})


@pytest.mark.parametrize("name", AUDIT)
def test_the_record_holds(told: Told, name: str) -> None:
    assert AUDIT[name](told) == []


def asked_at(p: Person) -> list[tuple[datetime, str]]:
    """When each continued-stay request was made, and for days from when."""
    return [(at, detail["from"]) for at, detail in p.happened("authorization_review_requested")]


def within_a_step(found: list[datetime], due: list[datetime]) -> bool:
    """The driver takes what is due within the same hour in one step (D7)."""
    return len(found) == len(due) and all(d <= f <= d + WINDOW for f, d in zip(found, due, strict=True))


REVIEWS = ["2026-05-22 12:00", "2026-05-27 12:00", "2026-05-29 12:00"]
"""Noon of the business day before the last covered day. 25 May is a holiday after a weekend: Friday the 22nd; the
28th: Wednesday; the 31st is a Sunday: Friday the 29th (AUTH-04, E37)."""


def test_reviews_go_by_themselves_before_weekend_and_holiday(told: Told) -> None:
    p = told.person("detox")
    due = [moment(words) for words in REVIEWS]
    assert [d for _, d, _ in p.items("review_due")] == due
    assert within_a_step([opened for opened, _, _ in p.items("review_due")], due)
    assert within_a_step([at for at, _ in asked_at(p)], due)
    assert [first for _, first in asked_at(p)] == ["2026-05-26", "2026-05-29", "2026-06-01"]
    assert [status for _, _, status in p.items("review_due")] == ["done"] * 3
    assert p.items("authorization_lapsed") == []


def test_ten_days_use_ten_of_fourteen_units_and_are_covered_each(told: Told) -> None:
    p = told.person("detox")
    assert [(d[0], d[1], d[2], d[3], d[4]) for d in p.days()] == [
        (day, "3.7-WM", "meridian", "covered", Decimal("1150.00")) for day in days(5, 21, 30)
    ]
    assert (p.seen["case"]["granted_units"], p.seen["case"]["last_covered_day"]) == (14, "2026-06-03")
    (case,) = p.rows('SELECT status, end_dated_on, granted_units, listed FROM "authorization" WHERE episode_id = %(e)s')
    assert case[:2] == ("end_dated", date(2026, 5, 30))
    used = p.rows(
        "SELECT g.from_date, g.units, count(c.id) FROM authorization_grant g LEFT JOIN charge c ON c.grant_id = g.id "
        "AND c.status = 'live' WHERE g.episode_id = %(e)s GROUP BY g.id ORDER BY g.from_date"
    )
    assert [(first.day, units, count) for first, units, count in used] == [
        (21, 5, 5), (26, 3, 3), (29, 3, 2), (1, 3, 0)
    ]  # fmt: skip


def test_by_telephone_the_same_happens_with_a_reference_for_each_call(told: Told) -> None:
    p = told.person("telephone")
    assert [(d[0], d[3]) for d in p.days()] == [(day, "covered") for day in days(5, 21, 27)]
    due = [moment(words, WEST) for words in REVIEWS[:2]]
    assert [d for _, d, _ in p.items("review_due")] == due
    assert within_a_step([at for at, _ in asked_at(p)], due)
    assert len(p.items("contact_payer")) == 4, "three questions and the notice of discharge"
    said = p.rows(
        "SELECT d.action, d.source, d.call_reference, d.criteria, d.reviewer_credentials, d.evidence_id IS NOT NULL "
        "FROM authorization_decision d JOIN authorization_request r ON r.id = d.request_id WHERE r.episode_id = %(e)s "
        "AND d.source NOT IN ('x12', 'pas') ORDER BY d.arrival"
    )
    assert said == [
        ("A1", "by_hand", "CALL-0002", "criteria set 4", "RN", False),
        ("A3", "by_hand", "CALL-0004", "criteria set 4", "MD", True),
        ("A1", "peer_to_peer", "CALL-0005", None, "MD", False),
    ]
    left = p.rows(
        "SELECT m.kind, m.status, count(d.id) FROM exchange_message m JOIN disclosure d ON d.message_id = m.id "
        "WHERE d.episode_id = %(e)s GROUP BY m.id ORDER BY m.at"
    )
    assert left == [("telephone", "sent", 1)] * 3, "two requests read out, and the call between physicians"


def test_what_was_taken_back_stood_open_and_is_covered_again(told: Told) -> None:
    """E32, AUTH-08, AUTH-09: the last valid answer wins, and nothing earlier is deleted."""
    p = told.person("contradicted")
    status, during = p.seen["taken back"]
    assert status == "voided"
    assert [(d[0], d[3]) for d in during] == [(day, "uncovered") for day in days(5, 21, 22)]
    assert p.seen["granted again"]["granted_units"] == 9
    assert [(d[0], d[3]) for d in p.days()] == [(day, "covered") for day in days(5, 21, 24)]
    states = p.rows("SELECT state, count(*) FROM authorization_grant WHERE episode_id = %(e)s GROUP BY 1 ORDER BY 1")
    assert states == [("active", 2), ("voided_by_payer", 2)]
    assert len(p.items("authorization_voided")) == 2
    assert [s for _, _, s in p.items("authorization_voided")] == ["done"] * 2


def test_the_worker_s_death_made_one_request_of_one_command(told: Told) -> None:
    p = told.person("contradicted")
    assert asked_at(p) == [(moment("2026-05-21 12:00").astimezone(UTC), "2026-05-28")]
    sent = p.rows(
        "SELECT r.kind, r.attempts, count(m.id) FROM authorization_request r LEFT JOIN exchange_message m "
        "ON m.subject_id = r.id AND m.direction = 'out' WHERE r.episode_id = %(e)s AND r.kind <> 'discharge' "
        "GROUP BY r.id ORDER BY r.requested_at"
    )
    assert sent == [("initial", 1, 1), ("concurrent", 1, 1)]
