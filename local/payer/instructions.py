"""Which script a request gets: chosen at its first sight, kept, and the same for every later call with its trace."""

from dataclasses import dataclass

from local.payer.book import Book
from local.payer.script import Rule, Script
from local.payer.suffix import script_of


@dataclass(frozen=True, slots=True)
class Attempt:
    """`calls`: how often this trace has come, this call included; also those that were never taken."""

    calls: int
    script: Script
    posted: bool = True
    """By a rule, not by the member's suffix."""

    @property
    def faulty(self) -> bool:
        return self.calls <= self.script.fault_calls


class Instructions:
    """What tests post (`POST /script`), newest first, and the member's own suffix when nothing fits."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def post(self, rule: Rule) -> int:
        return self._book.write("INSERT INTO rule (body) VALUES (?)", rule.model_dump_json())

    def forget(self) -> None:
        self._book.write("DELETE FROM rule")

    def all(self) -> list[dict[str, object]]:
        rows = self._book.rows("SELECT id, body, seen FROM rule ORDER BY id")
        return [
            {"id": r[0], "seen": r[2], "rule": Rule.model_validate_json(r[1]).model_dump(mode="json")} for r in rows
        ]

    def attempt(self, payer: str, trace: str, member_id: str, kind: str) -> Attempt:
        """Counts this call; chooses the script when the trace is new."""
        with self._book.transaction():
            if not self._book.rows("SELECT 1 FROM attempt WHERE payer = ? AND trace = ?", payer, trace):
                posted = self._choose(payer, trace, member_id, kind)
                script = posted or _unposted(member_id, kind)
                self._book.write(
                    "INSERT INTO attempt (payer, trace, calls, script, posted) VALUES (?, ?, 0, ?, ?)",
                    payer, trace, script.model_dump_json(exclude_defaults=True), int(posted is not None),
                )  # fmt: skip
            self._book.write("UPDATE attempt SET calls = calls + 1 WHERE payer = ? AND trace = ?", payer, trace)
            calls, kept, by_rule = self._book.rows(
                "SELECT calls, script, posted FROM attempt WHERE payer = ? AND trace = ?", payer, trace
            )[0]
            return Attempt(int(calls), Script.model_validate_json(kept), bool(by_rule))

    def _choose(self, payer: str, trace: str, member_id: str, kind: str) -> Script | None:
        """Every rule that fits counts this trace, whichever of them wins."""
        chosen: Script | None = None
        for number, body, seen in self._book.rows("SELECT id, body, seen FROM rule ORDER BY id DESC"):
            rule = Rule.model_validate_json(body)
            if not fits(rule, payer, trace, member_id, kind):
                continue
            self._book.write("UPDATE rule SET seen = seen + 1 WHERE id = ?", number)
            if chosen is None and rule.nth in (None, seen + 1):
                chosen = rule.script
        return chosen


def _unposted(member_id: str, kind: str) -> Script:
    """A suffix is about requests and notices; an inquiry is answered from the book."""
    return Script() if kind == "inquiry" else script_of(member_id)


def fits(rule: Rule, payer: str, trace: str, member_id: str, kind: str) -> bool:
    """Everything but `nth`."""
    return (
        rule.kind == kind
        and rule.payer in (None, payer)
        and rule.trace in (None, trace)
        and (rule.member_suffix is None or member_id.strip().upper().endswith(rule.member_suffix.upper()))
    )
