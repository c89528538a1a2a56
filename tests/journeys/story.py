"""What a journey is told with: a house, somebody who calls it, who drives its clock, and its rows."""

from typing import Any

import psycopg

from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House


class Story:
    """`told`: what the telling found out, for the tests that look back at it."""

    def __init__(self, house: House, prefix: str) -> None:
        self.house = house
        self.caller = Caller(house.url, prefix=prefix)
        self.driver = Driver(house)
        self.told: dict[str, Any] = {}

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with psycopg.connect(self.house.postgres.dsn("stepdown")) as connection:
            return connection.execute(statement.encode(), values).fetchall()
