"""Disclosures that people said they were about to make: a machine cannot stop a person, so the person is told (domain 3.4)."""

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.halting import Halted, HoldOrder, Standing
from definitions.ids import derived
from definitions.vocabulary import ContentClass
from storage.models import Disclosure, DisclosureOutcome, Episode, ExchangeMessage
from storage.repositories import work
from storage.repositories.exchange import INTENT
from storage.repositories.person import same_person


class HandSender:
    """The port of what people tell (activities/partners/sender.py)."""

    name = "by_hand"

    async def hold(self, session: AsyncSession, order: HoldOrder) -> tuple[Halted, ...]:
        rows = await session.execute(
            select(Disclosure, Episode.facility)
            .join(ExchangeMessage, ExchangeMessage.id == Disclosure.message_id)
            .join(Episode, Episode.id == Disclosure.episode_id)
            .where(
                Disclosure.person_id.in_(same_person(order.person_id)),
                Disclosure.consent_id == order.consent_id,
                Disclosure.subject_id == Disclosure.episode_id,
                ExchangeMessage.status == INTENT,
                ~exists().where(DisclosureOutcome.disclosure_id == Disclosure.id),
            )
            .order_by(Disclosure.seq)
        )
        found = []
        for told, facility in rows.all():
            if order.recipient not in (None, told.recipient):
                continue
            await work.open_item(
                session, item_id=derived(order.key, "stop", str(told.id)), episode_id=told.episode_id, facility=facility,
                kind="disclosure_stopped", owner_role=told.actor.split(":", 1)[0],
                why=f"the consent that {told.content} to {told.recipient} was to ride on was taken back: do not tell it, and "
                f"record as not_sent what became of disclosure {told.id}",
                opened_at=order.now, due_at=order.now, subject_id=str(told.id), rule="domain 3.4",
            )  # fmt: skip
            found.append(
                Halted(
                    sender=self.name,
                    kind="told_by_a_person",
                    subject_id=told.id,
                    content=ContentClass(told.content),
                    recipient=told.recipient,
                    standing=Standing.WITH_A_PERSON,
                    consent_id=told.consent_id,
                    disclosure_id=told.id,
                )
            )
        return tuple(found)
