"""Taking a notification of a PAS subscription: what it carries is kept one by one and told to its case."""

import asyncio

from api.deps import Services
from api.inbound import ACCEPTED, Reading, take_parts, text_of
from definitions.pas_guide import PasGuide
from definitions.payer import Payer
from interchange.fhir.pas.arrival import arrival_of
from interchange.fhir.pas.notification import read_notification
from interchange.fhir.pas.words import PasProblem


async def take_notification(held: Services, payer: Payer, raw: bytes) -> tuple[str, int]:
    """The verdict and how many answers it carried. One that carries none is answered and not kept."""
    guide = held.catalog.pas_guide((await held.clock.now()).date())
    reading = await asyncio.to_thread(_read, text_of(raw), guide)
    if not reading.arrivals and reading.rest is None:
        return ACCEPTED, 0
    return await take_parts(held, payer, raw, reading), len(reading.arrivals)


def _read(text: str, guide: PasGuide) -> Reading:
    try:
        told = read_notification(text, guide)
    except PasProblem:
        return Reading((), text, None)
    return Reading(tuple((arrival_of(one, guide), one) for one in told.bundles), None, None)
