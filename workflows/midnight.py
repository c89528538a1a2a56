"""Closes every open service date of one facility, in order (D5)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions import policies
    from definitions.contracts import MidnightContract
    from definitions.midnight import CloseDate, CloseFacility, DateClosed, DatesWanted, FacilityClosed


@workflow.defn(name="MidnightCloseWorkflow")
class MidnightCloseWorkflow:
    @workflow.run
    async def run(self, request: CloseFacility) -> FacilityClosed:
        """Which dates are open is read, never derived from the start time: a late night, a double start and
        a backdated fact are one path."""
        now = request.now or workflow.now()
        closed: list[DateClosed] = []
        while True:
            wanted = await workflow.execute_activity_method(
                MidnightContract.dates_to_close,
                DatesWanted(facility=request.facility, now=now, through=request.through),
                **policies.RECORD_READ,
            )
            if not wanted.dates:
                return FacilityClosed(facility=request.facility, dates=tuple(closed))
            for service_date in wanted.dates:
                closed.append(
                    await workflow.execute_activity_method(
                        MidnightContract.close_date,
                        CloseDate(facility=request.facility, service_date=service_date, now=now),
                        **policies.LEDGER_WRITE,
                    )
                )
