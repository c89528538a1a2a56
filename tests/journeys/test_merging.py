"""Two records of one person, each with a running episode in a bed: joined through the API while everything runs, taken apart
again, and both books agree (E03, E04, invariant 1)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from local.books import differences, read_books
from local.bundles.generate import read_folder
from local.rehearsal.caller import Refused
from local.rehearsal.house import House
from local.rehearsal.scenarios import _admit
from local.rehearsal.stage import Stage
from tests.journeys.story import Story

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Merging(Story):
    def charges(self, *people: str) -> list[Any]:
        return self.rows(
            "SELECT service_date, per_diem_track, episode_id::text FROM charge WHERE person_id::text = ANY(%(p)s) "
            "AND status = 'live' ORDER BY 1, 2, 3",
            p=list(people),
        )

    def census(self, until: datetime) -> dict[Any, tuple[int, int]]:
        """Who was in a bed at each midnight so far by the newest snapshot, and how many were named behind the number."""
        found = self.rows(
            "SELECT l.service_date, sum(l.closing), (SELECT count(*) FROM census_presence p WHERE p.facility = l.facility "
            "AND p.service_date = l.service_date AND p.version = l.version) FROM census_line l WHERE l.facility = 'harbor' "
            "AND l.version = (SELECT max(s.version) FROM census_snapshot s WHERE s.facility = l.facility AND "
            "s.service_date = l.service_date) AND l.service_date < %(d)s GROUP BY l.facility, l.service_date, l.version",
            d=until.date(),
        )  # fmt: skip
        return {day: (int(closing), behind) for day, closing, behind in found if closing}

    def suggested(self, episode: str) -> list[Any]:
        return self.rows(
            "SELECT service_date, cause FROM charge_exception WHERE episode_id::text = %(e)s AND resolved_at IS NULL",
            e=episode,
        )

    def books(self) -> list[Any]:
        return list(differences(read_books(self.house.postgres.url("stepdown"), self.house.payer_url)))


async def tell(story: Merging) -> None:
    bundles = iter(read_folder())
    await story.driver.open(START)
    one, other = (Stage(story.caller, story.driver, f"merging-{n}", lambda _: None) for n in range(2))
    for stage in (one, other):
        _admit(stage, next(bundles), "3.5")
    await one.wait(days=3)
    people = [stage.page()["person_id"] for stage in (one, other)]
    told = story.told
    told.update(one=one.episode, other=other.episode, survivor=people[0], merged=people[1])
    told["charges before"] = [story.charges(p) for p in people]
    joined_at = story.driver.now
    told["census before"] = story.census(joined_at)
    path = f"/v1/people/{people[0]}/merge"
    told["preview"] = shown = story.caller.post("director", f"{path}/preview", {"merged": people[1]})
    body = {
        "merged": people[1], "version": shown["version"], "merged_version": shown["merged_version"],
        "reason": "document_seen",
    }  # fmt: skip
    with pytest.raises(Refused) as unsaid:
        story.caller.post("director", path, body)
    told["unsaid"] = unsaid.value
    body["ends_episode"] = other.episode
    told["merged answer"] = story.caller.post("director", path, body, key="merge-0001")
    told["repeat"] = story.caller.post("director", path, body, key="merge-0001")
    await story.driver.settle()
    told["pages merged"] = [one.page(), other.page()]
    told["charges merged"] = story.charges(*people)
    told["items"] = story.rows(
        "SELECT kind, owner_role FROM open_item WHERE episode_id::text = %(e)s AND status = 'open' AND rule = 'E03'",
        e=one.episode,
    )
    await one.wait(days=2)
    told["census merged"] = story.census(joined_at)
    told["suggested merged"] = story.suggested(other.episode)
    told["charges later"] = story.charges(*people)
    told["books merged"] = story.books()
    listed = story.caller.get("director", f"/v1/people/{people[0]}/merges")
    told["listed"] = listed
    back = {"merge_id": listed["items"][0]["id"], "version": listed["version"], "reason": "person_confirmed"}
    told["unmerged answer"] = story.caller.post("director", f"/v1/people/{people[0]}/unmerge", back, key="apart-0001")
    told["unmerged again"] = story.caller.post("director", f"/v1/people/{people[0]}/unmerge", back, key="apart-0001")
    await story.driver.settle()
    await one.wait(days=2)
    told["pages apart"] = [one.page(), other.page()]
    told["census apart"] = story.census(joined_at)
    told["charges apart"] = [story.charges(p) for p in people]
    told["books apart"] = story.books()
    told["twice"] = story.rows(
        "SELECT person_id, service_date FROM charge WHERE status = 'live' GROUP BY person_id, service_date, "
        "per_diem_track HAVING count(*) > 1"
    )
    told["parked"] = story.rows("SELECT kind, problem FROM outbox WHERE parked")
    story.caller.close()
    await story.driver.close()


@pytest.fixture(scope="module")
def told(house: House) -> dict[str, Any]:
    story = Merging(house, "merging")
    asyncio.run(tell(story))
    return story.told


def test_the_preview_says_what_cannot_be_true_of_one_person(told: dict[str, Any]) -> None:
    shown = told["preview"]
    assert sorted(shown["must_end_one_of"]) == sorted([told["one"], told["other"]])
    acts = {(m["kind"], m["act"]): m["count"] for m in shown["moves"]}
    days = len(told["charges before"][1])
    assert days >= 2
    assert acts["charge", "voided"] == days
    assert acts["stay", "kept"] == 1
    assert (told["unsaid"].status, told["unsaid"].code) == (409, "episode_open_elsewhere")


def test_one_episode_survives_and_each_day_is_billed_once(told: dict[str, Any]) -> None:
    one, other = told["pages merged"]
    assert (one["phase"], other["phase"]) == ("in_care", "closed")
    assert one["person_id"] == other["person_id"] == told["survivor"]
    assert told["repeat"] == told["merged answer"]
    assert told["charges merged"] == told["charges before"][0]
    days = [(day, track) for day, track, _ in told["charges later"]]
    assert len(days) == len(set(days)) == len(told["charges before"][0]) + 2
    kinds = {kind for kind, _ in told["items"]}
    assert {"days_voided_by_merge", "nights_in_two_beds", "disclosures_to_review", "owed_by_merged_episode"} <= kinds
    assert all(role for _, role in told["items"])


def test_both_books_agree_after_the_merge_and_after_it_is_taken_back(told: dict[str, Any]) -> None:
    assert told["books merged"] == []
    assert told["books apart"] == []
    assert told["parked"] == []


def test_taken_back_both_run_again_with_their_own_days(told: dict[str, Any]) -> None:
    assert told["unmerged answer"]["reopened"]["status"] == "voided", told["unmerged answer"]
    assert told["unmerged again"] == told["unmerged answer"]
    one, other = told["pages apart"]
    assert (one["phase"], other["phase"]) == ("in_care", "in_care")
    assert (one["person_id"], other["person_id"]) == (told["survivor"], told["merged"])
    before, after = told["charges before"][1], told["charges apart"][1]
    assert after[: len(before)] == before
    assert len(after) == len(before) + 4, "the days the merge took are billed again, once each"
    assert told["twice"] == []


def test_a_night_in_two_beds_counts_once_while_the_records_are_one(told: dict[str, Any]) -> None:
    """CEN-01, CEN-02: restated by a version of its own, and back when they stand apart."""
    before, merged = told["census before"], told["census merged"]
    assert len(before) >= 2
    assert set(before.values()) == {(2, 2)}
    assert merged == dict.fromkeys(before, (1, 1))
    assert told["census apart"] == before
    assert told["suggested merged"] == [], "what is not charged is not suggested either"
