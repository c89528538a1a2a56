"""Who pays changes in mid-stay: rows, cases, days, census and work after each act, on PostgreSQL (E38 to E41, E20)."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from definitions.errors import ErrorType
from definitions.vocabulary import (
    AuthorizationStatus,
    ChargeStatus,
    CoverageAct,
    CoverageReason,
    DeadlineKind,
    OpenItemStatus,
    RequestKind,
)
from storage.engine import Database
from storage.models import (
    AuthorizationRequest,
    Charge,
    Consent,
    Coverage,
    Due,
    Episode,
    OpenItem,
    PerDiemAccount,
    Stay,
    TimelineEntry,
)
from storage.repositories.authorization import add_request
from tests.activities import nights
from tests.activities.harbor import Harbor, Patient, patient
from tests.activities.nights import at, on

TWELFTH = at("2026-03-13 09:00")
"""The morning of the twelfth day of a stay that began on 2 March."""
MERIDIAN, UNITY, STATECARE = Decimal("800.00"), Decimal("870.00"), Decimal("410.00")


@pytest.fixture
async def harbor(database: Database) -> Harbor:
    made = Harbor(database)
    await made.open()
    return made


async def closed(harbor: Harbor, now: datetime) -> None:
    await nights.close_all(harbor.nights, now, "harbor")


async def charges(one: Patient, live: bool = True) -> list[Charge]:
    async with one.harbor.database.read() as session:
        rows = await session.execute(
            select(Charge).where(Charge.episode_id == one.episode).order_by(Charge.service_date, Charge.revision)
        )
        return [c for c in rows.scalars() if not live or c.status is ChargeStatus.LIVE]


async def days(one: Patient) -> list[tuple[date, str, Decimal]]:
    return [(c.service_date, c.payer, c.amount) for c in await charges(one)]


def run(payer: str, amount: Decimal, first: str, last: str) -> list[tuple[date, str, Decimal]]:
    start, end = on(f"2026-{first}"), on(f"2026-{last}")
    return [(start + timedelta(days=n), payer, amount) for n in range((end - start).days + 1)]


async def items(one: Patient, *kinds: str) -> list[OpenItem]:
    async with one.harbor.database.read() as session:
        rows = await session.execute(
            select(OpenItem).where(OpenItem.episode_id == one.episode, OpenItem.status == OpenItemStatus.OPEN)
        )
        return [i for i in rows.scalars() if not kinds or i.kind in kinds]


async def episode_of(one: Patient) -> Episode:
    async with one.harbor.database.read() as session:
        return await session.get_one(Episode, one.episode)


async def requests(one: Patient, case: UUID) -> list[AuthorizationRequest]:
    async with one.harbor.database.read() as session:
        rows = await session.execute(select(AuthorizationRequest).where(AuthorizationRequest.authorization_id == case))
        return list(rows.scalars())


async def census(harbor: Harbor, day: str) -> dict[str, tuple[int, int, int, int]]:
    """Opening, transfers in, transfers out and closing by payer, newest version."""
    async with harbor.database.read() as session:
        rows = await session.execute(
            text(
                "SELECT l.payer, l.opening, l.transfers_in, l.transfers_out, l.closing FROM census_line l "
                "JOIN facility_day d ON d.facility = l.facility AND d.service_date = l.service_date "
                "AND d.version = l.version WHERE l.facility = 'harbor' AND l.service_date = :on"
            ),
            {"on": on(f"2026-{day}")},
        )
        return {r[0]: (r[1], r[2], r[3], r[4]) for r in rows}


async def sound(harbor: Harbor) -> None:
    """No line out of balance, no date that opens otherwise than the one before closed, no day billed twice."""
    assert await nights.census_problems(harbor.database, "harbor") == []
    assert await nights.doubles(harbor.database) == 0


async def test_a_switch_on_the_twelfth_day(harbor: Harbor) -> None:
    """E38: the old case ends the day before, the new payer is asked, each day is priced by whoever covers it."""
    one = await patient(harbor)
    (old,) = await one.all_cases()
    await one.grant(old.id, on("2026-03-02"), on("2026-03-31"), at("2026-03-02 12:00"))
    await closed(harbor, at("2026-03-13 00:30"))
    new = uuid4()
    answer = await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"), coverage_id=new)
    assert (answer.status, answer.detail["payer"], answer.detail["days_to_price_again"]) == ("switched", "unity", 0)
    await closed(harbor, at("2026-03-16 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-12") + run("unity", UNITY, "03-13", "03-15")
    states = {c.payer: set() for c in await charges(one)}  # type: ignore[var-annotated]
    for charge in await charges(one):
        states[charge.payer].add(charge.authorization_state)
    # The old payer's grant runs to the end of the month and covers none of the new payer's days.
    assert states == {"meridian": {"covered"}, "unity": {"at_risk"}}
    ended, asked = await one.all_cases()
    assert (ended.status, ended.end_dated_on) == (AuthorizationStatus.END_DATED, on("2026-03-12"))
    assert (asked.payer, asked.coverage_id, asked.level, asked.from_date) == ("unity", new, "3.5", on("2026-03-13"))
    assert [r.kind for r in await requests(one, asked.id)] == [RequestKind.NOTIFICATION]
    assert await census(harbor, "03-13") == {"meridian": (1, 0, 1, 0), "unity": (0, 1, 0, 1)}
    assert await census(harbor, "03-14") == {"unity": (1, 0, 0, 1)}
    await sound(harbor)


async def test_the_episode_and_its_stay_show_the_new_payer(harbor: Harbor) -> None:
    one = await patient(harbor)
    (old,) = await one.all_cases()
    await one.grant(old.id, on("2026-03-02"), on("2026-03-31"), at("2026-03-02 12:00"))
    assert (await episode_of(one)).authorized_level == "3.5"
    new = uuid4()
    await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"), coverage_id=new)
    episode = await episode_of(one)
    assert (episode.payer, episode.coverage_id, episode.authorized_level) == ("unity", new, None)
    async with harbor.database.read() as session:
        stay = (await session.execute(select(Stay).where(Stay.episode_id == one.episode))).scalar_one()
        accounts = (
            await session.execute(
                select(PerDiemAccount.payer, PerDiemAccount.opened_on, PerDiemAccount.closed_on)
                .where(PerDiemAccount.episode_id == one.episode)
                .order_by(PerDiemAccount.opened_on)
            )
        ).all()
        told = (
            await session.execute(select(TimelineEntry).where(TimelineEntry.kind == "coverage_changed"))
        ).scalar_one()
    assert stay.payer == "unity"
    assert [tuple(a) for a in accounts] == [
        ("meridian", on("2026-03-02"), on("2026-03-13")), ("unity", on("2026-03-13"), None),
    ]  # fmt: skip
    assert (told.detail["reason"], told.detail["first_day"]) == ("plan_changed", "2026-03-13")
    asked = (await one.all_cases())[1]
    await one.grant(asked.id, on("2026-03-13"), on("2026-04-09"), TWELFTH + timedelta(hours=2))
    assert (await episode_of(one)).authorized_level == "3.5"


async def test_people_get_what_only_they_can_do(harbor: Harbor) -> None:
    """Eligibility by hand (ELG-01), benefits assigned anew (3.7); a class-wide consent speaks for the new payer (E20)."""
    one = await patient(harbor)
    await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"))
    owed = {i.kind: i for i in await items(one) if i.opened_at == TWELFTH}
    assert (owed["eligibility_check"].owner_role, owed["eligibility_check"].rule) == ("biller", "ELG-01")
    assert (owed["consent_to_sign"].owner_role, owed["consent_to_sign"].subject_id) == ("admissions", "financial")
    assert "consent_needed" not in owed
    async with harbor.database.read() as session:
        presented = (
            await session.execute(
                select(Consent.form).where(Consent.status == "presented", Consent.presented_at == TWELFTH)
            )
        ).scalars()
        assert list(presented) == ["financial"]


async def test_a_consent_that_names_the_old_payer_does_not_speak_for_the_new(harbor: Harbor) -> None:
    """E20: without the class-wide consent nothing may be asked; a named one stays with the payer it names."""
    one = await patient(harbor)
    await one.sign(at("2026-03-03 10:00"), "counselling_notes", recipients=("payer/meridian",))
    async with harbor.database.write() as session:
        await session.execute(
            text("UPDATE consent SET status = 'revoked', revoked_at = :at WHERE form = 'part2_tpo'"),
            {"at": at("2026-03-05 10:00")},
        )
    await one.change(TWELFTH, payer="unity", from_date=on("2026-03-13"))
    owed = [i for i in await items(one, "consent_needed") if i.rule == "E20"]
    assert sorted(i.subject_id == "unity" for i in owed) == [False, True]
    assert any("counselling_notes names meridian" in i.why for i in owed)


async def test_a_switch_backdated_into_closed_days(harbor: Harbor) -> None:
    """AUTH-08, E58: charges of the old payer are void with their successor at the new one's rate; the retrospective
    request covers the days that have passed."""
    one = await patient(harbor)
    await closed(harbor, at("2026-03-13 00:30"))
    answer = await one.change(TWELFTH, payer="unity", from_date=on("2026-03-11"))
    assert answer.detail["days_to_price_again"] == 2
    await closed(harbor, at("2026-03-14 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-10") + run("unity", UNITY, "03-11", "03-13")
    everything = {c.id: c for c in await charges(one, live=False)}
    void = [c for c in everything.values() if c.status is ChargeStatus.VOID]
    assert [(c.service_date, c.payer) for c in void] == [(on("2026-03-11"), "meridian"), (on("2026-03-12"), "meridian")]
    assert [everything[c.successor].payer for c in void if c.successor] == ["unity", "unity"]
    asked = (await one.all_cases())[1]
    assert [(r.kind, r.from_date, r.delay_reason) for r in await requests(one, asked.id)] == [
        (RequestKind.RETROSPECTIVE, on("2026-03-11"), "1")
    ]
    assert await census(harbor, "03-11") == {"meridian": (1, 0, 1, 0), "unity": (0, 1, 0, 1)}
    await sound(harbor)


@pytest.mark.parametrize("payer", ["self_pay", "county"])
async def test_a_payer_that_asks_nothing_leaves_evidence(harbor: Harbor, payer: str) -> None:
    """AUTH-10: nothing is sent; the case says that nothing was required, and by which edition."""
    one = await patient(harbor)
    await one.change(TWELFTH, payer=payer, from_date=on("2026-03-13"))
    asked = (await one.all_cases())[1]
    assert (asked.payer, asked.status) == (payer, AuthorizationStatus.NOT_REQUIRED)
    assert await requests(one, asked.id) == []
    assert await items(one, "eligibility_check") == []
    await closed(harbor, at("2026-03-14 00:30"))
    assert [c.authorization_state for c in await charges(one) if c.payer == payer] == ["not_required"]


async def test_evidence_ends_with_its_payer_and_stands_for_the_days_before(harbor: Harbor) -> None:
    """AUTH-10: it expires with the change; a day priced again later is still not required."""
    one = await patient(harbor, "county")
    await one.change(TWELFTH, payer="meridian", from_date=on("2026-03-13"))
    evidence = (await one.all_cases())[0]
    assert (evidence.status, evidence.end_dated_on) == (AuthorizationStatus.END_DATED, on("2026-03-12"))
    async with harbor.database.write() as session:
        # An answer that nothing is required, of a payer whose contract does not say so itself.
        await session.execute(text("UPDATE \"authorization\" SET payer = 'bluestone' WHERE payer = 'county'"))
        await session.execute(text("UPDATE coverage SET payer = 'bluestone' WHERE payer = 'county'"))
    await closed(harbor, at("2026-03-14 00:30"))
    assert Counter(c.authorization_state for c in await charges(one)) == {"not_required": 11, "at_risk": 1}


async def test_a_second_coverage_is_asked_beside_and_pays_nothing_yet(harbor: Harbor) -> None:
    """E41: parallel cases; the first payer's days stay what they are."""
    one = await patient(harbor)
    (first,) = await one.all_cases()
    await one.change(TWELFTH, act=CoverageAct.ADD, payer="statecare", from_date=on("2026-03-13"))
    cases = await one.all_cases()
    assert [(c.payer, c.status) for c in cases] == [
        ("meridian", AuthorizationStatus.READY), ("statecare", AuthorizationStatus.READY),
    ]  # fmt: skip
    await one.grant(cases[1].id, on("2026-03-13"), on("2026-03-26"), TWELFTH)
    assert (await episode_of(one)).authorized_level is None
    await closed(harbor, at("2026-03-15 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-14")
    assert {c.authorization_id for c in await charges(one)} == {first.id}
    # The first one ends: the second pays first, and its grant counts from then on.
    await one.change(
        at("2026-03-15 10:00"), act=CoverageAct.END, coverage_id=one.coverage, through_date=on("2026-03-14")
    )
    await closed(harbor, at("2026-03-16 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-14") + run(
        "statecare", STATECARE, "03-15", "03-15"
    )
    assert (await charges(one))[-1].authorization_state == "covered"
    assert ((await episode_of(one)).payer, (await episode_of(one)).authorized_level) == ("statecare", "3.5")
    await sound(harbor)


async def test_a_move_asks_every_payer(harbor: Harbor) -> None:
    """E41 and E38 at a change of level: the second coverage and one recorded to come have cases of their own."""
    one = await patient(harbor)
    await one.change(TWELFTH, act=CoverageAct.ADD, payer="statecare", from_date=on("2026-03-13"))
    await one.change(TWELFTH, payer="bluestone", from_date=on("2026-04-01"))
    await one.move("2.5", at("2026-03-16 10:00"))
    at_day = [c for c in await one.all_cases() if c.level == "2.5"]
    assert sorted((c.payer, c.from_date) for c in at_day) == [
        ("bluestone", on("2026-04-01")), ("meridian", on("2026-03-16")), ("statecare", on("2026-03-16")),
    ]  # fmt: skip
    assert {c.status for c in await one.all_cases() if c.level == "3.5"} == {AuthorizationStatus.END_DATED}


async def test_a_payer_takes_its_days_back(harbor: Harbor) -> None:
    """E39: the days lose their charge, a person decides, and the coverage found for them bills them (E40)."""
    one = await patient(harbor)
    await closed(harbor, at("2026-03-13 00:30"))
    ended = {
        "act": CoverageAct.END, "coverage_id": one.coverage, "through_date": on("2026-03-06"),
        "reason": CoverageReason.RETRO_TERMINATED,
    }  # fmt: skip
    answer = await one.change(TWELFTH, **ended)
    assert (answer.detail["first_day"], answer.detail["payer"]) == ("2026-03-07", None)
    await closed(harbor, at("2026-03-14 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-06")
    lost = [c for c in await charges(one, live=False) if c.status is ChargeStatus.VOID]
    assert {(c.successor, c.void_reason) for c in lost} == {(None, "no longer payable")}
    causes = await nights.open_exceptions(harbor.database, "harbor")
    assert causes == [(on("2026-03-07") + timedelta(days=n), "no_coverage") for n in range(7)]
    assert await census(harbor, "03-07") == {"meridian": (1, 0, 1, 0), "none": (0, 1, 0, 1)}
    assert {i.kind for i in await items(one, "coverage_needed", "coverage_taken_back")} == {
        "coverage_needed", "coverage_taken_back",
    }  # fmt: skip
    await one.change(
        at("2026-03-14 09:00"), act=CoverageAct.ADD, rank=1, payer="statecare", from_date=on("2026-03-07"),
        reason=CoverageReason.RETRO_GRANTED,
    )  # fmt: skip
    await closed(harbor, at("2026-03-15 00:30"))
    assert await days(one) == run("meridian", MERIDIAN, "03-02", "03-06") + run(
        "statecare", STATECARE, "03-07", "03-14"
    )
    assert "no_coverage" not in {cause for _, cause in await nights.open_exceptions(harbor.database, "harbor")}
    assert await items(one, "coverage_needed") == []
    await sound(harbor)


async def test_a_coverage_that_never_was_in_force_pays_no_day(harbor: Harbor) -> None:
    """Taken back from before the first day: no day falls back to what the stay shows."""
    one = await patient(harbor)
    await closed(harbor, at("2026-03-05 00:30"))
    await one.change(
        at("2026-03-05 09:00"), act=CoverageAct.END, coverage_id=one.coverage, through_date=on("2025-12-31"),
        reason=CoverageReason.RETRO_TERMINATED,
    )  # fmt: skip
    await closed(harbor, at("2026-03-06 00:30"))
    assert await days(one) == []
    assert {cause for _, cause in await nights.open_exceptions(harbor.database, "harbor")} == {"no_coverage"}
    assert [(c.status, c.end_dated_on) for c in await one.all_cases()] == [
        (AuthorizationStatus.END_DATED, on("2026-03-01"))
    ]
    await sound(harbor)


async def test_the_same_key_twice_is_one_change(harbor: Harbor) -> None:
    one = await patient(harbor)
    said = {"payer": "unity", "from_date": on("2026-03-13"), "coverage_id": uuid4()}
    first = await one.change(TWELFTH, key="test:once", **said)
    async with harbor.database.read() as session:
        before = (await session.execute(text(COUNTS))).one()
    again = await one.change(TWELFTH + timedelta(hours=3), key="test:once", **said)
    async with harbor.database.read() as session:
        after = (await session.execute(text(COUNTS))).one()
    assert again == first
    assert tuple(after) == tuple(before)


COUNTS = (
    'SELECT (SELECT count(*) FROM coverage), (SELECT count(*) FROM "authorization"), (SELECT count(*) FROM open_item), '
    "(SELECT count(*) FROM consent), (SELECT count(*) FROM timeline_entry), (SELECT count(*) FROM outbox), "
    "(SELECT count(*) FROM per_diem_account), (SELECT max(version) FROM episode)"
)


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
