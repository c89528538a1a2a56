"""The book as others may read it: ids, codes, times and digests; no member ids, no names, no bodies."""

from typing import Any, Final

from local.payer.book import Book

KINDS: Final = {"pended": "pended", "refused": "rejected", "received": "received"}
"""What `GET /book` calls a state; every other is `final`."""

CASES: Final = """
SELECT r.payer, r.trace, r.state, r.opened_at, r.number,
       (SELECT count(*) FROM said s WHERE s.payer = r.payer AND s.trace = r.trace AND s.road = 'delivery'
        AND s.due_at IS NOT NULL AND s.left_at IS NULL AND s.withdrawn_at IS NULL),
       (SELECT count(*) FROM said s WHERE s.payer = r.payer AND s.trace = r.trace AND s.road = 'delivery'
        AND s.left_at IS NOT NULL)
FROM review r ORDER BY r.rowid"""
REVIEWS: Final = """
SELECT payer, trace, root, number, reference, certification, state, opened_at, changed_at, appeals, documents_at
FROM review ORDER BY rowid"""
RECEIVED: Final = """
SELECT r.payer, r.at, r.kind, r.control_number, r.trace, r.file, s.kind, s.action, s.left_at
FROM received r LEFT JOIN said s ON s.id = r.answered ORDER BY r.id"""
SAID: Final = """
SELECT s.payer, s.made_at, s.kind, s.control_number, s.trace, d.file, d.piece, s.action, s.due_at, d.at, d.road, d.whole,
       d.acknowledged, json_extract(s.step, '$.damage'), s.withdrawn_at, s.id
FROM said s LEFT JOIN departure d ON d.said = s.id ORDER BY s.id, d.id"""


def _named(rows: list[Any], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def cases(book: Book) -> list[dict[str, Any]]:
    """One row a trace, oldest first: how many answers wait and how many were delivered."""
    found = _named(book.rows(CASES), "payer", "trace", "kind", "received_at", "number", "waiting", "delivered")
    return [row | {"kind": KINDS.get(row["kind"], "final")} for row in found]


def reviews(book: Book) -> list[dict[str, Any]]:
    """One row a trace: what the payer decided. `root` is the trace its case began with."""
    return _named(
        book.rows(REVIEWS), "payer", "trace", "root", "number", "reference", "certification", "state", "opened_at",
        "changed_at", "appeals", "documents_at",
    )  # fmt: skip


def messages(book: Book) -> list[dict[str, Any]]:
    """What came (`in`) with what it got, and what was said (`out`), one row for each time it left; `left_at` None:
    made, and not left yet. `digest` is of the whole file's text, SHA-256, `piece` of this answer's alone."""
    came = _named(
        book.rows(RECEIVED), "payer", "at", "kind", "control_number", "trace", "digest", "answered_kind", "answered",
        "answered_at",
    )  # fmt: skip
    said = _named(
        book.rows(SAID), "payer", "at", "kind", "control_number", "trace", "digest", "piece", "action", "due_at", "left_at",
        "road", "whole", "acknowledged", "damage", "withdrawn_at", "answer",
    )  # fmt: skip
    return [{"direction": "in", **row} for row in came] + [{"direction": "out", **row} for row in said]
