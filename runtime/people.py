"""Sealing a person under their own key, and the tokens they can be found by (D15)."""

from uuid import UUID

from definitions.person import PersonDetails
from runtime.keyring import Keyring

NAME, NAME_BIRTH, MEMBER, BIRTH = "name", "name_birth", "member_id", "birth_date"


def seal_new(keyring: Keyring, person_id: UUID, details: PersonDetails) -> tuple[bytes, bytes]:
    """(sealed document, wrapped key) of somebody new."""
    wrapped, key = keyring.new_data_key(person_id.bytes)
    return key.seal(details.model_dump_json().encode(), person_id.bytes), wrapped


def seal_again(keyring: Keyring, person_id: UUID, wrapped: bytes, details: PersonDetails) -> bytes:
    """The changed document under the person's existing key."""
    return keyring.data_key(wrapped, person_id.bytes).seal(details.model_dump_json().encode(), person_id.bytes)


def open_person(keyring: Keyring, person_id: UUID, sealed: bytes, wrapped: bytes) -> PersonDetails:
    """Raises SealBroken when the key is gone or wrong."""
    plain = keyring.data_key(wrapped, person_id.bytes).open(sealed, person_id.bytes)
    return PersonDetails.model_validate_json(plain)


def seal_message(keyring: Keyring, person_id: UUID, wrapped: bytes, text: str) -> bytes:
    """A message about one person, under that person's key: erased with them."""
    return keyring.data_key(wrapped, person_id.bytes).seal(text.encode(), b"message:" + person_id.bytes)


def open_message(keyring: Keyring, person_id: UUID, wrapped: bytes, sealed: bytes) -> str:
    return keyring.data_key(wrapped, person_id.bytes).open(sealed, b"message:" + person_id.bytes).decode()


def tokens_of(keyring: Keyring, details: PersonDetails) -> list[tuple[str, bytes]]:
    """Blind-index tokens: family name, each given name, both with the birth date, and member ids."""
    born = details.birth_date.isoformat()
    found = {(NAME, keyring.token(NAME, details.family)), (BIRTH, keyring.token(BIRTH, born))}
    for given in (*details.given, *([details.preferred_name] if details.preferred_name else [])):
        found.add((NAME, keyring.token(NAME, given)))
        found.add((NAME, keyring.token(NAME, given + details.family)))
        found.add((NAME_BIRTH, keyring.token(NAME_BIRTH, given, details.family, born)))
    found |= {(MEMBER, keyring.token(MEMBER, member)) for member in details.member_ids.values()}
    return sorted(found)


def search_tokens(keyring: Keyring, words: str) -> list[tuple[str, bytes]]:
    """Tokens a search box's text may match: a name, or a member id."""
    return [(NAME, keyring.token(NAME, words)), (MEMBER, keyring.token(MEMBER, words))]


def seal_document(keyring: Keyring, person_id: UUID, wrapped: bytes, document_id: UUID, body: bytes) -> bytes:
    """The bytes of a clinical document under its person's key, bound to its row: erased with them."""
    return keyring.data_key(wrapped, person_id.bytes).seal(body, b"document:" + document_id.bytes)


def open_document(keyring: Keyring, person_id: UUID, wrapped: bytes, document_id: UUID, sealed: bytes) -> bytes:
    """Raises SealBroken when the key, the row or the bytes differ from what was sealed."""
    return keyring.data_key(wrapped, person_id.bytes).open(sealed, b"document:" + document_id.bytes)
