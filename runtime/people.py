"""Sealing a person under their own key, and the tokens they can be found by (D15)."""

from collections.abc import Sequence
from uuid import UUID

from definitions.identity import Sketch
from definitions.name_keys import birth_key, long_forms, sound_of, sounds_of
from definitions.person import PersonDetails
from runtime.keyring import Keyring, SealBroken

NAME, NAME_BIRTH, MEMBER, BIRTH = "name", "name_birth", "member_id", "birth_date"
SOUND, SOUND_BIRTH, GIVEN_BIRTH, SOUND_NAMES, YEAR_INITIALS = (
    "sound", "sound_birth", "given_birth", "sound_names", "year_initials",
)  # fmt: skip
"""By these, records that are written differently meet: family name by sound, with the birth date whichever way round, given
name with the birth date, both names by sound in either order, and year of birth with initials."""


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
    every = (*details.given, *([details.preferred_name] if details.preferred_name else []))
    for given in every:
        found.add((NAME, keyring.token(NAME, given)))
        found.add((NAME, keyring.token(NAME, given + details.family)))
        found.add((NAME_BIRTH, keyring.token(NAME_BIRTH, given, details.family, born)))
    found |= {(MEMBER, keyring.token(MEMBER, member)) for member in details.member_ids.values()}
    found |= set(alike_tokens(keyring, Sketch(family=details.family, given=every, birth_date=details.birth_date)))
    return sorted(found)


def alike_tokens(keyring: Keyring, asked: Sketch) -> list[tuple[str, bytes]]:
    """Where somebody like this would be found, by whatever of them is known."""
    families = sounds_of(asked.family) if asked.family else frozenset[str]()
    givens = {sound_of(name) for one in asked.given for name in long_forms(one)}
    found = {(SOUND, keyring.token(SOUND, family)) for family in families}
    found |= {(MEMBER, keyring.token(MEMBER, member)) for member in asked.member_ids if member}
    for given in givens:
        for family in families:
            found.add((SOUND_NAMES, keyring.token(SOUND_NAMES, *sorted((given, family)))))
    if asked.birth_date is not None:
        born = birth_key(asked.birth_date)
        found.add((BIRTH, keyring.token(BIRTH, asked.birth_date.isoformat())))
        found |= {(SOUND_BIRTH, keyring.token(SOUND_BIRTH, family, born)) for family in families}
        found |= {(GIVEN_BIRTH, keyring.token(GIVEN_BIRTH, given, born)) for given in givens}
    if asked.year is not None:
        for given, family in ((g[:1], f[:1]) for g in givens for f in families):
            found.add((YEAR_INITIALS, keyring.token(YEAR_INITIALS, str(asked.year), *sorted((given, family)))))
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


def seal_copy(keyring: Keyring, person_id: UUID, wrapped: bytes, export_id: UUID, name: str, body: bytes) -> bytes:
    """A copy of the record (`bundle`, `pdf`) under its person's key, bound to its row and place."""
    bound = b"copy:" + export_id.bytes + name.encode()
    return keyring.data_key(wrapped, person_id.bytes).seal(body, bound)


def open_copy(keyring: Keyring, person_id: UUID, wrapped: bytes, export_id: UUID, name: str, sealed: bytes) -> bytes:
    bound = b"copy:" + export_id.bytes + name.encode()
    return keyring.data_key(wrapped, person_id.bytes).open(sealed, bound)


def seal_consent_text(keyring: Keyring, person_id: UUID, wrapped: bytes, consent_id: UUID, text: bytes) -> bytes:
    """The text of a consent as it was shown, bound to its row."""
    return keyring.data_key(wrapped, person_id.bytes).seal(text, b"consent:" + consent_id.bytes)


def open_consent_text(keyring: Keyring, person_id: UUID, wrapped: bytes, consent_id: UUID, sealed: bytes) -> bytes:
    return keyring.data_key(wrapped, person_id.bytes).open(sealed, b"consent:" + consent_id.bytes)


def open_text_of_any(
    keyring: Keyring, keys: Sequence[tuple[UUID, bytes]], consent_id: UUID, sealed: bytes
) -> bytes:  # fmt: skip
    """The text of a consent by whichever of a person's records it was signed under. Raises SealBroken when none opens it."""
    for person_id, wrapped in keys:
        try:
            return open_consent_text(keyring, person_id, wrapped, consent_id, sealed)
        except SealBroken:
            continue
    raise SealBroken("sealed under no record of this person")


def seal_guardian(keyring: Keyring, person_id: UUID, wrapped: bytes, guardian_id: UUID, name: str) -> bytes:
    """The name of who may sign for somebody: under the key of the person it is about."""
    return keyring.data_key(wrapped, person_id.bytes).seal(name.encode(), b"guardian:" + guardian_id.bytes)


def open_guardian(keyring: Keyring, person_id: UUID, wrapped: bytes, guardian_id: UUID, sealed: bytes) -> str:
    return keyring.data_key(wrapped, person_id.bytes).open(sealed, b"guardian:" + guardian_id.bytes).decode()
