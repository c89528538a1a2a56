"""Authorization cases whose stay turned out otherwise: opened again, or cancelled. Nothing is deleted (AUTH-08)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import authorization_workflow
from definitions.vocabulary import AuthorizationStatus, RequestKind
from storage.models import Authorization, AuthorizationRequest
from storage.repositories.authorization import UNANSWERED, requests_of_case
from storage.repositories.case_end import CLOSING, follow_up, give_up, left_house, revive
from storage.repositories.outbox import AUTHORIZATION_CHANGED, announce


async def reopen_case(session: AsyncSession, *, case: Authorization, key: str, now: datetime) -> None:
    """Back to the status it ended from, with the requests that the end withdrew. A notice of the end that has not left
    stays here."""
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
    await revive(session, case=case, key=key, now=now)
    await _tell(session, case, f"{key}:reopen:{case.id}", now)


async def cancel_case(
    session: AsyncSession, *, case: Authorization, key: str, now: datetime, why: str = "the stay it was for was taken back",
    at_payer: bool = False,
) -> None:  # fmt: skip
    """The stay it was for never was (E08), or never will be: unanswered requests go with it, decisions stay as evidence.
    `at_payer`: what the payer may have is taken back there by itself (UM02 3, E07)."""
    case.status = AuthorizationStatus.CANCELLED
    case.why = why
    case.version += 1
    requests = await requests_of_case(session, case.id)
    for request in requests:
        if request.status not in UNANSWERED:
            continue
        request.status = AuthorizationStatus.CANCELLED
        if at_payer and request.about is None and left_house(request):
            await follow_up(
                session, case, request, RequestKind.CANCEL, request.from_date, request.through_date, key, now
            )
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
