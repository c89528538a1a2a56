"""Which channel speaks to whom, and which reads what came."""

from collections.abc import Callable
from typing import Final

from activities.partners.channel import PayerChannel
from activities.partners.payer_pas import PasChannel
from activities.partners.payer_x12 import X12Channel
from definitions.pas_guide import PasGuide
from definitions.payer import Channel

CHANNELS: Final[dict[Channel, Callable[[PasGuide], PayerChannel]]] = {
    Channel.X12_REALTIME: lambda _: X12Channel(),
    Channel.PAS: PasChannel,
}
"""A new channel is a file beside these and a line here."""
FHIR_KINDS: Final = frozenset({"pas"})
"""Kinds of kept messages that are no X12."""


def channel_for(channel: Channel, guide: PasGuide) -> PayerChannel:
    return CHANNELS[channel](guide)


def reader_of(kind: str, guide: PasGuide) -> PayerChannel:
    """By what stands on a kept message."""
    return channel_for(Channel.PAS if kind in FHIR_KINDS else Channel.X12_REALTIME, guide)
