"""Answers of a payer on real rows: which stands, what is granted, what is priced again (E26 to E34, AUTH-06 to AUTH-09)."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from activities.midnight import MidnightActivities
from definitions.authorization import RecordDecision
from definitions.vocabulary import AuthorizationStatus
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.repositories.case_end import end_date_case
from tests.activities import nights
from tests.activities.case_desk import FIRST, PLACE, Desk, desk
from tests.activities.nights import at, on

NOW = at("2026-03-06 15:00")


async def end(session: AsyncSession, one: Desk) -> None:
    """What a discharge does to the case."""
    await end_date_case(session, case_id=one.case_id, on=on("2026-03-09"), key="discharge", now=at("2026-03-10 10:00"))


async def states(one: Desk) -> list[tuple[int, str]]:
    rows = await one.rows(
        "SELECT service_date, authorization_state FROM charge WHERE episode_id = :episode AND status = 'live' "
        "ORDER BY service_date"
    )
    return [(row[0].day, row[1]) for row in rows]


async def test_an_approval_grants_and_sets_the_review(database: Database) -> None:
    one = await desk(database)
    record = await one.answer("A1", 14, now=NOW)
    case = await one.case()
    assert (case.status, case.granted_units, case.last_covered_day) == ("approved", 14, on("2026-03-20"))
    assert [d.kind for d in record.deadlines] == ["review_due", "last_covered_day"]
    assert (case.next_action, case.next_action_owner) == ("send_review", "reviewer")


async def test_a_pend_or_a_data_problem_that_comes_late_takes_no_grant_away(database: Database) -> None:
    """E32; before, any later answer of the request superseded the approval and its days lost their cover."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW, stated=NOW)
    await one.answer("A4", now=NOW + timedelta(hours=1), stated=NOW - timedelta(hours=2))
    await one.answer("AAA", now=NOW + timedelta(hours=2), stated=NOW + timedelta(hours=2))
    case = await one.case()
    assert (case.status, case.granted_units, case.last_covered_day) == ("approved", 14, on("2026-03-20"))
    hands = MidnightActivities(database, load_catalog())
    await nights.close_all(hands, at("2026-03-10 09:00"), PLACE)
    assert await states(one) == [(7, "covered"), (8, "covered"), (9, "covered")]
    kinds = await one.rows("SELECT kind FROM timeline_entry WHERE episode_id = :episode ORDER BY id")
    assert [k for (k,) in kinds].count("authorization_answer_overtaken") == 2
    assert {r[0] for r in await one.rows(
        "SELECT superseded_by IS NULL FROM authorization_decision WHERE authorization_id = :case AND action <> 'A1'"
    )} == {False}  # fmt: skip


async def test_a_shortened_grant_re_prices_every_day_it_covered_and_the_case_follows(database: Database) -> None:
    """AUTH-08; before, only the new range was priced again and the case kept saying fourteen days."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    hands = MidnightActivities(database, load_catalog())
    await nights.close_all(hands, at("2026-03-13 09:00"), PLACE)
    assert await states(one) == [(n, "covered") for n in range(7, 13)]
    await one.answer("A6", 3, now=at("2026-03-13 10:00"))
    case = await one.case()
    assert (case.status, case.granted_units, case.last_covered_day) == ("partial", 3, on("2026-03-09"))
    await nights.close_all(hands, at("2026-03-13 11:00"), PLACE)
    assert await states(one) == [(n, "covered" if n < 10 else "uncovered") for n in range(7, 13)]
    history = await one.rows(
        "SELECT units, state FROM authorization_grant WHERE authorization_id = :case ORDER BY opened_at"
    )
    assert history == [(14, "superseded"), (3, "active")]
    assert "authorization_gap" in await one.items()


@pytest.mark.parametrize("action", ["A3", "C"])
async def test_a_grant_taken_back_is_a_rescission_that_can_be_contested(database: Database, action: str) -> None:
    """AUTH-09: the days it covered are open again, the history stays, the rights open."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    hands = MidnightActivities(database, load_catalog())
    await nights.close_all(hands, at("2026-03-10 09:00"), PLACE)
    await one.answer(action, now=at("2026-03-10 10:00"))
    case = await one.case()
    assert (case.status, case.granted_units, case.last_covered_day) == ("voided", 0, None)
    await nights.close_all(hands, at("2026-03-10 11:00"), PLACE)
    assert await states(one) == [(7, "uncovered"), (8, "uncovered"), (9, "uncovered")]
    assert await one.rows("SELECT state FROM authorization_grant WHERE authorization_id = :case") == [
        ("voided_by_payer",)
    ]
    assert "authorization_voided" in await one.items()
    disputes = await one.rows(
        "SELECT kind, level, status FROM authorization_dispute WHERE authorization_id = :case ORDER BY level"
    )
    assert disputes == [("peer_to_peer", 0, "open"), ("appeal", 1, "open")]


