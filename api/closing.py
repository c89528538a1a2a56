"""The manual midnight close and the biller's exceptions."""

import asyncio
from datetime import date
from uuid import UUID

from sqlalchemy import select
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from api.auth import must_see
from api.bodies import ExceptionBody
from api.commands import CommandResult, accept, answered, look_up
from api.deps import Services
from api.errors import problem
from api.routes.access import about
from api.staff_words import sealer
from api.tokens import User
from definitions.errors import ErrorType
from definitions.ids import derived, midnight_workflow
from definitions.midnight import CloseFacility
from definitions.queues import CARE
from definitions.staff_words import Words
from rules.calendar import midnight_ending
from storage.models import Charge, ChargeException
from storage.repositories import command as memory
from storage.repositories import timeline
from storage.repositories.ledger import void_by_person
from storage.scope import HouseAct, widened

CLOSE_WAIT_SECONDS = 120


async def close_facility(services: Services, user: User, key: str, facility: str, through: date) -> CommandResult:
    """Run the facility's close through a date that is over; a repeat changes nothing."""
    async with services.write(user) as session:
        stored = await accept(
            services, session, user, key, "midnight_close", {"facility": facility, "date": through.isoformat()}
        )
        first = answered(stored)
        if first is not None:
            return first
        zone = services.catalog.latest.facilities[facility].zone
        if midnight_ending(through, zone) > stored.accepted_at:
            raise problem(
                ErrorType.DATE_NOT_OVER,
                f"{through} is not over at {facility} yet; close it after its midnight ({zone})",
            )
    try:
        async with asyncio.timeout(CLOSE_WAIT_SECONDS):
            answer = await services.client.execute_workflow(
                "MidnightCloseWorkflow",
                CloseFacility(facility=facility, now=stored.accepted_at, through=through, key=stored.key),
                id=f"{midnight_workflow(facility)}/asked/{derived(stored.key, 'close')}",
                task_queue=CARE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
    except (TimeoutError, RPCError, RuntimeError):
        return await look_up(services, user, stored.key)
    async with services.write(user) as session:
        await memory.finish(
            session, key=stored.key, kind="midnight_close", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=answer,
        )  # fmt: skip
    return CommandResult(200, answer, {})


async def resolve_exception(
    services: Services, user: User, key: str, exception_id: UUID, body: ExceptionBody
) -> CommandResult:
    """A person's word on one day. Voiding the charge leaves a tombstone that no rerun undoes."""
    async with services.write(user) as session:
        row = await session.get(ChargeException, exception_id, with_for_update=True)
        must_see(user, services, row.facility if row else None, f"exception {exception_id}", *about(row))
        assert row is not None
        stored = await accept(
            services, session, user, key, "resolve_exception",
            {"exception": str(exception_id), **body.model_dump(mode="json")},
        )  # fmt: skip
        first = answered(stored)
        if first is not None:
            return first
        if row.resolved_at is not None:
            raise problem(ErrorType.ALREADY_DECIDED, "resolved already; look again", changed_by=row.resolved_by)
        voided, sealed = False, await sealer(services, session, row.episode_id)
        if body.void_charge:
            live = await session.execute(
                select(Charge.id).where(
                    Charge.stay_id == row.stay_id, Charge.service_date == row.service_date, Charge.status == "live"
                )
            )
            charges, freed = live.scalars().all(), services.house(HouseAct.FREED_DAYS)
            async with widened(session, services.scope(user), HouseAct.FREED_DAYS, freed.facilities):
                for charge in charges:
                    said = sealed(Words.VOID_REASON, charge, f"{user.actor}: {body.resolution}")
                    voided = await void_by_person(
                        session, charge=charge, actor=user.actor, reason="", now=stored.accepted_at, sealed=said
                    )
        row.resolved_at, row.resolved_by, row.resolution = stored.accepted_at, user.actor, None
        row.sealed_resolution = sealed(Words.EXCEPTION_RESOLUTION, row.id, body.resolution)
        row.version += 1
        timeline.audit(
            session, chain=str(row.episode_id), at=stored.accepted_at, actor=user.actor, role=user.role,
            action="charge_exception_resolved", subject=f"exception/{exception_id}", purpose="payment",
            detail={"cause": row.cause, "date": row.service_date.isoformat(), "voided": voided},
        )  # fmt: skip
        answer = {"exception_id": str(exception_id), "status": "resolved", "voided": voided}
        await memory.finish(
            session, key=stored.key, kind="resolve_exception", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=answer,
        )  # fmt: skip
    return CommandResult(200, answer, {})
