"""Two books compared: what we wrote down about a payer, and what the payer wrote down about us.

Reads our tables by SQL of its own, so that a mistake in a repository cannot hide behind itself, and the payer's book
over HTTP (`GET /book/messages`, `GET /book/cases`). Every difference is a sentence with its kind; ids and codes only."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import httpx2
import psycopg
from psycopg.rows import dict_row

Row = Mapping[str, Any]

OUTBOUND: Final = """
    SELECT m.partner, m.control_number, m.fingerprint, m.status, m.kind, r.trace, r.attempts
    FROM exchange_message m LEFT JOIN authorization_request r ON r.id = m.subject_id
    WHERE m.direction = 'out' ORDER BY m.at, m.id"""
KEPT: Final = """
    SELECT partner, fingerprint FROM exchange_message WHERE direction = 'in'
    UNION SELECT partner, fingerprint FROM exchange_file"""
STANDING: Final = """
    SELECT DISTINCT ON (r.id) a.payer AS partner, r.trace, r.authorization_id, d.action, d.source
    FROM authorization_request r JOIN "authorization" a ON a.id = r.authorization_id
    LEFT JOIN authorization_decision d ON d.request_id = r.id AND (d.superseded_by IS NULL OR EXISTS (
        SELECT 1 FROM authorization_decision s WHERE s.id = d.superseded_by AND s.request_id <> r.id))
    ORDER BY r.id, d.received_at DESC NULLS LAST, d.arrival DESC, d.id"""
"""What stands of the answers to each trace: an appeal that was granted replaces a denial in the case, and the denial
stays the answer to its own trace, in the payer's book as in ours."""
LEDGER: Final = """
    SELECT m.partner, m.fingerprint, m.kind, m.control_number, r.trace, o.outcome
    FROM disclosure d JOIN exchange_message m ON m.id = d.message_id
    LEFT JOIN disclosure_outcome o ON o.disclosure_id = d.id
    LEFT JOIN authorization_request r ON r.id = m.subject_id
    ORDER BY d.seq"""
"""What patients are accounted for, by the message that carried it: one row each time it may have left."""
UNGROUNDED: Final = """
    SELECT m.partner, m.control_number, m.kind, r.trace FROM exchange_message m
    LEFT JOIN authorization_request r ON r.id = m.subject_id
    WHERE m.direction = 'out' AND m.person_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM disclosure d WHERE d.message_id = m.id)
    ORDER BY m.at, m.id"""
"""Out, about somebody, and in no accounting."""
COUNTERS: Final = "SELECT partner, last FROM control_number WHERE position('/' IN partner) = 0"
OURS: Final = (COUNTERS, OUTBOUND, KEPT, STANDING, LEDGER, UNGROUNDED)

STATES: Final[Mapping[str | None, str]] = {
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
    None: "unanswered",
}
"""Our decision's action in the payer's words."""
WITHOUT_DECISION: Final = frozenset({"acknowledged"})
"""What the payer calls a notice it has a receipt for; nothing is decided by it."""
UNDECIDED: Final = frozenset({"received", "unanswered"})
DECIDES: Final = frozenset({"278", "pas"})
SENT, NOT_SENT = "sent", "failed"
MACHINE: Final = frozenset({"x12", "pas"})
"""Where a decision came from when the payer's system said it; others were heard by a person."""


class Kind(StrEnum):
    NEVER_RECEIVED = "sent, never received"
    NEVER_SENT = "received, never sent"
    COUNTED_AS_UNSENT = "received, counted as not sent"
    RECEIVED_MORE = "received more often than sent"
    OTHER_BYTES = "same trace, other bytes"
    NOT_KEPT = "answer left, not kept"
    GAP = "control number missing"
    DOUBLE = "control number twice"
    NOT_ACCOUNTED = "received, not in the accounting"
    ACCOUNTED_ONLY = "accounted as sent, never received"
    NO_GROUND = "left on no ground"
    STATE = "final state differs"
    UNKNOWN_CASE = "case nobody here asked for"