async def test_a_review_that_was_granted_is_owed_no_more(database: Database) -> None:
    """Its item stayed open for ever before; the next review opens its own (AUTH-04)."""
    one = await desk(database)
    await one.answer("A1", 7, now=NOW)
    record = await one.fire(at("2026-03-13 11:00"))
    assert "review_due" in await one.items()
    extension = next(r for r in await one.requests() if r.id == record.ready_request_id)
    assert (extension.kind, extension.from_date) == ("concurrent", on("2026-03-14"))
    await one.answer("A1", 7, now=at("2026-03-13 12:00"), request=extension.id, first=on("2026-03-14"))
    assert "review_due" not in await one.items()
    assert (await one.case()).last_covered_day == on("2026-03-20")


async def test_the_same_answer_in_other_bytes_changes_nothing(database: Database) -> None:
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    await one.answer("A1", 14, now=NOW + timedelta(hours=1))
    assert await one.rows("SELECT count(*) FROM authorization_grant WHERE authorization_id = :case") == [(1,)]
    assert (await one.case()).granted_units == 14


async def test_dates_shifted_by_the_payer_leave_the_first_days_a_gap(database: Database) -> None:
    """E29: approved from the 9th; the 7th and 8th are nobody's."""
    one = await desk(database)
    await one.answer("A6", 12, now=NOW, first=on("2026-03-09"))
    await nights.close_all(MidnightActivities(database, load_catalog()), at("2026-03-11 09:00"), PLACE)
    assert await states(one) == [(7, "uncovered"), (8, "uncovered"), (9, "covered"), (10, "covered")]
    assert "authorization_gap" in await one.items()


async def test_a_late_approval_after_the_patient_left_still_pays_the_days_stayed(database: Database) -> None:
    """E26, E47: the case was end-dated while the payer was thinking."""
    one = await desk(database)
    await one.answer("A4", now=NOW)
    async with database.write() as session:
        await nights.discharge(session, one.stay_id, at("2026-03-10 10:00"))
        await end(session, one)
    hands = MidnightActivities(database, load_catalog())
    await nights.close_all(hands, at("2026-03-11 09:00"), PLACE)
    assert await states(one) == [(7, "at_risk"), (8, "at_risk"), (9, "at_risk")]
    record = await one.record(at("2026-03-11 09:30"))
    assert not record.finished, "the payer still owes an answer for days that were stayed"
    record = await one.answer("A1", 14, now=at("2026-03-12 09:00"))
    await nights.close_all(hands, at("2026-03-12 10:00"), PLACE)
    assert await states(one) == [(7, "covered"), (8, "covered"), (9, "covered")]
    ready = next(r for r in await one.requests() if r.id == record.ready_request_id)
    assert ready.kind == "discharge", "the payer is told of the end, and the case waits for nothing else"
    assert (await one.case()).next_action == "send"
    assert (await one.case()).status is AuthorizationStatus.END_DATED


async def test_documents_wanted_pause_the_payers_clock_and_start_ours(database: Database) -> None:
    """Domain 4.3: evidence of start, pause and end."""
    one = await desk(database, payer="unity")
    record = await one.answer("A4", now=NOW, documents=True)
    case = await one.case()
    assert case.next_action == "send_documents"
    assert [d.kind for d in record.deadlines] == ["information_due"]
    clocks = await one.rows(
        "SELECT name, paused_at IS NOT NULL, stopped_at IS NOT NULL FROM authorization_clock "
        "WHERE authorization_id = :case ORDER BY name"
    )
    assert ("information", False, False) in clocks
    assert "information_requested" in await one.items()


