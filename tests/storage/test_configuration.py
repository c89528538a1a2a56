"""What the house runs on is on record once, and again with what was before when it is no longer so."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from activities.configuration import put_on_record
from api.policy import POLICY
from definitions.vocabulary import Role
from local.stack.folder import first_settings
from runtime.catalog import load_catalog
from runtime.configuration import configuration_of
from runtime.settings import Settings
from storage.engine import Database
from storage.models import AuditEntry
from storage.repositories.configuration import CHAIN, note_configuration

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


def settings(**more: Any) -> Settings:
    said = {name.removeprefix("STEPDOWN_").lower(): value for name, value in first_settings().items()}
    return Settings(database_url="postgresql+psycopg://nobody@127.0.0.1/nothing", **{**said, **more})


async def note(database: Database, found: dict[str, str]) -> bool:
    async with database.write() as session:
        return await note_configuration(session, "api", found, NOW)


async def entries(database: Database) -> list[dict[str, Any]]:
    async with database.read() as session:
        rows = await session.execute(select(AuditEntry.detail).where(AuditEntry.chain == CHAIN).order_by(AuditEntry.id))
        return list(rows.scalars())


async def test_it_is_written_when_it_changes_and_only_then(database: Database) -> None:
    chosen, catalog = settings(), load_catalog()
    first = configuration_of(chosen, catalog, POLICY)
    together = await asyncio.gather(*(note(database, first) for _ in range(3)))
    assert sorted(together) == [False, False, True]
    other = configuration_of(chosen, catalog, {**POLICY, "GET /v1/users": frozenset({Role.BILLER})})
    assert await note(database, other)
    assert not await note(database, other)
    _, second = await entries(database)
    assert second["changed"] == {"policy": [first["policy"], other["policy"]]}


async def test_a_worker_has_a_row_of_its_own_and_no_doors(database: Database) -> None:
    chosen, catalog = settings(), load_catalog()
    assert await note(database, configuration_of(chosen, catalog, POLICY))
    for more in ({}, {}, {"partner_base_url": "http://127.0.0.1:1/other"}):
        await put_on_record(database, settings(**more), catalog)
    _, first, second = await entries(database)
    assert "policy" not in first["now"]
    assert set(first["now"]) == set(configuration_of(chosen, catalog, POLICY)) - {"policy"}
    assert second["changed"] == {"setting/partner_base_url": [chosen.partner_base_url, "http://127.0.0.1:1/other"]}
    async with database.read() as session:
        rows = await session.execute(select(AuditEntry.subject, AuditEntry.actor).where(AuditEntry.chain == CHAIN))
        assert {(subject, actor) for subject, actor in rows} == {
            ("process/api", "system:api"),
            ("process/worker", "system:worker"),
        }


def test_a_changed_definition_and_a_changed_setting_show() -> None:
    chosen, catalog = settings(), load_catalog()
    before = configuration_of(chosen, catalog, POLICY)
    assert configuration_of(chosen, load_catalog(), POLICY) == before
    after = configuration_of(settings(session_hours=8), catalog, POLICY)
    assert {n for n in after if after[n] != before[n]} == {"setting/session_hours"}
    name, edition = next(iter(catalog.editions.items()))
    less = edition.model_copy(update={"levels": dict(list(edition.levels.items())[:-1])})
    catalog.editions[name] = less
    changed = configuration_of(chosen, catalog, POLICY)
    assert {n for n in changed if changed[n] != before[n]} == {f"edition/{name}"}


def test_no_secret_is_in_it() -> None:
    chosen = settings()
    text = str(configuration_of(chosen, load_catalog(), POLICY))
    for name in Settings.model_fields:
        value = getattr(chosen, name)
        if hasattr(value, "get_secret_value") and value.get_secret_value():
            assert value.get_secret_value() not in text, name
    assert chosen.database_url not in text
