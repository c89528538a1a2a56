"""Supportive housing with a day programme beside it: begun, billed, and one of the two ended alone (E57)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from local.bundles.generate import read_folder
from local.rehearsal.caller import Caller, Refused
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Pair:
    """Two people with 3.1 and 2.5 beside each other; one leaves the day programme, one leaves the bed."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.caller = Caller(house.url, prefix="parallel")
        self.driver = Driver(house)
        self.seen: dict[str, dict[str, Any]] = {}
        self.refused = ""

    def rows(self, statement: str, episode: str) -> list[Any]:
        with psycopg.connect(self.house.postgres.dsn("stepdown")) as connection:
            return connection.execute(statement.encode(), {"e": episode, "now": self.driver.now}).fetchall()

    def look(self, stage: Stage, name: str) -> None:
        self.seen[name] = {
            "page": stage.page(),
            "ahead": dict(
                self.rows(
                    "SELECT s.level, count(*) FROM attendance a JOIN session m ON m.id = a.session_id "
                    "JOIN stay s ON s.id = a.stay_id WHERE a.episode_id = %(e)s AND a.status = 'scheduled' "
                    "AND m.starts_at >= %(now)s GROUP BY 1",
                    stage.episode,
                )
            ),
            "cases": dict(
                self.rows('SELECT level, status FROM "authorization" WHERE episode_id = %(e)s', stage.episode)
            ),
            "accounts": dict(
                self.rows("SELECT level, closed_on FROM per_diem_account WHERE episode_id = %(e)s", stage.episode)
            ),
        }

    def ask(self, stage: Stage, level: str, **more: Any) -> None:
        body = {
            "to_level": level, "effective_at": stage.now(), "rationale": "agreed with the patient",
            "deviation_reason": "clinical_override", **more,
        }  # fmt: skip
        asked = stage.post("clinician", f"/v1/episodes/{stage.episode}/transitions", body)
        if asked["status"] == "needs_sign_off":
            stage.post("clinician", f"/v1/transitions/{asked['subject_id']}/sign-off", {"order": True})
        assert stage.approve(asked["subject_id"])["status"] == "executed"


async def live(pair: Pair) -> None:
    bundles = iter(read_folder())
    await pair.driver.open(START)
    day_ends, bed_ends = (Stage(pair.caller, pair.driver, f"pair-{n}", lambda _: None) for n in range(2))
    for stage in (day_ends, bed_ends):
        stage.refer(next(bundles))
        stage.intake("3.1")
        stage.move("3.1")
        stage.sign_presented()
    await day_ends.wait(days=2)
    for stage in (day_ends, bed_ends):
        stage.rate("2.5")
        pair.ask(stage, "2.5", parallel=True)
    await pair.driver.settle()
    for name, stage in (("day", day_ends), ("bed", bed_ends)):
        pair.look(stage, f"{name} beside")
    try:
        pair.ask(day_ends, "2.5", parallel=True)
    except Refused as refused:
        pair.refused = refused.code
    await day_ends.wait(days=3)
    for stage in (day_ends, bed_ends):
        stage.rate("2.5")
    pair.ask(day_ends, "3.1")
    pair.ask(bed_ends, "2.5")
    await pair.driver.settle()
    pair.look(day_ends, "day alone")
    pair.look(bed_ends, "bed alone")
    await day_ends.wait(days=2)
    pair.look(day_ends, "day later")
    pair.caller.close()
    await pair.driver.close()


@pytest.fixture(scope="module")
def pair(house: House) -> Pair:
    made = Pair(house)
    asyncio.run(live(made))
    return made


def open_levels(seen: dict[str, Any]) -> set[str]:
    return {s["level"] for s in seen["page"]["stays"] if s["ended_at"] is None}


def test_both_stays_are_open_with_sessions_days_and_a_case_each(pair: Pair) -> None:
    for name in ("day beside", "bed beside"):
        seen = pair.seen[name]
        assert open_levels(seen) == {"3.1", "2.5"}
        assert seen["page"]["level"] == "3.1"
        assert set(seen["ahead"]) == {"3.1", "2.5"}
        assert set(seen["cases"]) == {"3.1", "2.5"}
        assert "end_dated" not in seen["cases"].values()
        assert seen["accounts"] == {"3.1": None, "2.5": None}
    assert pair.refused == "illegal_transition"


@pytest.mark.parametrize(("name", "kept", "ended"), [("day", "3.1", "2.5"), ("bed", "2.5", "3.1")])
def test_ending_one_leaves_the_other_as_it_was(pair: Pair, name: str, kept: str, ended: str) -> None:
    """Failed before: the other stay lost its sessions, its case and its account, or the move was refused."""
    before, after = pair.seen[f"{name} beside"], pair.seen[f"{name} alone"]
    assert open_levels(after) == {kept}
    assert after["page"]["level"] == kept
    assert (after["page"]["bed"] is None) == (kept == "2.5")
    kept_stay = next(s for s in before["page"]["stays"] if s["level"] == kept)
    assert kept_stay in after["page"]["stays"]
    assert set(after["ahead"]) == {kept}
    assert after["cases"] == {kept: before["cases"][kept], ended: "end_dated"}
    assert after["accounts"][kept] is None
    assert after["accounts"][ended] is not None
    moves = {(t["from_level"], t["to_level"], t["kind"], t["status"]) for t in after["page"]["transitions"]}
    assert (ended, kept, "step_down", "executed") in moves
    owed = {d["instrument"] for d in after["page"]["assessments_due"]}
    assert owed & {d["instrument"] for d in before["page"]["assessments_due"]}


def test_nights_after_are_charged_once_and_only_at_the_level_that_goes_on(pair: Pair) -> None:
    rows = pair.rows(
        "SELECT service_date, level FROM charge WHERE episode_id = %(e)s AND status = 'live' "
        "AND service_date >= (SELECT closed_on FROM per_diem_account WHERE episode_id = %(e)s AND level = '2.5')",
        pair.seen["day later"]["page"]["id"],
    )
    assert {level for _, level in rows} <= {"3.1"}
    assert len(rows) == len({day for day, _ in rows})
