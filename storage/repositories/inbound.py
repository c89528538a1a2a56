"""What came from partners: found in the records, kept once, told to its case or kept in quarantine (E32 to E34)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.exchange import Arrival, Candidate, Found
from definitions.ids import authorization_workflow, derived
from storage.models import Authorization, AuthorizationRequest, ExchangeFile, ExchangeMessage, PersonToken
from storage.repositories.outbox import AUTHORIZATION_ANSWER, announce
from storage.repositories.person import Token

RECEIVED, MATCHED, QUARANTINED, RELEASED, DISCARDED = "received", "matched", "quarantined", "released", "discarded"
TRACE_LENGTH = 18
"""Characters of a request's trace; an inquiry's own trace begins with it."""
CANDIDATES_MAX = 50
NUMBER_DIGITS = 9


def message_id(partner: str, fingerprint: str) -> UUID:
    return derived(partner, "in", fingerprint)


async def find(session: AsyncSession, partner: str, arrival: Arrival, members: Sequence[Token]) -> Found:
    """What the records hold about an arrival. `members`: blind-index tokens of the member id it names (D15)."""
    by_trace = await _by_trace(session, arrival.trace)
    people = await _people(session, members)
    return Found(
        by_trace=by_trace,
        by_control=await _by_control(session, partner, arrival.about_control),
        by_member=await _by_people(session, people, partner) if by_trace is None else (),
        member_known=bool(people),
        number_reused=await _reused(session, partner, arrival),
    )


async def _by_trace(session: AsyncSession, trace: str | None) -> Candidate | None:
    if not trace:
        return None
    exact = await _candidates(session, _requests().where(AuthorizationRequest.trace == trace))
    if not exact and trace[TRACE_LENGTH : TRACE_LENGTH + 1] == "Q":
        exact = await _candidates(session, _requests().where(AuthorizationRequest.trace == trace[:TRACE_LENGTH]))
    return exact[0] if exact else None


async def _by_control(session: AsyncSession, partner: str, control: str | None) -> Candidate | None:
    """The request that a message of ours with this control number was about."""
    message = await sent_under(session, partner, control)
    return await candidate_of(session, message.subject_id) if message and message.subject_id else None


async def sent_under(session: AsyncSession, partner: str, control: str | None) -> ExchangeMessage | None:
    """The message of ours that left under a control number."""
    if control is None or not control.isascii() or not control.isdigit() or len(control) > NUMBER_DIGITS:
        return None
    rows = await session.execute(
        select(ExchangeMessage).where(
            ExchangeMessage.partner == partner,
            ExchangeMessage.direction == "out",
            ExchangeMessage.control_number == f"{int(control):09d}",
        )
    )
    return rows.scalar_one_or_none()


async def _people(session: AsyncSession, members: Sequence[Token]) -> list[UUID]:
    found: set[UUID] = set()
    for kind, token in members:
        rows = await session.execute(
            select(PersonToken.person_id).where(PersonToken.kind == kind, PersonToken.token == token)
        )
        found |= set(rows.scalars())
    return sorted(found)


async def _by_people(session: AsyncSession, people: Sequence[UUID], partner: str) -> tuple[Candidate, ...]:
    if not people:
        return ()
    statement = _requests().where(Authorization.person_id.in_(people), Authorization.payer == partner)
    newest = statement.order_by(AuthorizationRequest.requested_at.desc()).limit(CANDIDATES_MAX)
    return tuple(await _candidates(session, newest))


async def candidate_of(session: AsyncSession, request_id: UUID) -> Candidate | None:
    found = await _candidates(session, _requests().where(AuthorizationRequest.id == request_id))
    return found[0] if found else None


async def candidate_by_trace(session: AsyncSession, trace: str) -> Candidate | None:
    return await _by_trace(session, trace)


def _requests() -> Select[AuthorizationRequest, Authorization]:
    return select(AuthorizationRequest, Authorization).join(
        Authorization, Authorization.id == AuthorizationRequest.authorization_id
    )


async def _candidates(session: AsyncSession, statement: Select[AuthorizationRequest, Authorization]) -> list[Candidate]:
    return [
        Candidate(
            request_id=asked.id, authorization_id=case.id, episode_id=case.episode_id, person_id=case.person_id,
            payer=case.payer, status=asked.status, level=asked.level, from_date=asked.from_date,
            through_date=asked.through_date, sent=asked.first_sent_at is not None or asked.sent_at is not None,
            number=case.number, reference=asked.reference,
        )
        for asked, case in await session.execute(statement)
    ]  # fmt: skip


async def _reused(session: AsyncSession, partner: str, arrival: Arrival) -> bool:
    if not arrival.interchange_control:
        return False
    rows = await session.execute(
        select(ExchangeMessage.id)
        .where(
            ExchangeMessage.partner == partner,
            ExchangeMessage.direction == "in",
            ExchangeMessage.control_number == arrival.interchange_control,
            ExchangeMessage.transaction_control == arrival.set_control,
            ExchangeMessage.fingerprint != arrival.fingerprint,
        )
        .limit(1)
    )
    return rows.first() is not None


async def keep(
    session: AsyncSession, *, partner: str, arrival: Arrival, status: str, sealed: bytes, person_id: UUID | None,
    request_id: UUID | None, reason: str | None, file_id: UUID | None, now: datetime,
) -> UUID | None:  # fmt: skip
    """Keep one arrival once; None when these very bytes are kept already."""
    made = await session.execute(
        insert(ExchangeMessage)
        .values(
            id=message_id(partner, arrival.fingerprint), partner=partner, direction="in", kind=arrival.kind.value,
            control_number=arrival.interchange_control or None, subject_id=request_id, person_id=person_id,
            sealed=sealed, fingerprint=arrival.fingerprint, status=status, at=now, file_id=file_id,
            transaction_control=arrival.set_control, version=arrival.version or None, reason=reason,
        )
        .on_conflict_do_nothing(constraint="uq_exchange_message_once")
        .returning(ExchangeMessage.id)
    )  # fmt: skip
    return made.scalar_one_or_none()


async def tell_case(session: AsyncSession, *, case_id: UUID, kept: UUID, now: datetime, because: str = "") -> None:
    """The case's workflow takes the message up (D1: id-only, after the commit)."""
    await announce(
        session,
        kind=AUTHORIZATION_ANSWER,
        target=authorization_workflow(case_id),
        payload={
            "key": f"answer:{kept}{because}",
            "authorization_id": str(case_id),
            "message_id": str(kept),
            "at": now.isoformat(),
        },
        at=now,
    )


async def file_known(session: AsyncSession, partner: str, fingerprint: str) -> ExchangeFile | None:
    rows = await session.execute(
        select(ExchangeFile).where(ExchangeFile.partner == partner, ExchangeFile.fingerprint == fingerprint)
    )
    return rows.scalar_one_or_none()
