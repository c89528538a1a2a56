"""Who pays changes in mid-stay: rows, cases, days, census and work after each act, on PostgreSQL (E38 to E41, E20)."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from definitions.vocabulary import (
    AuthorizationStatus,
    ChargeStatus,
    CoverageAct,
    CoverageReason,
    RequestKind,
)
from storage.models import (
    Consent,
    PerDiemAccount,
    Stay,
    TimelineEntry,
)
from tests.activities import nights
from tests.activities.coverage_house import (
    COUNTS,
    MERIDIAN,
    STATECARE,
    TWELFTH,
    UNITY,
    census,
    charges,
    closed,
    days,
    episode_of,
    items,
    requests,
    run,
    sound,
)
from tests.activities.harbor import Harbor, patient
from tests.activities.nights import at, on


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
