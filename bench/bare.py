"""The floor: a workflow whose update runs one ordinary activity that writes the same rows and decides nothing."""

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
