"""Keys of the house: sealing with AES-256-GCM, a data key per person, and blind-index tokens (D15).

Sealed bytes begin with the length and name of their key; both are authenticated together with what the
bytes are bound to, so a value moved to another row or relabelled to another key does not open. Nonces are
random: put a new key first in the ring before one has sealed 2**32 values; old keys stay to open."""

import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
TAG_BYTES: Final = 16

_KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Letters that Unicode does not take apart into a base letter and a mark.
_WHOLE_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)


class KeyringError(ValueError):
    """The keyring cannot be built; the message shows no key."""


class SealBroken(Exception):
    """Sealed bytes could not be opened. Says which key was asked for, never what was inside."""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes = field(repr=False)


class Keyring:
    """The first key seals; every key opens."""

    def __init__(self, keys: Sequence[Key], index_key: bytes) -> None:
        self.replace(keys)
        if len(index_key) != KEY_BYTES:
            raise KeyringError(f"the blind-index key must have {KEY_BYTES} bytes: {KEY_BYTES * 2} hex digits")
        self._index_key = index_key

    def replace(self, keys: Sequence[Key]) -> None:
        """Other keys from now on; the search tokens stay as they are. Raises KeyringError and keeps what it held."""
        if not keys:
            raise KeyringError("a keyring needs at least one key")
        for key in keys:
            if not _KEY_ID.fullmatch(key.id):
                raise KeyringError("a key id has 1 to 64 letters, digits, dots, dashes or underscores")
            if len(key.secret) != KEY_BYTES:
                raise KeyringError(f"key {key.id} must have {KEY_BYTES} bytes, written as {KEY_BYTES * 2} hex digits")
        if len({key.id for key in keys}) != len(keys):
            raise KeyringError("a key id stands twice in the keyring; the later key could never open anything")
        self._keys = {k.id: k for k in keys}
        self._current = keys[0]

    def _fresh(self, *, at_once: bool = False) -> None:
        """For keyrings that follow something: called before each use, and `at_once` when a key is missing."""

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    @classmethod
    def parse(cls, text: str, index_key: str) -> "Keyring":
        """From `id:hex,id:hex`, current key first. Raises KeyringError."""
        return cls(keys_of(text), _from_hex(index_key, "the blind-index key"))

    @property
    def current_id(self) -> str:
        self._fresh()
        return self._current.id

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the keys, the current one first."""
        return tuple(self._keys)

    def seal(self, plain: bytes, bound_to: bytes = b"") -> bytes:
        """AES-GCM under the current key; `bound_to` must be given again to open (a row cannot be swapped)."""
        self._fresh()
        current = self._current
        head = bytes([len(current.id)]) + current.id.encode()
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + AESGCM(current.secret).encrypt(nonce, plain, head + bound_to)

    def open(self, sealed: bytes, bound_to: bytes = b"") -> bytes:
        """Raises SealBroken when the key is missing or key, row or bytes differ from what was sealed."""
        self._fresh()
        size, name = (sealed[0] if sealed else 0), sealed_under(sealed)
        if name not in self._keys:
            self._fresh(at_once=True)
        key = self._keys.get(name)
        if key is None:
            raise SealBroken("sealed under a key this keyring does not hold; add it behind the current one")
        nonce, body = sealed[1 + size : 1 + size + NONCE_BYTES], sealed[1 + size + NONCE_BYTES :]
        if len(body) < TAG_BYTES:
            raise SealBroken("these are not sealed bytes")
        try:
            return AESGCM(key.secret).decrypt(nonce, body, sealed[: 1 + size] + bound_to)
        except InvalidTag:
            raise SealBroken(f"sealed bytes do not open under key {key.id}: wrong key, wrong row or altered") from None

    def new_data_key(self, owner: bytes) -> tuple[bytes, "DataKey"]:
        """A person's own key, wrapped by the house key. Losing the wrapped bytes erases the person."""
        secret = os.urandom(KEY_BYTES)
        return self.seal(secret, b"data-key:" + owner), DataKey(secret)

    def data_key(self, wrapped: bytes, owner: bytes) -> "DataKey":
        """Raises SealBroken, also when `wrapped` belongs to another owner."""
        return DataKey(self.open(wrapped, b"data-key:" + owner))

    def rewrap(self, wrapped: bytes, owner: bytes) -> bytes:
        """The same data key under the current house key: how a rotation reaches people already on record."""
        return self.seal(self.open(wrapped, b"data-key:" + owner), b"data-key:" + owner)

    def token(self, kind: str, *values: str) -> bytes:
        """Blind-index token of normalised values: equal people give equal tokens, tokens give nobody."""
        text = "\x1f".join([kind, *(normalised(v) for v in values)])
        return hmac.new(self._index_key, text.encode(), hashlib.sha256).digest()


def keys_of(text: str) -> list[Key]:
    """The keys of a ring written as `id:hex,id:hex`, current key first. Raises KeyringError."""
    keys = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, digits = part.partition(":")
        if not name or not digits:
            raise KeyringError("write the keyring as id:hex,id:hex with the current key first")
        keys.append(Key(name, _from_hex(digits, f"key {name}")))
    return keys


def sealed_under(sealed: bytes) -> str:
    """The id of the house key that sealed these bytes, as they say themselves."""
    size = sealed[0] if sealed else 0
    return sealed[1 : 1 + size].decode("ascii", "replace")


class DataKey:
    """Seals what belongs to one person."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def seal(self, plain: bytes, bound_to: bytes = b"") -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes = b"") -> bytes:
        """Raises SealBroken when the key, the row or the bytes differ from what was sealed."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise SealBroken("these are not sealed bytes")
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except InvalidTag:
            raise SealBroken("sealed bytes do not open under this person's key") from None


def normalised(value: str) -> str:
    """Case, accents, punctuation and spaces do not tell people apart when searching."""
    apart = unicodedata.normalize("NFKD", value.casefold()).casefold().translate(_WHOLE_LETTERS)
    return "".join(c for c in apart if c.isalnum() or _is_vowel_sign(c))


def index_key(digits: str) -> bytes:
    """The key of the search tokens. Raises KeyringError."""
    return _from_hex(digits, "the blind-index key")


def random_key() -> str:
    """A fresh key as 64 hex digits, for settings."""
    return os.urandom(KEY_BYTES).hex()


def _from_hex(digits: str, what: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise KeyringError(f"{what} is not hex; write {KEY_BYTES * 2} hex digits") from None


def _is_vowel_sign(character: str) -> bool:
    # Vowel signs of Indic scripts are marks of combining class 0; dropping them would merge different names.
    return unicodedata.category(character).startswith("M") and not unicodedata.combining(character)
