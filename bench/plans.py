"""What PostgreSQL really did for a read: the statements it sent, their plans in short, and what is wrong with them."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.desk_user import Readable

READ_SHARE_MAX: Final = 0.2
"""A read that touches more than this share of a table that grows with every episode will not stay fast."""
SORTED_SHARE_MAX: Final = 0.05
"""A sort of more rows than this share of the episodes grows with all of them: the order should come from an index."""
SMALL_TABLE_ROWS: Final = 2_000
"""Below this a sequential scan is what a good planner chooses, and sorting costs nothing."""

Read = Callable[[AsyncSession], Awaitable[Any]]
Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Explained:
    """One statement of a read: its plan, and the breaches found in it."""

    statement: str
    plan: Node
    milliseconds: float
    breaches: tuple[str, ...]

    @property
    def indexes(self) -> set[str]:
        return {n["Index Name"] for n in walk(self.plan) if "Index Name" in n}


@contextmanager
def captured(database: Readable) -> Iterator[list[tuple[str, Any]]]:
    """Statements and parameters sent while inside, but for the transaction's own."""
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            seen.append((statement, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def rows_read(node: Node) -> float:
    """Rows a scan looked at over all its loops, also those it threw away."""
    thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node.get("Actual Rows", 0) + thrown) * node.get("Actual Loops", 1))


def breaches_of(plan: Node, sizes: dict[str, int]) -> tuple[str, ...]:
    """`sizes`: rows of every table that grows with episodes. What the other tables do is not judged."""
    found: list[str] = []
    for node in walk(plan):
        kind, table = node["Node Type"], node.get("Relation Name", "")
        size = sizes.get(table, 0)
        if kind == "Sort":
            given = sum(c["Actual Rows"] for c in node.get("Plans", ()))
            if given > max(SMALL_TABLE_ROWS, sizes["episode"] * SORTED_SHARE_MAX):
                found.append(f"sorts {given:.0f} rows by {', '.join(node['Sort Key'])}")
        elif size > SMALL_TABLE_ROWS and kind == "Seq Scan":
            found.append(f"sequential scan over {table} ({size} rows)")
        elif size > SMALL_TABLE_ROWS and kind.endswith("Scan") and rows_read(node) > size * READ_SHARE_MAX:
            found.append(f"reads {rows_read(node):.0f} of {size} rows of {table} ({kind})")
    return tuple(found)


def in_short(node: Node, depth: int = 0) -> Iterator[str]:
    """A plan in one line a node: what, over which table or index, rows by loops, and pages touched."""
    place = node.get("Index Name") or node.get("Relation Name") or ""
    over = f" {place}" if place else ""
    if node.get("Index Name") and node.get("Relation Name"):
        over += f" on {node['Relation Name']}"
    thrown = node.get("Rows Removed by Filter", 0)
    pages = node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0)
    yield (
        "  " * depth + f"{node['Node Type']}{over}: {node.get('Actual Rows', 0):.0f} rows x {node['Actual Loops']:.0f}"
        + (f", {thrown:.0f} thrown away" if thrown else "")
        + f", {pages} pages"
    )  # fmt: skip
    for child in node.get("Plans", ()):
        yield from in_short(child, depth + 1)


async def sizes_of(database: Readable, tables: tuple[str, ...]) -> dict[str, int]:
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r' AND relname = ANY(:tables)"),
            {"tables": list(tables)},
        )
        return {name: int(count) for name, count in rows}


async def explain(database: Readable, read: Read, sizes: dict[str, int]) -> list[Explained]:
    """Run `read` once as its caller does, then each statement it sent under EXPLAIN (ANALYZE, BUFFERS)."""
    async with database.read() as session:
        with captured(database) as sent:
            await read(session)
        found = []
        connection = await session.connection()
        for statement, parameters in sent:
            answer = await connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
            )
            said = answer.scalar_one()
            [told] = json.loads(said) if isinstance(said, str) else said
            plan = told["Plan"]
            found.append(Explained(statement, plan, float(told["Execution Time"]), breaches_of(plan, sizes)))
        return found
