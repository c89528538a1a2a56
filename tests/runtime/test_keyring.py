"""Sealing, data keys and blind-index tokens (D15)."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.keyring import Keyring, KeyringError, key_id_of, load_keyring, normalised, parse_key, random_key
from tests.runtime.samples import INDEX_KEY, KEY_A, KEY_B, settings

NAME = b"Testperson Quillfeather"


def ring(text: str = f"a:{KEY_A}") -> Keyring:
    return Keyring.parse(text, INDEX_KEY)


@given(plaintext=st.binary(max_size=300), aad=st.binary(max_size=40))
def test_what_was_sealed_opens(plaintext: bytes, aad: bytes) -> None:
    keys = ring()
    sealed = keys.seal(plaintext, aad)
    assert keys.open(sealed, aad) == plaintext
    assert key_id_of(sealed) == "a"


def test_ciphertext_shows_nothing_and_never_repeats() -> None:
    keys = ring()
    first, second = keys.seal(NAME), keys.seal(NAME)
    assert NAME not in first
    assert b"Quill" not in first
    assert first != second


def test_an_old_key_opens_and_the_current_one_seals() -> None:
    old = ring().seal(NAME)
    both = ring(f"b:{KEY_B}, a:{KEY_A}")
    assert both.open(old) == NAME
    assert key_id_of(both.seal(NAME)) == "b"


@pytest.mark.parametrize("text", [f"b:{KEY_B}", f"a:{KEY_B}"], ids=["unknown id", "same id, other key"])
def test_a_wrong_key_fails_without_data(text: str) -> None:
    sealed = ring().seal(NAME)
    with pytest.raises(KeyringError) as caught:
        ring(text).open(sealed)
    assert "Quill" not in str(caught.value)
    assert "'a'" in str(caught.value)
    assert caught.value.__cause__ is None


@given(position=st.integers(min_value=0, max_value=60), flip=st.integers(min_value=1, max_value=255))
def test_any_altered_byte_is_noticed(position: int, flip: int) -> None:
    keys = ring(f"a:{KEY_A} b:{KEY_B}")
    sealed = bytearray(keys.seal(NAME, b"row 1"))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(KeyringError):
        keys.open(bytes(sealed), b"row 1")


def test_a_value_moved_to_another_row_does_not_open() -> None:
    keys = ring()
    with pytest.raises(KeyringError, match="wrong row"):
        keys.open(keys.seal(NAME, b"person/1"), b"person/2")


@pytest.mark.parametrize("noise", [b"", b"\x01", b"plain text", b"\x01\x05ab", b"\x01\x01\xff" + bytes(40)])
def test_what_we_never_sealed_is_refused(noise: bytes) -> None:
    with pytest.raises(KeyringError, match="not a sealed value"):
        ring().open(noise)


def test_a_persons_key_survives_a_new_house_key_and_its_loss_is_final() -> None:
    first = ring()
    key = first.new_data_key()
    row = key.seal(NAME, b"person/1")
    wrapped = first.wrap(key, b"person/1")
    later = ring(f"b:{KEY_B} a:{KEY_A}")
    assert later.unwrap(wrapped, b"person/1").open(row, b"person/1") == NAME
    with pytest.raises(KeyringError):
        later.unwrap(wrapped, b"person/2")
    with pytest.raises(KeyringError):
        later.new_data_key().open(row, b"person/1")
    with pytest.raises(KeyringError):
        later.open(row, b"person/1")


def test_a_wrapped_key_is_not_an_ordinary_value() -> None:
    keys = ring()
    with pytest.raises(KeyringError):
        keys.open(keys.wrap(keys.new_data_key()))
    with pytest.raises(KeyringError):
        keys.unwrap(keys.seal(bytes(32)))
    with pytest.raises(KeyringError, match="data key"):
        keys.new_data_key().open(keys.seal(NAME))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José  Núñez", "jose nunez"),
        ("O'Brien-Łukasz", "obrien lukasz"),
        ("STRAẞE", "strasse"),
        ("Søren", "SOREN"),
        ("Ann Marie", "annmarie"),
        ("\u0041\u030angström", "Ångstrom"),
        ("Ⅳ", "iv"),
    ],
)
def test_spellings_that_meet_in_the_index(one: str, other: str) -> None:
    assert ring().token("name", one) == ring().token("name", other)


@pytest.mark.parametrize(("one", "other"), [("Smith", "Smyth"), ("राम", "रमा"), ("李", "王")])
def test_different_names_stay_different(one: str, other: str) -> None:
    assert ring().token("name", one) != ring().token("name", other)


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(value: str) -> None:
    assert normalised(normalised(value)) == normalised(value)


def test_tokens_depend_on_kind_and_index_key() -> None:
    keys = ring()
    assert keys.token("name", "x1") != keys.token("member_id", "x1")
    assert keys.token("name", "x1") != Keyring.parse(f"a:{KEY_A}", KEY_B).token("name", "x1")
    assert len(keys.token("name", "x1")) == 32
    with pytest.raises(KeyringError, match="no letters or digits"):
        keys.token("name", " -' ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("abc", "not `id:key`"),
        (f"a:{KEY_A} a:{KEY_B}", "twice"),
        ("a:AAAA", "holds 3 bytes"),
        ("a:***", "not base64"),
        (f"person:{KEY_A}", "refused"),
    ],
)
def test_a_bad_keyring_says_why_and_shows_no_key(text: str, sentence: str) -> None:
    with pytest.raises(KeyringError, match=sentence) as caught:
        ring(text)
    assert KEY_A not in str(caught.value)


def test_keys_do_not_print() -> None:
    keys = ring()
    shown = f"{keys!r} {keys.new_data_key()!r}"
    assert KEY_A not in shown
    assert repr(base64.urlsafe_b64decode(KEY_A)) not in shown


def test_generated_keys_are_whole_and_new() -> None:
    assert len(parse_key(random_key(), "it")) == 32
    assert random_key() != random_key()


def test_the_keyring_comes_from_settings_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"b:{KEY_B}\na:{KEY_A}\n")
    assert load_keyring(settings(keyring=None, keyring_file=file)).current == "b"
    assert load_keyring(settings()).current == "a"
    with pytest.raises(KeyringError, match="STEPDOWN_KEYRING_FILE"):
        load_keyring(settings(keyring=None, keyring_file=tmp_path / "absent"))
