"""Engines and units of work. One request or activity is one transaction; nobody else calls commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine


def make_engine(url: str, *, pool_size: int = 10, overflow: int = 10, application: str = "stepdown") -> AsyncEngine:
    """An engine for `postgresql+psycopg://` addresses. Sessions run in UTC: conversion to facility time
    is a rule's business, never the server's."""
    return create_async_engine(
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


class Database:
    """Hands out units of work. `write` commits when the block ends well and rolls back otherwise; `read`
    is read-only for the server too, so a reader cannot write by mistake."""

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
