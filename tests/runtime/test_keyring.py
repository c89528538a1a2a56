"""Sealing, data keys and blind-index tokens (D15)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.keyring import Keyring, KeyringError, SealBroken, normalised, random_key
from runtime.keyring_file import load_keyring
from tests.runtime.samples import INDEX_KEY, KEY_A, KEY_B, settings

NAME = b"Testperson Quillfeather"


def ring(text: str = f"a:{KEY_A}") -> Keyring:
    return Keyring.parse(text, INDEX_KEY)


@given(plain=st.binary(max_size=300), row=st.binary(max_size=40))
def test_what_was_sealed_opens(plain: bytes, row: bytes) -> None:
    keys = ring()
    assert keys.open(keys.seal(plain, row), row) == plain


def test_ciphertext_shows_nothing_and_never_repeats() -> None:
    keys = ring()
    first, second = keys.seal(NAME), keys.seal(NAME)
    assert b"Quill" not in first
    assert first != second


def test_an_old_key_opens_and_the_current_one_seals() -> None:
    old = ring().seal(NAME)
    both = ring(f"b:{KEY_B}, a:{KEY_A}")
    assert both.open(old) == NAME
    assert both.current_id == "b"
    with pytest.raises(SealBroken):
        ring().open(both.seal(NAME))


@pytest.mark.parametrize("text", [f"b:{KEY_B}", f"a:{KEY_B}"], ids=["unknown id", "same id, other key"])
def test_a_wrong_key_fails_without_data(text: str) -> None:
    sealed = ring().seal(NAME)
    with pytest.raises(SealBroken) as caught:
        ring(text).open(sealed)
    assert "Quill" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(position=st.integers(min_value=0, max_value=60), flip=st.integers(min_value=1, max_value=255))
def test_any_altered_byte_is_noticed(position: int, flip: int) -> None:
    keys = ring(f"a:{KEY_A},b:{KEY_B}")
    sealed = bytearray(keys.seal(NAME, b"row 1"))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(SealBroken):
        keys.open(bytes(sealed), b"row 1")


def test_a_value_moved_to_another_row_does_not_open() -> None:
    keys = ring()
    with pytest.raises(SealBroken, match="wrong row"):
        keys.open(keys.seal(NAME, b"person/1"), b"person/2")


@pytest.mark.parametrize(
    "noise", [b"", b"\x01", b"\x01a", b"plain text", b"\x01a" + bytes(20), b"\x05ab", b"\xff" * 300]
)
def test_what_we_never_sealed_is_refused(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        ring().open(noise)
    with pytest.raises(SealBroken):
        ring().new_data_key(b"1")[1].open(noise)


def test_a_persons_key_survives_a_new_house_key_and_its_loss_is_final() -> None:
    first = ring()
    wrapped, key = first.new_data_key(b"person/1")
    row = key.seal(NAME, b"person/1")
    assert b"Quill" not in row
    later = ring(f"b:{KEY_B},a:{KEY_A}")
    assert later.data_key(wrapped, b"person/1").open(row, b"person/1") == NAME
    rotated = later.rewrap(wrapped, b"person/1")
    assert ring(f"b:{KEY_B}").data_key(rotated, b"person/1").open(row, b"person/1") == NAME
    with pytest.raises(SealBroken):
        later.data_key(wrapped, b"person/2")
    with pytest.raises(SealBroken):
        later.new_data_key(b"person/1")[1].open(row, b"person/1")
    with pytest.raises(SealBroken):
        later.open(row, b"person/1")


def test_a_wrapped_key_is_not_an_ordinary_value() -> None:
    keys = ring()
    with pytest.raises(SealBroken):
        keys.open(keys.new_data_key(b"1")[0], b"1")
    with pytest.raises(SealBroken):
        keys.data_key(keys.seal(bytes(32), b"1"), b"1")


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


def test_tokens_depend_on_kind_order_and_index_key() -> None:
    keys = ring()
    assert keys.token("name", "x1") != keys.token("member_id", "x1")
    assert keys.token("name", "ab", "c") != keys.token("name", "a", "bc")
    assert keys.token("name", "x1") != Keyring.parse(f"a:{KEY_A}", KEY_B).token("name", "x1")
    assert len(keys.token("name", "x1")) == 32


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one"),
        ("abc", "write the keyring as"),
        (f"a:{KEY_A},a:{KEY_B}", "twice"),
        ("a:00ff", "must have 32 bytes"),
        ("a:***", "not hex"),
        (f"a/b:{KEY_A}", "key id"),
    ],
)
def test_a_bad_keyring_says_why_and_shows_no_key(text: str, sentence: str) -> None:
    with pytest.raises(KeyringError, match=sentence) as caught:
        ring(text)
    assert KEY_A not in str(caught.value)


def test_a_bad_index_key_is_named() -> None:
    with pytest.raises(KeyringError, match="blind-index key"):
        Keyring.parse(f"a:{KEY_A}", "00")


def test_keys_do_not_print() -> None:
    keys = ring()
    shown = f"{keys!r} {keys.new_data_key(b'1')[1]!r}"
    assert shown.startswith("Keyring(a) <runtime.keyring.DataKey")
    assert KEY_A not in shown


def test_generated_keys_are_whole_and_new() -> None:
    assert len(bytes.fromhex(random_key())) == 32
    assert random_key() != random_key()


def test_the_keyring_comes_from_settings() -> None:
    assert load_keyring(settings(keyring=f"b:{KEY_B},a:{KEY_A}")).current_id == "b"
