"""The payer's memory: what came, what was decided, what was said about it and whether it left. SQLite: a restart
forgets nothing, and what belongs together is written in one transaction."""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Final

from local.payer.schema import prepare
from local.payer.script import Script, Step

CALL, DELIVERY = "call", "delivery"
STATES: Final = {
    "A1": "approved",
    "A2": "approved",
    "A6": "approved",
    "A3": "denied",
    "A4": "pended",
    "C": "cancelled",
    "CT": "contact",
    "NA": "not_required",
    "AAA": "rejected",
    "999": "refused",
    "ACK": "acknowledged",
}
"""What a case is after an answer with this HCR01, AAA, 999 or receipt of a notice."""
OPEN: Final = "received"
"""Taken, and nothing decided yet."""
ANSWERED: Final = "answered"
"""By a book of the first edition, which never wrote down what."""


@dataclass(frozen=True, slots=True)
class Review:
    """One request. `root`: the trace of the request its case began with; `member`: a digest, never the id itself;
    `envelope`: where answers go, JSON; `standing`: the answer that the same question gets again."""

    payer: str
    trace: str
    root: str
    number: str
    reference: str
    member: str
    certification: str
    state: str
    opened_at: datetime
    request: str
    envelope: str
    script: Script
    appeals: int = 0
    documents_at: datetime | None = None
    standing: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, made or to be made. `body` None: written when it is due."""

    id: int
    payer: str
    trace: str | None
    step: Step
    road: str
    due_at: datetime | None
    body: str | None
    action: str | None
    attempts: int


REVIEW: Final = (
    "payer, trace, root, number, reference, member, certification, state, opened_at, request, envelope, script, "
    "appeals, documents_at, standing"
)
SAID: Final = "id, payer, trace, step, road, due_at, body, action, attempts"
OUTERMOST: Final = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
NESTED: Final = ("SAVEPOINT level_{}", "RELEASE level_{}", "ROLLBACK TO level_{}")
WAITING: Final = "left_at IS NULL AND withdrawn_at IS NULL"


def digest_of(member_id: str) -> str:
    return hashlib.sha256(member_id.strip().upper().encode()).hexdigest()[:20]


class Book:
    """One connection, one lock: a payer's desk answers one thing at a time."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        prepare(self._db)
        self._lock = RLock()
        self._depth = 0

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; one inside another is undone by itself when it fails and kept with the outer one."""
        with self._lock:
            level = self._depth
            begin, keep, undo = NESTED if level else OUTERMOST
            self._db.execute(begin.format(level))
            self._depth += 1
            try:
                yield
            except BaseException:
                self._db.execute(undo.format(level))
                if level:
                    self._db.execute(keep.format(level))
                raise
            else:
                self._db.execute(keep.format(level))
            finally:
                self._depth = level

    def rows(self, statement: str, *values: object) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    def write(self, statement: str, *values: object) -> int:
        """The row's id when it is new."""
        with self.transaction():
            return self._db.execute(statement, values).lastrowid or 0

    def next(self, name: str) -> int:
        with self.transaction():
            self.write("INSERT INTO counter VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", name)
            return int(self.rows("SELECT value FROM counter WHERE name = ?", name)[0][0])

    def next_control_number(self, payer: str) -> int:
        """Without gaps for each payer; goes on where a book of the first edition stopped."""
        with self.transaction():
            before = self.rows("SELECT value FROM counter WHERE name = 'interchange'")
            start = int(before[0][0]) if before else 0
            self.write("INSERT OR IGNORE INTO counter VALUES (?, ?)", f"interchange/{payer}", start)
            return self.next(f"interchange/{payer}")

    def review(self, payer: str, trace: str) -> Review | None:
        return self._one_review("trace = ?", payer, trace)

    def named(self, payer: str, name: str) -> Review | None:
        """The first request of the case that carries this certification or tracking number."""
        return self._one_review("(number = ? OR reference = ?) ORDER BY rowid", payer, name, name)

    def latest(self, payer: str, member: str, state: str) -> Review | None:
        return self._one_review("member = ? AND state = ? ORDER BY rowid DESC", payer, member, state)

    def awaiting_documents(self, payer: str, member: str) -> list[Review]:
        waiting = (
            "SELECT trace FROM said s WHERE s.payer = review.payer AND s.trace = review.trace "
            f"AND json_extract(s.step, '$.on') = 'documents' AND s.due_at IS NULL AND {WAITING}"
        )
        return self._reviews(f"member = ? AND EXISTS ({waiting}) ORDER BY rowid", payer, member)

    def newest(self, payer: str, member: str) -> Review | None:
        return self._one_review("member = ? AND number <> '' ORDER BY rowid DESC", payer, member)

    def of_case(self, payer: str, root: str) -> list[Review]:
        return self._reviews("root = ? ORDER BY rowid", payer, root)

    def _one_review(self, where: str, payer: str, *values: str) -> Review | None:
        found = self._reviews(f"{where} LIMIT 1", payer, *values)
        return found[0] if found else None

    def _reviews(self, where: str, payer: str, *values: str) -> list[Review]:
        rows = self.rows(f"SELECT {REVIEW} FROM review WHERE payer = ? AND {where}", payer, *values)
        return [_review(row) for row in rows]

    def open(self, new: Review) -> None:
        at = new.opened_at.isoformat()
        self.write(
            f"INSERT INTO review ({REVIEW}, changed_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            new.payer, new.trace, new.root, new.number, new.reference, new.member, new.certification, new.state, at,
            new.request, new.envelope, new.script.model_dump_json(exclude_defaults=True), new.appeals,
            new.documents_at.isoformat() if new.documents_at else None, new.standing, at,
        )  # fmt: skip

    def decided(self, payer: str, trace: str, state: str, at: datetime, standing: int | None = None) -> None:
        """From now on the case is that, and `standing` the answer its question gets."""
        self.write(
            "UPDATE review SET state = ?, changed_at = ?, standing = coalesce(?, standing) "
            "WHERE payer = ? AND trace = ?",
            state, at.isoformat(), standing, payer, trace,
        )  # fmt: skip

    def appealed(self, payer: str, trace: str) -> None:
        self.write("UPDATE review SET appeals = appeals + 1 WHERE payer = ? AND trace = ?", payer, trace)

    def say(
        self, payer: str, trace: str | None, step: Step, *, kind: str, road: str, made_at: datetime,
        due_at: datetime | None = None,
    ) -> Said:  # fmt: skip
        """Something to be said; `written` gives it its body."""
        made = self.write(
            "INSERT INTO said (payer, trace, kind, step, road, due_at, made_at) VALUES (?,?,?,?,?,?,?)",
            payer, trace, kind, step.model_dump_json(), road, due_at.isoformat() if due_at else None,
            made_at.isoformat(),
        )  # fmt: skip
        return Said(made, payer, trace, step, road, due_at, None, None, 0)

    def written(self, said: int, body: str, control_number: str, action: str) -> None:
        self.write(
            "UPDATE said SET body = ?, control_number = ?, action = ? WHERE id = ?", body, control_number, action, said
        )

    def said(self, said: int) -> Said:
        return self._said("id = ?", said)[0]

    def first_said(self, payer: str, trace: str) -> Said | None:
        found = self._said("payer = ? AND trace = ? AND kind NOT IN ('999', 'TA1') ORDER BY id LIMIT 1", payer, trace)
        return found[0] if found else None

    def due(self, now: datetime) -> list[Said]:
        """Undelivered answers whose time has come, earliest first."""
        return [d for d in self.waiting() if d.due_at is not None and d.due_at <= now]

    def waiting(self) -> list[Said]:
        found = self._said(f"road = '{DELIVERY}' AND due_at IS NOT NULL AND {WAITING}")
        return sorted(found, key=lambda d: (d.due_at, d.id))

    def _said(self, where: str, *values: object) -> list[Said]:
        return [_one_said(row) for row in self.rows(f"SELECT {SAID} FROM said WHERE {where}", *values)]

    def tried(self, said: Said) -> None:
        self.write("UPDATE said SET attempts = attempts + 1 WHERE id = ?", said.id)

    def left(
        self, parts: Sequence[tuple[Said, bytes]], road: str, at: datetime, *, whole: bool = True,
        acknowledged: str | None = None,
    ) -> None:  # fmt: skip
        """These answers left as these bytes, one file. What is delivered is from now on what stands, unless it is
        stale."""
        file = text_digest(b"".join(content for _, content in parts))
        with self.transaction():
            for one, content in parts:
                self.write(
                    "INSERT INTO departure (said, file, piece, road, at, whole, acknowledged) VALUES (?,?,?,?,?,?,?)",
                    one.id, file, text_digest(content), road, at.isoformat(), int(whole), acknowledged,
                )  # fmt: skip
                self.write("UPDATE said SET left_at = coalesce(left_at, ?) WHERE id = ?", at.isoformat(), one.id)
                if road == DELIVERY and one.trace is not None:
                    self.tried(one)
                    state = STATES.get(self.said(one.id).action or "", ANSWERED)
                    if not one.step.stale:
                        self.decided(one.payer, one.trace, state, at, one.id)

    def withdraw(self, payer: str, trace: str, at: datetime, *, only: str = "1") -> None:
        """What is not yet said about a request will not be said."""
        self.write(
            f"UPDATE said SET withdrawn_at = ? WHERE payer = ? AND trace = ? AND road = '{DELIVERY}' AND {WAITING} "
            f"AND {only}",
            at.isoformat(), payer, trace,
        )  # fmt: skip

    def documents_came(self, review: Review, at: datetime) -> None:
        """What waited for documents is now a matter of time; what they make needless is dropped."""
        with self.transaction():
            self.withdraw(review.payer, review.trace, at, only="json_extract(step, '$.unless_documents')")
            for one in self._said(
                f"payer = ? AND trace = ? AND due_at IS NULL AND road = '{DELIVERY}' AND {WAITING}",
                review.payer, review.trace,
            ):  # fmt: skip
                due = at + timedelta(hours=one.step.after_hours)
                self.write("UPDATE said SET due_at = ? WHERE id = ?", due.isoformat(), one.id)
            self.write(
                "UPDATE review SET documents_at = ? WHERE payer = ? AND trace = ?",
                at.isoformat(), review.payer, review.trace,
            )  # fmt: skip

    def received(
        self, payer: str, file: str, *, control_number: str | None, kind: str, trace: str | None, at: datetime,
        answered: int | None,
    ) -> None:  # fmt: skip
        self.write(
            "INSERT INTO received (payer, file, control_number, kind, trace, at, answered) VALUES (?,?,?,?,?,?,?)",
            payer, file, control_number, kind, trace, at.isoformat(), answered,
        )  # fmt: skip


def text_digest(content: bytes) -> str:
    """Of the text as UTF-8, unreadable bytes replaced: what a partner that keeps text can compare."""
    return hashlib.sha256(content.decode("utf-8", "replace").encode()).hexdigest()


def _review(row: Sequence[Any]) -> Review:
    (
        payer,
        trace,
        root,
        number,
        reference,
        member,
        kind,
        state,
        opened,
        request,
        envelope,
        script,
        appeals,
        docs,
        std,
    ) = row
    return Review(
        payer, trace, root, number, reference, member, kind, state, datetime.fromisoformat(opened), request, envelope,
        Script.model_validate_json(script), appeals, datetime.fromisoformat(docs) if docs else None, std,
    )  # fmt: skip


def _one_said(row: Sequence[Any]) -> Said:
    number, payer, trace, step, road, due, body, action, attempts = row
    due_at = datetime.fromisoformat(due) if due else None
    return Said(number, payer, trace, Step.model_validate_json(step), road, due_at, body, action, attempts)
