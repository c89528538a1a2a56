"""The payer's memory: cases, answers by trace, and answers still to be delivered. SQLite: a restart forgets nothing."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    payer TEXT NOT NULL, trace TEXT NOT NULL, body TEXT NOT NULL, kind TEXT NOT NULL, received_at TEXT NOT NULL,
    member TEXT NOT NULL, PRIMARY KEY (payer, trace));
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY, payer TEXT NOT NULL, trace TEXT NOT NULL, body TEXT NOT NULL, due_at TEXT NOT NULL,
    delivered_at TEXT, attempts INTEGER NOT NULL DEFAULT 0, UNIQUE (payer, trace, due_at));
CREATE TABLE IF NOT EXISTS case_trace (
    payer TEXT NOT NULL, trace TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (payer, trace));
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the book keeps of one question: its answer now, and what is to be delivered later."""

    payer: str
    trace: str
    number: str
    body: str
    kind: str
    at: datetime
    deliveries: tuple[tuple[datetime, str], ...] = ()
    """(due, body)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    payer: str
    trace: str
    body: str
    due_at: datetime
    attempts: int


class Book:
    """One connection, one lock: a payer's desk answers one thing at a time."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(SCHEMA)
        self._lock = Lock()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def next(self, name: str) -> int:
        with self._writing() as db:
            row = db.execute(
                "INSERT INTO counter VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
            return int(row[0])

    def answer_for(self, payer: str, trace: str) -> str | None:
        """The answer this trace already has: the same question never makes a second case."""
        rows = self._rows("SELECT body FROM answer WHERE payer = ? AND trace = ?", (payer, trace))
        return str(rows[0][0]) if rows else None

    def keep(self, entry: Entry) -> None:
        """Answer, case and deliveries in one transaction: a pended case never loses its later answer."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO answer VALUES (?, ?, ?, ?, ?, '')",
                (entry.payer, entry.trace, entry.body, entry.kind, entry.at.isoformat()),
            )
            db.execute("INSERT INTO case_trace VALUES (?, ?, ?)", (entry.payer, entry.trace, entry.number))
            db.executemany(
                "INSERT OR IGNORE INTO delivery (payer, trace, body, due_at) VALUES (?, ?, ?, ?)",
                [(entry.payer, entry.trace, body, due.isoformat()) for due, body in entry.deliveries],
            )

    def due(self, now: datetime) -> list[Delivery]:
        """Undelivered answers whose time has come, earliest first."""
        return [d for d in self._open() if d.due_at <= now]

    def next_due(self) -> datetime | None:
        return min((d.due_at for d in self._open()), default=None)

    def _open(self) -> list[Delivery]:
        rows = self._rows(
            "SELECT id, payer, trace, body, due_at, attempts FROM delivery WHERE delivered_at IS NULL", ()
        )
        found = [Delivery(r[0], r[1], r[2], r[3], datetime.fromisoformat(r[4]), r[5]) for r in rows]
        return sorted(found, key=lambda d: (d.due_at, d.id))

    def tried(self, delivery: Delivery) -> None:
        with self._writing() as db:
            db.execute("UPDATE delivery SET attempts = attempts + 1 WHERE id = ?", (delivery.id,))

    def delivered(self, delivery: Delivery, at: datetime) -> None:
        """From now on the trace's answer is the delivered one."""
        with self._writing() as db:
            db.execute(
                "UPDATE delivery SET delivered_at = ?, attempts = attempts + 1 WHERE id = ?",
                (at.isoformat(), delivery.id),
            )
            db.execute(
                "UPDATE answer SET body = ?, kind = 'final' WHERE payer = ? AND trace = ?",
                (delivery.body, delivery.payer, delivery.trace),
            )

    def cases(self) -> list[dict[str, Any]]:
        """One row a trace, oldest first; no member ids."""
        rows = self._rows(
            "SELECT a.payer, a.trace, a.kind, a.received_at, coalesce(c.number, ''), "
            "(SELECT count(*) FROM delivery d WHERE d.payer = a.payer AND d.trace = a.trace AND delivered_at IS NULL), "
            "(SELECT count(*) FROM delivery d WHERE d.payer = a.payer AND d.trace = a.trace "
            "AND delivered_at IS NOT NULL) "
            "FROM answer a LEFT JOIN case_trace c ON c.payer = a.payer AND c.trace = a.trace ORDER BY a.rowid",
            (),
        )
        names = ("payer", "trace", "kind", "received_at", "number", "waiting", "delivered")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _rows(self, statement: str, values: Sequence[str]) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, tuple(values)).fetchall()
