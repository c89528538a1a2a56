"""Disclosures made by people: judged by the gate like anything else, kept sealed, written into the ledger with what became
of them; and what the gate would say, asked beforehand (D11, domain 3.5)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.disclosure_bodies import AskBody, DisclosureBody, OutcomeBody
from api.errors import body_of, problem
from api.exceptions import put_on_file
from api.routes.access import about, see_episode
from api.tokens import User
from api.viewing import purpose_of
from definitions.disclosure import ExceptionKind, ExceptionOnFile, RecordPeriod
from definitions.errors import ErrorType, Refusal, http_status
from definitions.ids import derived
from definitions.vocabulary import Role
from interchange.x12.arrival import fingerprint
from rules.disclosure import Cover, DisclosureAsk, DisclosureVerdict, Released, judge, release
from rules.grounds import consents_on_file, recorded
from rules.requests import future_problem
from runtime.people import seal_message
from storage.models import Disclosure, Episode, ExchangeMessage, Person
from storage.repositories import command as memory
from storage.repositories import disclosure as ledger
from storage.repositories import exception as exceptions
from storage.repositories import timeline, work
from storage.repositories.command import Remembered
from storage.repositories.episode import lock_episode
from storage.repositories.exchange import FAILED, INTENT, SENT, UNKNOWN
from storage.repositories.viewing import note_view

EMERGENCY_ENDS: Final = timedelta(hours=24)
"""How long an emergency opens this content to who treats it; what is told later, or to others, needs its own evidence."""
TOLD_WITHIN: Final = timedelta(hours=24)
MESSAGE: Final = {"sent": SENT, "unknown": UNKNOWN, "not_sent": FAILED}


@dataclass(frozen=True, slots=True)
class Made:
    """One disclosure being written: who says it, about whom, under which command."""

    services: Services
    session: AsyncSession
    user: User
    episode: Episode
    stored: Remembered

    @property
    def now(self) -> datetime:
        return self.stored.accepted_at

    @property
    def disclosure_id(self) -> UUID:
        return derived(self.stored.key, "disclosure")


async def preview(services: Services, user: User, episode_id: UUID, body: AskBody) -> dict[str, Any]:
    """What the gate would say now, on what, and why not; looked at, so on record, and nothing else is written."""
    now = await services.clock.now()
    async with services.write(user) as session:
        episode = await see_episode(session, services, user, episode_id)
        await note_view(
            session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role),
            page="disclosures/preview", people=[episode.person_id],
            filters={"content": body.content.value, "recipient": body.recipient},
        )  # fmt: skip
        ask = asked(services, episode, body)
        consents = consents_on_file(await ledger.consents_of(session, episode.person_id))
        paths = await _paths(session, episode, ask)
    return said(judge(ask, consents, now, paths))


def asked(services: Services, episode: Episode, body: AskBody) -> DisclosureAsk:
    """Raises a problem when the recipient is not of the class it is said to be of, as far as the definitions know."""
    first, last = body.from_date, body.through_date
    _class_of(services, episode, body)
    return DisclosureAsk(
        person_id=str(episode.person_id), episode_id=str(episode.id), content=body.content, purpose=body.purpose,
        recipient=body.recipient, recipient_class=body.recipient_class, parts=tuple(body.parts),
        program=episode.program, intermediary=body.intermediary,
        period=RecordPeriod(from_date=first, through_date=last) if first is not None and last is not None else None,
    )  # fmt: skip


def _class_of(services: Services, episode: Episode, body: AskBody) -> None:
    """A payer is of its own definition's class, and nobody else is of a payer's."""
    edition = services.catalog.edition(episode.edition)
    payers = edition.payers
    if body.intermediary and edition.facilities[episode.facility].intermediary(body.intermediary) is None:
        raise problem(ErrorType.INVALID_REQUEST, "no such intermediary of this facility is in the definitions")
    kind, _, key = body.recipient.partition("/")
    payer = payers.get(key) if kind == "payer" else None
    if payer is not None and payer.recipient_class != body.recipient_class:
        raise problem(ErrorType.INVALID_REQUEST, f"{body.recipient} is of the class {payer.recipient_class}")
    if payer is None and body.recipient_class in {p.recipient_class for p in payers.values()}:
        raise problem(
            ErrorType.INVALID_REQUEST, f"{body.recipient} is no payer of this house, so not of {body.recipient_class}"
        )


async def _paths(session: AsyncSession, episode: Episode, ask: DisclosureAsk) -> tuple[ExceptionOnFile, ...]:
    return await exceptions.exceptions_of(
        session, person_id=episode.person_id, facility=episode.facility, recipient=ask.recipient
    )


def said(verdict: DisclosureVerdict) -> dict[str, Any]:
    return {"allowed": verdict.allowed, "reasons": list(verdict.reasons), "ground": _ground(verdict.cover)}


def _ground(cover: Cover | None) -> dict[str, Any] | None:
    if cover is None:
        return None
    told = cover.model_dump(mode="json", include={"consent_id", "form", "notice", "exception", "exception_id", "scope"})
    return {name: value for name, value in told.items() if value not in (None, "", {})}


async def disclose(services: Services, user: User, key: str, episode_id: UUID, body: DisclosureBody) -> CommandResult:
    """The episode is locked first: a revocation that is being received is seen, or comes after."""
    async with services.write(user) as session:
        await see_episode(session, services, user, episode_id)
        episode = await lock_episode(session, episode_id)
        assert episode is not None
        remembered = {"episode": str(episode_id), **body.model_dump(mode="json")}
        stored = await accept(services, session, user, key, "disclose", remembered)
        first = answered(stored, 201)
        if first is not None:
            return first
        late = future_problem(body.disclosed_at, stored.accepted_at, "disclosure")
        if late is not None:
            raise problem(late.code, late.detail)
        made = Made(services, session, user, episode, stored)
        savepoint = await session.begin_nested()
        verdict = await _judged(made, body)
        if not isinstance(verdict, Released):
            await savepoint.rollback()
            await session.refresh(episode)
            return await _refused(made, body, verdict)
        await savepoint.commit()
        return await _written(made, body, verdict)


async def _judged(made: Made, body: DisclosureBody) -> Released[str] | DisclosureVerdict:
    """The words leave when the gate lets them; an emergency is declared with its evidence in the same moment."""
    ask = asked(made.services, made.episode, body)
    if body.emergency is not None:
        await _emergency(made, body)
    consents = consents_on_file(await ledger.consents_of(made.session, made.episode.person_id))
    paths = await _paths(made.session, made.episode, ask)
    # What is only about to be told is told now: an earlier hour would go round a consent that was taken back since.
    at = body.disclosed_at if body.outcome == "sent" else made.now
    return release(_kept(made, body), ask, consents, at, paths)


async def _emergency(made: Made, body: DisclosureBody) -> None:
    found = ExceptionOnFile(
        exception_id=str(derived(made.stored.key, "exception")), kind=ExceptionKind.MEDICAL_EMERGENCY,
        person_id=str(made.episode.person_id), recipient=body.recipient, contents=(body.content,),
        valid_from=body.disclosed_at, valid_until=body.disclosed_at + EMERGENCY_ENDS, evidence=body.emergency or {},
    )  # fmt: skip
    await put_on_file(made.services, made.session, made.user, made.episode, found, body.received_by, made.now)


def _kept(made: Made, body: DisclosureBody) -> str:
    """What is sealed; the command makes two disclosures two messages."""
    return json.dumps({"words": body.words, "channel": body.channel, "command": made.stored.key}, sort_keys=True)


async def _refused(made: Made, body: DisclosureBody, verdict: DisclosureVerdict) -> CommandResult:
    """A refusal is on record: who wanted to tell what to whom."""
    refusal = Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail="; ".join(verdict.reasons))
    await _note(made, body, "disclosure_refused", {})
    await memory.finish(
        made.session, key=made.stored.key, kind=made.stored.kind, actor=made.user.actor, now=made.now,
        status=memory.REFUSED, answer=refusal.model_dump(mode="json"), subject_id=made.episode.id,
    )  # fmt: skip
    status = http_status(refusal.code)
    return CommandResult(status, body_of(refusal, status), {})


async def _written(made: Made, body: DisclosureBody, released: Released[str]) -> CommandResult:
    """Message, intent and, when it has been made, outcome: together or not at all."""
    message_id = await _sealed(made, body, released.content)
    await ledger.intend(
        made.session, disclosure_id=made.disclosure_id, person_id=made.episode.person_id, episode_id=made.episode.id,
        content=body.content.value, purpose=body.purpose.value, recipient=body.recipient,
        ground=ledger.DisclosureGround(**recorded(released.cover)), subject_id=made.episode.id, message_id=message_id,
        fingerprint=fingerprint(released.content), now=made.now, actor=made.user.actor,
    )  # fmt: skip
    if body.outcome == "sent":
        await ledger.outcome(made.session, disclosure_id=made.disclosure_id, outcome="sent", now=made.now)
    await _note(made, body, "disclosure_made", {"disclosure": str(made.disclosure_id), "outcome": body.outcome})
    items = await _owed_afterwards(made, released.cover)
    answer = {
        "disclosure_id": str(made.disclosure_id), "outcome": body.outcome, "ground": _ground(released.cover),
        "items": [str(i) for i in items],
    }  # fmt: skip
    await memory.finish(
        made.session, key=made.stored.key, kind=made.stored.kind, actor=made.user.actor, now=made.now,
        status=memory.DONE, answer=answer, subject_id=made.episode.id,
    )  # fmt: skip
    return CommandResult(201, answer, {"Location": f"/v1/disclosures?patient={made.episode.person_id}"})


async def _sealed(made: Made, body: DisclosureBody, text: str) -> UUID:
    person = await made.session.get(Person, made.episode.person_id)
    if person is None or person.wrapped_key is None:
        raise problem(ErrorType.NOT_FOUND, "the person's record was erased; nothing about them leaves")
    message_id = derived(made.disclosure_id, "message")
    done = body.outcome == "sent"
    made.session.add(
        ExchangeMessage(
            id=message_id, partner=body.recipient.removeprefix("payer/"), direction="out", kind=body.channel,
            subject_id=made.episode.id, person_id=person.id,
            sealed=seal_message(made.services.keyring, person.id, person.wrapped_key, text),
            fingerprint=fingerprint(text), status=SENT if done else INTENT, at=made.now,
            finished_at=made.now if done else None,
        )
    )  # fmt: skip
    await made.session.flush()
    return message_id


async def _owed_afterwards(made: Made, cover: Cover) -> tuple[UUID, ...]:
    """After an emergency, who must know is told: the program, and the patient as soon as they can hear it (E25)."""
    if cover.exception is not ExceptionKind.MEDICAL_EMERGENCY:
        return ()
    owed = (
        (
            "emergency_disclosure_review", Role.DIRECTOR,
            "information left in a medical emergency: look whether its five facts are on record (2.51(c)) and whether "
            "more was said than the emergency needed",
        ),
        (
            "emergency_disclosure_notice", Role.CLINICIAN,
            "information left in a medical emergency without consent: tell the patient what was said to whom as soon as "
            "they can hear it, ask for the consent that follows, and record both",
        ),
    )  # fmt: skip
    ids = []
    for kind, owner, why in owed:
        ids.append(derived(made.disclosure_id, "item", kind))
        await work.open_item(
            made.session, item_id=ids[-1], episode_id=made.episode.id, facility=made.episode.facility, kind=kind,
            owner_role=owner.value, why=why, opened_at=made.now, due_at=made.now + TOLD_WITHIN,
            subject_id=str(made.disclosure_id), rule="E25",
        )  # fmt: skip
    return tuple(ids)


async def _note(made: Made, body: DisclosureBody, kind: str, more: dict[str, Any]) -> None:
    await timeline.record(
        made.session, episode_id=made.episode.id, facility=made.episode.facility, at=body.disclosed_at,
        recorded_at=made.now, kind=kind, actor=made.user.actor, role=made.user.role, edition=made.episode.edition,
        detail={
            "content": body.content.value, "purpose": body.purpose.value, "recipient": body.recipient,
            "channel": body.channel, **({"intermediary": body.intermediary} if body.intermediary else {}), **more,
        },
        command_key=made.stored.key, purpose=body.purpose.value,
    )  # fmt: skip


async def conclude(services: Services, user: User, key: str, disclosure_id: UUID, body: OutcomeBody) -> CommandResult:
    """What became of a disclosure that was intended. What a machine sent is concluded by the machine."""
    async with services.write(user) as session:
        row = await session.get(Disclosure, disclosure_id)
        episode = await session.get(Episode, row.episode_id) if row is not None else None
        must_see(user, services, episode.facility if episode else None, f"disclosure {disclosure_id}", *about(episode))
        assert row is not None
        assert episode is not None
        stored = await accept(
            services, session, user, key, "conclude_disclosure", {"disclosure": str(disclosure_id), **body.model_dump()}
        )
        first = answered(stored)
        if first is not None:
            return first
        message = await session.get(ExchangeMessage, row.message_id, with_for_update=True)
        if message is None or message.status != INTENT or message.subject_id != episode.id:
            raise problem(ErrorType.STALE, "what became of it is on record already, or is a machine's to say")
        now = stored.accepted_at
        message.status, message.finished_at = MESSAGE[body.outcome], now
        await ledger.outcome(session, disclosure_id=disclosure_id, outcome=body.outcome, now=now)
        await timeline.record(
            session, episode_id=episode.id, facility=episode.facility, at=now, recorded_at=now,
            kind="disclosure_concluded", actor=user.actor, role=user.role, edition=episode.edition,
            detail={"disclosure": str(disclosure_id), "outcome": body.outcome}, command_key=stored.key,
        )  # fmt: skip
        answer = {"disclosure_id": str(disclosure_id), "outcome": body.outcome}
        await memory.finish(
            session, key=stored.key, kind=stored.kind, actor=user.actor, now=now, status=memory.DONE, answer=answer,
            subject_id=episode.id,
        )  # fmt: skip
        return CommandResult(200, answer, {})
