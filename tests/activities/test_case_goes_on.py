"""Cases in corners: every answer finds its place, nothing waits for ever, no item of one question is closed by another
(domain 4.3, 4.4, 4.9). Each of these failed before."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from activities.case_clocks import start_decision
from activities.case_record import record_of
from activities.departed import follow_departure
from activities.midnight import MidnightActivities
from definitions.authorization import RecordDecision, RequestReview
from definitions.dispute import Attachment, CancelReview, FileAppeal, RecordPeerToPeer, SubmitInformation
from definitions.vocabulary import AuthorizationStatus, RequestKind
from runtime.catalog import load_catalog
from storage.engine import Database
from storage.models import Authorization, AuthorizationRequest
from storage.repositories.case_end import end_date_case
from storage.repositories.case_restatement import reopen_case
from tests.activities import nights
from tests.activities.case_desk import FIRST, LAST, PLACE, Desk, desk
from tests.activities.nights import at, on

NOW = at("2026-03-06 15:00").astimezone(UTC)
PAPER = (Attachment(kind="09", control_number="ATT1"),)
MORE: dict[str, Any] = {"units": 7, "from_date": on("2026-03-21"), "through_date": on("2026-03-27")}


async def leaves(one: Desk, now: Any = NOW) -> AuthorizationRequest:
    """The newest ready request has left; answers it."""
    async with one.database.write() as session:
        w = await one.hands.writing(session, one.case_id, f"sent:{now}", now)
        assert w is not None
        asked = (
            await session.execute(
                select(AuthorizationRequest)
                .where(AuthorizationRequest.authorization_id == one.case_id, AuthorizationRequest.status == "ready")
                .order_by(AuthorizationRequest.requested_at.desc())
            )
        ).scalars().first()  # fmt: skip
        assert asked is not None
        w.follow(asked, AuthorizationStatus.SUBMITTED)
        await start_decision(w, asked)
        asked.sent_at, asked.attempts = now, 1
        await follow_departure(w, asked)
        await record_of(w)
        return asked


async def ended(one: Desk, last: str, now: Any) -> None:
    async with one.database.write() as session:
        await end_date_case(session, case_id=one.case_id, on=on(last), key=f"end:{now}", now=now)


async def test_a_request_the_payer_cancels_undecided_is_somebodys(database: Database) -> None:
    """HCR01 C while nothing is granted: the case counted as ended, and nobody asked for the days any more."""
    one = await desk(database)
    record = await one.answer("C", now=NOW)
    case = await one.case()
    assert not record.finished
    assert (case.status, case.next_action, case.next_action_owner) == ("contact_payer", "call_payer", "reviewer")
    assert "contact_payer" in await one.items()
    await one.answer("A1", 14, now=NOW + timedelta(hours=1))
    assert (await one.case()).granted_units == 14, "the last valid answer wins (E32)"
    assert "contact_payer" not in await one.items()


@pytest.mark.parametrize(("action", "units"), [("A1", 14), ("A3", 0), ("AAA", 0), ("C", 0)])
async def test_an_answer_to_a_cancellation_grants_and_denies_nothing(
    database: Database, action: str, units: int
) -> None:
    """A payer may certify a cancellation; that granted all the units of what was taken back."""
    one = await desk(database)
    assert (await one.do("cancel_review", CancelReview, NOW, reason="x")).refusal is None
    cancel = await leaves(one)
    await one.answer(action, units, now=NOW + timedelta(hours=1), request=cancel.id)
    case = await one.case()
    assert (case.granted_units, case.last_covered_day) == (0, None)
    assert await one.rows("SELECT count(*) FROM authorization_dispute WHERE authorization_id = :case") == [(0,)]
    assert (await one.requests())[0].status is AuthorizationStatus.CANCELLED
    assert ("cancellation_not_taken" in await one.items()) is (action in ("A3", "AAA"))


async def test_an_approval_of_what_was_taken_back_never_grants_later(database: Database) -> None:
    """It waited among the decisions, and the next answer of the case opened its grant."""
    one = await desk(database)
    await one.do("cancel_review", CancelReview, NOW, reason="x")
    await one.answer("A1", 14, now=NOW + timedelta(hours=1))
    await one.do("request_review", RequestReview, NOW + timedelta(hours=2), **MORE)
    asked = next(r for r in await one.requests() if r.kind is RequestKind.CONCURRENT)
    await one.answer("A3", now=NOW + timedelta(hours=3), request=asked.id)
    assert (await one.case()).granted_units == 0


async def test_documents_are_done_with_when_their_request_is_decided(database: Database) -> None:
    """They waited for an answer of their own for ever: the case never ended, the worklist showed it."""
    one = await desk(database)
    await one.answer("A4", now=NOW, documents=True)
    await one.do("submit_information", SubmitInformation, NOW, attachments=PAPER)
    await leaves(one)
    record = await one.answer("A1", 14, now=NOW + timedelta(hours=5))
    assert {r.status for r in await one.requests()} == {"approved"}
    assert (await one.case()).next_action == "send_review"
    await ended(one, "2026-03-12", at("2026-03-13 10:00"))
    record = await one.record(at("2026-03-13 10:00"))
    assert record.ready_request_id is not None, "only the notice of the end is left"


async def test_more_documents_wanted_later_are_a_new_item_and_a_new_deadline(database: Database) -> None:
    """Its item and deadline bore the id of the first wish, which was done; nobody was told of the second."""
    one = await desk(database, payer="unity")
    await one.answer("A4", now=NOW, documents=True)
    await one.do("submit_information", SubmitInformation, NOW + timedelta(hours=1), attachments=PAPER)
    await leaves(one, NOW + timedelta(hours=1))
    assert "information_requested" not in await one.items()
    record = await one.answer("A4", now=NOW + timedelta(hours=9), documents=True)
    assert "information_requested" in await one.items()
    (due,) = [d.at for d in record.deadlines if d.kind == "information_due"]
    await one.fire(due)
    assert "information_late" in await one.items()


async def test_an_answer_closes_the_items_of_its_own_question_only(database: Database) -> None:
    one = await desk(database)
    await one.answer("A4", now=NOW, documents=True)
    await one.do("request_review", RequestReview, NOW, **MORE)
    more = next(r for r in await one.requests() if r.kind is RequestKind.CONCURRENT)
    await leaves(one)
    await one.answer("A3", now=NOW + timedelta(hours=1), request=more.id)
    assert "information_requested" in await one.items(), "the first question still waits for its documents"


async def test_days_stay_lapsed_when_their_extension_is_denied(database: Database) -> None:
    """AUTH-06: the item was closed as granted by any answer while other days were granted."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    await one.do("request_review", RequestReview, NOW, **MORE)
    more = await leaves(one)
    await one.fire(at("2026-03-21 01:00"))
    assert {"authorization_lapsed", "payer_late"} <= await one.items()
    await one.answer("A3", now=at("2026-03-21 09:00"), request=more.id)
    assert "authorization_lapsed" in await one.items()
    assert "payer_late" not in await one.items(), "it has answered"
    await one.answer("A1", 7, now=at("2026-03-21 12:00"), request=more.id, first=on("2026-03-21"))
    assert "authorization_lapsed" not in await one.items()


