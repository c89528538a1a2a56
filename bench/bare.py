"""The floors: a workflow whose update runs one ordinary activity that writes the same rows and decides nothing, and one
that wakes once a day for its patient (D5 does without)."""

import asyncio
from datetime import datetime
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


class Row(BaseModel):
    """One row to write, and when: `due` None is at a signal."""

    id: UUID
    due: datetime | None = None


class RowContract:
    @activity.defn
    async def write_row(self, row: Row) -> int:
        raise NotImplementedError


async def write_one(row: Row) -> None:
    options = {**policies.RECORD_WRITE, "task_queue": QUEUE}
    await workflow.execute_activity_method(RowContract.write_row, row, **options)


@workflow.defn(name="TimedWorkflow")
class TimedWorkflow:
    """One timer, one activity, one row."""

    @workflow.run
    async def run(self, row: Row) -> None:
        if row.due is not None:
            await asyncio.sleep(max((row.due - workflow.now()).total_seconds(), 0))
        await write_one(row)


@workflow.defn(name="ToldWorkflow")
class ToldWorkflow:
    """One signal, one activity, one row; then it waits on, as a case does."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    async def told(self, row: Row) -> None:
        await write_one(row)