@dataclass(frozen=True, slots=True)
class Difference:
    kind: Kind
    partner: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.partner}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Books:
    """Rows as they were read. `messages` and `cases` are the payer's, the others ours; `counters`: the last control
    number taken for each partner."""

    counters: tuple[Row, ...] = ()
    out: tuple[Row, ...] = ()
    kept: tuple[Row, ...] = ()
    standing: tuple[Row, ...] = ()
    messages: tuple[Row, ...] = ()
    cases: tuple[Row, ...] = ()
    ledger: tuple[Row, ...] = ()
    ungrounded: tuple[Row, ...] = ()

    def came(self) -> Iterator[Row]:
        """Each file once a transaction; what could not be read belongs to no trace."""
        return (m for m in self.messages if m["direction"] == "in")

    def answers(self) -> Iterator[Row]:
        return (m for m in self.messages if m["direction"] == "out")


def compare(database_url: str, payer_url: str) -> list[Difference]:
    """Everything that differs now; nothing is changed. `payer_url`: where the payer shows its book."""
    return differences(read_books(database_url, payer_url))


def read_books(database_url: str, payer_url: str) -> Books:
    dsn = database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        connection.read_only = True
        ours = [tuple(connection.execute(query).fetchall()) for query in OURS]
    with httpx2.Client(base_url=payer_url, timeout=20) as client:
        messages = client.get("/book/messages").raise_for_status().json()["messages"]
        cases = client.get("/book/cases").raise_for_status().json()["cases"]
    counters, out, kept, standing, ledger, ungrounded = ours
    return Books(counters, out, kept, standing, tuple(messages), tuple(cases), ledger, ungrounded)


def differences(books: Books) -> list[Difference]:
    return [difference for check in CHECKS for difference in check(books)]


def _named(row: Row) -> str:
    trace = f", trace {row['trace']}" if row.get("trace") else ""
    return f"message {row['control_number'] or 'without a number'}{trace},"


def _files(rows: Iterable[Row]) -> set[tuple[str, str]]:
    return {(row["payer"], row["digest"]) for row in rows}


def _sent_never_received(books: Books) -> Iterator[Difference]:
    """`unknown` may have got lost on the way; `sent` was answered, so it was received. What people sent by hand went to
    people, and an acknowledgement is the end of a call that the payer made."""
    received = _files(books.came())
    for row in books.out:
        if row["status"] == SENT and row["kind"] in DECIDES and (row["partner"], row["fingerprint"]) not in received:
            yield Difference(Kind.NEVER_RECEIVED, row["partner"], f"{_named(row)} was sent and never received")


def _received_never_sent(books: Books) -> Iterator[Difference]:
    """What counts as not sent was not disclosed in our accounting; the payer's book says otherwise (D11)."""
    ours = {(row["partner"], row["fingerprint"]): row for row in books.out}
    for key, row in {(m["payer"], m["digest"]): m for m in books.came()}.items():
        if key not in ours:
            yield Difference(Kind.NEVER_SENT, key[0], f"{_named(row)} was received and never sent from here")
        elif ours[key]["status"] == NOT_SENT:
            yield Difference(Kind.COUNTED_AS_UNSENT, key[0], f"{_named(row)} was received and counts as not sent here")


def _received_more(books: Books) -> Iterator[Difference]:
    """The same bytes go again when an answer is missing; more often than we tried, somebody else sent them."""
    times = Counter((m["payer"], m["digest"], m["trace"]) for m in books.came())
    for row in books.out:
        received = times[row["partner"], row["fingerprint"], row["trace"]]
        if row["attempts"] is not None and received > max(row["attempts"], 1):
            sentence = f"{_named(row)} was received {received} times and sent {row['attempts']} times"
            yield Difference(Kind.RECEIVED_MORE, row["partner"], sentence)


def _same_trace_other_bytes(books: Books) -> Iterator[Difference]:
    files: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in books.came():
        if row["trace"]:
            files[row["payer"], row["trace"]].add(row["digest"])
    for (payer, trace), digests in files.items():
        if len(digests) > 1:
            yield Difference(Kind.OTHER_BYTES, payer, f"trace {trace} came in {len(digests)} different files")


def _left_never_kept(books: Books) -> Iterator[Difference]:
    """Whole answers only: one that was cut off never arrived. A file is kept as it is or piece by piece."""
    kept = {(row["partner"], row["fingerprint"]) for row in books.kept}
    for row in books.answers():
        if row["kind"] not in DECIDES or not row["left_at"] or not row["whole"]:
            continue
        if not {(row["payer"], row["digest"]), (row["payer"], row["piece"])} & kept:
            sentence = f"answer {row['control_number']} to trace {row['trace']} left by {row['road']} and was not kept"
            yield Difference(Kind.NOT_KEPT, row["payer"], sentence)


