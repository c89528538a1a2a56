"""The payer's memory: cases by trace, and answers still to be delivered. SQLite, so a restart forgets nothing."""

import sqlite3
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
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class Book:
    """One connection, one lock: a payer's desk answers one thing at a time."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(SCHEMA)
        self._lock = Lock()

    def next(self, name: str) -> int:
        with self._lock:
            row = self._db.execute(
                "INSERT INTO counter VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
            return int(row[0])

    def answer_for(self, payer: str, trace: str) -> tuple[str, str] | None:
        """(body, kind) of the answer this trace already has: the same question never makes a second case."""
        with self._lock:
            row = self._db.execute(
                "SELECT body, kind FROM answer WHERE payer = ? AND trace = ?", (payer, trace)
            ).fetchone()
            return (row[0], row[1]) if row else None

    def keep(self, payer: str, trace: str, body: str, kind: str, member: str, at: datetime) -> None:
        with self._lock:
            self._db.execute(
                "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (payer, trace) DO UPDATE SET body = "
                "excluded.body, kind = excluded.kind",
                (payer, trace, body, kind, at.isoformat(), member),
            )

    def deliver_later(self, payer: str, trace: str, body: str, due_at: datetime) -> None:
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO delivery (payer, trace, body, due_at) VALUES (?, ?, ?, ?)",
                (payer, trace, body, due_at.isoformat()),
            )

    def due(self, now: datetime) -> list[tuple[int, str, str, str]]:
        """Undelivered answers whose time has come: (id, payer, trace, body)."""
        return [(r[0], r[1], r[2], r[3]) for r in self._open() if datetime.fromisoformat(r[4]) <= now]

    def next_due(self) -> datetime | None:
        return min((datetime.fromisoformat(r[4]) for r in self._open()), default=None)

    def _open(self) -> list[Any]:
        with self._lock:
            return self._db.execute(
                "SELECT id, payer, trace, body, due_at FROM delivery WHERE delivered_at IS NULL ORDER BY due_at, id"
            ).fetchall()

    def delivered(self, delivery_id: int, payer: str, trace: str, body: str, at: datetime) -> None:
        with self._lock:
            self._db.execute("UPDATE delivery SET delivered_at = ? WHERE id = ?", (at.isoformat(), delivery_id))
            self._db.execute(
                "UPDATE answer SET body = ?, kind = 'final' WHERE payer = ? AND trace = ?", (body, payer, trace)
            )

    def cases(self) -> list[dict[str, str]]:
        with self._lock:
            rows = self._db.execute(
                "SELECT payer, trace, kind, received_at FROM answer ORDER BY received_at"
            ).fetchall()
        return [{"payer": p, "trace": t, "kind": k, "received_at": r} for p, t, k, r in rows]
