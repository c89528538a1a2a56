"""The worklist against real rows: order, folding, cursor, counts, what is hidden, and that size costs no statements."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from definitions.vocabulary import AuthorizationStatus, ClockName
from rules.next_action import bucket as bucket_of
from storage.engine import Database
from storage.reads.worklist import (
    BUCKETS,
    HIDDEN,
    HouseDay,
    Place,
    WorkFilter,
    WorkPage,
    WorkRow,
    beside,
    payer_lines,
    work_counts,
    work_page,
)
from tests.reads import ward
from tests.reads.test_lists import counted
from tests.reads.ward import DAY, NOW

ENDS = NOW + timedelta(hours=14)
"""Midnight in Chicago after NOW."""
UNASKED = WorkFilter(unasked=("self_pay", "county"))


def day(place: str) -> HouseDay:
    return HouseDay(place, NOW.date(), ENDS, ENDS + DAY, ENDS + 7 * DAY)


def need(at: datetime | None, *, owner: str = "reviewer", covered: bool = True, **more: Any) -> dict[str, Any]:
    """What record_of keeps on a case's row."""
    return {
        "next_action": "send_review", "next_action_at": at, "next_action_owner": owner, "next_action_why": "test",
        "last_covered_day": (NOW + 3 * DAY).date() if covered else None, **more,
    }  # fmt: skip


KINDS = {
    "overdue": need(NOW - DAY),
    "today": need(NOW + timedelta(hours=1)),
    "tomorrow": need(ENDS + timedelta(hours=1)),
    "week": need(ENDS + 3 * DAY),
    "later": need(ENDS + 20 * DAY),
    "none": need(NOW - DAY, covered=False),
    "waiting": need(NOW - 5 * DAY, owner="payer"),
}


async def filled(database: Database) -> dict[str, UUID]:
    """One row of every bucket, one undated, one hidden, and one at rest."""
    made: dict[str, UUID] = {}
    async with database.write() as session:
        await ward.facility(session, "north", beds=12)
        for number, (name, what) in enumerate([*KINDS.items(), ("undated", need(None))], 1):
            who, _ = await ward.admitted(session, "north", f"north/{number}")
            made[name] = (await ward.case(session, who, AuthorizationStatus.APPROVED, **what)).id
        who, _ = await ward.admitted(session, "north", "north/9")
        paid_by_oneself = {"payer": "self_pay", "next_action": None}
        made[HIDDEN] = (await ward.case(session, who, AuthorizationStatus.NOT_REQUIRED, **paid_by_oneself)).id
        who, _ = await ward.admitted(session, "north", "north/10")
        await ward.case(session, who, AuthorizationStatus.NOT_REQUIRED)
        await ward.case(session, who, AuthorizationStatus.END_DATED, listed=False)
    return made


async def pages(database: Database, *, limit: int, **more: Any) -> list[WorkRow]:
    rows: list[WorkRow] = []
    after: Place | None = None
    async with database.read() as session:
        for _ in range(100):
            page: WorkPage = await work_page(session, [day("north")], NOW, after=after, limit=limit, **more)
            rows += page.rows
            after = page.following
            if after is None:
                return rows
    raise AssertionError("the list never ends")


async def test_rows_stand_in_the_bucket_the_rule_gives_them(database: Database) -> None:
    made = await filled(database)
    expected = {name: [made[name]] for name in KINDS} | {HIDDEN: [made[HIDDEN]]}
    expected["today"] = [made["undated"], made["today"]]
    for name, ids in expected.items():
        rows = await pages(database, limit=50, bucket=name, wanted=UNASKED)
        assert [r.case["id"] for r in rows] == ids, name
        for row in rows if name != HIDDEN else []:
            a = row.acts_on
            ends = (ENDS, ENDS + DAY, ENDS + 7 * DAY)
            covered = a["last_covered_day"] is not None
            assert bucket_of(a["next_action_owner"], a["next_action_at"], covered, NOW, ends) == name


