"""Keys of the house: sealing, per-person data keys, and blind-index tokens (D15)."""

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32


class SealBroken(Exception):
    """Sealed bytes could not be opened. Says which key was asked for, never what was inside."""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes


class Keyring:
    """The first key seals; every key opens. Sealed bytes begin with the length and name of their key."""

    def __init__(self, keys: Sequence[Key], index_key: bytes) -> None:
        if not keys:
            raise ValueError("a keyring needs at least one key")
        if any(len(k.secret) != KEY_BYTES for k in keys):
            raise ValueError(f"keys are {KEY_BYTES} bytes, written as {KEY_BYTES * 2} hex digits")
        self._keys = {k.id: k for k in keys}
        self._current = keys[0]
        self._index_key = index_key

    @classmethod
    def parse(cls, text: str, index_key: str) -> "Keyring":
        """From `id:hex,id:hex`, current key first."""
        keys = []
        for part in text.split(","):
            name, _, digits = part.strip().partition(":")
            if not name or not digits:
                raise ValueError("write the keyring as id:hex,id:hex with the current key first")
            keys.append(Key(name, bytes.fromhex(digits)))
        return cls(keys, bytes.fromhex(index_key))

    @property
    def current_id(self) -> str:
        return self._current.id

    def seal(self, plain: bytes, bound_to: bytes = b"") -> bytes:
        """AES-GCM under the current key; `bound_to` must be given again to open (a row cannot be swapped)."""
        return self._seal_with(self._current, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes = b"") -> bytes:
        size = sealed[0] if sealed else 0
        name = sealed[1 : 1 + size].decode("ascii", "replace")
        key = self._keys.get(name)
        if key is None:
            raise SealBroken("sealed under a key this keyring does not hold")
        nonce, body = sealed[1 + size : 1 + size + NONCE_BYTES], sealed[1 + size + NONCE_BYTES :]
        try:
            return AESGCM(key.secret).decrypt(nonce, body, sealed[: 1 + size] + bound_to)
        except InvalidTag:
            raise SealBroken(f"sealed bytes do not open under key {name}") from None

    @staticmethod
    def _seal_with(key: Key, plain: bytes, bound_to: bytes) -> bytes:
        head = bytes([len(key.id)]) + key.id.encode("ascii")
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + AESGCM(key.secret).encrypt(nonce, plain, head + bound_to)

    def new_data_key(self, owner: bytes) -> tuple[bytes, "DataKey"]:
        """A person's own key, wrapped by the house key. Losing the wrapped bytes erases the person."""
        secret = os.urandom(KEY_BYTES)
        return self.seal(secret, b"data-key:" + owner), DataKey(secret)

    def data_key(self, wrapped: bytes, owner: bytes) -> "DataKey":
        return DataKey(self.open(wrapped, b"data-key:" + owner))

    def token(self, kind: str, *values: str) -> bytes:
        """Blind-index token of normalised values: equal people give equal tokens, tokens give nobody."""
        text = "\x1f".join([kind, *(normalised(v) for v in values)])
        return hmac.new(self._index_key, text.encode(), hashlib.sha256).digest()


class DataKey:
    """Seals what belongs to one person."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def seal(self, plain: bytes, bound_to: bytes = b"") -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes = b"") -> bytes:
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except InvalidTag:
            raise SealBroken("sealed bytes do not open under this person's key") from None


def normalised(value: str) -> str:
    """Case, accents, punctuation and spaces do not tell people apart when searching."""
    decomposed = unicodedata.normalize("NFKD", value).casefold()
    return "".join(c for c in decomposed if c.isalnum())
