"""A day of a day programme charted for the wrong person: said so after midnight, the day is taken off one ledger and stands
on the other, once (E03, SCH-03, BILL-11, D5)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from local.books import differences, read_books
from local.bundles.generate import read_folder
from local.rehearsal.house import House
from local.rehearsal.scenarios import _admit
from local.rehearsal.stage import Stage
from tests.journeys.story import Story

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Misfiling(Story):
    def meetings(self, *stages: Stage) -> list[tuple[str, int, Any]]:
        """Sessions that are over and in which all of them have a place nobody has charted."""
        return self.rows(
            "SELECT m.id::text, m.minutes, m.service_date FROM session m JOIN attendance a ON a.session_id = m.id "
            "WHERE m.ends_at <= %(now)s AND a.status = 'scheduled' AND a.recorded_at IS NULL AND m.counts "
            "AND a.episode_id::text = ANY(%(e)s) GROUP BY m.id HAVING count(*) = %(n)s ORDER BY m.starts_at",
            now=self.driver.now, e=[s.episode for s in stages], n=len(stages),
        )  # fmt: skip

    def days(self, stage: Stage) -> list[Any]:
        return self.rows(
            "SELECT service_date, status FROM charge WHERE episode_id::text = %(e)s ORDER BY service_date, revision",
            e=stage.episode,
        )

    def live(self, stage: Stage) -> list[Any]:
        return [day for day, status in self.days(stage) if status == "live"]


async def tell(story: Misfiling) -> None:
    bundles = iter(read_folder())
    await story.driver.open(START)
    wrong, right = (Stage(story.caller, story.driver, f"misfiling-{n}", lambda _: None) for n in range(2))
    for stage in (wrong, right):
        _admit(stage, next(bundles), "2.5")
    await wrong.wait(days=1, hours=8)
    told, caller = story.told, story.caller
    meetings = story.meetings(wrong, right)
    day = meetings[-1][2]
    meetings = [m for m in meetings if m[2] == day]
    for meeting, minutes, _ in meetings:
        caller.post("clinician", f"/v1/sessions/{meeting}/attendance", {"attendees": [
            {"episode_id": wrong.episode, "status": "attended", "minutes": minutes}]})  # fmt: skip
    await wrong.wait(days=1)
    told.update(day=day, meetings=len(meetings), before=[story.live(wrong), story.live(right)])
    path = f"/v1/episodes/{wrong.episode}/misfilings"
    for number, (meeting, _, _) in enumerate(meetings):
        body = {"kind": "attendance", "subject": meeting, "right_episode": right.episode}
        seen = caller.post("clinician", f"{path}/preview", body)
        said = body | {"reason": "chart_mixed_up", "seen": seen["seen"]}
        told["answer"] = caller.post("clinician", path, said, key=f"misfiled-{number:06d}")
        told["again"] = caller.post("clinician", path, said, key=f"misfiled-{number:06d}")
    await story.driver.settle()
    await wrong.wait(days=1)
    told["after"] = [story.live(wrong), story.live(right)]
    told["voided"] = story.days(wrong)
    told["minutes"] = [
        story.rows("SELECT coalesce(sum(minutes), 0) FROM attendance WHERE episode_id::text = %(e)s", e=s.episode)[0][0]
        for s in (wrong, right)
    ]
    told["charted"] = sum(m[1] for m in meetings)
    told["books"] = list(differences(read_books(story.house.postgres.url("stepdown"), story.house.payer_url)))
    told["parked"] = story.rows("SELECT kind, problem FROM outbox WHERE parked")
    caller.close()
    await story.driver.close()


@pytest.fixture(scope="module")
def told(house: House) -> dict[str, Any]:
    story = Misfiling(house, "misfiling")
    asyncio.run(tell(story))
    return story.told


def test_the_day_goes_from_one_ledger_to_the_other(told: dict[str, Any]) -> None:
    assert told["meetings"] >= 1
    assert told["day"] in told["before"][0]
    assert told["day"] not in told["before"][1]
    assert told["day"] not in told["after"][0]
    assert told["day"] in told["after"][1]
    assert (told["day"], "void") in told["voided"], "taken off by a void, not by deleting"
    assert told["minutes"] == [0, told["charted"]]


def test_a_repeat_says_it_once_and_the_books_agree(told: dict[str, Any]) -> None:
    assert told["again"] == told["answer"]
    assert told["books"] == []
    assert told["parked"] == []