async def test_counts_equal_rows_and_say_how_many_are_hidden(database: Database) -> None:
    await filled(database)
    async with database.read() as session:
        counts = await work_counts(session, [day("north")], NOW, wanted=UNASKED)
    seen = {name: len(await pages(database, limit=3, bucket=name, wanted=UNASKED)) for name in (*BUCKETS, HIDDEN)}
    assert counts == seen
    assert seen == dict.fromkeys(BUCKETS, 1) | {"today": 2, HIDDEN: 1}


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_pages_follow_each_other_in_order_of_need(database: Database, limit: int) -> None:
    made = await filled(database)
    order = ["undated", "overdue", "today", "tomorrow", "week", "later", "none", "waiting"]
    rows = await pages(database, limit=limit, wanted=UNASKED)
    assert [r.case["id"] for r in rows] == [made[name] for name in order]


async def test_a_moment_shared_by_many_is_paged_without_gap_or_repeat(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north", beds=9)
        for number in range(1, 10):
            who, _ = await ward.admitted(session, "north", f"north/{number}")
            await ward.case(session, who, AuthorizationStatus.APPROVED, **need(NOW if number % 2 else None))
    found = [r.case["id"] for r in await pages(database, limit=2, wanted=UNASKED)]
    assert len(found) == len(set(found)) == 9


async def test_a_second_case_of_the_same_episode_and_payer_is_folded_into_the_row(database: Database) -> None:
    """E47: an ended case whose appeal runs out tomorrow pulls its row to tomorrow; the newest case gives its face."""
    async with database.write() as session:
        await ward.facility(session, "north")
        who, _ = await ward.admitted(session, "north", "north/1")
        appealed = await ward.case(
            session, who, AuthorizationStatus.END_DATED, opened_at=NOW - 9 * DAY, level="3.7",
            **need(ENDS + timedelta(hours=2)),
        )  # fmt: skip
        current = await ward.case(session, who, AuthorizationStatus.APPROVED, **need(ENDS + 5 * DAY))
        other_payer = await ward.case(
            session, who, AuthorizationStatus.APPROVED, payer="bluestone", **need(ENDS + 6 * DAY)
        )  # fmt: skip
        await ward.case(session, who, AuthorizationStatus.NOT_REQUIRED, opened_at=NOW)
    rows = await pages(database, limit=1, wanted=UNASKED)
    assert [(r.case["id"], [a["id"] for a in r.also], r.acts_on["id"]) for r in rows] == [
        (current.id, [appealed.id], appealed.id),
        (other_payer.id, [], other_payer.id),
    ]
    async with database.read() as session:
        counts = await work_counts(session, [day("north")], NOW, wanted=UNASKED)
    assert (counts["tomorrow"], counts["week"]) == (1, 1)
    assert await pages(database, limit=5, bucket="tomorrow", wanted=UNASKED)
    assert [r.case["id"] for r in await pages(database, limit=5, bucket="week", wanted=UNASKED)] == [other_payer.id]


async def test_a_case_opened_ahead_of_a_move_does_not_speak_for_today(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        who, at = await ward.admitted(session, "north", "north/1")
        who.stay_id = at.id
        now_granted = await ward.case(session, who, AuthorizationStatus.APPROVED, stay_id=at.id, **need(NOW))
        ahead = await ward.case(
            session, who, AuthorizationStatus.APPROVED, level="2.5", opened_at=NOW, **need(NOW + 2 * DAY)
        )  # fmt: skip
    [row] = await pages(database, limit=5, wanted=UNASKED)
    assert (row.case["id"], [a["id"] for a in row.also]) == (now_granted.id, [ahead.id])


async def test_filters_narrow_rows_and_counts_alike(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        mine, _ = await ward.admitted(session, "north", "north/1")
        theirs, _ = await ward.admitted(session, "north", "north/2")
        await ward.case(session, mine, AuthorizationStatus.APPROVED, owner="lee", **need(NOW))
        await ward.case(session, theirs, AuthorizationStatus.APPROVED, payer="unity", **need(NOW))
    for wanted, who in (
        (replace(UNASKED, owner="lee"), [mine.id]),
        (replace(UNASKED, payer="unity"), [theirs.id]),
        (replace(UNASKED, people=(mine.person_id,)), [mine.id]),
        (replace(UNASKED, people=()), []),
        (replace(UNASKED, owner="lee", payer="unity"), []),
    ):
        rows = await pages(database, limit=5, wanted=wanted)
        assert [r.case["episode_id"] for r in rows] == who
        async with database.read() as session:
            assert sum((await work_counts(session, [day("north")], NOW, wanted=wanted)).values()) == len(who)


async def test_a_neighbours_case_is_never_listed_and_each_house_has_its_own_midnight(database: Database) -> None:
    async with database.write() as session:
        for place in ("north", "south"):
            await ward.facility(session, place)
            who, _ = await ward.admitted(session, place, f"{place}/1")
            await ward.case(session, who, AuthorizationStatus.APPROVED, **need(ENDS + timedelta(minutes=30)))
    west = HouseDay("south", NOW.date(), ENDS + timedelta(hours=2), ENDS + DAY, ENDS + 7 * DAY)
    async with database.read() as session:
        assert len((await work_page(session, [day("north")], NOW, wanted=UNASKED)).rows) == 1
        assert (await work_page(session, [], NOW, wanted=UNASKED)).rows == []
        assert sum((await work_counts(session, [], NOW, wanted=UNASKED)).values()) == 0
        counts = await work_counts(session, [day("north"), west], NOW, wanted=UNASKED)
        today = await work_page(session, [day("north"), west], NOW, bucket="today", wanted=UNASKED)
    assert (counts["today"], counts["tomorrow"]) == (1, 1)
    assert [r.case["facility"] for r in today.rows] == ["south"]


async def test_what_stands_beside_the_rows_is_counted_from_live_charges(database: Database) -> None:
    """AUTH-01, AUTH-05: a unit is used by a charge that names the grant; a charged day without one is charged only."""
    async with database.write() as session:
        await ward.facility(session, "north")
        who, at = await ward.admitted(session, "north", "north/1")
        case = await ward.case(
            session, who, AuthorizationStatus.APPROVED, **need(NOW), from_date=(NOW - 5 * DAY).date()
        )
        grant = await ward.grant(session, case, 3, (NOW - 5 * DAY).date(), (NOW + 2 * DAY).date())
        for ago, using in ((4, grant), (3, grant), (2, None)):
            await ward.charge(session, at, (NOW - ago * DAY).date(), using)
        await ward.clock(session, case, ClockName.APPEAL_FILING, NOW + DAY)
        await ward.clock(session, case, ClockName.DECISION_URGENT, NOW + 2 * DAY, paused_at=NOW)
        await session.execute(
            text(
                "INSERT INTO payer_circuit (payer, state, failures, opened_at, why, changed_at) "
                "VALUES ('meridian', 'open', 3, :now, 'no answer', :now), ('unity', 'closed', 0, NULL, NULL, :now)"
            ),
            {"now": NOW},
        )
    async with database.read() as session:
        found = await beside(session, [case.id])
        lines = await payer_lines(session, ["north"])
    [used] = found.grants[case.id]
    assert (used.grant_id, used.units, used.used) == (grant.id, 3, 2)
    assert found.charged == {case.id: 3}
    assert [(c.name, c.paused_at) for c in found.clocks[case.id]] == [
        ("appeal_filing", None), ("decision_urgent", NOW),
    ]  # fmt: skip
    assert {p: (one.state, one.held) for p, one in lines.items()} == {"meridian": ("open", 0)}


async def test_more_cases_cost_no_more_statements(database: Database) -> None:
    async def cost() -> Counter[str]:
        found: Counter[str] = Counter()
        async with database.read() as session:
            with counted(database) as seen:
                page = await work_page(session, [day("north")], NOW, wanted=UNASKED)
                await work_counts(session, [day("north")], NOW, wanted=UNASKED)
                await beside(session, [r.case["id"] for r in page.rows])
            found["statements"], found["rows"] = len(seen), len(page.rows)
        return found

    async with database.write() as session:
        await ward.facility(session, "north", beds=20)
        who, _ = await ward.admitted(session, "north", "north/1")
        await ward.case(session, who, AuthorizationStatus.APPROVED, **need(NOW))
    few = await cost()
    async with database.write() as session:
        for number in range(2, 20):
            who, at = await ward.admitted(session, "north", f"north/{number}")
            case = await ward.case(session, who, AuthorizationStatus.APPROVED, **need(NOW))
            grant = await ward.grant(session, case, 5, NOW.date(), (NOW + 5 * DAY).date())
            await ward.charge(session, at, NOW.date(), grant)
    many = await cost()
    assert (few["rows"], many["rows"]) == (1, 19)
    assert few["statements"] == many["statements"] == 5