async def test_a_decision_by_telephone_has_the_same_states_and_keeps_its_evidence(database: Database) -> None:
    """AUTH-12."""
    one = await desk(database, sent=False)
    fields = {"action": "A1", "units": 7, "number": "T77", "call_reference": "REF1", "criteria": "payer guideline 4",
              "reviewer_credentials": "RN"}  # fmt: skip
    outcome = await one.do("record_decision", RecordDecision, NOW, **fields)
    assert outcome.refusal is None
    case = await one.case()
    assert (case.status, case.granted_units, case.last_covered_day) == ("partial", 7, on("2026-03-13"))
    kept = await one.rows(
        "SELECT source, call_reference, criteria, reviewer_credentials, recorded_by FROM authorization_decision "
        "WHERE authorization_id = :case"
    )
    assert kept == [("by_hand", "REF1", "payer guideline 4", "RN", "reviewer")]
    (asked,) = await one.requests()
    assert asked.first_sent_at == NOW


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": "ZZ"}, "invalid_request"),
        ({"action": "A3", "units": 3}, "invalid_request"),
        ({"action": "A1", "units": 3, "through_date": FIRST - timedelta(days=1)}, "invalid_request"),
        ({"action": "A1", "units": 3, "level": "9.9"}, "unknown_level"),
        ({"action": "A1", "units": 3, "request_id": "00000000-0000-0000-0000-000000000001"}, "not_found"),
    ],
)
async def test_a_decision_that_cannot_be_is_refused_and_leaves_nothing(
    database: Database, fields: dict[str, object], code: str
) -> None:
    one = await desk(database)
    outcome = await one.do("record_decision", RecordDecision, NOW, **fields)
    assert outcome.refusal is not None
    assert outcome.refusal.code == code
    assert await one.rows("SELECT count(*) FROM authorization_decision WHERE authorization_id = :case") == [(0,)]


async def test_the_payers_clock_is_breached_once_and_the_late_answer_says_how_late(database: Database) -> None:
    """AUTH-03."""
    one = await desk(database)
    await one.fire(at("2026-03-09 11:00"))
    assert "payer_late" in await one.items()
    await one.fire(at("2026-03-09 12:00"))
    assert await one.rows("SELECT count(*) FROM open_item WHERE episode_id = :episode AND kind = 'payer_late'") == [
        (1,)
    ]
    await one.answer("A1", 14, now=at("2026-03-10 09:00"))
    ((breached, stopped, outcome),) = await one.rows(
        "SELECT breached_at, stopped_at, outcome FROM authorization_clock WHERE authorization_id = :case"
    )
    assert (breached, stopped, outcome) == (at("2026-03-09 10:00"), at("2026-03-10 09:00"), "breached")
    assert "payer_late" not in await one.items()


async def test_a_data_problem_is_owed_until_something_else_is_answered(database: Database) -> None:
    """E02; before, the item was closed by the very answer that opened it, and nobody was told."""
    one = await desk(database)
    await one.answer("AAA", now=NOW)
    assert "authorization_data_problem" in await one.items()
    await one.answer("A1", 14, now=NOW + timedelta(hours=1))
    assert "authorization_data_problem" not in await one.items()


async def test_days_at_risk_are_uncovered_once_the_payer_denies(database: Database) -> None:
    """E26: `at_risk` says asked and not granted; after a denial nobody is deciding any more."""
    one = await desk(database)
    hands = MidnightActivities(database, load_catalog())
    await nights.close_all(hands, at("2026-03-09 09:00"), PLACE)
    assert await states(one) == [(7, "at_risk"), (8, "at_risk")]
    await one.answer("A3", now=at("2026-03-09 10:00"))
    await nights.close_all(hands, at("2026-03-10 09:00"), PLACE)
    assert await states(one) == [(7, "uncovered"), (8, "uncovered"), (9, "uncovered")]
