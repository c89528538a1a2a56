"""Paths without consent put on file by people: evidence at once, words sealed, an end as one more row (domain 3.5)."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.disclosure_bodies import EndExceptionBody, ExceptionBody, HouseExceptionBody, LegalDemandBody
from api.errors import problem
from api.routes.access import about, see_episode
from api.tokens import User
from definitions.disclosure import Evidence, ExceptionKind, ExceptionOnFile
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.vocabulary import Role
from rules.exception_filing import compels, filing_problem
from runtime.people import seal_message
from storage.models import DisclosureException, Episode, Person
from storage.repositories import command as memory
from storage.repositories import exception as exceptions
from storage.repositories import timeline, work
from storage.repositories.command import Remembered

HOLD_WITHIN = timedelta(hours=24)
"""A demand is answered, and the record held, within a day of its receipt; a default of the house."""


async def sealed(
    services: Services, session: AsyncSession, person_id: UUID, words: str | None
) -> tuple[bytes | None, str | None]:
    """The words under the person's key, and the fingerprint of what was sealed."""
    if words is None:
        return None, None
    person = await session.get(Person, person_id)
    if person is None or person.wrapped_key is None:
        raise problem(ErrorType.NOT_FOUND, "the person's record was erased; nothing can be written about them")
    made = seal_message(services.keyring, person_id, person.wrapped_key, words)
    return made, sha256(made).hexdigest()


async def put_on_file(
    services: Services, session: AsyncSession, user: User, episode: Episode, found: ExceptionOnFile, words: str | None,
    now: datetime,
) -> ExceptionOnFile:  # fmt: skip
    """Raises a problem when it is not complete. Who declares it, and the sealed note, are evidence by themselves."""
    own = {Evidence.DISCLOSED_BY: user.actor}
    if words is not None:
        own[Evidence.MEDICAL_PERSONNEL] = f"note/{found.exception_id}"
    needed = found.kind in (ExceptionKind.MEDICAL_EMERGENCY, ExceptionKind.CHILD_ABUSE_REPORT)
    if needed:
        found = found.model_copy(update={"evidence": {**own, **found.evidence}})
    refusal = filing_problem(found, Role(user.role))
    if refusal is not None:
        raise problem(refusal.code, refusal.detail)
    made, mark = await sealed(services, session, episode.person_id, words)
    await exceptions.declare(
        session, found, episode_id=episode.id, facility=episode.facility, now=now, actor=user.actor, sealed=made,
        words=mark,
    )  # fmt: skip
    return found


async def declare(services: Services, user: User, key: str, episode_id: UUID, body: ExceptionBody) -> CommandResult:
    async with services.write(user) as session:
        episode = await see_episode(session, services, user, episode_id)
        stored = await accept(
            services,
            session,
            user,
            key,
            "declare_exception",
            {"episode": str(episode_id), **body.model_dump(mode="json")},
        )
        first = answered(stored, 201)
        if first is not None:
            return first
        found = ExceptionOnFile(
            exception_id=str(derived(stored.key, "exception")), person_id=str(episode.person_id),
            **body.model_dump(exclude={"words"}),
        )  # fmt: skip
        found = await put_on_file(services, session, user, episode, found, body.words, stored.accepted_at)
        await _note(session, user, episode, stored, "exception_declared", found)
        return await _done(session, user, stored, shown(found), episode.id)


async def declare_for_house(
    services: Services, user: User, key: str, facility: str, body: HouseExceptionBody
) -> CommandResult:
    must_see(user, services, facility, f"facility {facility}")
    async with services.write(user) as session:
        stored = await accept(
            services, session, user, key, "declare_exception", {"facility": facility, **body.model_dump(mode="json")}
        )
        first = answered(stored, 201)
        if first is not None:
            return first
        found = ExceptionOnFile(exception_id=str(derived(stored.key, "exception")), **body.model_dump())
        refusal = filing_problem(found, Role(user.role))
        if refusal is not None:
            raise problem(refusal.code, refusal.detail)
        now = stored.accepted_at
        await exceptions.declare(session, found, episode_id=None, facility=facility, now=now, actor=user.actor)
        _audit(session, user, facility, "exception_declared", found.exception_id, found.kind, now)
        return await _done(session, user, stored, shown(found), None)


async def end(services: Services, user: User, key: str, exception_id: UUID, body: EndExceptionBody) -> CommandResult:
    """From now on it opens nothing; what went on it stays in the ledger."""
    async with services.write(user) as session:
        row = await session.get(DisclosureException, exception_id)
        must_see(user, services, row.facility if row else None, f"exception {exception_id}", *about(row))
        assert row is not None
        stored = await accept(
            services, session, user, key, "end_exception", {"exception": str(exception_id), **body.model_dump()}
        )
        first = answered(stored)
        if first is not None:
            return first
        if row.ends is not None or await exceptions.ended(session, row.id):
            raise problem(ErrorType.STALE, "it has ended already; look again")
        now = stored.accepted_at
        await exceptions.end(session, row, ended_by=derived(stored.key, "end"), now=now, actor=user.actor)
        _audit(session, user, row.facility, "exception_ended", str(row.id), ExceptionKind(row.kind), now, body.reason)
        answer = {"exception_id": str(row.id), "ended_at": now.isoformat()}
        return await _done(session, user, stored, answer, row.episode_id, 200)


