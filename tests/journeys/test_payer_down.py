"""A payer's system is away for a while: requests wait in order, one goes by telephone, the rest when it is back (E95)."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage

MOMENT = datetime(2026, 4, 6, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def caller(house: House) -> Iterator[Caller]:
    made = Caller(house.url, prefix="down")
    yield made
    made.close()


def control(house: House, what: str) -> None:
    assert httpx2.post(f"{house.payer_url}/control/{what}", timeout=20).status_code == httpx2.codes.OK


def referral(number: int, payer: str) -> dict[str, Any]:
    return {
        "facility": "harbor",
        "requested_level": "2.1",
        "source": "call",
        "patient": {"family": f"Testerman{number}", "given": ["Robin"], "birth_date": "1990-02-03", "gender": "F"},
        "coverages": [{"payer": payer, "member_id": f"MB{7 * 10**8 + number}A"}],
        "diagnoses": [{"code": "F10.20"}],
    }


class Clock:
    """Facts of the intake lie an hour before the move."""

    now = MOMENT - HOUR


def admitted(caller: Caller, number: int, payer: str = "meridian") -> Stage:
    stage = Stage(caller, Clock(), f"down-{number}", lambda _: None)  # type: ignore[arg-type]  # a clock that stands
    stage.episode = caller.post("admissions", "/v1/episodes", referral(number, payer))["episode_id"]
    stage.intake("2.1")
    stage.driver = Driver.__new__(Driver)
    stage.driver.now = MOMENT
    stage.move("2.1")
    return stage


async def moved(house: House, to: datetime) -> None:
    driver = Driver(house)
    await driver.open(MOMENT)
    await driver.settle()
    await driver.advance(to)
    await driver.close()


def case_of(stage: Stage) -> dict[str, Any]:
    listed = stage.page()["authorizations"][0]
    return stage.caller.get("reviewer", f"/v1/authorizations/{listed['id']}")


def line(caller: Caller, payer: str) -> dict[str, Any]:
    return next(r for r in caller.get("reviewer", "/v1/payers")["items"] if r["payer"] == payer)


def test_what_waits_goes_in_order_and_what_was_telephoned_does_not_go_again(house: House, caller: Caller) -> None:
    asyncio.run(moved(house, MOMENT + timedelta(seconds=1)))
    control(house, "down")
    stages = [admitted(caller, n) for n in range(1, 4)]
    asyncio.run(moved(house, MOMENT + timedelta(seconds=2)))
    assert [case_of(s)["status"] for s in stages] == ["held"] * 3
    shown = line(caller, "meridian")
    assert (shown["state"], shown["held"]) == ("open", 3)
    assert shown["fallback"]["telephone"]

    case = case_of(stages[1])
    (request,) = case["requests"]
    said = {
        "request_id": request["id"], "channel": "telephone", "call_reference": "REF 4711",
        "sent_at": (MOMENT + timedelta(seconds=2)).isoformat(), "version": case["version"],
    }  # fmt: skip
    caller.post("reviewer", f"/v1/authorizations/{case['id']}/sendings", said, key="telephoned-0001")
    assert case_of(stages[1])["status"] == "submitted"
    assert line(caller, "meridian")["held"] == 2

    control(house, "up")
    asyncio.run(moved(house, MOMENT + HOUR))
    assert [case_of(s)["status"] for s in stages] == ["approved", "submitted", "approved"]
    assert line(caller, "meridian") | {"why": None} == shown | {
        "state": "closed", "since": None, "failures": 0, "retry_at": None, "why": None, "held": 0,
    }  # fmt: skip
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        sent = connection.execute(
            "SELECT subject_id, control_number FROM exchange_message WHERE direction = 'out' AND partner = 'meridian' "
            "AND version = '005010X217' AND status = 'sent' ORDER BY finished_at, control_number"
        ).fetchall()
        open_items = connection.execute(
            "SELECT count(*) FROM open_item WHERE kind = 'payer_unreachable' AND status = 'open'"
        ).fetchone()
        undone = connection.execute(
            "SELECT count(*) FROM disclosure d LEFT JOIN disclosure_outcome o ON o.disclosure_id = d.id "
            "WHERE o.outcome IS NULL"
        ).fetchone()
    assert [str(row[0]) for row in sent] == [case_of(stages[n])["requests"][0]["id"] for n in (0, 2)]
    assert (open_items, undone) == ((0,), (0,))
