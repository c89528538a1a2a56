"""Sending a request to a payer: the gate, the intent row, the bytes, the outcome, the answer (D11, domain 3.5)."""

import hashlib
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from temporalio import activity

from activities.answer_reading import take_text
from activities.case_clocks import start_decision
from activities.case_record import ATTEMPTS_MAX, CaseHands, CaseWriting, record_of
from activities.partners.payer_x12 import NOT_SENT, SENT, UNKNOWN, Delivery, PayerLine
from activities.review_message import build_request
from definitions.authorization import CaseOutcome, SendRequest
from definitions.contracts import ExchangeContract
from definitions.ids import derived
from definitions.payer import Channel
from definitions.vocabulary import AuthorizationStatus, ConsentStatus, ContentClass, Purpose
from interchange.x12.envelope import Control
from interchange.x12.review_request import encode
from interchange.x12.segments import X12Problem
from rules.disclosure import ConsentOnFile, DisclosureAsk, Released, release
from runtime.keyring import Keyring
from runtime.people import open_message, open_person, seal_message
from storage.models import AuthorizationRequest, Consent, ExchangeMessage, Person
from storage.repositories import disclosure, exchange

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExchangeIdentity:
    """Who we are to partners, from the settings."""

    submitter_id: str
    usage: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """Committed and ready to leave: the bytes and where they go."""

    text: str
    endpoint: str
    message_id: UUID
    disclosure_id: UUID


