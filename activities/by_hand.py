"""What people send and hear when no machine does: gated, disclosed, timed and kept like anything electronic (AUTH-12)."""

from dataclasses import replace
from uuid import UUID

from temporalio import activity

from activities.absence import absent
from activities.case_clocks import start_decision
from activities.case_record import CaseHands, CaseWriting
from activities.departed import follow_departure
from activities.hand_departure import leaves_by_hand, spoken
from activities.payer_queue import left_queue
from definitions.authorization import CaseCommand, CaseOutcome
from definitions.contracts import SendingContract
from definitions.errors import ErrorType, Refusal
from definitions.exchange import ReceiptOutcome, RecordReceipt, RecordSending
from definitions.vocabulary import AuthorizationStatus, ContentClass
from rules.requests import future_problem
from rules.sending import content_class
from runtime.keyring import Keyring
from storage.models import AuthorizationRequest

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
        kept = await leaves_by_hand(
            w, self._keyring, asked, content_class(asked.kind, bool(asked.attachments)), channel=said.channel.value,
            call_reference=said.call_reference,
        )  # fmt: skip
        if kept is not None:
            return kept
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
        await spoken(w, self._keyring, asked, ContentClass.AUTHORIZATION_REQUEST, said.call_reference)
        if said.outcome is ReceiptOutcome.NOT_RECEIVED:
            await absent(w, asked, "telephone")
            return None
        w.follow(asked, AuthorizationStatus.SUBMITTED)
        await w.done("payer_silent", "the payer has it")
        await w.note("authorization_received", {"request": str(asked.id)})
        return None


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


async def _follow(w: CaseWriting, asked: AuthorizationRequest, said: RecordSending) -> None:
    """The same states and clocks as an electronic one; the held copy of it never goes (E95)."""
    w.follow(asked, AuthorizationStatus.SUBMITTED, f"sent to {w.payer.key} by {said.channel.value}")
    asked.sent_at = said.sent_at
    asked.attempts += 1
    await left_queue(w, asked)
    then = replace(w, now=said.sent_at)
    await start_decision(then, asked)
    await follow_departure(then, asked, by_hand=True)
    owed = ("contact_payer", "payer_unreachable", "consent_needed", "notice_late")
    await w.done(owed, f"sent by {said.channel.value}")
    await w.note(
        "authorization_sent_by_hand", {"request": str(asked.id), "channel": said.channel.value}, at=said.sent_at
    )
