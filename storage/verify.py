"""Whether every hash chain of a database is whole: `python -m storage.verify [--since MOMENT] [--heads FILE]
[--against FILE]`. Says each chain's first broken link and ends with status 1; 0 when all is whole, 2 when it could not look.

`--heads` writes how far each chain came, to be kept where this database's administrators cannot reach; `--against` checks
that what was kept is still on the way."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import psycopg

from storage.chains import LEDGERS, Break, Head, walk

Kept = Mapping[str, Mapping[str, Head]]


def verify(dsn: str, *, since: datetime | None = None, kept: Kept | None = None) -> tuple[list[Break], list[Head], int]:
    """Breaks, heads and the number of entries read, all in one snapshot of the database."""
    breaks: list[Break] = []
    heads: list[Head] = []
    entries = 0
    with psycopg.connect(dsn, options="-c timezone=UTC -c statement_timeout=0") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for ledger in LEDGERS:
            for walked in walk(connection, ledger, since, (kept or {}).get(ledger.table)):
                entries += walked.entries
                heads.append(walked.head)
                if walked.broken is not None:
                    breaks.append(walked.broken)
    return breaks, heads, entries


def read_heads(file: Path) -> Kept:
    kept: dict[str, dict[str, Head]] = {}
    for line in file.read_text().splitlines():
        head = Head(**json.loads(line))
        kept.setdefault(head.ledger, {})[head.chain] = head
    return kept


def write_heads(file: Path, heads: list[Head]) -> None:
    file.write_text("".join(json.dumps(asdict(head)) + "\n" for head in heads))


def _moment(said: str) -> datetime:
    at = datetime.fromisoformat(said)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("say the offset too, for example 2026-03-06T00:00:00-06:00")
    return at


def arguments(said: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="verify", description="Prove the hash chains of a database.")
    parser.add_argument("--since", type=_moment, help="only chains that were added to since this moment")
    parser.add_argument("--heads", type=Path, help="write how far each chain came to this file")
    parser.add_argument("--against", type=Path, help="heads kept on an earlier day")
    chosen = parser.parse_args(said)
    if chosen.heads is not None and chosen.since is not None:
        parser.error("--heads keeps every chain; leave --since out")
    return chosen


def main(said: list[str], url: str | None) -> int:
    chosen = arguments(said)
    if not url:
        sys.stderr.write("STEPDOWN_DATABASE_URL is not set; say which database to verify.\n")
        return 2
    dsn = url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        kept = read_heads(chosen.against) if chosen.against is not None else None
        breaks, heads, entries = verify(dsn, since=chosen.since, kept=kept)
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable, OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"the chains could not be read: {type(error).__name__}; is it up, migrated, the file right?\n")
        return 2
    for broken in breaks:
        sys.stdout.write(broken.sentence() + "\n")
    what = f"{len(heads)} chains with {entries} entries"
    if breaks:
        sys.stdout.write(f"{len(breaks)} of {what} are broken.\n")
        return 1
    if chosen.heads is not None:
        write_heads(chosen.heads, heads)
    sys.stdout.write(f"{what} are whole.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ.get("STEPDOWN_DATABASE_URL")))
