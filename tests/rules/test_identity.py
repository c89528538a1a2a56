"""How alike two records are (E02, E03, E04): reasons in words, and who is too alike to start anew without a word."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.identity import Sketch
from definitions.name_keys import birth_key, long_forms, sound_of, sounds_of
from definitions.person import PersonDetails
from rules.identity import PROPOSED_FROM, SHOWN_FROM, likeness
from runtime.keyring import Keyring
from runtime.people import alike_tokens, tokens_of
from tests.runtime.samples import INDEX_KEY, KEY_A

BORN = date(1990, 3, 2)
KNOWN = PersonDetails(
    family="Garcia-Lopez", given=("Robert", "James"), birth_date=BORN, gender="M",
    member_ids={UUID(int=1): "MB123456A"},
)  # fmt: skip
RING = Keyring.parse(f"a:{KEY_A}", INDEX_KEY)


def asked(**changes: Any) -> Sketch:
    said: dict[str, Any] = {"family": "Garcia-Lopez", "given": ("Robert",), "birth_date": BORN, "gender": "M"} | changes
    return Sketch(**said)


@pytest.mark.parametrize(
    ("name", "code"),
    [  # the worked examples of the National Archives' page on Soundex
        ("Washington", "W252"), ("Lee", "L000"), ("Gutierrez", "G362"), ("Pfister", "P236"), ("Jackson", "J250"),
        ("Tymczak", "T522"), ("VanDeusen", "V532"), ("Ashcraft", "A261"), ("Robert", "R163"), ("Rupert", "R163"),
        ("Testerman12", "T23612"), ("Ønsker", "ønsker"), ("李", "李"), ("", ""),
    ],
)  # fmt: skip
def test_soundex_as_published(name: str, code: str) -> None:
    assert sound_of(name) == code


def test_keys_of_names_and_dates() -> None:
    assert sounds_of("Garcia-Lopez") == {sound_of("GarciaLopez"), sound_of("Garcia"), sound_of("Lopez")}
    assert "robert" in long_forms("Bob")
    assert long_forms("") == frozenset()
    assert birth_key(date(1990, 3, 2)) == birth_key(date(1990, 2, 3)) != birth_key(date(1991, 2, 3))


@pytest.mark.parametrize(
    ("changes", "reasons", "likely"),
    [
        ({}, ("same family name", "same given name", "same birth date"), True),
        ({"given": ("Bob",)}, ("same family name", "given name is a short form", "same birth date"), True),
        ({"family": "Garsia Lopes"}, ("family name sounds alike", "same given name", "same birth date"), True),
        ({"family": "Lopez"}, ("one surname in common", "same given name", "same birth date"), True),
        (
            {"birth_date": date(1990, 2, 3)},
            ("same family name", "same given name", "day and month of birth swapped"), True,
        ),
        (
            {"family": "Robert", "given": ("Garcia-Lopez",)},
            ("given and family name swapped", "same birth date"), True,
        ),
        # Twins and siblings: the given name tells them apart.
        ({"given": ("Marcus",)}, ("same family name", "same birth date"), False),
        (
            {"given": ("Roberta",), "gender": "F"},
            ("same family name", "given name sounds alike", "same birth date"), False,
        ),
        # A wrong birth date (E02) is proposed, not refused; with the same member id it is the same person.
        (
            {"birth_date": date(1990, 3, 12)},
            ("same family name", "same given name", "birth date differs in one digit"), False,
        ),
        (
            {"birth_date": date(1990, 3, 12), "member_ids": ("mb123456a",)},
            ("same family name", "same given name", "birth date differs in one digit", "same member id"), True,
        ),
        # A dependent on the same card.
        (
            {"given": ("Ann",), "birth_date": date(2015, 7, 8), "member_ids": ("MB123456A",)},
            ("same family name", "same member id"), False,
        ),
        ({"birth_date": None, "birth_year": 1990}, ("same family name", "same given name", "same year of birth"), False),
        ({"family": "Garcialopez7"}, ("same given name", "same birth date"), False),
    ],
)  # fmt: skip
def test_likeness_has_reasons(changes: dict[str, Any], reasons: tuple[str, ...], likely: bool) -> None:
    found = likeness(asked(**changes), KNOWN)
    assert (found.reasons, found.likely) == (reasons, likely)
    if likely:
        assert found.rank >= PROPOSED_FROM


def test_one_thing_in_common_is_not_shown_and_reasons_hold_no_values() -> None:
    assert likeness(asked(family="Quill", birth_date=date(1951, 1, 1)), KNOWN).rank < SHOWN_FROM
    everything = likeness(asked(member_ids=("MB123456A",)), KNOWN)
    assert everything.rank == 100
    assert not any(word in str(everything) for word in ("Garcia", "Robert", "1990", "123456"))
    assert "Garcia" not in repr(asked())


@given(
    st.text(alphabet="abcdefghjklmnoprstuwz", min_size=2, max_size=9),
    st.text(alphabet="abcdefghjklmnoprstuwz", min_size=2, max_size=9),
    st.dates(date(1930, 1, 1), date(2010, 12, 31)),
)
def test_whoever_is_likely_is_also_found(family: str, first: str, born: date) -> None:
    """The tokens of the search never miss what the rule would call likely: the same, a swapped date, swapped names."""
    known = PersonDetails(family=family, given=(first,), birth_date=born)
    on_record = set(tokens_of(RING, known))
    variants = [
        Sketch(family=family, given=(first,), birth_date=born), Sketch(family=first, given=(family,), birth_date=born),
    ]  # fmt: skip
    if born.day <= 12:
        variants.append(Sketch(family=family, given=(first,), birth_date=date(born.year, born.day, born.month)))
    for one in variants:
        if likeness(one, known).likely:
            assert on_record & set(alike_tokens(RING, one))
    assert likeness(variants[0], known).likely
