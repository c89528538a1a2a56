"""A review that nobody made is overdue after 72 hours, and escalates by the episode's own clock (E13)."""

import asyncio
from datetime import timedelta

from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from tests.api.conftest import MOMENT
from tests.api.test_break_glass import Person, asked, sql
from tests.api.test_refusals import admitted


def test_an_overdue_review_escalates(house: House, caller: Caller) -> None:
    stage = admitted(caller)
    somebody = Person(house, stage.episode, str(stage.page()["person_id"]))
    far = somebody.user("clinician", "lakeside")
    glass = far.post("/v1/break-glass", asked(stage.episode)).json()["break_glass_id"]
    asyncio.run(_wait(house, glass))
    ((at,),) = _escalated(house, glass)
    assert at is not None
    items = somebody.user("director").get("/v1/break-glass").json()["items"]
    assert [i["overdue"] for i in items if i["id"] == glass] == [True]
    assert far.get(f"/v1/episodes/{stage.episode}").status_code == 404


def _escalated(house: House, glass: str) -> list[tuple[object, ...]]:
    return sql(house, "SELECT escalated_at FROM open_item WHERE subject_id = %s", glass)


async def _wait(house: House, glass: str) -> None:
    """On one clock: nothing at 71 hours, escalated at 73."""
    driver = Driver(house)
    await driver.open(MOMENT)
    await driver.advance(MOMENT + timedelta(hours=71))
    assert _escalated(house, glass) == [(None,)]
    await driver.advance(MOMENT + timedelta(hours=73))
    await driver.close()
