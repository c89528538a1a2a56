"""Engines, and units of work of the worker. One request or activity is one transaction; nobody else calls commit. The API's
units of work are in `storage/scope.py`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from storage.row_security import DatabaseRole

MAY: Final = """
    SELECT CASE
        WHEN rolsuper OR rolbypassrls THEN 'the role of this connection passes row security by'
        WHEN NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) OR NOT pg_has_role(r.oid, wanted, 'USAGE')
            THEN 'the role of this connection is not ' || wanted
        WHEN EXISTS (SELECT 1 FROM pg_class c WHERE pg_has_role(r.oid, c.relowner, 'MEMBER') AND c.relkind IN ('r', 'p')
            AND c.relnamespace = current_schema()::regnamespace) THEN 'the role of this connection owns tables'
    END FROM pg_roles r, (SELECT %s::name AS wanted) w WHERE r.rolname = current_user
"""


class TooStrong(Exception):
    """This connection may more than what serves may; the message says why."""


def make_engine(
    url: str,
    *,
    pool_size: int = 10,
    overflow: int = 10,
    application: str = "stepdown",
    role: DatabaseRole | None = None,
) -> AsyncEngine:
    """An engine for `postgresql+psycopg://` addresses. Sessions run in UTC: conversion to facility time
    is a rule's business, never the server's. `role`: no connection is used that may more than that role (TooStrong)."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={
            "options": "-c timezone=UTC -c statement_timeout=60000 -c lock_timeout=10000",
            "application_name": application,
            "connect_timeout": 5,
        },
    )
    if role is not None:
        event.listen(engine.sync_engine, "connect", lambda connection, _: _weak_enough(connection, role))
    return engine


def _weak_enough(connection: Any, role: DatabaseRole) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(MAY, (role.value,))
        (says,) = cursor.fetchone()
    finally:
        cursor.close()
    connection.rollback()
    if says is not None:
        raise TooStrong(f"{says}: docs/operations.md, Roles of the database")


def weak_enough(url: str, role: DatabaseRole) -> None:
    """Asked once when a process starts, so that it can say in a sentence what is wrong; a database that is away is asked
    by the first connection. Raises TooStrong."""
    try:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), connect_timeout=5) as connection:
            _weak_enough(connection, role)
    except psycopg.OperationalError:
        return


class Database:
    """Hands out units of work that act for the whole house. `write` commits when the block ends well and rolls back
    otherwise; `read` is read-only for the server too, so a reader cannot write by mistake."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session, session.begin():
            await session.execute(text("SET TRANSACTION READ ONLY"))
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