async def receive_demand(
    services: Services, user: User, key: str, episode_id: UUID, body: LegalDemandBody
) -> CommandResult:
    """E24: an order of subpart E with its subpoena opens a path; anything less is denied by itself, and the record is
    held."""
    async with services.write(user) as session:
        episode = await see_episode(session, services, user, episode_id)
        stored = await accept(
            services, session, user, key, "legal_demand", {"episode": str(episode_id), **body.model_dump(mode="json")}
        )
        first = answered(stored, 201)
        if first is not None:
            return first
        now = stored.accepted_at
        said = {Evidence.COURT: body.court, Evidence.ORDER: body.order, Evidence.SUBPOENA: body.subpoena}
        evidence = {e: value for e, value in said.items() if value is not None}
        missing = compels(evidence)
        demand_id = derived(stored.key, "demand")
        await _hold(session, episode, body, demand_id, bool(missing), now)
        answer: dict[str, Any] = {"demand_id": str(demand_id), "hold_item": str(derived(demand_id, "item", "hold"))}
        if missing:
            lacks = ", ".join(e.value for e in missing)
            answer |= {
                "decision": "denied",
                "reasons": [
                    f"a {body.kind.replace('_', ' ')} without {lacks} releases nothing: 42 CFR 2.61 asks for an order of "
                    "subpart E and a subpoena; neither confirm nor deny that anybody is a patient"
                ],
            }
        else:
            found = ExceptionOnFile(
                exception_id=str(derived(stored.key, "exception")), kind=ExceptionKind.COURT_ORDER,
                person_id=str(episode.person_id), recipient=body.recipient, contents=tuple(body.contents),
                valid_from=body.received_at, valid_until=body.valid_until, evidence=evidence,
            )  # fmt: skip
            found = await put_on_file(services, session, user, episode, found, body.words, now)
            answer |= {"decision": "open", "exception": shown(found)}
        await timeline.record(
            session, episode_id=episode.id, facility=episode.facility, at=body.received_at, recorded_at=now,
            kind=f"legal_demand_{answer['decision']}", actor=user.actor, role=user.role, edition=episode.edition,
            detail={"demand": str(demand_id), "kind": body.kind, "lacks": [e.value for e in missing]},
            command_key=stored.key, purpose="operations",
        )  # fmt: skip
        return await _done(session, user, stored, answer, episode.id)


async def _hold(
    session: AsyncSession, episode: Episode, body: LegalDemandBody, demand_id: UUID, denied: bool, now: datetime
) -> None:
    what = "answer that nothing is released without an order of 42 CFR part 2 subpart E and a subpoena"
    await work.open_item(
        session, item_id=derived(demand_id, "item", "hold"), episode_id=episode.id, facility=episode.facility,
        kind="legal_hold", owner_role=Role.DIRECTOR.value,
        why=f"a {body.kind.replace('_', ' ')} for {body.recipient} was received: keep the record as it is, nothing is "
        f"destroyed; {what if denied else 'release what the order names and no more, and record it'}",
        opened_at=now, due_at=now + HOLD_WITHIN, subject_id=str(demand_id), rule="E24",
    )  # fmt: skip


def shown(found: ExceptionOnFile) -> dict[str, Any]:
    return found.model_dump(mode="json")


async def _note(
    session: AsyncSession, user: User, episode: Episode, stored: Remembered, kind: str, found: ExceptionOnFile
) -> None:
    await timeline.record(
        session, episode_id=episode.id, facility=episode.facility, at=found.valid_from, recorded_at=stored.accepted_at,
        kind=kind, actor=user.actor, role=user.role, edition=episode.edition,
        detail={"exception": found.exception_id, "kind": found.kind.value, "recipient": found.recipient},
        command_key=stored.key, purpose="operations",
    )  # fmt: skip


def _audit(
    session: AsyncSession, user: User, facility: str, action: str, exception_id: str, kind: ExceptionKind,
    now: datetime, reason: str | None = None,
) -> None:  # fmt: skip
    timeline.audit(
        session, chain=f"facility/{facility}", at=now, actor=user.actor, role=user.role, action=action,
        subject=f"exception/{exception_id}", purpose="operations",
        detail={"kind": kind.value, **({"reason": reason} if reason else {})},
    )  # fmt: skip


async def _done(
    session: AsyncSession, user: User, stored: Remembered, answer: dict[str, Any], subject: UUID | None,
    status: int = 201,
) -> CommandResult:  # fmt: skip
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=user.actor, now=stored.accepted_at, status=memory.DONE,
        answer=answer, subject_id=subject,
    )  # fmt: skip
    return CommandResult(status, answer, {})
