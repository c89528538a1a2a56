"""Lists and boards against real rows: what they show, what they hide, and that size costs no statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import event

from definitions.vocabulary import (
    AuthorizationStatus,
    DeadlineKind,
    OpenItemStatus,
    Phase,
    SessionStatus,
    TransitionStatus,
)
from storage.engine import Database
from storage.models import Bed
from storage.reach import Reach
from storage.reads.board import board
from storage.reads.episodes import episode_list, episode_page
from storage.reads.next_sessions import next_sessions
from storage.reads.queue import step_down_queue
from tests.reads import ward
from tests.reads.ward import DAY, NOW

NORTH, NOBODYS = Reach(("north",)), Reach(())


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Statements sent while inside, but for the transaction's own."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith("SET TRANSACTION"):
            seen.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def test_without_a_facility_nothing_is_seen(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        someone, _ = await ward.admitted(session, "north", "north/1")
        await ward.transition(session, someone, TransitionStatus.PENDING)
    async with database.read() as session:
        assert await episode_list(session, NOBODYS) == []
        assert await step_down_queue(session, NOBODYS) == []
        assert await board(session, NOBODYS, "north", NOW) is None
        assert await episode_page(session, NOBODYS, someone.id) is None
        assert await next_sessions(session, NOBODYS, someone.id, NOW) == []


async def test_the_neighbours_people_are_never_listed(database: Database) -> None:
    async with database.write() as session:
        for place in ("north", "south"):
            await ward.facility(session, place)
        mine, _ = await ward.admitted(session, "north", "north/1")
        theirs, _ = await ward.admitted(session, "south", "south/1")
        for one in (mine, theirs):
            await ward.transition(session, one, TransitionStatus.PENDING)
    async with database.read() as session:
        assert [r.id for r in await episode_list(session, NORTH)] == [mine.id]
        assert [e.id for _, e in await step_down_queue(session, NORTH)] == [mine.id]
        assert await board(session, NORTH, "south", NOW) is None
        assert await episode_page(session, NORTH, theirs.id) is None


async def test_pages_of_a_list_follow_each_other_without_gap_or_repeat(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        opened = [NOW - timedelta(minutes=n // 2) for n in range(7)]
        made = {(await ward.episode(session, "north", opened_at=at)).id for at in opened}
    seen: list[Any] = []
    after = None
    async with database.read() as session:
        while rows := await episode_list(session, NORTH, after=after, limit=3):
            seen += [r.id for r in rows]
            after = (rows[-1].opened_at, rows[-1].id)
    assert len(seen) == 7
    assert set(seen) == made


async def test_a_list_narrows_by_phase_and_person_and_counts_open_items(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        inside, _ = await ward.admitted(session, "north", "north/1")
        waiting = await ward.episode(session, "north")
        await ward.item(session, inside, OpenItemStatus.OPEN)
        await ward.item(session, inside, OpenItemStatus.DONE)
    async with database.read() as session:
        found = await episode_list(session, NORTH, phase=Phase.IN_CARE.value)
        assert [(r.id, r.open_items) for r in found] == [(inside.id, 1)]
        assert [r.id for r in await episode_list(session, NORTH, people=[waiting.person_id])] == [waiting.id]
        assert await episode_list(session, NORTH, people=[uuid4()]) == []


async def test_every_bed_state_is_told_apart(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north", beds=5)
        await ward.admitted(session, "north", "north/1")
        _, gone = await ward.admitted(session, "north", "north/2")
        await ward.away(session, gone)
        closed = await session.get_one(Bed, "north/3")
        closed.closed_reason = "leak"
        cleaning = await session.get_one(Bed, "north/4")
        cleaning.cleaning_until = NOW + timedelta(minutes=30)
    async with database.read() as session:
        seen = await board(session, NORTH, "north", NOW)
    assert seen is not None
    states = {b.id: b.state for b in seen.beds}
    assert states == {
        "north/1": "occupied", "north/2": "on_leave", "north/3": "closed", "north/4": "cleaning",
        "north/5": "available",
    }  # fmt: skip
    assert next(b for b in seen.beds if b.id == "north/2").back_at == NOW + DAY


async def test_somebody_at_a_bed_level_without_a_bed_is_a_conflict_and_day_people_are_not(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        lost, _ = await ward.admitted(session, "north", None)
        await ward.admitted(session, "north", None, level="2.5")
        coming = await ward.episode(session, "north")
        await ward.transition(session, lost, TransitionStatus.SCHEDULED)
    async with database.read() as session:
        seen = await board(session, NORTH, "north", NOW)
    assert seen is not None
    assert [episode_id for episode_id, _, _ in seen.unbedded] == [lost.id]
    assert [(d.level, d.enrolled, d.capacity) for d in seen.day] == [("2.5", 1, 20)]
    assert [row[0] for row in seen.pending_in] == [coming.id]
    assert [m.episode_id for m in seen.moves] == [lost.id]


async def test_the_queue_holds_what_waits_soonest_first(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        people = [(await ward.admitted(session, "north", f"north/{n}"))[0] for n in range(1, 5)]
        later = await ward.transition(session, people[0], TransitionStatus.PENDING, at=NOW + DAY)
        sooner = await ward.transition(session, people[1], TransitionStatus.NEEDS_SIGN_OFF)
        approved = await ward.transition(session, people[2], TransitionStatus.SCHEDULED)
        await ward.transition(session, people[3], TransitionStatus.EXECUTED)
    async with database.read() as session:
        assert [t.id for t, _ in await step_down_queue(session, NORTH)] == [sooner.id, later.id]
        assert [t.id for t, _ in await step_down_queue(session, NORTH, status=TransitionStatus.SCHEDULED)] == [
            approved.id
        ]
        following = await step_down_queue(session, NORTH, after=(sooner.effective_at, sooner.id))
        assert [t.id for t, _ in following] == [later.id]


async def test_what_happens_next_joins_the_episodes_and_its_cases_deadlines(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        someone, _ = await ward.admitted(session, "north", "north/1")
        other, _ = await ward.admitted(session, "north", "north/2")
        case = await ward.case(session, someone, AuthorizationStatus.APPROVED)
        await ward.due(session, "authorization", case.id, DeadlineKind.REVIEW_DUE, NOW + DAY)
        await ward.due(session, "episode", someone.id, DeadlineKind.ASSESSMENT_DUE, NOW + 2 * DAY)
        await ward.due(session, "episode", other.id, DeadlineKind.FOLLOW_UP, NOW)
    async with database.read() as session:
        page = await episode_page(session, NORTH, someone.id)
    assert page is not None
    assert [(e["kind"], e["why"]) for e in page.next_events] == [
        ("review_due", "review_due comes"),
        ("assessment_due", "assessment_due comes"),
    ]
    assert page.bed is not None
    assert page.bed.id == "north/1"


async def test_next_sessions_are_those_still_ahead(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north")
        someone, at = await ward.admitted(session, "north", "north/1")
        await ward.place_in(session, at, NOW - DAY, SessionStatus.SCHEDULED)
        await ward.place_in(session, at, NOW + 2 * DAY, SessionStatus.SCHEDULED)
        await ward.place_in(session, at, NOW + DAY, SessionStatus.SCHEDULED)
        await ward.place_in(session, at, NOW + 3 * DAY, SessionStatus.CANCELLED)
    async with database.read() as session:
        found = await next_sessions(session, NORTH, someone.id, NOW)
    assert [s.starts_at for s in found] == [NOW + DAY, NOW + 2 * DAY]


async def test_more_people_cost_no_more_statements(database: Database) -> None:
    async with database.write() as session:
        await ward.facility(session, "north", beds=12)
        first, _ = await ward.admitted(session, "north", "north/1")

    async def cost() -> tuple[int, ...]:
        sizes = []
        async with database.read() as session:
            for read in (
                lambda: episode_list(session, NORTH),
                lambda: step_down_queue(session, NORTH),
                lambda: board(session, NORTH, "north", NOW),
                lambda: episode_page(session, NORTH, first.id),
            ):
                with counted(database) as seen:
                    await read()
                sizes.append(len(seen))
        return tuple(sizes)

    few = await cost()
    async with database.write() as session:
        for number in range(2, 13):
            one, _ = await ward.admitted(session, "north", f"north/{number}")
            await ward.transition(session, one, TransitionStatus.PENDING)
            await ward.case(session, one, AuthorizationStatus.SUBMITTED)
        for _ in range(10):
            await ward.item(session, first, OpenItemStatus.OPEN)
    assert await cost() == few
    assert few[:3] == (1, 1, 5)