class ExchangeActivities(ExchangeContract):
    def __init__(self, hands: CaseHands, keyring: Keyring, line: PayerLine, identity: ExchangeIdentity) -> None:
        self._hands = hands
        self._keyring = keyring
        self._line = line
        self._identity = identity

    @activity.defn
    async def send_request(self, request: SendRequest) -> CaseOutcome:
        """Repeatable: what the intent row says decides, never the attempt (a crash between commit and outcome
        sends the very same bytes again under the same trace and control number)."""
        prepared = await self._prepare(request)
        if isinstance(prepared, CaseOutcome):
            return prepared
        delivery = await self._line.deliver(prepared.endpoint, prepared.text, request.now)
        return await self._conclude(request, prepared, delivery)

    async def _prepare(self, request: SendRequest) -> Prepared | CaseOutcome:
        """One transaction: gate, control number, sealed message, disclosure intent."""
        async with self._hands.database.write() as session:
            w = await self._hands.writing(session, request.authorization_id, request.key, request.now)
            asked = await session.get(AuthorizationRequest, request.request_id)
            if w is None or asked is None:
                return CaseOutcome()
            if asked.status is not AuthorizationStatus.READY:
                return CaseOutcome(record=await record_of(w))
            if w.payer.channel is Channel.BY_HAND or w.payer.endpoint is None:
                await self._by_hand(w, asked)
                return CaseOutcome(record=await record_of(w))
            person = await session.get(Person, w.case.person_id)
            if person is None or person.wrapped_key is None:
                await self._hold(w, asked, "the person's record was erased; nothing can be sent")
                return CaseOutcome(record=await record_of(w))
            message_id = derived(asked.id, "message")
            known = await session.get(ExchangeMessage, message_id)
            if known is not None:
                text = open_message(self._keyring, person.id, person.wrapped_key, known.sealed)
                still = await self._gate(w, text)
                if not isinstance(still, Released):
                    await self._hold(w, asked, still)
                    return CaseOutcome(record=await record_of(w))
                return Prepared(text, w.payer.endpoint, message_id, derived(asked.id, "disclosure"))
            return await self._first_time(w, asked, person, person.wrapped_key, message_id)

    async def _first_time(
        self, w: CaseWriting, asked: AuthorizationRequest, person: Person, wrapped: bytes, message_id: UUID
    ) -> Prepared | CaseOutcome:
        details = open_person(self._keyring, person.id, person.sealed, wrapped)
        edition = self._hands.catalog.edition(w.episode.edition)
        facility = edition.facilities[w.episode.facility]
        content = build_request(w, asked, details, facility, self._identity.submitter_id)
        released = await self._gate(w, content)
        if not isinstance(released, Released):
            await self._hold(w, asked, released)
            return CaseOutcome(record=await record_of(w))
        number = await exchange.next_control_number(w.session, w.payer.key)
        try:
            control = Control(self._identity.submitter_id, w.payer.payer_id, number, w.now, self._identity.usage)
            text = encode(released, control)
        except X12Problem as problem:
            asked.status = w.case.status = AuthorizationStatus.DATA_PROBLEM
            w.case.why = str(problem)
            w.case.version += 1
            await w.owe("authorization_data_problem", str(problem), subject=asked.trace)
            return CaseOutcome(record=await record_of(w))
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        w.session.add(
            ExchangeMessage(
                id=message_id, partner=w.payer.key, direction="out", kind="278", control_number=f"{number:09d}",
                subject_id=asked.id, person_id=person.id, sealed=seal_message(self._keyring, person.id, wrapped, text),
                fingerprint=fingerprint, status="intent", at=w.now,
            )
        )  # fmt: skip
        disclosure_id = derived(asked.id, "disclosure")
        await disclosure.intend(
            w.session, disclosure_id=disclosure_id, person_id=person.id, episode_id=w.episode.id,
            content=released.ask.content.value, purpose=released.ask.purpose.value, recipient=released.ask.recipient,
            consent_id=UUID(released.cover.consent_id), subject_id=asked.id, message_id=message_id,
            fingerprint=fingerprint, now=w.now, actor=w.actor,
        )  # fmt: skip
        await w.note(
            "authorization_requested", {"request": str(asked.id), "kind": asked.kind.value, "units": asked.units}
        )
        return Prepared(text, w.payer.endpoint or "", message_id, disclosure_id)

    async def _gate(self, w: CaseWriting, content: T) -> Released[T] | str:
        """Asked in the sending transaction, on the consents it sees (D11); the reasons when it stays."""
        consents = consents_on_file(await disclosure.consents_of(w.session, w.case.person_id))
        verdict = release(content, ask_of(w), consents, w.now)
        return verdict if isinstance(verdict, Released) else "; ".join(verdict.reasons)

    async def _hold(self, w: CaseWriting, asked: AuthorizationRequest, why: str) -> None:
        """Nothing leaves: the request waits for consent, and somebody is told (domain 3.5)."""
        asked.status = AuthorizationStatus.WAITING_CONSENT
        w.case.status = AuthorizationStatus.WAITING_CONSENT
        w.case.why = why
        w.case.version += 1
        await w.owe(
            "consent_needed", f"the request to {w.payer.key} waits: {why}", subject=asked.trace, rule="domain 3.5"
        )
        await w.note("authorization_waiting_consent", {"request": str(asked.id)})
        await w.tell_episode()

    async def _by_hand(self, w: CaseWriting, asked: AuthorizationRequest) -> None:
        asked.status = w.case.status = AuthorizationStatus.CONTACT_PAYER
        w.case.version += 1
        await w.owe(
            "contact_payer", f"{w.payer.key} takes requests by telephone or fax only: ask, then record the decision"
        )

    async def _conclude(self, request: SendRequest, prepared: Prepared, delivery: Delivery) -> CaseOutcome:
        async with self._hands.database.write() as session:
            w = await self._hands.writing(session, request.authorization_id, request.key, request.now)
            asked = await session.get(AuthorizationRequest, request.request_id)
            message = await session.get(ExchangeMessage, prepared.message_id)
            if w is None or asked is None or message is None:
                return CaseOutcome()
            if asked.status is not AuthorizationStatus.READY:
                return CaseOutcome(record=await record_of(w))
            asked.attempts += 1
            asked.sent_at = request.now
            message.finished_at = request.now
            message.problem = delivery.problem
            if delivery.outcome == SENT:
                await self._sent(w, asked, message, prepared, delivery)
            else:
                await self._unanswered(w, asked, message, prepared, delivery)
            return CaseOutcome(record=await record_of(w))

    async def _sent(
        self,
        w: CaseWriting,
        asked: AuthorizationRequest,
        message: ExchangeMessage,
        prepared: Prepared,
        delivery: Delivery,
    ) -> None:
        await disclosure.outcome(w.session, disclosure_id=prepared.disclosure_id, outcome=SENT, now=w.now)
        message.status = "sent"
        asked.status = AuthorizationStatus.SUBMITTED
        w.case.status = AuthorizationStatus.SUBMITTED if w.case.last_covered_day is None else w.case.status
        w.case.version += 1
        await start_decision(w, asked)
        if delivery.body is None:
            await w.owe("answer_unreadable", f"{delivery.problem}; call {w.payer.key}", subject=asked.trace)
            return
        fingerprint = hashlib.sha256(delivery.body.encode()).hexdigest()
        await self._keep_answer(w, asked, delivery.body, fingerprint)
        await take_text(
            w, asked, delivery.body, fingerprint=fingerprint, message_id=derived(w.payer.key, "in", fingerprint)
        )

    async def _keep_answer(self, w: CaseWriting, asked: AuthorizationRequest, body: str, fingerprint: str) -> None:
        person = await w.session.get(Person, w.case.person_id)
        if person is None or person.wrapped_key is None:
            return
        await exchange.store_inbound(
            w.session, partner=w.payer.key, kind="278", control_number=None,
            sealed=seal_message(self._keyring, person.id, person.wrapped_key, body), fingerprint=fingerprint,
            trace=None, person_id=person.id, now=w.now,
        )  # fmt: skip
        kept = await w.session.get(ExchangeMessage, derived(w.payer.key, "in", fingerprint))
        if kept is not None:
            kept.status, kept.subject_id = "matched", asked.id

    async def _unanswered(
        self,
        w: CaseWriting,
        asked: AuthorizationRequest,
        message: ExchangeMessage,
        prepared: Prepared,
        delivery: Delivery,
    ) -> None:
        """No answer. Unknown counts as disclosed; either way the same bytes go again later, never a new request."""
        if delivery.outcome == UNKNOWN:
            await disclosure.outcome(w.session, disclosure_id=prepared.disclosure_id, outcome=UNKNOWN, now=w.now)
        message.status = "unknown" if delivery.outcome == UNKNOWN else "failed"
        asked.status = AuthorizationStatus.TIMED_OUT
        w.case.status = AuthorizationStatus.TIMED_OUT if w.case.last_covered_day is None else w.case.status
        w.case.why = delivery.problem or "no answer"
        w.case.version += 1
        if delivery.outcome == UNKNOWN:
            await start_decision(w, asked)
        await w.note("authorization_no_answer", {"request": str(asked.id), "outcome": delivery.outcome})
        if asked.attempts >= ATTEMPTS_MAX:
            why = f"{w.payer.key} did not answer {asked.attempts} times: call and ask for the request by its trace"
            await w.owe("payer_silent", why, subject=asked.trace)
        if delivery.outcome == NOT_SENT:
            await w.owe(
                "payer_unreachable",
                f"{w.payer.key} cannot be reached; the request is held and sent again",
                subject=asked.trace,
            )


def consents_on_file(rows: list[Consent]) -> tuple[ConsentOnFile, ...]:
    """What the gate needs of each consent: the scope as signed, never the form's newer edition."""
    return tuple(
        ConsentOnFile(
            consent_id=str(c.id),
            form=c.form,
            status=ConsentStatus(c.status),
            purposes=tuple(Purpose(p) for p in c.scope.get("purposes", [])),
            contents=tuple(ContentClass(k) for k in c.scope.get("contents", [])),
            recipients=tuple(c.scope.get("recipients", [])),
            recipient_classes=tuple(c.scope.get("recipient_classes", [])),
            signed_at=c.signed_at,
            expires_at=c.expires_at,
            revoked_at=c.revoked_at,
        )
        for c in rows
    )


def ask_of(w: CaseWriting) -> DisclosureAsk:
    return DisclosureAsk(
        person_id=str(w.case.person_id),
        episode_id=str(w.episode.id),
        content=ContentClass.AUTHORIZATION_REQUEST,
        purpose=Purpose.PAYMENT,
        recipient=f"payer/{w.payer.key}",
        recipient_class=w.payer.recipient_class,
    )
