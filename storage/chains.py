"""Hash chains read and judged anew, independently of the triggers that wrote them.

**Form 2** (since revision 0013). The hash of an entry is SHA-256 over the UTF-8 bytes of its fields joined by commas, each
written as its length in bytes, a colon and its text, or `-` when it is null: nothing in a value can look like a border.
The fields are `2`, the table, the chain, the place in it (from 1), the hash before in hex, then every column in the order
of `LEDGERS`. Moments are UTC with six decimals and no zone, ids in lower case with hyphens, JSON as the database prints it.

**Form 1** (entries without a place). The same hash over fewer fields joined by `|`, null as nothing; outcomes were not
hashed at all, they are counted.

A chain is whole when places run from 1 without a gap, every entry names the hash before it, every hash is the hash of its
content, and the head tells of the last entry. Who may switch off triggers may also write a whole chain anew; that only
shows against heads kept elsewhere (`python -m storage.verify --heads`, `--against`)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from typing import Any, Final, LiteralString

from psycopg import Connection, sql
from psycopg.rows import DictRow, dict_row

Row = Mapping[str, Any]
BATCH: Final = 2000
"""Rows fetched at a time; memory does not grow with a ledger."""


class Fault(StrEnum):
    CHANGED = "changed"
    NOT_LINKED = "not_linked"
    MISSING = "missing"
    DOUBLED = "doubled"
    CUT = "cut"
    GROWN = "grown"
    HEADLESS = "headless"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Ledger:
    """One chained table. `key` names an entry; `first_form` None: entries of form 1 carry no hash."""

    table: LiteralString
    chain: LiteralString
    key: LiteralString
    order: LiteralString
    moment: LiteralString
    columns: tuple[LiteralString, ...]
    first_form: tuple[str, ...] | None
    json: frozenset[str] = frozenset()


LEDGERS: Final = (
    Ledger(
        table="audit_entry", chain="chain", key="id", order="id", moment="at",
        columns=("id", "at", "actor", "role", "action", "subject", "purpose", "detail"),
        first_form=("chain", "at", "actor", "role", "action", "subject", "purpose", "detail"),
        json=frozenset({"detail"}),
    ),
    Ledger(
        table="disclosure", chain="person_id", key="id", order="seq", moment="intent_at",
        columns=(
            "id", "seq", "episode_id", "content", "purpose", "recipient", "consent_id", "exception", "subject_id",
            "message_id", "fingerprint", "intent_at", "actor", "notice", "scope", "evidence",
        ),
        first_form=(
            "id", "chain", "content", "purpose", "recipient", "consent_id", "exception", "fingerprint", "intent_at",
            "actor",
        ),
        json=frozenset({"scope", "evidence"}),
    ),
    Ledger(
        table="disclosure_outcome", chain="person_id", key="disclosure_id", order="disclosure_id", moment="at",
        columns=("disclosure_id", "outcome", "at"), first_form=None,
    ),
    Ledger(
        table="disclosure_exception", chain="chain", key="id", order="seq", moment="declared_at",
        columns=(
            "id", "seq", "person_id", "episode_id", "facility", "kind", "recipient", "contents", "valid_from",
            "valid_until", "evidence", "words", "ends", "declared_at", "declared_by",
        ),
        first_form=(), json=frozenset({"contents", "evidence"}),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain came."""

    ledger: str
    chain: str
    length: int
    head: str | None


@dataclass(frozen=True, slots=True)
class Break:
    """The first broken link of a chain, in ids and places only."""

    ledger: str
    chain: str
    entry: str | None
    place: int | None
    fault: Fault
    says: str

    def sentence(self) -> str:
        at = f", entry {self.entry}" if self.entry else ""
        return f"{self.ledger}, chain {self.chain}{at}: {self.says}"


@dataclass(frozen=True, slots=True)
class Walked:
    """One chain gone through: entries read, its head, and where it broke first."""

    head: Head
    entries: int
    broken: Break | None


def canonical(fields: tuple[str | None, ...]) -> bytes:
    """Form 2."""
    return b",".join(b"-" if f is None else b"%d:%s" % (len(f.encode()), f.encode()) for f in fields)