async def test_what_came_of_a_call_is_recorded_after_its_window(database: Database) -> None:
    """Refused as asked too late, the call stayed set for ever."""
    one = await desk(database)
    await one.answer("A3", now=NOW)
    hour = NOW + timedelta(hours=71)
    assert (await one.do("record_peer_to_peer", RecordPeerToPeer, NOW, outcome="scheduled", at=hour)).refusal is None
    await one.fire(NOW + timedelta(hours=75))
    won = await one.do(
        "record_peer_to_peer", RecordPeerToPeer, NOW + timedelta(hours=80), outcome="overturned", units=14
    )
    assert won.refusal is None
    assert (await one.case()).granted_units == 14


async def test_a_rescission_may_be_contested_although_an_earlier_denial_was(database: Database) -> None:
    """AUTH-09: the ways of the first denial were used up, and a new determination opened none."""
    one = await desk(database)
    await one.answer("A3", now=NOW)
    await one.do("record_peer_to_peer", RecordPeerToPeer, NOW, outcome="upheld")
    await one.do("file_appeal", FileAppeal, NOW, expedited=True)
    appeal = await leaves(one)
    await one.answer("A1", 14, now=NOW + timedelta(days=1), request=appeal.id)
    record = await one.answer("C", now=NOW + timedelta(days=4))
    live = await one.rows(
        "SELECT kind, level FROM authorization_dispute WHERE authorization_id = :case AND status = 'open' ORDER BY kind"
    )
    assert live == [("appeal", 1), ("peer_to_peer", 0)]
    assert {"peer_to_peer", "appeal_filing"} <= {d.kind for d in record.deadlines}
    assert (await one.do("file_appeal", FileAppeal, NOW + timedelta(days=4), expedited=True)).refusal is None


