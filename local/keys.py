"""`python -m local.keys status|add|promote|reseal|rotate|retire`: the house's keys, changed while everything runs.

    rotate          a new key seals from now on, and what the old one sealed in the database is sealed again
    add             the same in two steps, for several machines: a new key that only opens, so that it can reach
    promote KEY     every machine's file first, and then seals
    reseal          go on where a rotation was interrupted
    status          what stands under which key, and what still needs an old one
    retire KEY      take a key out of the file, once nothing needs it any more

Works on the settings of the installation: `STEPDOWN_SETTINGS_FILE`, or the data folder of `make up`."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from temporalio.client import Client

from runtime.keyring import Key, KeyringError
from runtime.keyring_file import LOOKED_AT_SECONDS, FileKeyring, load_keyring, new_key, read_keys, write_keys
from runtime.rotation import runs_from_before
from runtime.settings import Settings, SettingsError, load_settings
from runtime.temporal import TemporalUnavailable, connect, leave
from storage.engine import Database, make_engine
from storage.repositories import house_key
from storage.sealed import UNDER_HOUSE_KEY, HouseSealed, counts_by_key, put, rows_under_others

BATCH: Final = 500
"""Rows sealed again in one transaction: locked for some tens of milliseconds."""
Say = Callable[[str], None]


class KeyRefused(Exception):
    """The key cannot be changed so; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """The installation whose keys are changed."""

    database: Database
    client: Client
    keyring: FileKeyring
    path: Path
    actor: str

    def add(self, now: datetime) -> str:
        """A new key behind the current one: it opens, and does not seal yet."""
        keys, made = read_keys(self.path), new_key(now)
        write_keys(self.path, [keys[0], made, *keys[1:]])
        return made.id

    async def promote(self, key_id: str, now: datetime) -> None:
        """The key seals from now on; all others still open. Its name is on record before it seals anything."""
        keys = read_keys(self.path)
        chosen = _named(keys, key_id)
        async with self.database.write() as session:
            await house_key.note_current(session, key_id=key_id, now=now, actor=self.actor)
        write_keys(self.path, [chosen, *(k for k in keys if k.id != key_id)])
        self.keyring.follow()

    async def reseal(self, say: Say) -> int:
        """Everything the house key sealed in the database, sealed again under the current one: batch by batch, from
        where it stands, as often as one likes. Answers how many rows."""
        done = 0
        for sealed in UNDER_HOUSE_KEY:
            count, last = 0, None
            while True:
                async with self.database.write() as session:
                    rows = await rows_under_others(session, sealed, self.keyring.current_id, after=last, limit=BATCH)
                    await put(
                        session, sealed, [(row_id, self._again(sealed, row_id.bytes, old)) for row_id, old in rows]
                    )
                if not rows:
                    break
                last, count = rows[-1][0], count + len(rows)
                say(f"{sealed.name}: {count} sealed again")
            done += count
        return done

    def _again(self, sealed: HouseSealed, owner: bytes, old: bytes) -> bytes:
        if sealed.name == "person.wrapped_key":
            return self.keyring.rewrap(old, owner)
        return self.keyring.seal(self.keyring.open(old, b"orphan-message"), b"orphan-message")

    async def needs(self, key_id: str) -> list[str]:
        """What still cannot be opened without the key, in words; empty: nothing."""
        found = []
        async with self.database.read() as session:
            for sealed in UNDER_HOUSE_KEY:
                count = (await counts_by_key(session, sealed)).get(key_id, 0)
                if count:
                    found.append(f"{count} rows of {sealed.name}: run `reseal`")
            followed = await house_key.followed_at(session, key_id)
        if followed is None:
            return [*found, "no later key is on record as the one that seals: run `rotate`"]
        runs = await runs_from_before(self.client, followed)
        if runs:
            found.append(
                f"{runs} workflow runs that began before {followed.isoformat()}: running ones go on in a new run at each "
                "change of level and every 30 days, ended ones are kept 90 days"
            )
        return found

    async def retire(self, key_id: str, now: datetime) -> None:
        """Take the key out of the file. Raises KeyRefused."""
        keys = read_keys(self.path)
        gone = _named(keys, key_id)
        if gone is keys[0]:
            raise KeyRefused(f"{key_id} is the key that seals: rotate first")
        left = await self.needs(key_id)
        if left:
            raise KeyRefused(f"{key_id} is still needed by " + "; ".join(left))
        async with self.database.write() as session:
            await house_key.note_retired(session, key_id=key_id, now=now, actor=self.actor)
        write_keys(self.path, [k for k in keys if k is not gone])

    async def status(self, say: Say) -> None:
        async with self.database.read() as session:
            counts = {s.name: await counts_by_key(session, s) for s in UNDER_HOUSE_KEY}
        for number, key_id in enumerate(self.keyring.ids):
            say(f"{key_id}: {'seals and opens' if number == 0 else 'opens'}")
            for name, by_key in counts.items():
                say(f"  {by_key.get(key_id, 0)} rows of {name}")
            if number:
                needed = await self.needs(key_id)
                say(f"  needed by {'; '.join(needed)}" if needed else "  needed by nothing: it can be retired")
        lost = {k for by_key in counts.values() for k in by_key} - set(self.keyring.ids)
        if lost:
            say(f"rows stand under keys that are not in the file: {', '.join(sorted(lost))}; put them back")


