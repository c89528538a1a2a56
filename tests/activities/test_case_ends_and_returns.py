"""Ends of cases that turn out otherwise, appeals without an object, silence that counts (AUTH-03, AUTH-08, AUTH-10, E26,
E47). Each of these failed before."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from activities.case_record import CaseHands
from definitions.authorization import RequestReview
from definitions.dispute import FileAppeal
from definitions.vocabulary import (
    ClockName,
    RequestKind,
    TransitionKind,
    TransitionStatus,
)
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import Authorization, AuthorizationClock, Transition
from storage.repositories.case_end import end_date_case, move_end
from storage.repositories.case_restatement import reopen_case
from tests.activities.case_desk import PLACE, Desk, desk
from tests.activities.nights import at, on
from tests.activities.test_case_goes_on import MORE, leaves

NOW = at("2026-03-06 15:00").astimezone(UTC)


async def appealed(one: Desk, *, left: bool) -> Any:
    await one.answer("A3", now=NOW)
    await one.do("file_appeal", FileAppeal, NOW + timedelta(hours=1), representative="form")
    appeal = next(r for r in await one.requests() if r.kind is RequestKind.APPEAL)
    if left:
        await leaves(one, NOW + timedelta(hours=1))
    return appeal


async def status_of(one: Desk, request_id: Any) -> str:
    return next(r.status.value for r in await one.requests() if r.id == request_id)


async def test_an_appeal_answered_that_nothing_was_needed_is_won(database: Database) -> None:
    """HCR01 NA on an appeal says that no authorization was required (AUTH-10): it counted as a denial upheld."""
    one = await desk(database)
    appeal = await appealed(one, left=True)
    await one.answer("NA", now=NOW + timedelta(days=1), request=appeal.id)
    rows = await one.rows("SELECT kind, status FROM authorization_dispute WHERE authorization_id = :case ORDER BY kind")
    assert rows == [("appeal", "overturned"), ("peer_to_peer", "withdrawn")]
    case = await one.case()
    assert (case.status, case.granted_units) == ("not_required", 0)
    assert not {"appeal_open", "authorization_denied", "denial_final"} & await one.items()


@pytest.mark.parametrize("left", [False, True])
async def test_an_appeal_has_no_object_once_the_payer_grants_by_itself(database: Database, left: bool) -> None:
    """Its request stayed open, was sent, and waited for an answer for ever."""
    one = await desk(database)
    appeal = await appealed(one, left=left)
    record = await one.answer("A1", 14, now=NOW + timedelta(days=1))
    assert await status_of(one, appeal.id) == "cancelled"
    assert record.ready_request_id is None
    assert [d.kind for d in record.deadlines if d.subject_id == str(appeal.id)] == []
    assert ("appeal_without_object" in await one.items()) is left, "who has it is told by a person"


async def scheduled(one: Desk, effective_at: Any) -> Any:
    move = uuid4()
    async with one.database.write() as session:
        session.add(
            Transition(
                id=move, episode_id=one.who.episode_id, facility=PLACE, kind=TransitionKind.STEP_DOWN,
                from_level="3.5", to_level="2.5", program=None, rationale="better", requested_by="c",
                requested_at=NOW, effective_at=effective_at, status=TransitionStatus.SCHEDULED,
            )
        )  # fmt: skip
    return move


async def test_no_days_are_asked_for_that_a_scheduled_move_ends(database: Database) -> None:
    """AUTH-04: the request for days at a level that nobody will be at went out, and was cancelled a day later. Once the
    move is taken back, the review is due at once."""
    one = await desk(database)
    await one.answer("A1", 7, now=NOW)
    move = await scheduled(one, at("2026-03-14 09:00"))
    record = await one.fire(at("2026-03-14 00:30"))
    assert record.ready_request_id is None
    assert not {"review_due", "authorization_lapsed"} & await one.items()
    async with database.write() as session:
        (await session.get_one(Transition, move)).status = TransitionStatus.WITHDRAWN
    record = await one.fire(at("2026-03-14 00:31"))
    asked = next(r for r in await one.requests() if r.id == record.ready_request_id)
    assert (asked.kind, asked.from_date) == ("concurrent", on("2026-03-14"))
    assert {"review_due", "authorization_lapsed"} <= await one.items()


async def test_days_up_to_a_scheduled_move_are_asked_for_and_no_more(database: Database) -> None:
    one = await desk(database)
    await one.answer("A1", 7, now=NOW)
    await scheduled(one, at("2026-03-16 09:00"))
    record = await one.fire(at("2026-03-13 11:00"))
    asked = next(r for r in await one.requests() if r.id == record.ready_request_id)
    assert (asked.from_date, asked.through_date, asked.units) == (on("2026-03-14"), on("2026-03-15"), 2)


async def test_a_question_that_was_taken_back_at_the_payer_is_asked_anew(database: Database) -> None:
    """Reopened, it waited as sent for an answer that the payer had been told not to give."""
    one = await desk(database)
    await one.answer("A1", 7, now=NOW)
    await one.do("request_review", RequestReview, NOW, **(MORE | {"from_date": on("2026-03-14")}))
    more = await leaves(one)
    async with database.write() as session:
        await end_date_case(session, case_id=one.case_id, on=on("2026-03-12"), key="end", now=at("2026-03-13 10:00"))
    told = [await leaves(one, at("2026-03-13 10:05")), await leaves(one, at("2026-03-13 10:05"))]
    assert {(r.kind, r.about) for r in told} >= {(RequestKind.CANCEL, more.id)}
    async with database.write() as session:
        case = await session.get_one(Authorization, one.case_id)
        await reopen_case(session, case=case, key="undo", now=at("2026-03-13 11:00"))
    assert await status_of(one, more.id) == "cancelled"
    again = [r for r in await one.requests() if r.kind is RequestKind.CONCURRENT and r.id != more.id]
    assert [(r.status.value, r.units, r.from_date) for r in again] == [("ready", 7, on("2026-03-14"))]


async def test_an_end_that_moves_later_asks_again_and_tells_the_payer_the_new_day(database: Database) -> None:
    """AUTH-08: only the case's last day moved; the question about the days between stayed withdrawn, and the payer
    kept the date it was told first."""
    one = await desk(database)
    await one.answer("A1", 7, now=NOW)
    await one.do("request_review", RequestReview, NOW, **(MORE | {"from_date": on("2026-03-14")}))
    more = next(r for r in await one.requests() if r.kind is RequestKind.CONCURRENT)
    async with database.write() as session:
        await end_date_case(
            session, case_id=one.case_id, on=on("2026-03-12"), key="end", now=at("2026-03-13 10:00"),
            left_on=on("2026-03-13"),
        )  # fmt: skip
    told = await leaves(one, at("2026-03-13 10:05"))
    assert (told.kind, told.through_date) == (RequestKind.DISCHARGE, on("2026-03-13"))
    async with database.write() as session:
        case = await session.get_one(Authorization, one.case_id)
        await move_end(
            session, case=case, on=on("2026-03-16"), left_on=on("2026-03-17"), key="late", now=at("2026-03-17 10:00")
        )
    assert await status_of(one, more.id) == "ready"
    notices = [r for r in await one.requests() if r.kind is RequestKind.DISCHARGE]
    assert [(r.status.value, r.through_date) for r in notices] == [
        ("submitted", on("2026-03-13")), ("ready", on("2026-03-17")),
    ]  # fmt: skip
    assert (await one.case()).end_dated_on == on("2026-03-16")


async def test_an_end_that_moves_earlier_takes_later_questions_back_and_corrects_an_unsent_notice(
    database: Database,
) -> None:
    one = await desk(database)
    await one.answer("A1", 7, now=NOW)
    await one.do("request_review", RequestReview, NOW, **(MORE | {"from_date": on("2026-03-14")}))
    more = await leaves(one)
    async with database.write() as session:
        await end_date_case(
            session, case_id=one.case_id, on=on("2026-03-16"), key="end", now=at("2026-03-17 10:00"),
            left_on=on("2026-03-17"),
        )  # fmt: skip
    async with database.write() as session:
        case = await session.get_one(Authorization, one.case_id)
        await move_end(
            session, case=case, on=on("2026-03-12"), left_on=on("2026-03-13"), key="early", now=at("2026-03-17 11:00")
        )
    assert await status_of(one, more.id) == "cancelled"
    assert [r.about for r in await one.requests() if r.kind is RequestKind.CANCEL] == [more.id]
    notices = [r for r in await one.requests() if r.kind is RequestKind.DISCHARGE and r.status != "cancelled"]
    assert [(r.status.value, r.through_date) for r in notices] == [("ready", on("2026-03-13"))]


async def test_silence_counts_as_approval_where_the_law_says_so(database: Database) -> None:
    """AUTH-03: deemed approved once, with the breach as its evidence; the payer's own answer still replaces it."""
    one = await desk(database, payer="unity")
    catalog = load_catalog()
    one.hands = CaseHands(
        database,
        replace(catalog, regimes=tuple(r.model_copy(update={"deemed_approved": True}) for r in catalog.regimes)),
    )
    one.authorization._hands = one.hands
    due = next(d.at for d in (await one.record(NOW)).deadlines if d.kind == "payer_decision")
    await one.fire(due)
    case = await one.case()
    assert (case.status, case.granted_units, case.number) == ("approved", 14, None)
    rows = await one.rows("SELECT action, source FROM authorization_decision WHERE authorization_id = :case")
    assert rows == [("deemed", "regime")]
    async with database.read() as session:
        clock = (
            await session.execute(
                select(AuthorizationClock).where(
                    AuthorizationClock.authorization_id == one.case_id, AuthorizationClock.breached_at.is_not(None)
                )
            )
        ).scalar_one()
    assert clock.name is not ClockName.INFORMATION
    assert "deemed_approved" in await one.items(), "somebody has the payer confirm it in writing"
    await one.answer("A6", 7, now=due + timedelta(hours=3))
    assert (await one.case()).granted_units == 7


async def test_no_silence_counts_where_no_law_says_so(database: Database) -> None:
    one = await desk(database)
    due = next(d.at for d in (await one.record(NOW)).deadlines if d.kind == "payer_decision")
    await one.fire(due)
    assert (await one.case()).granted_units == 0
    assert "payer_late" in await one.items()


async def test_a_request_looking_back_past_the_contract_is_refused_but_for_what_nobody_could_know(
    database: Database,
) -> None:
    """Domain 4.1: 48 hours to 90 days by contract; eligibility found late (UM10 8, 15) or the payer's own delay opens
    it again (E40)."""
    one = await desk(database)
    past = {"kind": "retrospective", "units": 2, "from_date": on("2026-03-07"), "through_date": on("2026-03-08")}
    await one.answer("A3", now=NOW)
    late = NOW + timedelta(days=200)
    refused = await one.do("request_review", RequestReview, late, delay_reason="11", **past)
    assert refused.refusal is not None
    assert refused.refusal.code == "invalid_request"
    assert "days back" in refused.refusal.detail
    taken = await one.do("request_review", RequestReview, late, delay_reason="8", **past)
    assert taken.refusal is None
    assert any(r.kind is RequestKind.RETROSPECTIVE for r in await one.requests())
