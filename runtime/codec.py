"""Workflow payloads are sealed before they leave the process; failures too (architecture 5).

The server keeps workflow ids, search attributes, queue and type names in clear: those carry ids and codes
only. A payload that is not sealed is refused, so nobody without the keyring can slip one in."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from runtime.keyring import Keyring, SealBroken

ENCODING: Final = b"binary/sealed"
KEY_ID: Final = "stepdown-key"
BOUND_TO: Final = b"temporal-payload/"


class UnreadablePayload(RuntimeError):
    """A payload that does not open, or was never sealed. Carries no part of it, also not as its cause."""


class SealedPayloads(PayloadCodec):
    """AES-GCM with the key's id in the metadata, authenticated, so old histories open after a rotation."""

    def __init__(self, keyring: Keyring) -> None:
        super().__init__()
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(p) for p in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises UnreadablePayload."""
        return [self._open(p) for p in payloads]

    def _seal(self, payload: Payload) -> Payload:
        key_id = self._keyring.current_id.encode()
        sealed = self._keyring.seal(payload.SerializeToString(), BOUND_TO + key_id)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id}, data=sealed)

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            raise UnreadablePayload("a workflow payload is not sealed; it was written without the house's keyring")
        try:
            plain = self._keyring.open(payload.data, BOUND_TO + payload.metadata.get(KEY_ID, b""))
        except SealBroken:
            raise UnreadablePayload("a workflow payload does not open; is its key still in the keyring?") from None
        return Payload.FromString(plain)


def data_converter(keyring: Keyring) -> DataConverter:
    """The pydantic converter with sealed payloads and sealed failure texts, for client, worker and replayer."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=SealedPayloads(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
