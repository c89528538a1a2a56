"""One person's ninety days through all levels, on the driven clock: what it costs Temporal in actions and events,
beside a workflow that wakes once a day; and how long its longest run takes to replay.

Counted from the fetched histories of every run of the chain. The driver's own `advance` updates stand in for timers
that fire; they are counted apart, for a wall-clock installation has none."""

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, Worker

from bench.bare import QUEUE, DailyContract, DailyWorkflow, Days
from bench.measure import report
from local.bundles.generate import bundle
from local.cohort.going_live import calm_answers
from local.rehearsal.attendance import Attendance
from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from runtime.catalog import load_catalog
from runtime.codec import data_converter
from runtime.keyring import Keyring
from runtime.keyring_file import load_keyring
from runtime.temporal import connect
from worker import WORKFLOWS

START: Final = datetime.fromisoformat("2026-03-02T15:00:00+00:00")
PATH: Final = (("3.7-WM", 5), ("3.5", 23), ("2.5", 20), ("2.1", 28), ("1.5", 14))
"""Levels and days: ninety together."""
HISTORIES: Final = Path(__file__).resolve().parents[1] / "tests" / "histories"
RECORDED_KEYS: Final = Keyring.parse(f"recorded:{'5a' * 32}", "a5" * 32)
"""The key of the tests' recordings; it seals invented people only."""
ACTIONS: Final = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
    }
)  # fmt: skip
"""Events that Temporal Cloud bills as one action each; a retried activity is not seen here."""


@dataclass
class Cost:
    """What the runs of one workflow id, or of several, left behind."""

    runs: int = 0
    events: int = 0
    actions: int = 0
    advances: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    longest: WorkflowHistory | None = None

    def take(self, history: WorkflowHistory) -> None:
        self.runs += 1
        self.events += len(history.events)
        for event in history.events:
            self.actions += event.event_type in ACTIONS
            accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
            self.advances += accepted == "advance"
            self.kinds[EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()] += 1
        if self.longest is None or len(history.events) > len(self.longest.events):
            self.longest = history


class DailyActivities(DailyContract):
    @activity.defn
    async def post_day(self, day: int) -> int:
        return day


async def cost_of(client: Client, query: str) -> Cost:
    cost = Cost()
    async for found in client.list_workflows(query):
        cost.take(await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history())
    return cost


class Charting:
    """Everything owed is recorded the moment it is due, and everybody attends."""

    def __init__(self, stage: Stage, attendance: Attendance) -> None:
        self._stage, self._attendance = stage, attendance
        self._instruments = load_catalog().latest.instruments
        self.recorded = 0

    @property
    def attended(self) -> int:
        return self._attendance.recorded

    async def chart(self, moment: datetime) -> None:
        await self._attendance.chart(moment)
        if not self._stage.episode:
            return
        for due in self._stage.page()["assessments_due"]:
            if datetime.fromisoformat(due["due_at"]) <= moment:
                self._stage.assess(due["instrument"], **calm_answers(self._instruments[due["instrument"]]))
                self.recorded += 1


async def live(house: House, driver: Driver, number: int, *, recorded: bool) -> tuple[str, Charting]:
    """The whole path; answers the episode and what was charted."""
    caller = Caller(house.url, prefix=f"ninety-{number}")
    stage = Stage(caller, driver, f"ninety-{number}", lambda _: None)
    charting = Charting(stage, Attendance(caller, driver))
    if recorded:
        driver.hooks.append(charting.chart)
    stage.refer(bundle(90, number))
    stage.intake(PATH[0][0])
    for level, days in PATH:
        if level != PATH[0][0]:
            stage.rate(level)
        stage.move(level)
        stage.sign_presented()
        await stage.wait(days=days)
    stage.end("completed", "goals met")
    await stage.wait(days=2)
    driver.hooks.clear()
    await driver.settle()
    caller.close()
    return stage.episode, charting


async def measure(house: House) -> None:
    settings = house.settings
    keyring = load_keyring(settings)
    client = await connect(house.temporal.address, settings.temporal_namespace, keyring)
    daily = await one_timer_a_day(client)
    driver = Driver(house)
    await driver.open(START)
    longest: list[WorkflowHistory] = []
    for number, (name, recorded) in enumerate((("nothing_recorded", False), ("everything_recorded", True)), start=31):
        episode, charting = await live(house, driver, number, recorded=recorded)
        cost = await cost_of(client, f"WorkflowId = 'episode/{episode}'")
        cases = await case_cost(house, client, episode)
        more: dict[str, Any] = {
            "runs": cost.runs, "assessments": charting.recorded, "attendances": charting.attended,
        }  # fmt: skip
        report(f"ninety_days_{name}_events", cost.events, "events", daily.events, kinds=dict(cost.kinds), **more)
        report(f"ninety_days_{name}_actions", cost.actions, "actions", daily.actions, advances=cost.advances, **more)
        report(f"ninety_days_{name}_authorization_events", cases.events, "events", runs=cases.runs)
        report(f"ninety_days_{name}_authorization_actions", cases.actions, "actions", advances=cases.advances)
        if cost.longest is not None:
            longest.append(cost.longest)
    await driver.close()
    await replays(keyring, longest)


async def case_cost(house: House, client: Client, episode: str) -> Cost:
    """All authorization cases of an episode together."""
    total = Cost()
    caller = Caller(house.url)
    cases = caller.get("reviewer", f"/v1/episodes/{episode}")["authorizations"]
    caller.close()
    for case in cases:
        async for found in client.list_workflows(f"WorkflowId = 'authorization/{case['id']}'"):
            total.take(await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history())
    return total


async def one_timer_a_day(client: Client, days: int = 90) -> Cost:
    """What a workflow that wakes once a day and posts the day leaves in its history; its day lasts a moment here."""
    async with Worker(
        client, task_queue=QUEUE, workflows=[DailyWorkflow], activities=[DailyActivities().post_day]
    ):  # fmt: skip
        handle = await client.start_workflow(
            "DailyWorkflow", Days(count=days, seconds=0.01), id="daily/bench", task_queue=QUEUE
        )
        await handle.result()
    cost = Cost()
    cost.take(await handle.fetch_history())
    return cost


async def replays(keyring: Keyring, ninety: list[WorkflowHistory]) -> None:
    """The longest recorded history of the tests, and the longest run of the ninety days."""
    kept = [WorkflowHistory.from_json(f.stem, json.loads(f.read_text())) for f in sorted(HISTORIES.glob("*.json"))]
    for name, keys, histories in (("recorded", RECORDED_KEYS, kept), ("ninety_days", keyring, ninety)):
        longest = max(histories, key=lambda h: len(h.events))
        replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(keys))
        await replayer.replay_workflow(longest)
        took = await seconds(lambda r=replayer, h=longest: r.replay_workflow(h))  # type: ignore[misc]
        report(f"replay_longest_{name}", took * 1000, "ms", events=len(longest.events))


async def seconds(act: Callable[[], Awaitable[Any]], times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        await act()
        best = min(best, time.perf_counter() - began)
    return best
