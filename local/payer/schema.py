"""The tables of the payer's book, and how a book of the first edition is taken over."""

import sqlite3
from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS received (
    id INTEGER PRIMARY KEY, payer TEXT NOT NULL, file TEXT NOT NULL, control_number TEXT, kind TEXT NOT NULL,
    trace TEXT, at TEXT NOT NULL, answered INTEGER);
CREATE INDEX IF NOT EXISTS received_trace ON received (payer, trace);
CREATE TABLE IF NOT EXISTS review (
    payer TEXT NOT NULL, trace TEXT NOT NULL, root TEXT NOT NULL, number TEXT NOT NULL, reference TEXT NOT NULL,
    member TEXT NOT NULL, certification TEXT NOT NULL, state TEXT NOT NULL, opened_at TEXT NOT NULL,
    changed_at TEXT NOT NULL, request TEXT NOT NULL, envelope TEXT NOT NULL, script TEXT NOT NULL,
    appeals INTEGER NOT NULL DEFAULT 0, documents_at TEXT, standing INTEGER, PRIMARY KEY (payer, trace));
CREATE INDEX IF NOT EXISTS review_number ON review (payer, number);
CREATE INDEX IF NOT EXISTS review_reference ON review (payer, reference);
CREATE INDEX IF NOT EXISTS review_member ON review (payer, member);
CREATE TABLE IF NOT EXISTS said (
    id INTEGER PRIMARY KEY, payer TEXT NOT NULL, trace TEXT, kind TEXT NOT NULL, step TEXT NOT NULL,
    road TEXT NOT NULL, due_at TEXT, made_at TEXT NOT NULL, body TEXT, control_number TEXT, action TEXT,
    left_at TEXT, withdrawn_at TEXT, attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS said_trace ON said (payer, trace);
CREATE INDEX IF NOT EXISTS said_waiting ON said (road) WHERE left_at IS NULL AND withdrawn_at IS NULL;
CREATE TABLE IF NOT EXISTS departure (
    id INTEGER PRIMARY KEY, said INTEGER NOT NULL, file TEXT NOT NULL, piece TEXT NOT NULL, road TEXT NOT NULL,
    at TEXT NOT NULL, whole INTEGER NOT NULL, acknowledged TEXT);
CREATE INDEX IF NOT EXISTS departure_said ON departure (said);
CREATE TABLE IF NOT EXISTS attempt (
    payer TEXT NOT NULL, trace TEXT NOT NULL, calls INTEGER NOT NULL, script TEXT NOT NULL,
    posted INTEGER NOT NULL,
    PRIMARY KEY (payer, trace));
CREATE TABLE IF NOT EXISTS rule (id INTEGER PRIMARY KEY, body TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""

FIRST_EDITION: Final = """
INSERT INTO said (payer, trace, kind, step, road, made_at, body, action, left_at)
    SELECT payer, trace, '278', '{"say":"approve"}', 'call', received_at, body,
           CASE kind WHEN 'pended' THEN 'A4' WHEN 'rejected' THEN '999' END, received_at
    FROM answer ORDER BY rowid;
INSERT INTO said (payer, trace, kind, step, road, due_at, made_at, body, left_at, attempts)
    SELECT d.payer, d.trace, '278', '{"say":"approve"}', 'delivery', d.due_at, a.received_at, d.body, d.delivered_at,
           d.attempts
    FROM delivery d JOIN answer a ON a.payer = d.payer AND a.trace = d.trace ORDER BY d.id;
INSERT INTO review (payer, trace, root, number, reference, member, certification, state, opened_at, changed_at,
                    request, envelope, script, standing)
    SELECT a.payer, a.trace, a.trace, coalesce(c.number, ''), '', '', 'I',
           CASE a.kind WHEN 'pended' THEN 'pended' WHEN 'rejected' THEN 'refused' ELSE 'answered' END,
           a.received_at, a.received_at, '', '', '{}',
           (SELECT s.id FROM said s WHERE s.payer = a.payer AND s.trace = a.trace AND s.body = a.body
            ORDER BY s.id LIMIT 1)
    FROM answer a LEFT JOIN case_trace c ON c.payer = a.payer AND c.trace = a.trace ORDER BY a.rowid;
DROP TABLE answer;
DROP TABLE delivery;
DROP TABLE case_trace;
"""
"""What it answered and still owes is kept word for word; what it decided in numbers it never wrote down."""


def prepare(db: sqlite3.Connection) -> None:
    """Tables where they are missing, and the first edition's rows moved over, all or nothing."""
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(SCHEMA)
    old = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'answer'").fetchone()
    if old:
        db.executescript(f"BEGIN IMMEDIATE;{FIRST_EDITION}COMMIT;")
