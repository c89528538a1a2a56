"""Keys rotated while people work: nothing fails, everything opens, and no key goes that something still needs."""

import asyncio
import base64
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from local.keys import KeyDesk, KeyRefused, desk_of
from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from runtime.keyring import SealBroken, sealed_under
from runtime.keyring_file import load_keyring, read_keys
from runtime.people import open_person
from storage.repositories.person import erase_person
from tests.api.conftest import MOMENT, standing_house
from tests.api.test_refusals import admitted, referral


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with standing_house(tmp_path_factory.mktemp("house")) as made:
        yield made


async def desk(house: House) -> KeyDesk:
    settings = house.settings.model_copy(update={"temporal_address": house.temporal.address})
    return await desk_of(settings)


def ring(house: House) -> list[str]:
    return [key.id for key in read_keys(house.folder / "keyring")]


async def rotated(house: House) -> tuple[str, list[str]]:
    """As `python -m local.keys rotate` does it, but for the name: two rotations of a test may share a second."""
    said: list[str] = []
    made = await desk(house)
    name = made.add(datetime.now(UTC) + timedelta(seconds=len(ring(house))))
    await made.promote(name, datetime.now(UTC))
    await asyncio.sleep(2)
    await made.reseal(said.append)
    await made.database.close()
    return name, said


async def test_a_key_that_nothing_needs_may_go(house: House) -> None:
    first = ring(house)[0]
    made = await desk(house)
    with pytest.raises(KeyRefused, match="rotate first"):
        await made.retire(first, datetime.now(UTC))
    with pytest.raises(KeyRefused, match="no key nobodys"):
        await made.retire("nobodys", datetime.now(UTC))
    name, _ = await rotated(house)
    await made.retire(first, datetime.now(UTC))
    assert ring(house) == [name]
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        rows = connection.execute(
            "SELECT action, detail->>'key' FROM audit_entry WHERE chain = 'keys' ORDER BY id"
        ).fetchall()
    assert rows == [("house_key_current", name), ("house_key_retired", first)]
    await made.database.close()


class Ward(threading.Thread):
    """Somebody who admits and charts without a pause, and keeps what went wrong."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.done = 0
        self._caller, self._ends = Caller(house.url, prefix="ward"), threading.Event()
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self._ends.is_set():
            try:
                stage = admitted(self._caller) if not self.done % 4 else None
                if stage is None:
                    made = self._caller.post("admissions", "/v1/episodes", referral())
                    self._caller.get("clinician", f"/v1/episodes/{made['episode_id']}")
                self.done += 1
            except Exception as error:  # whatever it was, it is what the test is about
                self.wrong.append(f"{type(error).__name__}: {error}")

    def reach(self, count: int) -> None:
        while self.done < count and not self.wrong:
            time.sleep(0.1)

    def stop(self) -> None:
        self._ends.set()
        self.join(60)
        self._caller.close()


async def test_keys_change_while_people_work_and_nobody_notices(house: House) -> None:
    before = ring(house)[0]
    ward = Ward(house)
    ward.start()
    try:
        await asyncio.to_thread(ward.reach, 2)
        name, said = await rotated(house)
        await asyncio.to_thread(ward.reach, ward.done + 3)
    finally:
        ward.stop()
    assert ward.wrong == []
    assert said[-1].startswith("person.wrapped_key: ")
    keyring = load_keyring(house.settings)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        people = connection.execute("SELECT id, sealed, wrapped_key FROM person").fetchall()
    assert len(people) >= ward.done
    assert {sealed_under(wrapped) for _, _, wrapped in people} == {name}
    assert all(open_person(keyring, one, sealed, wrapped).family for one, sealed, wrapped in people)
    made = await desk(house)
    with pytest.raises(KeyRefused, match="workflow runs that began before"):
        await made.retire(before, datetime.now(UTC))
    lines: list[str] = []
    await made.status(lines.append)
    assert lines[0] == f"{name}: seals and opens"
    assert any(line.startswith("  needed by") for line in lines)
    assert ring(house) == [name, before]
    await made.database.close()


async def test_histories_from_before_open_and_go_on_after_a_rotation(house: House) -> None:
    """The old key opens what is there, the new one seals what comes: one run holds both."""
    caller = Caller(house.url, prefix="histories")
    stage = admitted(caller)
    old = ring(house)[0]
    name, _ = await rotated(house)
    caller.post(
        "clinician", f"/v1/episodes/{stage.episode}/leave",
        {"left_at": MOMENT.isoformat(), "reason": "pass"},
    )  # fmt: skip
    made = await desk(house)
    history = await made.client.get_workflow_handle(f"episode/{stage.episode}").fetch_history()
    raw = history.to_json()
    used = {one for one in (old, name) if base64.b64encode(one.encode()).decode() in raw}
    assert used == {old, name}
    await made.database.close()
    caller.close()


async def test_destroying_a_persons_key_is_a_deletion(house: House) -> None:
    """Nothing sealed about them opens afterwards, nobody finds them; what happened stays on record by ids."""
    caller = Caller(house.url, prefix="erased")
    sent: dict[str, Any] = referral()
    made = caller.post("admissions", "/v1/episodes", sent)
    keys = await desk(house)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        person, wrapped, sealed = connection.execute(
            "SELECT p.id, p.wrapped_key, p.sealed FROM person p JOIN episode e ON e.person_id = p.id WHERE e.id = %s",
            (made["episode_id"],),
        ).fetchone() or ("", b"", b"")
    assert open_person(keys.keyring, person, sealed, wrapped)
    async with keys.database.write() as session:
        assert await erase_person(session, person_id=person)
    async with keys.database.write() as session:
        assert not await erase_person(session, person_id=person), "once is enough"
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        rows = connection.execute("SELECT wrapped_key, sealed FROM person WHERE id = %s", (person,)).fetchone()
        tokens = connection.execute("SELECT count(*) FROM person_token WHERE person_id = %s", (person,)).fetchone()
    assert rows == (None, b"")
    assert tokens == (0,)
    with pytest.raises(SealBroken):
        open_person(keys.keyring, person, sealed, b"")
    page = caller.get("clinician", f"/v1/episodes/{made['episode_id']}")
    assert page["id"] == made["episode_id"], "the record goes on without a name"
    await keys.database.close()
    caller.close()
