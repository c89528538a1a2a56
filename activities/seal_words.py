"""`python -m activities.seal_words`: seals the words of staff that stand in clear from before they were sealed.

Small batches while everything runs, from where it stands and as often as one likes. Run it once no process of before is left:
such a process reads a sealed row as one without words. What it overwrites stays in the files of the database until it is
vacuumed, and in backups until they expire."""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Final

from definitions.staff_words import Words
from runtime.keyring import Keyring, KeyringError, SealBroken
from runtime.keyring_file import load_keyring
from runtime.settings import Settings, SettingsError, load_settings
from runtime.staff_words import seal_words
from storage.engine import Database, make_engine
from storage.staff_words import STAFF_WORDS, InClear, StaffWords, count_in_clear, next_in_clear, put_sealed

BATCH: Final = 200
"""Rows of one transaction: locked for some tens of milliseconds."""
Say = Callable[[str], None]


async def seal_all(database: Database, keyring: Keyring, say: Say, *, batch: int = BATCH) -> int:
    """Answers how many rows were sealed. Raises SealBroken when somebody's key does not open: nothing of that batch changes."""
    done = 0
    for words in STAFF_WORDS:
        count = await _column(database, keyring, words, batch)
        async with database.read() as session:
            left = await count_in_clear(session, words)
        if count or left:
            say(f"{words.place.value}: {count} sealed" + (f", {left} written in clear meanwhile" if left else ""))
        done += count
    return done


async def _column(database: Database, keyring: Keyring, words: StaffWords, batch: int) -> int:
    count, last = 0, None
    while True:
        async with database.write() as session:
            rows = await next_in_clear(session, words, after=last, limit=batch)
            await put_sealed(session, words, {row.row_id: _sealed(keyring, words, row) for row in rows})
        if not rows:
            return count
        last, count = rows[-1].row_id, count + len(rows)


def _sealed(keyring: Keyring, words: StaffWords, row: InClear) -> bytes:
    text = json.dumps(row.said) if words.place is Words.ANSWERS else row.said
    return seal_words(keyring, row.person_id, row.wrapped, words.place, row.row_id, text)


async def run(settings: Settings, say: Say) -> None:
    keyring = load_keyring(settings)
    database = Database(make_engine(settings.address_of("worker"), pool_size=2, application="seal_words"))
    try:
        say(f"{await seal_all(database, keyring, say)} rows of words were sealed")
    finally:
        await database.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    try:
        asyncio.run(run(load_settings(), _say))
    except (KeyringError, SealBroken, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
