"""Many rows of one table in one statement: arrays in, rows out.

A list of parameters sends one execution a row, and a statement with all values is a new statement for every length.
Arrays are one execution of one statement whatever the number of rows."""

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

DO_NOTHING = "ON CONFLICT DO NOTHING"


@lru_cache(maxsize=64)
def _insert(table: Table, columns: tuple[str, ...], conflict: str) -> TextClause:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves dialect constructors untyped
    quoted = ", ".join(f'"{name}"' for name in columns)
    arrays = ", ".join(f"CAST(:{name} AS {table.c[name].type.compile(dialect)}[])" for name in columns)
    return text(f'INSERT INTO "{table.name}" ({quoted}) SELECT * FROM unnest({arrays}) {conflict}')


async def insert_many(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]], conflict: str = DO_NOTHING
) -> int:
    """Insert `rows`, which all have the same columns of plain types; answers how many were written. `conflict` is the
    statement's ON CONFLICT clause: by default rows that are there already are left alone."""
    if not rows:
        return 0
    columns = tuple(rows[0])
    values = {name: [_plain(row[name]) for row in rows] for name in columns}
    done: Any = await session.execute(_insert(table, columns, conflict), values)
    return int(done.rowcount)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
