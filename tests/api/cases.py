"""A person with a case whose payer answers as their member id says (local/payer/suffix.py)."""

import asyncio
import itertools
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.conftest import MOMENT
from tests.api.test_refusals import started

_members = itertools.count(1)
ELSEWHERE = "reviewer_elsewhere"


@dataclass
class Case:
    """One case as a reviewer handles it through the API."""

    caller: Caller
    house: House
    stage: Stage
    id: str
    member: str

    @property
    def path(self) -> str:
        return f"/v1/authorizations/{self.id}"

    def page(self, role: str = "reviewer") -> dict[str, Any]:
        return self.caller.get(role, self.path)

    def act(self, name: str, body: dict[str, Any], *, role: str = "reviewer", key: str | None = None) -> dict[str, Any]:
        """On the version that is there now, unless the body says another."""
        said = {"version": self.page()["version"], **body}
        return self.caller.post(role, f"{self.path}/{name}", said, key=key)

    def refused(self, name: str, body: dict[str, Any], *, role: str = "reviewer", key: str | None = None) -> Refused:
        with pytest.raises(Refused) as caught:
            self.act(name, body, role=role, key=key)
        return caught.value

    def settle(self) -> None:
        asyncio.run(_settle(self.house))


def opened(caller: Caller, house: House, says: str = "", *, level: str = "2.5", payer: str = "meridian") -> Case:
    """Admitted at `level`; the payer has answered what there was to answer at once. A day programme unless said
    otherwise: the house has beds for few."""
    member = f"MBQ{next(_members):04d}{says}"
    stage = started(caller, level, coverages=[{"payer": payer, "member_id": member}])
    stage.driver.now = MOMENT - timedelta(hours=1)
    stage.intake(level)
    stage.driver.now = MOMENT
    stage.move(level)
    asyncio.run(_settle(house))
    (case,) = stage.page()["authorizations"]
    return Case(caller, house, stage, case["id"], member)


async def _settle(house: House) -> None:
    driver = Driver(house)
    driver.closes = False
    await driver.open(MOMENT)
    await driver.settle()
    await driver.close()


def reviewer_elsewhere(house: House) -> None:
    """A reviewer of the other facility; the caller signs in by the name ELSEWHERE."""
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute(
            "INSERT INTO app_user (username, role, facilities, password_hash) VALUES (%s, 'reviewer', %s, %s) "
            "ON CONFLICT DO NOTHING",
            (ELSEWHERE, json.dumps(["lakeside"]), PasswordHasher(time_cost=1, memory_cost=8192).hash("local")),
        )
