"""Workflow payloads are sealed before they leave the process; failures too (architecture 5)."""

import dataclasses
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from runtime.keyring import Keyring, SealBroken

ENCODING = b"binary/sealed"
KEY_ID = "stepdown-key"
BOUND_TO = b"temporal-payload"


class UnreadablePayload(RuntimeError):
    """A payload that no key opens. Carries no part of it."""


class SealedPayloads(PayloadCodec):
    """AES-GCM with the key's id in the metadata, so old histories open after a rotation."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(
                metadata={"encoding": ENCODING, KEY_ID: self._keyring.current_id.encode()},
                data=self._keyring.seal(p.SerializeToString(), BOUND_TO),
            )
            for p in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(p) if p.metadata.get("encoding") == ENCODING else p for p in payloads]

    def _open(self, payload: Payload) -> Payload:
        try:
            return Payload.FromString(self._keyring.open(payload.data, BOUND_TO))
        except SealBroken:
            raise UnreadablePayload("a workflow payload does not open; is its key still in the keyring?") from None


def data_converter(keyring: Keyring) -> DataConverter:
    """The pydantic converter with sealed payloads and sealed failure texts, for client, worker and replayer."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=SealedPayloads(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