async def test_an_appeal_about_days_never_stayed_ends_with_the_stay(database: Database) -> None:
    """Its request was taken back, the dispute stayed filed, and the case never ended."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    await one.do("request_review", RequestReview, NOW, **MORE)
    more = await leaves(one)
    await one.answer("A3", now=NOW + timedelta(hours=1), request=more.id)
    await one.do("file_appeal", FileAppeal, NOW + timedelta(hours=2), request_id=more.id, expedited=True)
    await leaves(one, NOW + timedelta(hours=3))
    await ended(one, "2026-03-12", at("2026-03-13 10:00"))
    assert await one.rows(
        "SELECT count(*) FROM authorization_dispute WHERE authorization_id = :case AND status IN ('open','filed')"
    ) == [(0,)]


async def test_a_pended_appeal_takes_its_documents(database: Database) -> None:
    """The documents were looked for at the denied request, and refused."""
    one = await desk(database)
    await one.answer("A3", now=NOW)
    await one.do("file_appeal", FileAppeal, NOW, expedited=True)
    appeal = await leaves(one)
    record = await one.answer("A4", now=NOW + timedelta(hours=1), request=appeal.id, documents=True)
    assert "information_due" in {d.kind for d in record.deadlines}
    done = await one.do(
        "submit_information", SubmitInformation, NOW + timedelta(hours=2), request_id=appeal.id, attachments=PAPER
    )
    assert done.refusal is None
    papers = await leaves(one, NOW + timedelta(hours=2))
    assert papers.about == appeal.id
    kept = {r.id: r.status for r in await one.requests()}
    assert (kept[one.request_id], kept[appeal.id]) == ("denied", "information_sent")


async def test_a_payer_that_says_an_extension_needs_nothing_leaves_no_uncovered_day(database: Database) -> None:
    """AUTH-10 on a question of a case that holds a grant: its days were billed without cover."""
    one = await desk(database)
    await one.answer("A1", 2, now=NOW)
    more: dict[str, Any] = {"units": 7, "from_date": on("2026-03-09"), "through_date": on("2026-03-15")}
    await one.do("request_review", RequestReview, NOW, **more)
    asked = await leaves(one)
    await one.answer("NA", now=NOW + timedelta(hours=1), request=asked.id)
    await nights.close_all(MidnightActivities(database, load_catalog()), at("2026-03-18 09:00"), PLACE)
    found = await one.rows(
        "SELECT service_date, authorization_state FROM charge WHERE episode_id = :episode AND status = 'live' "
        "ORDER BY service_date"
    )
    assert [row[1] for row in found] == ["covered"] * 2 + ["not_required"] * 9
    await one.fire(at("2026-03-18 10:00"))
    assert "authorization_lapsed" not in await one.items()


async def test_a_programme_beside_the_bed_is_extended_too(database: Database) -> None:
    """AUTH-04 with a split stay: only the episode's main level was asked for by itself."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    async with database.write() as session:
        await nights.main_level(session, one.who, "3.1")
    await one.fire(at("2026-03-20 13:00"))
    assert [r.kind for r in await one.requests()][-1] is RequestKind.CONCURRENT


async def test_a_stay_that_has_ended_is_not_extended_by_itself(database: Database) -> None:
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    async with database.write() as session:
        await nights.discharge(session, one.stay_id, at("2026-03-12 10:00"))
    await one.fire(at("2026-03-20 13:00"))
    assert [r.kind for r in await one.requests()] == [RequestKind.INITIAL]


async def test_a_case_that_looks_back_and_is_answered_is_at_rest(database: Database) -> None:
    """E26: a stay that ended before its coverage was found; it asked for a continued-stay review for ever."""
    one = await desk(database, kind=RequestKind.RETROSPECTIVE)
    async with database.write() as session:
        (await session.get_one(Authorization, one.case_id)).end_dated_on = LAST
    record = await one.answer("A1", 14, now=at("2026-03-25 10:00"))
    record = await one.fire(at("2026-03-25 11:00"))
    assert (await one.case()).next_action is None
    assert record.finished


async def test_days_of_an_ended_stay_may_be_asked_for_afterwards(database: Database) -> None:
    """Retrospective, after discharge (domain 4.1): the case was refused as ended, and there is no other."""
    one = await desk(database)
    await one.answer("A1", 3, now=NOW)
    await ended(one, "2026-03-12", at("2026-03-13 10:00"))
    late: dict[str, Any] = {"units": 3, "from_date": on("2026-03-10"), "through_date": on("2026-03-12")}
    asked = await one.do(
        "request_review", RequestReview, at("2026-03-16 10:00"), kind="retrospective", delay_reason="8", **late
    )
    assert asked.refusal is None
    beyond = await one.do(
        "request_review", RequestReview, at("2026-03-16 10:00"), kind="retrospective", delay_reason="8",
        units=1, from_date=on("2026-03-13"), through_date=on("2026-03-13"),
    )  # fmt: skip
    assert beyond.refusal is not None