def written(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return str(value)


def hash_of(ledger: Ledger, row: Row) -> bytes | None:
    """The hash an entry must have; None where its form has none."""
    before: bytes | None = row["prev_hash"]
    if row["place"] is not None:
        fields = (written(row[c]) for c in ledger.columns)
        link = (before.hex() if before is not None else None,)
        return sha256(canonical(("2", ledger.table, row["chain"], str(row["place"]), *link, *fields))).digest()
    if ledger.first_form is None:
        return None
    parts = (before.hex() if before is not None else "", *(written(row[c]) or "" for c in ledger.first_form))
    return sha256("|".join(parts).encode()).digest()


def walk(
    connection: Connection[Any], ledger: Ledger, since: datetime | None = None, kept: Mapping[str, Head] | None = None,
    chains: Collection[str] | None = None,
) -> Iterator[Walked]:  # fmt: skip
    """Every chain of a ledger in one pass and one snapshot. `since`: only chains that were added to since then. `kept`:
    heads of an earlier day by chain, which must still be on the way. `chains`: only these."""
    seen = dict(kept or {})
    with connection.cursor(f"walk_{ledger.table}", row_factory=dict_row) as cursor:
        cursor.itersize = BATCH
        cursor.execute(
            _entries(ledger, since, chains), {"since": since, "chains": list(chains) if chains is not None else None}
        )
        for chain, rows in groupby(cursor, key=lambda row: str(row["chain"])):
            yield _one_chain(ledger, chain, rows, seen.pop(chain, None))
    if since is None:
        for chain, head in sorted(seen.items()):
            yield Walked(Head(ledger.table, chain, 0, None), 0, _gone(ledger, chain, 0, head.length))


def _one_chain(ledger: Ledger, chain: str, rows: Iterator[DictRow], kept: Head | None) -> Walked:
    """The rows are all read, also after a break: the next chain begins behind them."""
    broken: Break | None = None
    length, told, last, count = 0, None, None, 0
    head: bytes | None = None
    for row in rows:
        told, head = row["head_length"], row["head"]
        if row["entry"] is None:
            continue
        count += 1
        broken = broken or _link(ledger, chain, row, length + 1, last)
        length, last = length + 1, row["hash"]
        if broken is None and kept is not None and kept.length == length and kept.head != _hex(last):
            says = f"place {length} held another hash when heads were kept: the chain was written anew"
            broken = Break(ledger.table, chain, row["entry"], length, Fault.REWRITTEN, says)
    if broken is None and told is None:
        says = f"{length} entries and no head: the head was deleted or the entries came past the triggers"
        broken = Break(ledger.table, chain, None, None, Fault.HEADLESS, says)
    if broken is None and told is not None:
        broken = _end(ledger, chain, length, told, last, head)
    if broken is None and kept is not None and kept.length > length:
        broken = _gone(ledger, chain, length, kept.length)
    return Walked(Head(ledger.table, chain, told or 0, _hex(head)), count, broken)


def _link(ledger: Ledger, chain: str, row: Row, place: int, before: bytes | None) -> Break | None:
    """What is wrong with one entry, seen from the one before it."""

    def broken(fault: Fault, says: str) -> Break:
        return Break(ledger.table, chain, row["entry"], place, fault, says)

    if row["place"] is not None and row["place"] != place:
        if row["place"] < place:
            return broken(Fault.DOUBLED, f"place {row['place']} is held a second time")
        through = row["place"] - 1
        gap = f"place {place} is" if through == place else f"places {place} to {through} are"
        return broken(Fault.MISSING, f"{gap} missing before it")
    if row["place"] is None and ledger.first_form is None:
        return broken(Fault.CHANGED, "carries a hash without a place") if row["hash"] is not None else None
    expected = hash_of(ledger, row)
    if row["hash"] != expected:
        return broken(Fault.CHANGED, f"its content is not what was hashed at place {place}")
    if row["prev_hash"] != before:
        return broken(Fault.NOT_LINKED, f"it does not follow what stands at place {place - 1}")
    return None


def _end(ledger: Ledger, chain: str, length: int, told: int, last: bytes | None, head: bytes | None) -> Break | None:
    if length < told:
        return _gone(ledger, chain, length, told)
    if length > told:
        says = f"{length} entries where its head tells of {told}: some came past the triggers"
        return Break(ledger.table, chain, None, told + 1, Fault.GROWN, says)
    if last != head:
        says = f"the last entry, at place {length}, is not the one its head tells of"
        return Break(ledger.table, chain, None, length, Fault.CHANGED, says)
    return None


def _gone(ledger: Ledger, chain: str, length: int, told: int) -> Break:
    gap = f"place {told} is" if told == length + 1 else f"places {length + 1} to {told} are"
    return Break(ledger.table, chain, None, length + 1, Fault.CUT, f"the end is cut off: {gap} missing")


def _hex(value: bytes | None) -> str | None:
    return value.hex() if value is not None else None


def _entries(ledger: Ledger, since: datetime | None, chains: Collection[str] | None = None) -> sql.Composed:
    """One row an entry with its chain's head beside it; a head without entries is a row too. Outcomes of before 0013
    find their person through their disclosure."""
    table, moment, key = sql.Identifier(ledger.table), sql.Identifier(ledger.moment), sql.Identifier(ledger.key)
    columns = sql.SQL(", ").join(
        sql.SQL("e.{0}::text AS {0}" if c in ledger.json else "e.{0}").format(sql.Identifier(c)) for c in ledger.columns
    )
    own_chain: sql.Composable = sql.SQL("e.{}::text").format(sql.Identifier(ledger.chain))
    if ledger.first_form is None:
        own_chain = sql.SQL(
            "coalesce(e.person_id, (SELECT d.person_id FROM disclosure d WHERE d.id = e.disclosure_id))::text"
        )
    only: sql.Composable = sql.SQL("")
    if since is not None:
        only = sql.SQL(
            "WHERE coalesce(e.own_chain, h.chain) IN (SELECT chain FROM chain_head WHERE ledger = {ledger}"
            " AND moved_at >= %(since)s UNION SELECT {own_chain} FROM {table} e WHERE e.{moment} >= %(since)s)"
        ).format(ledger=sql.Literal(ledger.table), own_chain=own_chain, table=table, moment=moment)
    if chains is not None:
        only = sql.SQL("WHERE coalesce(e.own_chain, h.chain) = ANY(%(chains)s)")
    return sql.SQL(
        "SELECT coalesce(e.own_chain, h.chain) AS chain, h.length AS head_length, h.head, e.{key}::text AS entry,"
        " e.place, e.prev_hash, e.hash, {columns}"
        " FROM (SELECT e.*, {own_chain} AS own_chain FROM {table} e) e"
        " FULL JOIN (SELECT * FROM chain_head WHERE ledger = {ledger}) h ON h.chain = e.own_chain {only}"
        " ORDER BY 1, e.place NULLS FIRST, e.{order}"
    ).format(
        key=key, columns=columns, own_chain=own_chain, table=table, ledger=sql.Literal(ledger.table), only=only,
        order=sql.Identifier(ledger.order),
    )  # fmt: skip
