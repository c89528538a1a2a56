"""Boards, lists and queues at a size where the planner has a choice: they come by their indexes, and a read that
does not is caught (issue 2, speed and size)."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.boards import reads
from bench.desk_user import DeskUser
from bench.plans import explain, in_short, sizes_of
from bench.seed_boards import BIG_TABLES, SeedSizeError, facilities_of, seed
from storage.engine import Database
from storage.scope import ScopedDatabase

EPISODES, HOUSES = 8_000, 20

INDEXES = {
    "board": {"ix_stay_ends", "ix_transition_queue", "ix_episode_board", "ix_bed_occupancy_episode_id"},
    "decision_to_a_day_program": {"ix_stay_ends", "ix_movement_episode", "ix_open_item_episode"},
    "decision_to_a_bed": {"ix_bed_facility", "ix_consent_person", "ix_movement_episode"},
    "episode_list_one": {"ix_episode_newest", "ix_open_item_episode"},
    "episode_list_closed_one": {"ix_episode_newest"},
    "episode_list_next_page_one": {"ix_episode_newest"},
    "episode_list_all": {"ix_episode_newest", "ix_open_item_episode"},
    "episode_list_next_page_all": {"ix_episode_newest"},
    "step_down_queue_one": {"ix_transition_queue", "pk_episode"},
    "step_down_queue_all": {"pk_episode"},
    "step_down_queue_scheduled_one": {"ix_transition_queue", "pk_episode"},
    "worklist_counts_one": {"ix_authorization_row"},
    "worklist_counts_all": {"ix_authorization_row"},
    "worklist_everything_all": {"ix_authorization_need", "ix_authorization_grant_case", "ix_charge_grant"},
    "worklist_next_page_all": {"ix_authorization_need", "pk_episode"},
}


@pytest.fixture
async def filled(database: Database) -> Database:
    await seed(database, EPISODES, HOUSES)
    return database


async def test_every_read_of_a_desk_comes_by_its_indexes(filled: Database, scoped_database: ScopedDatabase) -> None:
    """As a user has it: beneath a policy an index is searched only by conditions that cannot leak."""
    sizes = await sizes_of(filled, BIG_TABLES)
    assert sizes["episode"] == EPISODES
    houses = facilities_of(HOUSES)
    known = reads(houses)
    for name, expected in INDEXES.items():
        user = DeskUser(scoped_database, tuple(houses if name.endswith("_all") else houses[:1]))
        explained = await explain(user, known[name], sizes)
        told = "\n".join(line for one in explained for line in in_short(one.plan))
        used = set().union(*(one.indexes for one in explained))
        assert expected <= used, f"{name} goes without {expected - used}:\n{told}"
        assert [b for one in explained for b in one.breaches] == [], f"{name}:\n{told}"


async def test_reads_that_grow_with_every_episode_are_caught(filled: Database) -> None:
    sizes = await sizes_of(filled, BIG_TABLES)

    async def everybody(session: AsyncSession) -> None:
        await session.execute(text("SELECT id FROM episode ORDER BY opened_at LIMIT 10"))

    async def by_filter(session: AsyncSession) -> None:
        await session.execute(text("SELECT count(*) FROM open_item WHERE facility = 'bench_1' AND owner_role = 'x'"))

    [sorting] = await explain(filled, everybody, sizes)
    assert sorting.breaches == (
        f"sorts {EPISODES} rows by opened_at",
        f"sequential scan over episode ({EPISODES} rows)",
    )
    [filtering] = await explain(filled, by_filter, sizes)
    assert [b.split(" (")[0] for b in filtering.breaches] == ["sequential scan over open_item"]


async def test_a_size_that_leaves_a_house_without_beds_is_refused(database: Database) -> None:
    with pytest.raises(SeedSizeError, match="multiple of 2000"):
        await seed(database, 3_000, 20)
