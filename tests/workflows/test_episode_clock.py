"""The episode's one timer, on a real server whose time is skipped: deadlines fire by themselves (D6)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from definitions.episode import Diagnosis, EpisodeStart, OpenEpisode
from definitions.ids import episode_id_of
from definitions.queues import CARE
from definitions.vocabulary import Role
from local.stack.folder import first_settings
from runtime.catalog import load_catalog
from runtime.keyring_file import load_keyring
from runtime.settings import Settings
from runtime.temporal import connect
from storage.engine import Database
from storage.models import OpenItem
from storage.repositories.facility import ensure_facilities
from worker import wire, workers


@pytest.fixture
async def skipper(database: Database, fresh_database: str, temporal_address: str) -> AsyncIterator[TimeSkipper]:
    names = {k.removeprefix("STEPDOWN_").lower(): v for k, v in first_settings().items()}
    settings = Settings(**names, database_url=fresh_database, temporal_address=temporal_address)  # type: ignore[arg-type]
    catalog, keyring = load_catalog(), load_keyring(settings)
    async with database.write() as session:
        await ensure_facilities(session, catalog.latest)
    client = await connect(temporal_address, "stepdown", keyring)
    hands = wire(settings, database, catalog, keyring)
    care, exchange = workers(client, hands)
    async with care, exchange:
        yield TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    await hands.line.close()


async def opened(skipper: TimeSkipper, database: Database) -> tuple[UUID, object]:
    key, person, coverage = f"clock:{uuid4()}", uuid4(), uuid4()
    now = datetime.now(UTC)
    async with database.write() as session:
        await session.execute(
            text("INSERT INTO person (id, sealed, wrapped_key, created_at, version) VALUES (:i, '', '', :n, 1)"),
            {"i": person, "n": now},
        )
        await session.execute(
            text("INSERT INTO coverage (id, person_id, payer, kind, rank, from_date) "
                "VALUES (:c, :p, 'self_pay', 'self_pay', 1, '2026-01-01')"),
            {"c": coverage, "p": person},
        )  # fmt: skip
    episode = episode_id_of(key)
    handle = await skipper.client.start_workflow(
        "EpisodeWorkflow", EpisodeStart(episode_id=episode), id=f"episode/{episode}", task_queue=CARE
    )
    await handle.execute_update(
        "open",
        OpenEpisode(
            key=key, actor="test", role=Role.ADMISSIONS, now=now, episode_id=episode, person_id=person, facility="harbor",
            coverage_id=coverage, payer="self_pay", requested_level="3.5", source="test", edition="2026-01",
            diagnoses=(Diagnosis(code="F1020", rank=1),),
        ),
    )  # fmt: skip
    return episode, handle


async def kinds(database: Database, episode: UUID) -> set[str]:
    async with database.read() as session:
        return set((await session.execute(select(OpenItem.kind).where(OpenItem.episode_id == episode))).scalars())


async def test_an_overdue_screen_is_told_and_then_escalated_by_the_timer_alone(
    skipper: TimeSkipper, database: Database
) -> None:
    episode, handle = await opened(skipper, database)
    assert "assessment_overdue" not in await kinds(database, episode)
    await skipper.fast_forward(handle, timedelta(hours=25))  # type: ignore[arg-type]
    assert "assessment_overdue" in await kinds(database, episode)
    assert "assessment_escalated" not in await kinds(database, episode)
    await skipper.fast_forward(handle, timedelta(hours=25))  # type: ignore[arg-type]
    assert "assessment_escalated" in await kinds(database, episode)


async def test_a_run_nobody_opens_closes_itself(skipper: TimeSkipper) -> None:
    episode = uuid4()
    handle = await skipper.client.start_workflow(
        "EpisodeWorkflow", EpisodeStart(episode_id=episode), id=f"episode/{episode}", task_queue=CARE
    )
    await skipper.fast_forward(handle, timedelta(minutes=5))
    await handle.result()
    assert (await handle.describe()).status is not None
