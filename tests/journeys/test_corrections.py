"""A correction brings back what the corrected movement had put aside, once, and asks no more what it had asked
(E58, SCH-02, ASM-04, AUTH-08)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from local.bundles.generate import read_folder
from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.scenarios import _admit
from local.rehearsal.stage import Stage

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Story:
    """Four people on one clock: each is corrected, and looked at before and after."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.caller = Caller(house.url, prefix="corrections")
        self.driver = Driver(house)
        self.seen: dict[str, dict[str, Any]] = {}
        self.restated: dict[str, int] = {}

    def rows(self, statement: str, episode: str) -> list[Any]:
        with psycopg.connect(self.house.postgres.dsn("stepdown")) as connection:
            return connection.execute(statement.encode(), {"e": episode, "now": self.driver.now}).fetchall()

    def look(self, stage: Stage, name: str) -> None:
        episode = stage.episode
        self.seen[name] = {
            "now": self.driver.now,
            "places": {
                (row[0], row[1]): (row[2], row[3])
                for row in self.rows(
                    "SELECT a.session_id, s.level, a.status, m.starts_at FROM attendance a "
                    "JOIN session m ON m.id = a.session_id JOIN stay s ON s.id = a.stay_id WHERE a.episode_id = %(e)s",
                    episode,
                )
            },
            "owed": dict(
                self.rows(
                    "SELECT instrument, due_at FROM assessment_due WHERE episode_id = %(e)s AND status = 'due' "
                    "ORDER BY due_at",
                    episode,
                )
            ),
            "cases": {
                row[0]: row[1:]
                for row in self.rows(
                    'SELECT id, level, status, last_covered_day, end_dated_on FROM "authorization" '
                    "WHERE episode_id = %(e)s",
                    episode,
                )
            },
            "requests": self.rows(
                # The notice of an end that was voided had left; the item for the reviewer says so.
                "SELECT id FROM authorization_request WHERE episode_id = %(e)s AND kind <> 'discharge' "
                "ORDER BY requested_at",
                episode,
            ),
            "deadlines": self.rows(
                'SELECT d.kind FROM due d JOIN "authorization" a ON a.id = d.owner_id WHERE a.episode_id = %(e)s '
                "AND d.owner_kind = 'authorization'",
                episode,
            ),
            "items": dict(
                self.rows("SELECT id, kind FROM open_item WHERE episode_id = %(e)s AND status = 'open'", episode)
            ),
            "accounts": self.rows(
                "SELECT level, opened_on, closed_on FROM per_diem_account WHERE episode_id = %(e)s ORDER BY opened_on",
                episode,
            ),
            "page": stage.page(),
        }

    def correct(self, stage: Stage, kind: str, **changes: Any) -> dict[str, Any]:
        newest = [m for m in stage.page()["movements"] if m["kind"] == kind][-1]
        return stage.post(
            "clinician",
            f"/v1/episodes/{stage.episode}/corrections",
            {"movement_id": newest["id"], "reason": "recorded for the wrong person", **changes},
        )


async def tell(story: Story) -> None:
    bundles = iter(read_folder())
    await story.driver.open(START)
    ended, moved, away, early = (Stage(story.caller, story.driver, f"correction-{n}", lambda _: None) for n in range(4))
    for stage in (ended, moved, away, early):
        _admit(stage, next(bundles), "3.5")
    await ended.wait(days=3)
    moved.rate("2.5")
    moved.move("2.5")
    for name, stage in (("ended", ended), ("moved", moved), ("away", away), ("early", early)):
        story.look(stage, f"{name} before")
    ended.end("completed", "goals met")
    early.end("completed", "goals met")
    away.post(
        "clinician",
        f"/v1/episodes/{away.episode}/leave",
        {
            "kind": "send_out", "left_at": away.now(), "reason": "chest pain",
            "expected_return_at": (story.driver.now + timedelta(days=3)).isoformat(),
        },
    )  # fmt: skip
    await ended.wait(days=1, hours=3)
    story.look(ended, "ended")
    story.look(moved, "moved")
    story.look(away, "away")
    story.look(early, "early")
    story.restated = story.correct(ended, "discharge", void=True)["detail"]["restated"]
    story.correct(moved, "transfer", void=True)
    story.correct(away, "send_out", void=True)
    story.correct(early, "discharge", effective_at=(story.driver.now - timedelta(days=2, hours=3)).isoformat())
    await story.driver.settle()
    for name, stage in (("ended", ended), ("moved", moved), ("away", away), ("early", early)):
        story.look(stage, f"{name} after")
    await ended.wait(days=2)
    story.look(ended, "ended later")
    story.caller.close()
    await story.driver.close()


@pytest.fixture(scope="module")
def story(house: House) -> Story:
    made = Story(house)
    asyncio.run(tell(made))
    return made


def ahead(seen: dict[str, Any], after: datetime, status: str, level: str | None = None) -> set[Any]:
    return {
        key
        for key, (said, starts_at) in seen["places"].items()
        if said == status and starts_at >= after and level in (None, key[1])
    }


def test_sessions_cancelled_by_a_voided_discharge_are_placed_again_once(story: Story) -> None:
    before, gone, after = story.seen["ended before"], story.seen["ended"], story.seen["ended after"]
    now = after["now"]
    wanted = ahead(before, now, "scheduled")
    assert wanted
    assert ahead(gone, now, "scheduled") == set()
    back = ahead(after, now, "scheduled")
    assert wanted <= back
    assert {starts.date() for _, (_, starts) in after["places"].items()} > {
        starts.date() for _, (_, starts) in before["places"].items()
    }, "the days the horizon went on meanwhile are placed too"
    assert story.restated["places_back"] == len(wanted)
    assert story.restated["places_new"] == len(back - wanted) > 0
    by_hour = [after["places"][key][1] for key in back]
    assert len(by_hour) == len(set(by_hour)), "nobody is in two sessions at once"


