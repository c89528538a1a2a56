"""Consents asked for again: refused, each shift until it is signed or nothing needs it; ending before the days a payer is asked
for, at every review (domain 3.4, 11.1; AUTH-04)."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.cases import Case, opened
from tests.api.conftest import MOMENT, standing_house
from tests.api.test_refusals import admitted, started

BEFORE_WINDOW = "consent_before_window"


@pytest.fixture
def own_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For tests that move the clock: the others stand on MOMENT."""
    with standing_house(tmp_path_factory.mktemp("own")) as made:
        yield made


def advance(house: House, to: datetime) -> None:
    async def run() -> None:
        driver = Driver(house)
        driver.closes = False
        await driver.open(_now(house))
        await driver.advance(to)
        await driver.settle()
        await driver.close()

    asyncio.run(run())


def _now(house: House) -> datetime:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute("SELECT now FROM business_clock").fetchone()
    assert row is not None
    return datetime.fromisoformat(str(row[0]))


def refuse(stage: Stage, form: str, at: datetime = MOMENT) -> dict[str, Any]:
    said = {"form": form, "signed_at": at.isoformat(), "refused": True, "reason": "wants to think"}
    return stage.caller.post("clinician", f"/v1/episodes/{stage.episode}/consents", said)


def sign(stage: Stage, form: str, at: datetime = MOMENT) -> None:
    stage.caller.post(
        "clinician", f"/v1/episodes/{stage.episode}/consents", {"form": form, "signed_at": at.isoformat()}
    )


def owed(stage: Stage, kind: str) -> list[dict[str, Any]]:
    return [i for i in stage.page()["open_items"] if i["kind"] == kind]


def statuses(stage: Stage, form: str) -> list[str]:
    page = stage.caller.get("clinician", f"/v1/episodes/{stage.episode}/consents")
    return sorted(c["status"] for c in page["items"] if c["form"] == form)


def test_a_refused_consent_is_asked_again_each_shift_until_it_is_signed(own_house: House) -> None:
    caller = Caller(own_house.url, prefix="again")
    stage = started(caller)
    answer = refuse(stage, "part2_tpo")
    assert answer["detail"]["present_again_at"] == (MOMENT + timedelta(hours=8)).isoformat()
    (item,) = owed(stage, "consent_refused")
    assert (item["owner_role"], datetime.fromisoformat(item["due_at"])) == ("clinician", MOMENT + timedelta(hours=8))
    assert statuses(stage, "part2_tpo") == ["presented", "refused"]
    later = MOMENT + timedelta(hours=17)
    advance(own_house, later)
    (again,) = owed(stage, "consent_refused")
    assert (again["id"], datetime.fromisoformat(again["due_at"])) == (item["id"], MOMENT + timedelta(hours=24))
    refuse(stage, "part2_tpo", later)
    (anew,) = owed(stage, "consent_refused")
    assert (anew["id"] == item["id"], datetime.fromisoformat(anew["due_at"])) == (False, later + timedelta(hours=8))
    sign(stage, "part2_tpo", later)
    assert owed(stage, "consent_refused") == []
    assert statuses(stage, "part2_tpo") == ["refused", "refused", "signed"]
    caller.close()


def test_what_is_optional_is_asked_once(caller: Caller) -> None:
    stage = started(caller)
    assert refuse(stage, "telehealth")["status"] == "refused"
    assert owed(stage, "consent_refused") == []
    assert statuses(stage, "telehealth") == ["refused"]


def test_a_renewal_that_is_refused_leaves_what_stands_and_is_asked_by_its_reminders(caller: Caller) -> None:
    stage = admitted(caller)
    refuse(stage, "financial")
    assert owed(stage, "consent_refused") == []
    assert "signed" in statuses(stage, "financial")


def test_what_nothing_needs_any_more_closes_by_itself(caller: Caller) -> None:
    """Telehealth is asked for at a day programme and not in a bed."""
    stage = admitted(caller, "2.5")
    assert "presented" in statuses(stage, "telehealth")
    refuse(stage, "telehealth")
    assert len(owed(stage, "consent_refused")) == 1
    assert statuses(stage, "telehealth") == ["presented", "refused"]
    stage.rate("3.5")
    stage.move("3.5")
    assert owed(stage, "consent_refused") == []
    assert statuses(stage, "telehealth") == ["refused", "superseded"]


def test_who_leaves_is_asked_for_nothing(caller: Caller) -> None:
    stage = admitted(caller, "2.5")
    refuse(stage, "telehealth")
    stage.end("against_advice", "left")
    assert owed(stage, "consent_refused") == []


def ends_at(case: Case, at: datetime) -> None:
    with psycopg.connect(case.house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "UPDATE consent SET expires_at = %s WHERE episode_id = %s AND form = 'part2_tpo' AND status = 'signed'",
            (at, case.stage.episode),
        )


def test_a_continued_review_asks_for_the_renewal_before_it_leaves(own_house: House) -> None:
    """AUTH-04: it goes by itself, and a consent that ends within the window it asks for is renewed first."""
    caller = Caller(own_house.url, prefix="window")
    case = opened(caller, own_house)
    assert owed(case.stage, BEFORE_WINDOW) == []
    page = case.page()
    due = next(datetime.fromisoformat(e["at"]) for e in page["next_events"] if e["kind"] == "review_due")
    last = datetime.fromisoformat(f"{page['last_covered_day']}T12:00:00+00:00")
    ends_at(case, last + timedelta(days=3))
    advance(own_house, due + timedelta(minutes=1))
    (asked,) = [r for r in case.page()["requests"] if r["kind"] == "concurrent"]
    (item,) = owed(case.stage, BEFORE_WINDOW)
    assert asked["through_date"] in item["why"]
    with psycopg.connect(own_house.postgres.dsn("stepdown")) as connection:
        row = connection.execute(
            "SELECT r.requested_at, i.opened_at, r.sent_at FROM authorization_request r, open_item i "
            "WHERE r.id = %s AND i.id = %s",
            (asked["id"], item["id"]),
        ).fetchone()
    assert row is not None
    assert row[1] == row[0] <= row[2]
    sign(case.stage, "part2_tpo", due)
    assert owed(case.stage, BEFORE_WINDOW) == []
    caller.close()


def test_a_review_that_a_person_asks_for_does_too_and_one_item_stands(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    first = datetime.fromisoformat(case.page()["last_covered_day"]) + timedelta(days=1)
    ends_at(case, MOMENT + timedelta(days=25))
    for days in (0, 5):
        begin = (first + timedelta(days=days)).date()
        body = {
            "units": 3, "from_date": begin.isoformat(), "through_date": (begin + timedelta(days=4 + days)).isoformat()
        }  # fmt: skip
        case.act("reviews", body)
        case.settle()
    assert len(owed(case.stage, BEFORE_WINDOW)) == 1
    assert statuses(case.stage, "part2_tpo") == ["presented", "signed"]


def test_a_consent_that_outlives_the_window_is_left_alone(house: House, caller: Caller) -> None:
    case = opened(caller, house)
    first = (datetime.fromisoformat(case.page()["last_covered_day"]) + timedelta(days=1)).date()
    case.act(
        "reviews",
        {"units": 3, "from_date": first.isoformat(), "through_date": (first + timedelta(days=4)).isoformat()},
    )
    assert owed(case.stage, BEFORE_WINDOW) == []
