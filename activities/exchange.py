"""The only activities that speak to partners: prepare and commit, let the bytes leave, write the outcome (D11)."""

from uuid import UUID

from sqlalchemy import select
from temporalio import activity

from activities import inquiry, sending
from activities.case_record import CaseWriting, record_of
from activities.departure import Departure, ExchangeHands
from activities.partners.channels import channel_for
from activities.partners.line import UNKNOWN, Delivery
from activities.partners.slots import PayerSlots
from activities.partners.subscription import Subscriber
from activities.sending_deadlines import inquiry_owed
from definitions.authorization import CaseOutcome, SendRequest
from definitions.contracts import ExchangeContract
from definitions.vocabulary import AuthorizationStatus
from storage.models import Authorization, AuthorizationRequest, ExchangeMessage

INTERRUPTED = Delivery(UNKNOWN, problem="this house stopped while the message was on its way")


class ExchangeActivities(ExchangeContract):
    def __init__(self, hands: ExchangeHands, slots: PayerSlots | None = None) -> None:
        self._hands = hands
        self._slots = slots or PayerSlots()
        self._subscriber = Subscriber(
            hands.case.database, hands.line, hands.identity.submitter_id, hands.identity.public_url
        )

    @activity.defn
    async def send_request(self, request: SendRequest) -> CaseOutcome:
        """Whatever is owed to the payer about one request: the request itself when it is ready, or the question what
        became of it when that is armed. Repeatable: the rows decide, never the attempt."""
        payer = await self._payer_of(request.authorization_id)
        if payer is None:
            return CaseOutcome()
        with self._slots.taken(payer):
            prepared = await self._prepare(request)
            if isinstance(prepared, CaseOutcome):
                return prepared
            delivery = INTERRUPTED
            if not prepared.interrupted:
                delivery = await self._deliver(prepared, request)
            return await self._conclude(request, payer, prepared, delivery)

    async def _deliver(self, departure: Departure, request: SendRequest) -> Delivery:
        guide = self._hands.case.catalog.pas_guide(request.now.date())
        channel = channel_for(departure.channel, guide)
        if departure.payer is not None:
            await self._subscriber.ensure(departure.payer, guide, request.now)
        return await channel.deliver(
            self._hands.line, departure.endpoint, departure.text, request.now, inquiry=departure.inquiry
        )

    async def _payer_of(self, case_id: UUID) -> str | None:
        async with self._hands.case.database.read() as session:
            found = await session.execute(select(Authorization.payer).where(Authorization.id == case_id))
            return found.scalar_one_or_none()

    async def _prepare(self, request: SendRequest) -> Departure | CaseOutcome:
        """One transaction: queue, gate, control number, sealed message, disclosure intent."""
        async with self._hands.case.database.write() as session:
            w = await self._hands.case.writing(session, request.authorization_id, request.key, request.now)
            asked = await session.get(AuthorizationRequest, request.request_id)
            if w is None or asked is None:
                return CaseOutcome()
            departure = await self._departure(w, asked)
            return departure or CaseOutcome(record=await record_of(w))

    async def _departure(self, w: CaseWriting, asked: AuthorizationRequest) -> Departure | None:
        if asked.status is AuthorizationStatus.READY:
            return await sending.request_leaves(self._hands, w, asked)
        if await inquiry_owed(w.session, asked):
            return await inquiry.inquiry_leaves(self._hands, w, asked)
        return None

    async def _conclude(
        self, request: SendRequest, payer: str, departure: Departure, delivery: Delivery
    ) -> CaseOutcome:
        kind = "inquiry" if departure.inquiry else "request"
        self._hands.metrics.exchanged(payer=payer, kind=kind, outcome=delivery.outcome)
        async with self._hands.case.database.write() as session:
            w = await self._hands.case.writing(session, request.authorization_id, request.key, request.now)
            asked = await session.get(AuthorizationRequest, request.request_id)
            message = await session.get(ExchangeMessage, departure.message_id)
            if w is None or asked is None or message is None:
                return CaseOutcome()
            if message.finished_at is not None:
                return CaseOutcome(record=await record_of(w))
            left = inquiry.inquiry_left if departure.inquiry else sending.request_left
            await left(self._hands, w, asked, message, departure, delivery)
            return CaseOutcome(record=await record_of(w))
