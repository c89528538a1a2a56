"""Asking a payer's system once to tell us of pended answers (domain 4.6). It names our system and nobody else, so it passes no
gate; a request never waits for it, and what was never told is asked about once its limit has passed."""

from datetime import datetime, timedelta
from typing import Final

from activities.partners.line import SENT, Delivery, PayerLine
from activities.partners.payer_pas import FHIR
from definitions.pas_guide import PasGuide
from definitions.payer import Channel, Payer
from interchange.fhir.pas.arrival import as_json
from interchange.fhir.pas.notification import subscription
from storage.engine import Database
from storage.repositories import payer_circuit

AGAIN_AFTER: Final = timedelta(hours=1)
"""A payer that took no subscription is asked again with the first request after so long."""
ID_MAX: Final = 64
SUBSCRIBE: Final = "/Subscription"


class Subscriber:
    """`public_url`: where partners reach our API; empty: nobody is asked to tell us anything."""

    def __init__(self, database: Database, line: PayerLine, organization: str, public_url: str) -> None:
        self._database = database
        self._line = line
        self._organization = organization
        self._public_url = public_url.rstrip("/")

    async def ensure(self, payer: Payer, guide: PasGuide, now: datetime) -> None:
        """One attempt at a time, and one subscription for each payer: the attempt is on record before it is made."""
        if not self._public_url or payer.channel is not Channel.PAS or payer.endpoint is None:
            return
        async with self._database.write() as session:
            if not await payer_circuit.take_subscribing(session, payer.key, now, AGAIN_AFTER):
                return
        text = subscription(
            guide, organization=self._organization, address=f"{self._public_url}/fhir/payers/{payer.key}/notifications",
            reason="Answers to prior authorization requests of this house",
        )  # fmt: skip
        delivery = await self._line.deliver(payer.endpoint, text, now, media=FHIR, operation=SUBSCRIBE)
        made, why = made_of(delivery)
        async with self._database.write() as session:
            await payer_circuit.subscribed(session, payer.key, made, why)


def made_of(delivery: Delivery) -> tuple[str | None, str | None]:
    """The id it has there, or why it has none."""
    said = as_json(delivery.body) if delivery.outcome == SENT and delivery.body else None
    found = said.get("id") if isinstance(said, dict) and said.get("resourceType") == "Subscription" else None
    if isinstance(found, str) and 0 < len(found) <= ID_MAX:
        return found, None
    return None, delivery.problem or "the payer's system answered with no Subscription"