def _named(keys: Sequence[Key], key_id: str) -> Key:
    found = next((k for k in keys if k.id == key_id), None)
    if found is None:
        raise KeyRefused(f"no key {key_id} is in the file; it holds {', '.join(k.id for k in keys)}")
    return found


async def desk_of(settings: Settings) -> KeyDesk:
    """Raises KeyRefused when the keys do not stand in a file."""
    keyring = load_keyring(settings)
    if settings.keyring_file is None or not isinstance(keyring, FileKeyring):
        raise KeyRefused(
            "the keys stand in STEPDOWN_KEYRING: move them into a file and name it in STEPDOWN_KEYRING_FILE"
        )
    secret = settings.temporal_api_key
    client = await connect(
        settings.temporal_address, settings.temporal_namespace, keyring, tls=settings.temporal_tls,
        api_key=secret.get_secret_value() if secret else None,
    )  # fmt: skip
    database = Database(make_engine(settings.address_of("worker"), pool_size=2, application="keys"))
    return KeyDesk(database, client, keyring, settings.keyring_file, f"operator:{getpass.getuser()}")


async def run(act: str, key_id: str | None, settings: Settings, say: Say) -> None:
    """One act. Raises KeyRefused, KeyringError, TemporalUnavailable."""
    desk, now = await desk_of(settings), datetime.now(UTC)
    try:
        if act in ("add", "rotate"):
            key_id = desk.add(now)
            say(f"{key_id} was added; it opens")
        if act in ("promote", "rotate"):
            await desk.promote(key_id or "", now)
            say(f"{key_id} seals from now on")
        if act == "rotate":
            # Until every process has looked at the file, new rows still come under the key before.
            await asyncio.sleep(2 * LOOKED_AT_SECONDS)
        if act in ("reseal", "rotate"):
            say(f"{await desk.reseal(say)} rows were sealed again")
        if act == "retire":
            await desk.retire(key_id or "", now)
            say(f"{key_id} is out of the file; destroy its copies")
        if act == "status":
            await desk.status(say)
    finally:
        await desk.database.close()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.keys", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    acts = parser.add_subparsers(dest="act", required=True)
    for name in ("status", "add", "reseal", "rotate"):
        acts.add_parser(name)
    for name in ("promote", "retire"):
        acts.add_parser(name).add_argument("key")
    said = parser.parse_args(arguments)
    try:
        settings = load_settings()
        asyncio.run(run(said.act, getattr(said, "key", None), settings, lambda line: print(line, flush=True)))
    except (KeyRefused, KeyringError, SettingsError, TemporalUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
