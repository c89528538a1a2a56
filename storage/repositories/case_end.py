"""The end of a case with its stay: what was asked for later is taken back, and the payer is told (domain 4.1, 4.4)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import authorization_workflow, derived
from definitions.vocabulary import AuthorizationStatus, DisputeStatus, RequestKind
from storage.models import Authorization, AuthorizationClock, AuthorizationDispute, AuthorizationRequest
from storage.repositories.authorization import UNANSWERED, add_request, requests_of_case
from storage.repositories.outbox import AUTHORIZATION_CHANGED, announce
from storage.repositories.work import close_items

CLOSING = (RequestKind.CANCEL, RequestKind.DISCHARGE)
"""Requests that an end makes; a correction that undoes the end never revives them."""

NEEDLESS = ("transition_wanted", "review_due")
"""Items that ask for what the end of a case makes needless: a move that has been made, a review of days not stayed."""


async def end_date_case(
    session: AsyncSession,
    *,
    case_id: UUID,
    on: date,
    key: str,
    now: datetime,
    by: UUID | None = None,
    why: str | None = None,
    left_on: date | None = None,
) -> None:
    """The case's last day is `on`; its workflow is told. Questions about later days only are taken back, at the payer
    too where it may have them (E07); one that asks for days that were stayed goes on, for its answer may still pay
    them (E26, E47). A payer that knows of the case gets a notice of the end, which releases what is left. `by` is the
    movement that ended it, by which a correction finds it again; None: its payer's coverage ended (E38). `left_on`: the
    date of leaving that the payer is told; None: the day after the last."""
    case = await session.get(Authorization, case_id, with_for_update=True)
    if case is None or case.status is AuthorizationStatus.END_DATED:
        return
    case.ended_from, case.end_dated_by = case.status, by
    case.end_dated_on = on
    case.status = AuthorizationStatus.END_DATED
    case.why = why or f"the stay it was for ended; last day {on.isoformat()}"
    case.version += 1
    await _withdraw_later(session, case, on, key, now)
    await _tell_end(session, case, left_on or on + timedelta(days=1), key, now)
    for kind in NEEDLESS:
        await close_items(
            session, episode_id=case.episode_id, now=now, actor="system", resolution="the stay it was for has ended",
            kind=kind, subject_id=str(case_id),
        )  # fmt: skip
    await announce(
        session,
        kind=AUTHORIZATION_CHANGED,
        target=authorization_workflow(case_id),
        payload={"key": f"{key}:end:{case_id}", "authorization_id": str(case_id), "at": now.isoformat()},
        at=now,
    )


async def move_end(
    session: AsyncSession, *, case: Authorization, on: date, left_on: date, key: str, now: datetime
) -> None:
    """An end that turned out to be another day: what was withdrawn for days that were stayed after all is asked again,
    what asks for days that were not is taken back, and a payer that was told is told the new day (AUTH-08)."""
    case.end_dated_on = on
    case.why = f"the stay it was for ended; last day {on.isoformat()}"
    case.version += 1
    await revive(session, case=case, through=on, key=key, now=now)
    await _withdraw_later(session, case, on, key, now)
    await _tell_end(session, case, left_on, key, now)
    await announce(
        session,
        kind=AUTHORIZATION_CHANGED,
        target=authorization_workflow(case.id),
        payload={"key": f"{key}:moved:{case.id}", "authorization_id": str(case.id), "at": now.isoformat()},
        at=now,
    )


async def revive(
    session: AsyncSession, *, case: Authorization, key: str, now: datetime, through: date | None = None
) -> None:
    """Requests that an end withdrew, and only those, are unanswered again: one that was never sent is ready (the gate
    is asked anew), one that was sent waits for its answer, and one that was taken back at the payer too is asked as a
    new request. `through`: only those that ask for days up to then."""
    requests = await requests_of_case(session, case.id)
    taken_back = {r.about for r in requests if r.kind is RequestKind.CANCEL and left_house(r)}
    for request in requests:
        if request.status is not AuthorizationStatus.CANCELLED or request.ended_from is None:
            continue  # a reviewer took it back, or a correction did
        if through is not None and request.from_date > through:
            continue
        if request.id in taken_back:
            await _ask_anew(session, request, key, now)
        elif request.sent_at is None and request.first_sent_at is None:
            request.status = AuthorizationStatus.READY
        else:
            request.status = request.ended_from
        request.ended_from = None
    for request in requests:
        asked_about = next((r for r in requests if r.id == request.about), None)
        unsent = request.status in UNANSWERED and not left_house(request)
        if request.kind is RequestKind.CANCEL and unsent and asked_about and asked_about.status in UNANSWERED:
            request.status = AuthorizationStatus.CANCELLED


def left_house(request: AuthorizationRequest) -> bool:
    """The payer has it, or may have it."""
    return request.first_sent_at is not None or request.attempts > 0


async def _ask_anew(session: AsyncSession, request: AuthorizationRequest, key: str, now: datetime) -> None:
    await add_request(
        session, request_id=derived(request.id, "anew", key), case_id=request.authorization_id,
        episode_id=request.episode_id, kind=request.kind, level=request.level, unit=request.unit, units=request.units,
        from_date=request.from_date, through_date=request.through_date, urgent=request.urgent, now=now,
        delay_reason=request.delay_reason, about=request.about, dispute_id=request.dispute_id,
        attachments=request.attachments,
    )  # fmt: skip


async def _withdraw_later(session: AsyncSession, case: Authorization, on: date, key: str, now: datetime) -> None:
    """Questions about days after `on` only are taken back, at the payer too where it may have them (E07)."""
    requests = await requests_of_case(session, case.id)
    for request in requests:
        if request.status in UNANSWERED and request.from_date > on:
            request.ended_from, request.status = request.status, AuthorizationStatus.CANCELLED
            if request.about is None and left_house(request):
                await follow_up(session, case, request, RequestKind.CANCEL, request.from_date, request.through_date,
                                 key, now)  # fmt: skip
    await give_up(session, case_id=case.id, requests=[r.id for r in requests if r.from_date > on], now=now)


async def _tell_end(session: AsyncSession, case: Authorization, left: date, key: str, now: datetime) -> None:
    """A payer that knows of the case gets a notice of the end (domain 4.1). One with another day that has not left is
    replaced; one that left is followed by this one."""
    requests = await requests_of_case(session, case.id)
    known = [r for r in requests if r.first_sent_at is not None and r.kind not in CLOSING]
    if all(r.status is AuthorizationStatus.CANCELLED for r in known):
        return
    left = max(left, case.from_date)
    notices = [r for r in requests if r.kind is RequestKind.DISCHARGE and r.status is not AuthorizationStatus.CANCELLED]
    for notice in notices:
        if notice.through_date == left:
            return
        if not left_house(notice) and notice.status in UNANSWERED:
            notice.status = AuthorizationStatus.CANCELLED
    await follow_up(session, case, known[0], RequestKind.DISCHARGE, case.from_date, left, key, now)


async def give_up(session: AsyncSession, *, case_id: UUID, requests: Sequence[UUID], now: datetime) -> None:
    """Nobody contests an answer about days that were never stayed, and no clock of theirs runs on."""
    await session.flush()
    open_ways = await session.execute(
        update(AuthorizationDispute)
        .where(
            AuthorizationDispute.authorization_id == case_id, AuthorizationDispute.request_id.in_(requests),
            AuthorizationDispute.status.in_([DisputeStatus.OPEN, DisputeStatus.SCHEDULED, DisputeStatus.FILED]),
        )
        .values(status=DisputeStatus.WITHDRAWN, decided_at=now, version=AuthorizationDispute.version + 1)
        .returning(AuthorizationDispute.id)
    )  # fmt: skip
    await session.execute(
        update(AuthorizationClock)
        .where(
            AuthorizationClock.subject_id.in_([*requests, *open_ways.scalars()]),
            AuthorizationClock.stopped_at.is_(None),
        )
        .values(stopped_at=now, outcome="cancelled")
    )


async def follow_up(
    session: AsyncSession, case: Authorization, about: AuthorizationRequest, kind: RequestKind, first: date,
    last: date, key: str, now: datetime,
) -> None:  # fmt: skip
    await add_request(
        session, request_id=derived(about.id, kind.value, key), case_id=case.id, episode_id=case.episode_id, kind=kind,
        level=about.level, unit=about.unit, units=0 if kind is RequestKind.DISCHARGE else about.units, from_date=first,
        through_date=last, urgent=False, now=now, about=about.id,
    )  # fmt: skip
