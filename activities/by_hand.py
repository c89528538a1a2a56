"""What people send and hear when no machine does: gated, disclosed, timed and kept like anything electronic (AUTH-12)."""

import json
from dataclasses import replace
from uuid import UUID

from temporalio import activity

from activities.absence import absent
from activities.case_clocks import start_decision
from activities.case_record import CaseHands, CaseWriting
from activities.departure import Withheld, gate, ground_of, known_person
from activities.payer_queue import left_queue
from definitions.authorization import CaseCommand, CaseOutcome
from definitions.contracts import SendingContract
from definitions.errors import ErrorType, Refusal
from definitions.exchange import ReceiptOutcome, RecordReceipt, RecordSending
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus
from interchange.x12.arrival import fingerprint
from rules.disclosure import Released
from rules.requests import future_problem
from rules.sending import content_class
from runtime.keyring import Keyring
from runtime.people import seal_message
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories import disclosure
from storage.repositories.exchange import SENT

MAY_BE_SENT = (
    AuthorizationStatus.HELD,
    AuthorizationStatus.CONTACT_PAYER,
    AuthorizationStatus.READY,
    AuthorizationStatus.WAITING_CONSENT,
)
"""Nothing of it is on its way. What may have arrived is asked about first."""


class SendingActivities(SendingContract):
    def __init__(self, hands: CaseHands, keyring: Keyring) -> None:
        self._hands = hands
        self._keyring = keyring

    @activity.defn
    async def record_sending(self, request: RecordSending) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            return await self._sent(w, request)

        return await self._hands.act(
            request.authorization_id, request.key, request.now, "record_sending", act, request.actor, request.role.value
        )

    @activity.defn
    async def record_receipt(self, request: RecordReceipt) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            return await self._heard(w, request)

        return await self._hands.act(
            request.authorization_id, request.key, request.now, "record_receipt", act, request.actor, request.role.value
        )

    async def _sent(self, w: CaseWriting, said: RecordSending) -> Refusal | None:
        asked = await _request(w, said, said.request_id)
        if isinstance(asked, Refusal):
            return asked
        if asked.status not in MAY_BE_SENT:
            return Refusal(
                code=ErrorType.STALE,
                detail=f"the request is {asked.status.value}: it left already, or may have; record what the payer says",
            )
        early = said.sent_at < asked.requested_at
        wrong = future_problem(said.sent_at, w.now, "sending")
        if early or wrong is not None:
            return wrong or Refusal(
                code=ErrorType.EFFECTIVE_TOO_EARLY,
                detail=f"the request was made at {asked.requested_at.isoformat()}; it cannot have been sent before",
            )
        text = _words(said.request_id, said.key, said.channel.value, said.call_reference)
        try:
            released = await gate(w, asked, text, content_class(asked.kind, bool(asked.attachments)))
        except Withheld as reasons:
            return Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail=str(reasons))
        message_id = await self._keep(w, asked, text, said.channel.value)
        if message_id is None:
            return Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail="the person's record was erased")
        await _disclose(w, asked, released, message_id, text, said.actor)
        await _follow(w, asked, said)
        return None

    async def _heard(self, w: CaseWriting, said: RecordReceipt) -> Refusal | None:
        asked = await _request(w, said, said.request_id)
        if isinstance(asked, Refusal):
            return asked
        if asked.status is not AuthorizationStatus.TIMED_OUT:
            return Refusal(
                code=ErrorType.STALE, detail=f"the request is {asked.status.value}; nobody doubts that it arrived"
            )
        await self._keep(w, asked, _words(said.request_id, said.key, "telephone", said.call_reference), "telephone")
        if said.outcome is ReceiptOutcome.NOT_RECEIVED:
            await absent(w, asked, "telephone")
            return None
        w.follow(asked, AuthorizationStatus.SUBMITTED)
        await w.done("payer_silent", "the payer has it")
        await w.note("authorization_received", {"request": str(asked.id)})
        return None

    async def _keep(self, w: CaseWriting, asked: AuthorizationRequest, text: str, channel: str) -> UUID | None:
        """The evidence of the call, upload or fax, sealed like a message: its reference may name a person."""
        known = await known_person(w)
        if known is None:
            return None
        message_id = derived(w.key, "by_hand")
        w.session.add(
            ExchangeMessage(
                id=message_id, partner=w.payer.key, direction="out", kind=channel, subject_id=asked.id,
                person_id=known[0].id, sealed=seal_message(self._keyring, known[0].id, known[1], text),
                fingerprint=fingerprint(text), status=SENT, at=w.now, finished_at=w.now,
            )
        )  # fmt: skip
        await w.session.flush()
        return message_id


async def _request(w: CaseWriting, command: CaseCommand, request_id: UUID) -> AuthorizationRequest | Refusal:
    if command.expected_version is not None and command.expected_version != w.case.version:
        return Refusal(
            code=ErrorType.STALE,
            detail=f"the case is at version {w.case.version}, you saw {command.expected_version}; look again",
            current_version=w.case.version,
        )
    asked = await w.session.get(AuthorizationRequest, request_id)
    if asked is None or asked.authorization_id != w.case.id:
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no request {request_id} in this case")
    return asked


def _words(request_id: UUID, key: str, channel: str, call_reference: str) -> str:
    """What is kept; the key makes two calls two messages."""
    return json.dumps(
        {"request": str(request_id), "channel": channel, "call_reference": call_reference, "command": key}
    )


async def _disclose(
    w: CaseWriting, asked: AuthorizationRequest, released: Released[str], message_id: UUID, text: str, actor: str
) -> None:
    """It has left when it is recorded: intent and outcome stand together."""
    disclosure_id = derived(message_id, "disclosure", 0)
    await disclosure.intend(
        w.session, disclosure_id=disclosure_id, person_id=w.case.person_id, episode_id=w.episode.id,
        content=released.ask.content.value, purpose=released.ask.purpose.value, recipient=released.ask.recipient,
        ground=ground_of(released.cover), subject_id=asked.id, message_id=message_id, fingerprint=fingerprint(text),
        now=w.now, actor=actor,
    )  # fmt: skip
    await disclosure.outcome(w.session, disclosure_id=disclosure_id, outcome=SENT, now=w.now)


async def _follow(w: CaseWriting, asked: AuthorizationRequest, said: RecordSending) -> None:
    """The same states and clocks as an electronic one; the held copy of it never goes (E95)."""
    w.follow(asked, AuthorizationStatus.SUBMITTED, f"sent to {w.payer.key} by {said.channel.value}")
    asked.sent_at = said.sent_at
    asked.attempts += 1
    await left_queue(w, asked)
    await start_decision(replace(w, now=said.sent_at), asked)
    owed = ("contact_payer", "payer_unreachable", "consent_needed", "notice_late")
    await w.done(owed, f"sent by {said.channel.value}")
    await w.note(
        "authorization_sent_by_hand", {"request": str(asked.id), "channel": said.channel.value}, at=said.sent_at
    )
