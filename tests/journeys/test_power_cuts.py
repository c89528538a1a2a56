"""Kill parts, several together, right after a commit: the episode goes on, no family is lost or doubled (D2)."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from local.bundles.generate import bundle
from local.rehearsal.caller import Caller, Refused
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from storage.repositories.exchange import AUDIT

MOMENT = datetime(2026, 4, 6, 15, 0, tzinfo=UTC)
LATER = timedelta(minutes=40)
CUTS = [("worker",), ("api",), ("payer",), ("temporal",), ("postgres",), ("api", "worker", "temporal")]


@pytest.fixture(scope="module")
def opened(house: House) -> House:
    asyncio.run(_set_clock(house))
    return house


async def _set_clock(house: House) -> None:
    driver = Driver(house)
    await driver.open(MOMENT)
    await driver.close()


class Steady:
    """A driver's clock that stands still, for a stage without time."""

    now = MOMENT


@pytest.fixture
def caller(opened: House) -> Iterator[Caller]:
    made = Caller(opened.url)
    yield made
    made.close()


def admitted(caller: Caller, number: int) -> Stage:
    stage = Stage(caller, Steady(), f"cut-{number}", lambda _: None)  # type: ignore[arg-type]
    stage.refer(bundle(99, 21 + 6 * number))
    stage.intake("2.1")
    stage.rate("2.1")
    return stage


def commit_then_cut(house: House, stage: Stage, parts: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """Send the decision, wait until its rows are on disk, then cut the power of `parts`."""
    asked = stage.post(
        "clinician",
        f"/v1/episodes/{stage.episode}/transitions",
        {"to_level": "2.1", "effective_at": MOMENT.isoformat(), "rationale": "criteria met"},
    )
    path = f"/v1/transitions/{asked['subject_id']}/decision"
    body = {"decision": "approve", "version": 1}
    token = stage.caller._headers("reviewer")
    with httpx2.Client(base_url=house.url, timeout=0.01) as client, contextlib.suppress(httpx2.HTTPError):
        client.post(path, json=body, headers={**token, "Idempotency-Key": f"{stage.name}-decide"})
    _wait_for_movement(house, stage.episode)
    house.kill(*parts)
    return path, body


def _wait_for_movement(house: House, episode: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
            row = connection.execute("SELECT count(*) FROM movement WHERE episode_id = %s", (episode,)).fetchone()
        if row == (1,):
            return
        time.sleep(0.01)
    raise AssertionError("the decision never reached the database")


@pytest.mark.parametrize(("number", "parts"), list(enumerate(CUTS)), ids=["+".join(c) for c in CUTS])
def test_a_cut_right_after_the_commit_loses_and_doubles_nothing(
    opened: House, caller: Caller, number: int, parts: tuple[str, ...]
) -> None:
    stage = admitted(caller, number)
    path, body = commit_then_cut(opened, stage, parts)
    for part in ("postgres", "temporal", "payer", "worker", "api"):
        if part in parts:
            opened.start_part(part)
    opened.wait_ready()
    again = stage.caller.post("reviewer", path, body, key=f"{stage.name}-decide")
    assert again["status"] == "executed"
    asyncio.run(_rest(opened, MOMENT + (number + 1) * LATER))
    page = stage.page()
    assert (page["phase"], page["level"]) == ("in_care", "2.1")
    with psycopg.connect(opened.postgres.dsn("stepdown")) as connection:
        counts = connection.execute(
            """
            SELECT (SELECT count(*) FROM movement WHERE episode_id = %(e)s),
                   (SELECT count(*) FROM stay WHERE episode_id = %(e)s),
                   (SELECT count(*) FROM "authorization" WHERE episode_id = %(e)s),
                   (SELECT count(*) FROM authorization_request WHERE episode_id = %(e)s),
                   (SELECT count(*) FROM exchange_message m JOIN authorization_request r ON r.id = m.subject_id
                        WHERE r.episode_id = %(e)s AND m.direction = 'out' AND m.version = '005010X217'),
                   (SELECT count(*) FROM disclosure d LEFT JOIN disclosure_outcome o ON o.disclosure_id = d.id
                        WHERE d.episode_id = %(e)s AND o.outcome IS NULL),
                   (SELECT count(*) FROM per_diem_account WHERE episode_id = %(e)s),
                   (SELECT count(*) - count(DISTINCT instrument) FROM assessment_due WHERE episode_id = %(e)s
                        AND status = 'due'),
                   (SELECT count(*) > 0 FROM attendance WHERE episode_id = %(e)s)""",
            {"e": stage.episode},
        ).fetchone()
    assert counts == (1, 1, 1, 1, 1, 0, 1, 0, True)
    answered = ("approved", "partial", "denied", "pended", "information_requested", "timed_out", "held")
    assert page["authorizations"][0]["status"] in answered


def test_after_all_cuts_no_control_number_is_missing_or_double(opened: House) -> None:
    with psycopg.connect(opened.postgres.dsn("stepdown")) as connection:
        taken = connection.execute("SELECT sum(last) FROM control_number").fetchone()
        wrong = connection.execute(AUDIT.text).fetchall()  # type: ignore[arg-type]  # our own constant
    assert taken is not None
    assert taken[0] >= len(CUTS)
    assert wrong == []


async def _rest(house: House, at: datetime) -> None:
    """So much later that a payer that was cut off is tried again, and asked what became of what it may have."""
    driver = Driver(house)
    await driver.open(at)
    await driver.settle()
    await driver.close()


def test_another_decision_with_the_same_key_is_refused(caller: Caller) -> None:
    stage = admitted(caller, 40)
    asked = stage.post(
        "clinician",
        f"/v1/episodes/{stage.episode}/transitions",
        {"to_level": "2.1", "effective_at": MOMENT.isoformat(), "rationale": "criteria met"},
    )
    path = f"/v1/transitions/{asked['subject_id']}/decision"
    first = stage.caller.post("reviewer", path, {"decision": "approve", "version": 1}, key="double-click-1")
    same = stage.caller.post("reviewer", path, {"decision": "approve", "version": 1}, key="double-click-1")
    assert first == same
    with pytest.raises(Refused) as reused:
        stage.caller.post("reviewer", path, {"decision": "deny", "version": 1, "reason": "no"}, key="double-click-1")
    assert (reused.value.status, reused.value.code) == (422, "idempotency_key_reused")
    with pytest.raises(Refused) as late:
        stage.caller.post("reviewer", path, {"decision": "approve", "version": 1}, key="second-reviewer-1")
    assert (late.value.status, late.value.code) == (409, "already_decided")
    assert late.value.body["changed_by"] == "reviewer:reviewer"