def _control_numbers(books: Books) -> Iterator[Difference]:
    """Each direction counts for itself. The same bytes twice are one message; one number on two messages is not."""
    ours: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in books.out:
        if row["control_number"]:
            ours[row["partner"]][row["control_number"]].add(row["fingerprint"])
    theirs: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in books.answers():
        if row["control_number"]:
            whole = row["piece"] if row["piece"] and not row["damage"] else None
            theirs[row["payer"]][row["control_number"]] |= {whole} if whole else set()
    taken = {row["partner"]: int(row["last"]) for row in books.counters}
    for partner in sorted(ours.keys() | taken.keys()):
        yield from _counted("our", partner, ours[partner], taken.get(partner, 0))
    for partner, found in theirs.items():
        yield from _counted("the payer's", partner, found, 0)


def _counted(whose: str, partner: str, found: Mapping[str, set[str]], last: int) -> Iterator[Difference]:
    """From 1 to the last that was taken; a book that never said where it began, from its first."""
    numbers = {int(n) for n in found if n.isdigit()}
    first = 1 if last else min(numbers, default=1)
    for missing in sorted(set(range(first, max(numbers | {last}) + 1)) - numbers):
        yield Difference(Kind.GAP, partner, f"{whose} control number {missing:09d} was never used")
    for number, messages in sorted(found.items()):
        if len(messages) > 1:
            yield Difference(
                Kind.DOUBLE, partner, f"{whose} control number {number} stands on {len(messages)} messages"
            )


def _final_states(books: Books) -> Iterator[Difference]:
    """By trace. A cancellation is a question of its own here, and ends the whole case there."""
    ours = {(row["partner"], row["trace"]): row for row in books.standing}
    ended = {row["authorization_id"] for row in books.standing if STATES.get(row["action"]) == "cancelled"}
    for case in books.cases:
        if case["state"] in WITHOUT_DECISION:
            continue
        row = ours.get((case["payer"], case["trace"]))
        if row is None:
            yield Difference(Kind.UNKNOWN_CASE, case["payer"], f"trace {case['trace']} is a case nobody here asked for")
            continue
        here = STATES.get(row["action"], row["action"])
        if case["state"] == "cancelled" and row["authorization_id"] in ended:
            continue
        if here != case["state"] and not {here, case["state"]} <= UNDECIDED:
            heard = f" ({row['source']})" if row["source"] not in (None, *MACHINE) else ""
            sentence = f"trace {case['trace']} is {case['state']} there and {here} here{heard}"
            yield Difference(Kind.STATE, case["payer"], sentence)


def _accounting(books: Books) -> Iterator[Difference]:
    """Row by row: as often as a message of ours came, so often the patient is told that it left, and what the patient is
    told was sent is a message that was (42 CFR 2.25). An intent without an outcome counts as disclosed."""
    told = Counter((row["partner"], row["fingerprint"]) for row in books.ledger if row["outcome"] != "not_sent")
    came = Counter((m["payer"], m["digest"]) for m in books.came())
    ours = {(row["partner"], row["fingerprint"]): row for row in books.out}
    for key, row in ours.items():
        times = min(came[key], row["attempts"] or came[key])
        if times > told[key] and row["status"] != NOT_SENT:
            sentence = f"{_named(row)} was received {times} times and is accounted for {told[key]} times"
            yield Difference(Kind.NOT_ACCOUNTED, key[0], sentence)
    for row in books.ledger:
        key = (row["partner"], row["fingerprint"])
        said = key in ours and ours[key]["status"] == SENT
        if row["outcome"] == SENT and row["kind"] in DECIDES and key not in came and not said:
            yield Difference(Kind.ACCOUNTED_ONLY, row["partner"], f"{_named(row)} is accounted as sent and never came")


def _no_ground(books: Books) -> Iterator[Difference]:
    for row in books.ungrounded:
        sentence = f"{_named(row)} left as {row['kind']} and stands in no accounting"
        yield Difference(Kind.NO_GROUND, row["partner"], sentence)


CHECKS: Final[tuple[Callable[[Books], Iterator[Difference]], ...]] = (
    _sent_never_received,
    _received_never_sent,
    _received_more,
    _same_trace_other_bytes,
    _left_never_kept,
    _control_numbers,
    _final_states,
    _accounting,
    _no_ground,
)
