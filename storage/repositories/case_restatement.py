"""Authorization cases whose stay turned out otherwise: opened again, or cancelled. Nothing is deleted (AUTH-08)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import authorization_workflow
from definitions.vocabulary import AuthorizationStatus
from storage.models import Authorization, AuthorizationRequest
from storage.repositories.authorization import UNANSWERED, requests_of_case
from storage.repositories.case_end import CLOSING, give_up
from storage.repositories.outbox import AUTHORIZATION_CHANGED, announce


async def reopen_case(session: AsyncSession, *, case: Authorization, key: str, now: datetime) -> None:
    """Back to the status it ended from. Requests the end withdrew, and only those, are unanswered again: one that was
    never sent is ready (the gate is asked anew), one that was sent waits for its answer. A notice of the end that has
    not left stays here."""
    status = case.ended_from or AuthorizationStatus.CONTACT_PAYER
    if status is AuthorizationStatus.WAITING_CONSENT:
        status = AuthorizationStatus.READY
    case.status = status
    case.why = f"reopened after a correction; it had ended on {case.end_dated_on}"
    case.end_dated_on = case.end_dated_by = case.ended_from = None
    case.version += 1
    for status in UNANSWERED:
        for request in await _requests(session, case, status):
            if request.kind in CLOSING and request.first_sent_at is None:
                request.status = AuthorizationStatus.CANCELLED
    for request in await _requests(session, case, AuthorizationStatus.CANCELLED):
        if request.ended_from is None:
            continue  # a reviewer took it back, or a correction did
        if request.sent_at is None and request.first_sent_at is None:
            request.status = AuthorizationStatus.READY
        else:
            request.status = request.ended_from
        request.ended_from = None
    await _tell(session, case, f"{key}:reopen:{case.id}", now)


async def cancel_case(session: AsyncSession, *, case: Authorization, key: str, now: datetime) -> None:
    """The stay it was for never was (E08): unanswered requests go with it, decisions stay as evidence."""
    case.status = AuthorizationStatus.CANCELLED
    case.why = "the stay it was for was taken back"
    case.version += 1
    requests = await requests_of_case(session, case.id)
    for request in requests:
        if request.status in UNANSWERED:
            request.status = AuthorizationStatus.CANCELLED
    await give_up(session, case_id=case.id, requests=[r.id for r in requests], now=now)
    await _tell(session, case, f"{key}:cancel:{case.id}", now)


async def _requests(
    session: AsyncSession, case: Authorization, status: AuthorizationStatus
) -> list[AuthorizationRequest]:
    rows = await session.execute(
        select(AuthorizationRequest).where(
            AuthorizationRequest.authorization_id == case.id, AuthorizationRequest.status == status
        )
    )
    return list(rows.scalars())


async def _tell(session: AsyncSession, case: Authorization, key: str, now: datetime) -> None:
    await announce(
        session,
        kind=AUTHORIZATION_CHANGED,
        target=authorization_workflow(case.id),
        payload={"key": key, "authorization_id": str(case.id), "at": now.isoformat()},
        at=now,
    )