async def test_the_same_days_are_not_asked_for_twice(database: Database) -> None:
    """E30: a payer takes the second request for a duplicate and refuses it."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    assert (await one.do("request_review", RequestReview, NOW, **MORE)).refusal is None
    again = await one.do("request_review", RequestReview, NOW + timedelta(minutes=1), **MORE)
    assert again.refusal is not None
    assert again.refusal.code == "request_not_open"


async def test_asking_anew_settles_what_the_payer_could_not_process(database: Database) -> None:
    """AAA: corrected and asked again, the first one was still to be corrected."""
    one = await desk(database)
    await one.answer("AAA", now=NOW)
    assert (await one.case()).next_action == "correct_request"
    done = await one.do(
        "request_review", RequestReview, NOW + timedelta(hours=1), kind="initial", units=14, from_date=FIRST,
        through_date=LAST,
    )  # fmt: skip
    assert done.refusal is None
    assert "authorization_data_problem" not in await one.items()
    assert (await one.case()).next_action == "send"


async def test_what_a_reviewer_took_back_is_not_revived_by_a_correction(database: Database) -> None:
    """Reopening a case made it unanswered again, though the payer had been told."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    await one.do("request_review", RequestReview, NOW, **MORE)
    more = await leaves(one)
    await one.do("cancel_review", CancelReview, NOW + timedelta(hours=1), request_id=more.id, reason="x")
    await ended(one, "2026-03-12", at("2026-03-13 10:00"))
    async with database.write() as session:
        case = await session.get_one(Authorization, one.case_id)
        await reopen_case(session, case=case, key="undo", now=at("2026-03-13 11:00"))
    assert {r.id: r.status for r in await one.requests()}[more.id] == "cancelled"


async def test_programmes_are_asked_for_by_their_ordinary_clock(database: Database) -> None:
    """Urgent is bed-based care (domain 4.1): a programme's extension ran under 24 hours, and was late falsely."""
    one = await desk(database)
    async with database.write() as session:
        (await session.get_one(Authorization, one.case_id)).level = "2.1"
    await one.do("request_review", RequestReview, NOW, **MORE)
    assert not next(r for r in await one.requests() if r.kind is RequestKind.CONCURRENT).urgent


async def test_a_notice_nobody_confirms_becomes_somebodys(database: Database) -> None:
    """No law sets a clock for a receipt: without one the case waited in silence."""
    one = await desk(database, sent=False, kind=RequestKind.NOTIFICATION)
    await leaves(one)
    record = await one.fire(NOW + timedelta(hours=30))
    assert "receipt_missing" in await one.items()
    assert not [d for d in record.deadlines if d.at <= NOW + timedelta(hours=30)]


async def test_an_older_word_by_telephone_does_not_take_a_newer_answer_away(database: Database) -> None:
    """E32: `decided_at` orders what people heard, as the payer's own moment orders messages."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW, stated=NOW)
    heard = await one.do(
        "record_decision", RecordDecision, NOW + timedelta(hours=1), action="A3", decided_at=NOW - timedelta(hours=3),
        call_reference="R1",
    )  # fmt: skip
    assert heard.refusal is None
    assert (await one.case()).granted_units == 14
    future = await one.do(
        "record_decision", RecordDecision, NOW, action="A3", decided_at=NOW + timedelta(days=3), call_reference="R1"
    )
    assert future.refusal is not None


async def test_people_who_saw_an_older_case_are_told(database: Database) -> None:
    """E97: asking and recording did not look at the version seen."""
    one = await desk(database)
    await one.answer("A1", 14, now=NOW)
    for act, command, fields in (
        ("request_review", RequestReview, MORE), ("record_decision", RecordDecision, {"action": "A3"}),
    ):  # fmt: skip
        outcome = await one.do(act, command, NOW, expected_version=1, **fields)
        assert outcome.refusal is not None
        assert (outcome.refusal.code, outcome.refusal.current_version) == ("stale", (await one.case()).version)


async def test_words_of_a_call_stay_out_of_items_and_timeline(database: Database) -> None:
    """A reference is free text and may name a person; it stands with the decision, where it is evidence."""
    one = await desk(database)
    await one.answer("A4", now=NOW, documents=True)
    await one.do(
        "submit_information", SubmitInformation, NOW, attachments=PAPER, by_hand=True, call_reference="Robin Testerman"
    )
    await one.do("record_decision", RecordDecision, NOW, action="A3", call_reference="Robin Testerman")
    shown = await one.rows(
        "SELECT (SELECT string_agg(detail::text, ' ') FROM timeline_entry WHERE episode_id = :episode), "
        "(SELECT string_agg(why, ' ') FROM open_item WHERE episode_id = :episode), "
        '(SELECT why FROM "authorization" WHERE id = :case)'
    )
    assert "Testerman" not in str(shown)
    assert (await one.rows("SELECT call_reference FROM authorization_decision ORDER BY arrival DESC LIMIT 1"))[0] == (
        "Robin Testerman",
    )
