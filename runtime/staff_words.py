"""Sealing and opening the words of staff (definitions/staff_words.py) under the key of the person they are about.

The sealed bytes begin with the id of the record whose key seals them: a row that follows its person to another record by a
merge, or back, still says which key opens it (E03). They are bound to table, column and row. Empty bytes: there were words,
and the person they were about was erased."""

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from definitions.staff_words import Words
from runtime.keyring import NONCE_BYTES, TAG_BYTES, DataKey, Keyring

OWNER_BYTES: Final = 16
OVERHEAD: Final = OWNER_BYTES + NONCE_BYTES + TAG_BYTES
"""How much longer sealed words are than their UTF-8 (the database checks it on movements)."""
ERASED: Final = b""


def seal_words(keyring: Keyring, owner: UUID, wrapped: bytes | None, place: Words, row_id: UUID, text: str) -> bytes:
    """Nothing is kept in words about somebody whose key is gone."""
    if not wrapped:
        return ERASED
    return owner.bytes + keyring.data_key(wrapped, owner.bytes).seal(text.encode(), _bound(place, row_id))


def seal_answers(
    keyring: Keyring, owner: UUID, wrapped: bytes | None, row_id: UUID, answers: Mapping[str, Any]
) -> bytes:  # fmt: skip
    """A document of answers, whole: ratings tell as much of somebody as sentences do."""
    return seal_words(keyring, owner, wrapped, Words.ANSWERS, row_id, json.dumps(answers))


def owner_of(sealed: bytes) -> UUID | None:
    """The record whose key opens these words; None: nobody's does any more."""
    return UUID(bytes=sealed[:OWNER_BYTES]) if len(sealed) > OWNER_BYTES else None


class WordOpener:
    """Opens many rows at once: each person's key is unwrapped once. `keys`: wrapped keys by record, those that are left."""

    def __init__(self, keyring: Keyring, keys: Mapping[UUID, bytes | None]) -> None:
        self._keyring = keyring
        self._wrapped = keys
        self._keys: dict[UUID, DataKey] = {}

    def open(self, place: Words, row_id: UUID, sealed: bytes) -> str | None:
        """None: the person was erased and nobody can read these words any more. Raises SealBroken when they are not what was
        sealed for this row."""
        owner = owner_of(sealed)
        if owner is None:
            return None
        key = self._key(owner)
        return key.open(sealed[OWNER_BYTES:], _bound(place, row_id)).decode() if key is not None else None

    def read(self, place: Words, row_id: UUID, sealed: bytes | None, clear: str | None) -> str | None:
        """What stands in clear, if anything does: the house's own words, or words a process of before wrote there; else what
        is sealed."""
        return clear if clear or sealed is None else self.open(place, row_id, sealed)

    def answers(self, row_id: UUID, sealed: bytes | None, clear: Mapping[str, Any]) -> dict[str, Any]:
        """A document of answers; empty when the person was erased."""
        if clear or sealed is None:
            return dict(clear)
        said = self.open(Words.ANSWERS, row_id, sealed)
        found: dict[str, Any] = json.loads(said) if said is not None else {}
        return found

    def _key(self, owner: UUID) -> DataKey | None:
        if owner not in self._keys:
            wrapped = self._wrapped.get(owner)
            if not wrapped:
                return None
            self._keys[owner] = self._keyring.data_key(wrapped, owner.bytes)
        return self._keys[owner]


def _bound(place: Words, row_id: UUID) -> bytes:
    return f"words:{place.value}:".encode() + row_id.bytes
