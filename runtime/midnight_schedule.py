"""The nightly close as a Temporal Schedule per facility, in the facility's own zone (D5)."""

from datetime import time, timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from definitions.ids import midnight_workflow
from definitions.midnight import CloseFacility

CATCHUP = timedelta(days=60)
"""Nights missed while everything was down are run, not skipped; the sweeper itself decides which dates are open."""


async def ensure_midnight_schedule(client: Client, facility: str, zone: str, at: time, task_queue: str) -> None:
    """Create the schedule or bring it up to date; safe to repeat. BUFFER_ALL: the default SKIP loses nights."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            "MidnightCloseWorkflow",
            CloseFacility(facility=facility),
            id=midnight_workflow(facility),
            task_queue=task_queue,
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(at.hour)], minute=[ScheduleRange(at.minute)])],
            time_zone_name=zone,
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ALL, catchup_window=CATCHUP),
    )
    try:
        await client.create_schedule(midnight_workflow(facility), schedule)
    except ScheduleAlreadyRunningError:

        async def replace(_: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(midnight_workflow(facility)).update(replace)
