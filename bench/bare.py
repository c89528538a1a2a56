"""The floors: a workflow whose update runs one ordinary activity that writes the same rows and decides nothing, and one
that wakes once a day for its patient (D5 does without)."""

import asyncio
from uuid import UUID

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from definitions import policies

QUEUE = "bench"


class Copy(BaseModel):
    template: UUID


class BareContract:
    @activity.defn
    async def copy_rows(self, request: Copy) -> int:
        raise NotImplementedError


@workflow.defn(name="BareWorkflow")
class BareWorkflow:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def copy(self, request: Copy) -> int:
        options = {**policies.RECORD_WRITE, "task_queue": QUEUE}
        return await workflow.execute_activity_method(BareContract.copy_rows, request, **options)


class Days(BaseModel):
    count: int
    seconds: float
    """How long a day lasts; a history of timers is the same whatever they wait."""


class DailyContract:
    @activity.defn
    async def post_day(self, day: int) -> int:
        raise NotImplementedError


@workflow.defn(name="DailyWorkflow")
class DailyWorkflow:
    @workflow.run
    async def run(self, days: Days) -> int:
        for day in range(days.count):
            await asyncio.sleep(days.seconds)
            options = {**policies.RECORD_WRITE, "task_queue": QUEUE}
            await workflow.execute_activity_method(DailyContract.post_day, day, **options)
        return days.count