def test_what_was_over_when_the_discharge_was_voided_stays_as_it_was(story: Story) -> None:
    gone, after = story.seen["ended"], story.seen["ended after"]
    past = {key: said for key, (said, starts_at) in gone["places"].items() if starts_at < after["now"]}
    assert "cancelled" in past.values()
    assert {key: after["places"][key][0] for key in past} == past


def test_requirements_come_back_with_due_times_that_can_be_met(story: Story) -> None:
    before, gone, after = story.seen["ended before"], story.seen["ended"], story.seen["ended after"]
    assert set(gone["owed"]) == {"DISCHARGE_SUMMARY"}
    assert set(after["owed"]) == set(before["owed"])
    assert all(due > after["now"] for due in after["owed"].values())
    kept = {name: due for name, due in before["owed"].items() if due > after["now"] and name != "CSSRS_SCREEN"}
    assert {name: after["owed"][name] for name in kept} == kept


def test_the_case_the_discharge_ended_is_open_again_and_the_reviewer_is_told(story: Story) -> None:
    before, gone, after = story.seen["ended before"], story.seen["ended"], story.seen["ended after"]
    (case,) = before["cases"]
    assert gone["cases"][case][1] == "end_dated"
    assert after["cases"] == before["cases"]
    assert after["requests"] == before["requests"]
    assert sorted(after["deadlines"]) == sorted(before["deadlines"]) != []
    assert gone["deadlines"] == []
    assert "authorization_reopened" in after["items"].values()
    assert after["page"]["authorized_level"] == before["page"]["authorized_level"]


def test_duties_of_the_ending_are_asked_no_more_and_earlier_ones_are_owed_again(story: Story) -> None:
    before, gone, after = story.seen["ended before"], story.seen["ended"], story.seen["ended after"]
    assert {"follow_up_contact", "readmission_watch"} <= set(gone["items"].values())
    assert "discharge_notice" not in gone["items"].values(), "the payer took the notice, so nobody need tell it"
    assert not {"follow_up_contact", "discharge_notice", "readmission_watch"} & set(after["items"].values())
    assert set(before["items"]) <= set(after["items"])
    assert after["page"]["phase"] == "in_care"
    assert after["page"]["bed"] == before["page"]["bed"]


def test_a_voided_transfer_gives_back_the_level_with_its_sessions_requirements_and_case(story: Story) -> None:
    gone, after = story.seen["moved"], story.seen["moved after"]
    now = after["now"]
    assert (gone["page"]["level"], after["page"]["level"]) == ("2.5", "3.5")
    assert ahead(gone, now, "scheduled", "2.5")
    assert ahead(after, now, "scheduled", "2.5") == set()
    assert ahead(after, now, "scheduled", "3.5") >= ahead(gone, now, "cancelled", "3.5") != set()
    statuses = {level: (status, ended) for level, status, _, ended in after["cases"].values()}
    assert statuses["2.5"][0] == "cancelled"
    assert statuses["3.5"][0] not in ("end_dated", "cancelled")
    assert statuses["3.5"][1] is None
    assert {"authorization_reopened", "authorization_withdrawn"} <= set(after["items"].values())
    assert after["page"]["authorized_level"] == "3.5"
    accounts = {level: (opened, closed) for level, opened, closed in after["accounts"]}
    assert accounts["3.5"][1] is None
    assert accounts["2.5"][0] == accounts["2.5"][1]


def test_a_voided_leave_gives_back_the_places_it_took(story: Story) -> None:
    before, gone, after = story.seen["away before"], story.seen["away"], story.seen["away after"]
    now = after["now"]
    assert ahead(gone, now, "cancelled")
    assert ahead(after, now, "cancelled") == set()
    assert ahead(before, now, "scheduled") <= ahead(after, now, "scheduled")
    assert (gone["page"]["away"], after["page"]["away"]) == (True, False)
    assert set(before["owed"]) == set(after["owed"])
    assert gone["owed"] == {}
    asked = {"emergency_disclosure_log", "payer_told"}
    assert asked <= set(gone["items"].values())
    assert not asked & set(after["items"].values())


def test_a_discharge_moved_earlier_ends_case_days_and_sessions_earlier(story: Story) -> None:
    gone, after = story.seen["early"], story.seen["early after"]
    left = after["now"] - timedelta(days=2, hours=3)
    assert ahead(gone, left, "scheduled"), "sessions before the hour recorded first"
    assert ahead(after, left, "scheduled") == set()
    ((_, _, _, first),) = gone["cases"].values()
    ((_, status, _, then),) = after["cases"].values()
    assert (status, first - then) == ("end_dated", timedelta(days=1))
    ((_, _, closed_first),), ((_, _, closed_then),) = gone["accounts"], after["accounts"]
    assert closed_first - closed_then == timedelta(days=1)


def test_days_after_the_void_are_billed_once_each_as_if_nothing_had_been(story: Story) -> None:
    rows = story.rows(
        "SELECT service_date, count(*) FROM charge WHERE episode_id = %(e)s AND status = 'live' GROUP BY 1 ORDER BY 1",
        story.seen["ended after"]["page"]["id"],
    )
    days = [day for day, _ in rows]
    assert [count for _, count in rows] == [1] * len(rows)
    assert (days[-1] - days[0]).days == len(days) - 1 >= 4
