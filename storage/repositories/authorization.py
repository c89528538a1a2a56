"""Authorization cases as rows: opened and end-dated inside the transition's transaction (D9, domain 4.4)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import authorization_workflow
from definitions.vocabulary import AuthorizationStatus, RequestKind
from storage.models import Authorization, AuthorizationRequest
from storage.repositories.outbox import AUTHORIZATION_START, announce

UNANSWERED = (
    AuthorizationStatus.READY,
    AuthorizationStatus.WAITING_CONSENT,
    AuthorizationStatus.SUBMITTED,
    AuthorizationStatus.PENDED,
    AuthorizationStatus.TIMED_OUT,
    AuthorizationStatus.HELD,
    AuthorizationStatus.INFORMATION_REQUESTED,
    AuthorizationStatus.INFORMATION_SENT,
    AuthorizationStatus.CONTACT_PAYER,
    AuthorizationStatus.DATA_PROBLEM,
)
"""Nothing decides it yet: the payer owes an answer, or somebody a step before it."""

AT_REST = (AuthorizationStatus.NOT_REQUIRED, AuthorizationStatus.END_DATED, AuthorizationStatus.CANCELLED)
"""A case that asks and grants nothing further."""
TRACE_LENGTH = 18


def trace_of(request_id: UUID) -> str:
    """TRN02 of a request: opaque, unique, short enough for every payer (domain 4.5)."""
    return f"SD{request_id.hex[: TRACE_LENGTH - 2].upper()}"


async def open_case(
    session: AsyncSession,
    *,
    case_id: UUID,
    request_id: UUID,
    episode_id: UUID,
    person_id: UUID,
    coverage_id: UUID,
    stay_id: UUID | None,
    facility: str,
    payer: str,
    level: str,
    kind: RequestKind,
    unit: str,
    units: int,
    from_date: date,
    through_date: date,
    urgent: bool,
    transition_id: UUID | None,
    now: datetime,
    required: bool,
    why: str,
    delay_reason: str | None = None,
) -> None:
    """Open a case and its first request, and ask the outbox to start its workflow. Not required: the case is
    kept as evidence and nothing is sent (AUTH-10). Safe to repeat by id."""
    status = AuthorizationStatus.READY if required else AuthorizationStatus.NOT_REQUIRED
    await session.execute(
        insert(Authorization)
        .values(
            id=case_id, episode_id=episode_id, person_id=person_id, coverage_id=coverage_id, stay_id=stay_id,
            facility=facility, payer=payer, level=level, status=status, why=why, unit=unit, requested_units=units,
            granted_units=0, from_date=from_date, transition_id=transition_id, opened_at=now, version=1,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip
    if not required:
        return
    await add_request(
        session, request_id=request_id, case_id=case_id, episode_id=episode_id, kind=kind, level=level, unit=unit,
        units=units, from_date=from_date, through_date=through_date, urgent=urgent, now=now, delay_reason=delay_reason,
    )  # fmt: skip
    await announce(
        session,
        kind=AUTHORIZATION_START,
        target=authorization_workflow(case_id),
        payload={"authorization_id": str(case_id)},
        at=now,
    )


async def add_request(
    session: AsyncSession,
    *,
    request_id: UUID,
    case_id: UUID,
    episode_id: UUID,
    kind: RequestKind,
    level: str,
    unit: str,
    units: int,
    from_date: date,
    through_date: date,
    urgent: bool,
    now: datetime,
    delay_reason: str | None = None,
    about: UUID | None = None,
    dispute_id: UUID | None = None,
    attachments: list[Any] | None = None,
    status: AuthorizationStatus = AuthorizationStatus.READY,
) -> None:
    """One more question to the payer in the same case, ready to be sent unless `status` says that a person does it."""
    await session.execute(
        insert(AuthorizationRequest)
        .values(
            id=request_id, authorization_id=case_id, episode_id=episode_id, kind=kind,
            status=status, trace=trace_of(request_id), level=level, unit=unit, units=units, from_date=from_date,
            through_date=through_date, urgent=urgent, requested_at=now, attempts=0, delay_reason=delay_reason,
            about=about, dispute_id=dispute_id, attachments=attachments, inquiries=0,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip


async def attach_case(session: AsyncSession, *, case_id: UUID, stay_id: UUID) -> str | None:
    """A case opened ahead of a scheduled transition now belongs to its stay. Answers the level it grants so far."""
    case = await session.get(Authorization, case_id)
    if case is None:
        return None
    case.stay_id = stay_id
    case.version += 1
    return case.granted_level


async def level_granted(session: AsyncSession, stay_id: UUID) -> str | None:
    """The level a stay's case in force grants so far."""
    rows = await session.execute(
        select(Authorization.granted_level)
        .where(
            Authorization.stay_id == stay_id,
            Authorization.status.not_in([AuthorizationStatus.END_DATED, AuthorizationStatus.CANCELLED]),
        )
        .order_by(Authorization.opened_at.desc())
        .limit(1)
    )
    return rows.scalar_one_or_none()


async def requests_of_case(session: AsyncSession, case_id: UUID) -> list[AuthorizationRequest]:
    """Every question of a case, in the order it was asked."""
    rows = await session.execute(
        select(AuthorizationRequest)
        .where(AuthorizationRequest.authorization_id == case_id)
        .order_by(AuthorizationRequest.requested_at, AuthorizationRequest.id)
    )
    return list(rows.scalars())
