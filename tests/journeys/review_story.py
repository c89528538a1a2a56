"""What the journeys of utilization review share: one house, one clock, people on it, and what became of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
import psycopg
from sqlalchemy import text

from local.bundles.generate import bundle
from local.rehearsal.caller import Caller
from local.rehearsal.company import Company, Part
from local.rehearsal.driver import Driver
from local.rehearsal.reviewer import Reviewer
from local.rehearsal.stage import Stage
from tests.journeys.review_house import ReviewHouse

CHICAGO = ZoneInfo("America/Chicago")
SEED = 4107
DUE_NOW = text("SELECT key, kind, at FROM due WHERE owner_kind = 'authorization' AND owner_id = :owner AND at <= :now")


def moment(words: str, zone: str = "America/Chicago") -> datetime:
    """`2026-05-22 12:00` on a zone's clock."""
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone))


def referral(number: int, payer: str, level: str, script: str = "") -> dict[str, Any]:
    """A person with this payer, whose member id says what the payer will do (`local.payer`)."""
    made = bundle(SEED, number)
    for entry in made["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Organization":
            resource["identifier"][0]["value"] = payer
            resource["name"] = payer.title()
        elif resource["resourceType"] == "Coverage":
            resource.pop("subscriberId", None)
            if payer not in ("self_pay", "county"):
                resource["subscriberId"] = f"MB90000{number:04d}{script}"
        elif resource["resourceType"] == "ServiceRequest":
            resource["code"]["coding"][0]["code"] = level
    return made


class WatchedDriver(Driver):
    """Writes down every deadline of a case that had come when its workflow was told the time."""

    def __init__(self, house: ReviewHouse) -> None:
        super().__init__(house)
        self.come: set[tuple[str, str, str, datetime]] = set()

    async def _advance_one(self, kind: str, owner: UUID) -> None:
        if kind == "authorization":
            async with self.database.read() as session:
                for row in await session.execute(DUE_NOW, {"owner": owner, "now": self.now}):
                    self.come.add((str(owner), row.key, row.kind, row.at))
        await super()._advance_one(kind, owner)


@dataclass
class Person:
    """One story's person, with those who act for them."""

    house: ReviewHouse
    part: Part
    stage: Stage
    reviewer: Reviewer
    seen: dict[str, Any] = field(default_factory=dict)

    async def until(self, words: str) -> None:
        await self.part.advance(moment(words))

    def admit(self, number: int, payer: str, level: str, script: str = "") -> None:
        self.stage.refer(referral(number, payer, level, script))
        self.stage.intake(level)
        if self.stage.move(level) != "executed":
            raise AssertionError("the admission was not executed")
        self.stage.sign_presented()

    def tell_payer(self, url: str, **rule: Any) -> None:
        """A script that the end of a member id cannot say (`local.payer`)."""
        httpx2.post(f"{url}/script", json=rule, timeout=20).raise_for_status()

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.house.postgres.dsn("stepdown")) as connection:
            said = {"e": self.stage.episode, **values}
            return connection.execute(query.encode(), said).fetchall()

    def items(self, kind: str) -> list[tuple[Any, ...]]:
        """(opened, due, status) of this person's items of a kind, oldest first."""
        return self.rows(
            "SELECT opened_at, due_at, status FROM open_item WHERE episode_id = %(e)s AND kind = %(k)s "
            "ORDER BY opened_at, id",
            k=kind,
        )

    def happened(self, kind: str) -> list[tuple[Any, ...]]:
        """(at, detail) from the timeline, in order."""
        return self.rows(
            "SELECT at, detail FROM timeline_entry WHERE episode_id = %(e)s AND kind = %(k)s ORDER BY at, id", k=kind
        )

    def days(self) -> list[tuple[Any, ...]]:
        """(date, level, payer, how it is authorized, amount) of every live charge."""
        return self.rows(
            "SELECT service_date, level, payer, authorization_state, amount FROM charge "
            "WHERE episode_id = %(e)s AND status = 'live' ORDER BY service_date, per_diem_track"
        )


Journey = Callable[[Person], Awaitable[None]]


class Told:
    """Journeys of one file, played beside each other; and what became of them."""

    def __init__(self, house: ReviewHouse, caller: Caller, driver: WatchedDriver) -> None:
        self.house = house
        self.dsn = house.postgres.dsn("stepdown")
        self.driver = driver
        self.people: dict[str, Person] = {}
        self.said: list[str] = []
        self._caller = caller
        self._company = Company(driver)

    async def play(self, journeys: dict[str, Journey]) -> None:
        await self._company.play({name: self._story(name, journey) for name, journey in journeys.items()})

    def _story(self, name: str, journey: Journey) -> Callable[[Part], Awaitable[None]]:
        async def story(part: Part) -> None:
            stage = Stage(self._caller, part, name, self.said.append)
            person = Person(self.house, part, stage, Reviewer(stage))
            self.people[name] = person
            await journey(person)

        return story

    def person(self, name: str) -> Person:
        """Raises what went wrong in the journey, if anything did."""
        error = self._company.failed.get(name)
        if error is not None:
            raise AssertionError(f"the journey {name} did not end: {error}") from error
        return self.people[name]

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode(), values).fetchall()


class Clockwork:
    """The house's one driver, whose clock only goes forward, in one event loop for all files."""

    def __init__(self, house: ReviewHouse) -> None:
        self.house = house
        self.caller = Caller(house.url, prefix="reviews")
        self.driver = WatchedDriver(house)
        self._loop = asyncio.Runner()
        self._opened = False

    def tell(self, start: datetime, journeys: dict[str, Journey]) -> Told:
        told = Told(self.house, self.caller, self.driver)
        self._loop.run(self._tell(start, told, journeys))
        return told

    async def _tell(self, start: datetime, told: Told, journeys: dict[str, Journey]) -> None:
        if not self._opened:
            await self.driver.open(start)
            self._opened = True
        if start < self.driver.now:
            raise AssertionError(f"it is {self.driver.now:%Y-%m-%d} already: name files in the order of their dates")
        await self.driver.advance(start)
        await told.play(journeys)

    def close(self) -> None:
        self.caller.close()
        if self._opened:
            self._loop.run(self.driver.close())
        self._loop.close()
