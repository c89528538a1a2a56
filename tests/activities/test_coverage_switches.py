"""Several changes of who pays, corrected ones, and ones ahead of a move or of their day (E38 to E41)."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from definitions.errors import ErrorType
from definitions.vocabulary import (
    AuthorizationStatus,
    CoverageAct,
    CoverageReason,
    DeadlineKind,
    RequestKind,
)
from storage.models import (
    Coverage,
    Due,
    Episode,
    OpenItem,
    Stay,
)
from storage.repositories.authorization import add_request
from tests.activities import nights
from tests.activities.coverage_house import (
    COUNTS,
    MERIDIAN,
    STATECARE,
    TWELFTH,
    UNITY,
    charges,
    closed,
    days,
    episode_of,
    requests,
    run,
    sound,
)
from tests.activities.harbor import Harbor, patient
from tests.activities.nights import at, on


async def test_two_switches_and_every_day_has_its_payer(harbor: Harbor) -> None:
    one = await patient(harbor)
    await one.change(at("2026-03-06 09:00"), payer="unity", from_date=on("2026-03-06"))
    await closed(harbor, at("2026-03-13 00:30"))
    await one.change(TWELFTH, payer="county", from_date=on("2026-03-11"))
    await closed(harbor, at("2026-03-15 00:30"))
    county = Decimal("336.00")
    assert await days(one) == (
        run("meridian", MERIDIAN, "03-02", "03-05") + run("unity", UNITY, "03-06", "03-10")
        + run("county", county, "03-11", "03-14")
    )  # fmt: skip
    assert [(c.payer, c.end_dated_on) for c in await one.all_cases()] == [
        ("meridian", on("2026-03-05")), ("unity", on("2026-03-10")), ("county", None),
    ]  # fmt: skip
    await sound(harbor)


async def test_a_switch_recorded_for_the_wrong_day_is_put_right(harbor: Harbor) -> None:
    """The payer before keeps the days between; they are asked for again, looking back."""
    one = await patient(harbor)
    new = uuid4()
    await one.change(at("2026-03-10 09:00"), payer="unity", from_date=on("2026-03-10"), coverage_id=new)
    await closed(harbor, at("2026-03-13 00:30"))
    await one.change(
        TWELFTH, act=CoverageAct.CORRECT, coverage_id=new, from_date=on("2026-03-12"),
        reason=CoverageReason.RECORDED_IN_ERROR,
    )  # fmt: skip
    await closed(harbor, at("2026-03-14 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-11") + run("unity", UNITY, "03-12", "03-13")
    again = [c for c in await one.all_cases() if c.payer == "meridian" and c.from_date == on("2026-03-10")]
    assert [(r.kind, r.from_date, r.through_date, r.units) for r in await requests(one, again[0].id)] == [
        (RequestKind.RETROSPECTIVE, on("2026-03-10"), on("2026-03-11"), 2)
    ]
    await sound(harbor)


async def test_a_request_in_flight_still_answers_for_the_old_payers_days(harbor: Harbor) -> None:
    one = await patient(harbor)
    (old,) = await one.all_cases()
    async with harbor.database.write() as session:
        await session.execute(text("UPDATE authorization_request SET status = 'submitted', sent_at = :at"),
                              {"at": at("2026-03-02 11:00")})  # fmt: skip
        await session.execute(text("UPDATE \"authorization\" SET status = 'submitted'"))
    await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"))
    ended = (await one.all_cases())[0]
    assert (ended.status, ended.end_dated_on) == (AuthorizationStatus.END_DATED, on("2026-03-12"))
    assert [r.status for r in await requests(one, old.id)] == [AuthorizationStatus.SUBMITTED]
    async with harbor.database.read() as session:
        told = await session.execute(
            text("SELECT count(*) FROM outbox WHERE kind = 'authorization_changed' AND target = :target"),
            {"target": f"authorization/{old.id}"},
        )
        assert told.scalar_one() == 1
    # The answer that comes all the same covers the old payer's days, and no other.
    await one.grant(old.id, on("2026-03-02"), on("2026-03-15"), TWELFTH + timedelta(hours=4))
    await closed(harbor, at("2026-03-15 00:30"))
    assert Counter((c.payer, c.authorization_state) for c in await charges(one)) == {
        ("meridian", "covered"): 11, ("unity", "at_risk"): 2,
    }  # fmt: skip
    assert (await episode_of(one)).authorized_level is None


async def test_a_request_for_later_days_only_is_cancelled(harbor: Harbor) -> None:
    """E38: nothing more is wanted of a payer after its last day."""
    one = await patient(harbor)
    (old,) = await one.all_cases()
    later = uuid4()
    async with harbor.database.write() as session:
        await add_request(
            session, request_id=later, case_id=old.id, episode_id=one.episode, kind=RequestKind.CONCURRENT, level="3.5",
            unit="DY", units=7, from_date=on("2026-03-16"), through_date=on("2026-03-22"), urgent=True, now=TWELFTH,
        )  # fmt: skip
    await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"))
    assert {r.id: r.status for r in await requests(one, old.id)}[later] is AuthorizationStatus.CANCELLED


async def test_a_switch_ahead_asks_now_and_takes_effect_at_its_midnight(harbor: Harbor) -> None:
    one = await patient(harbor)
    (old,) = await one.all_cases()
    new = uuid4()
    answer = await one.change(at("2026-03-10 09:00"), payer="unity", from_date=on("2026-03-13"), coverage_id=new)
    assert (answer.detail["payer"], answer.detail["days_to_price_again"]) == ("meridian", 0)
    assert ((await episode_of(one)).payer, (await episode_of(one)).coverage_id) == ("meridian", one.coverage)
    cases = await one.all_cases()
    assert [(c.payer, c.from_date, c.end_dated_on) for c in cases] == [
        ("meridian", on("2026-03-02"), None), ("unity", on("2026-03-13"), None),
    ]  # fmt: skip
    assert [r.kind for r in await requests(one, cases[1].id)] == [RequestKind.NOTIFICATION]
    # What the coming payer grants says nothing about today.
    await one.grant(cases[1].id, on("2026-03-13"), on("2026-04-09"), at("2026-03-10 10:00"))
    assert (await episode_of(one)).authorized_level is None
    async with harbor.database.read() as session:
        due = (await session.execute(select(Due.at).where(Due.kind == DeadlineKind.COVERAGE_CHANGE))).scalars().all()
    assert set(due) == {at("2026-03-13 00:00")}
    await one.clock(at("2026-03-12 23:59"))
    assert (await episode_of(one)).payer == "meridian"
    await one.clock(at("2026-03-13 00:00"))
    episode = await episode_of(one)
    assert (episode.payer, episode.coverage_id, episode.authorized_level) == ("unity", new, "3.5")
    ended = (await one.all_cases())[0]
    assert (ended.id, ended.status, ended.end_dated_on) == (old.id, AuthorizationStatus.END_DATED, on("2026-03-12"))
    async with harbor.database.read() as session:
        left = await session.execute(select(Due).where(Due.kind == DeadlineKind.COVERAGE_CHANGE))
        assert list(left) == []
    await closed(harbor, at("2026-03-15 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-12") + run("unity", UNITY, "03-13", "03-14")
    await sound(harbor)


async def test_a_move_planned_after_the_switch_asks_the_payer_of_its_day(harbor: Harbor) -> None:
    one = await patient(harbor)
    await one.change(at("2026-03-10 09:00"), payer="unity", from_date=on("2026-03-13"))
    assert await one.move("2.5", at("2026-03-11 09:00"), effective=at("2026-03-13 10:00")) == "scheduled"
    ahead = [c for c in await one.all_cases() if c.level == "2.5"]
    assert [(c.payer, c.stay_id) for c in ahead] == [("unity", None)]
    await one.clock(at("2026-03-13 10:00"))
    episode = await episode_of(one)
    assert (episode.level, episode.payer) == ("2.5", "unity")
    (taken,) = [c for c in await one.all_cases() if c.level == "2.5"]
    assert (taken.id, taken.stay_id) == (ahead[0].id, episode.stay_id)


async def test_a_request_ahead_of_a_move_is_not_taken_from_the_old_payer(harbor: Harbor) -> None:
    """The case asked of the payer that has gone meanwhile ends; the new one is asked when the move happens."""
    one = await patient(harbor)
    assert await one.move("2.5", at("2026-03-10 09:00"), effective=at("2026-03-14 10:00")) == "scheduled"
    await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"))
    await one.clock(at("2026-03-14 10:00"))
    at_day = {c.payer: c for c in await one.all_cases() if c.level == "2.5"}
    assert at_day["meridian"].status is AuthorizationStatus.END_DATED
    assert at_day["unity"].stay_id == (await episode_of(one)).stay_id


async def test_days_before_an_unsaid_beginning_are_covered_until_somebody_says_otherwise(harbor: Harbor) -> None:
    one = await patient(harbor, reaches_back=True)
    await closed(harbor, at("2026-03-05 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-04")
    await one.change(at("2026-03-05 09:00"), payer="unity", from_date=on("2026-03-05"))
    await closed(harbor, at("2026-03-06 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-04") + run("unity", UNITY, "03-05", "03-05")
    async with harbor.database.read() as session:
        row = await session.get_one(Coverage, one.coverage)
    assert (row.from_date, row.through_date) == (on("2026-03-02"), on("2026-03-04"))


async def test_weekly_caps_and_bed_holds_are_the_payers_of_each_day(harbor: Harbor) -> None:
    """6.8, BILL-12: Meridian holds no bed, Bluestone four days a year, from the day it pays."""
    one = await patient(harbor)
    async with harbor.database.write() as session:
        who = nights.Someone(one.person, one.episode, one.coverage, "meridian", "harbor")
        stay = (await session.execute(select(Stay.id).where(Stay.episode_id == one.episode))).scalar_one()
        await nights.away(session, who, stay, at("2026-03-05 09:00"), at("2026-03-12 18:00"))
    await one.change(at("2026-03-07 09:00"), payer="bluestone", from_date=on("2026-03-07"))
    await closed(harbor, at("2026-03-14 00:30"))
    held = [(c.service_date, c.payer, c.amount) for c in await charges(one) if c.kind == "bed_hold"]
    assert held == run("bluestone", Decimal("150.00"), "03-07", "03-10")
    await sound(harbor)


async def test_another_facility_is_priced_again_and_told(harbor: Harbor) -> None:
    one = await patient(harbor)
    async with harbor.database.write() as session:
        who = nights.Someone(one.person, uuid4(), one.coverage, "meridian", "lakeside")
        session.add(
            Episode(
                id=who.episode_id, person_id=one.person, facility="lakeside", coverage_id=one.coverage, payer="meridian",
                edition="2026-01", source="test", diagnoses=[], opened_at=at("2026-03-02 10:00"), phase="in_care",
                requested_level="2.5",
            )
        )  # fmt: skip
    await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"))
    async with harbor.database.read() as session:
        told = (
            await session.execute(select(OpenItem).where(OpenItem.kind == "coverage_changed_elsewhere"))
        ).scalar_one()
    assert (told.episode_id, told.facility, told.owner_role) == (who.episode_id, "lakeside", "biller")


async def test_after_the_end_only_what_a_payer_says_looking_back(harbor: Harbor) -> None:
    one = await patient(harbor)
    await one.discharge(at("2026-03-09 11:00"))
    await closed(harbor, at("2026-03-13 00:30"))
    said: dict[str, Any] = {"payer": "unity", "from_date": on("2026-03-11")}
    assert await one.refused(TWELFTH, **said) is ErrorType.EPISODE_CLOSED
    found = {"act": CoverageAct.SWITCH, "payer": "statecare", "from_date": on("2026-03-05")}
    await one.change(TWELFTH, **found, reason=CoverageReason.RETRO_GRANTED)
    await closed(harbor, TWELFTH)
    # StateCare's contract pays the day of discharge.
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-04") + run(
        "statecare", STATECARE, "03-05", "03-09"
    )
    asked = next(c for c in await one.all_cases() if c.payer == "statecare")
    assert (asked.from_date, asked.end_dated_on) == (on("2026-03-05"), on("2026-03-09"))
    await sound(harbor)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"payer": "ghost", "from_date": on("2026-03-13")}, ErrorType.UNKNOWN_PAYER),
        ({"payer": "unity", "from_date": on("2026-03-01")}, ErrorType.EFFECTIVE_TOO_EARLY),
        ({"payer": "unity", "from_date": on("2026-03-09")}, ErrorType.EFFECTIVE_TOO_EARLY),
        ({"payer": "meridian", "from_date": on("2026-03-13")}, ErrorType.INVALID_REQUEST),
        ({"act": CoverageAct.ADD, "payer": "unity", "rank": 1, "from_date": on("2026-03-13")},
         ErrorType.COVERAGE_OVERLAPS),
        ({"act": CoverageAct.END, "through_date": on("2026-03-13")}, ErrorType.NOT_FOUND),
        ({"payer": "unity", "from_date": on("2026-03-13"), "expected_version": 1}, ErrorType.STALE),
    ],
)  # fmt: skip
async def test_a_refusal_writes_nothing(harbor: Harbor, said: dict[str, Any], code: ErrorType) -> None:
    one = await patient(harbor)
    async with harbor.database.read() as session:
        before = (await session.execute(text(COUNTS))).one()
    assert await one.refused(TWELFTH, **said) is code
    async with harbor.database.read() as session:
        assert tuple((await session.execute(text(COUNTS))).one()) == tuple(before)
