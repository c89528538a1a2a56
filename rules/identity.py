"""How alike two records are, with reasons in words (E02, E03, E04). A verdict about records, never about people: nothing is
joined by it, and nobody's values stand in the reasons."""

from datetime import date
from difflib import SequenceMatcher
from typing import Final

from definitions.identity import Likeness, Sketch
from definitions.name_keys import birth_key, long_forms, plain, sound_of, sounds_of
from definitions.person import PersonDetails

SHOWN_FROM: Final = 35
"""A search shows nobody below: one thing in common is a coincidence."""
PROPOSED_FROM: Final = 70
"""Pairs from here on are proposed as duplicates."""
CLOSE: Final = 0.85
"""Share of letters in common from which two spellings are called alike."""

SAME_FAMILY, FAMILY_ALIKE, FAMILY_PART = "same family name", "family name sounds alike", "one surname in common"
SAME_GIVEN, GIVEN_SHORT, GIVEN_ALIKE = "same given name", "given name is a short form", "given name sounds alike"
SWAPPED_NAMES = "given and family name swapped"
SAME_BIRTH, SWAPPED_BIRTH = "same birth date", "day and month of birth swapped"
NEAR_BIRTH, SAME_YEAR = "birth date differs in one digit", "same year of birth"
SAME_MEMBER = "same member id"
WEIGHTS: Final[dict[str, int]] = {
    SAME_FAMILY: 35, FAMILY_ALIKE: 25, FAMILY_PART: 20, SAME_GIVEN: 25, GIVEN_SHORT: 20, GIVEN_ALIKE: 15,
    SWAPPED_NAMES: 55, SAME_BIRTH: 35, SWAPPED_BIRTH: 30, NEAR_BIRTH: 20, SAME_YEAR: 8, SAME_MEMBER: 50,
}  # fmt: skip
"""Editorial: they order a list that a person reads, and decide nothing else."""


def likeness(asked: Sketch, known: PersonDetails) -> Likeness:
    givens = (*known.given, *([known.preferred_name] if known.preferred_name else []))
    swapped = _swapped(asked, known)
    family = None if swapped else _family(asked.family, known.family)
    given = None if swapped else _given(asked.given, givens)
    born = _birth(asked.birth_date, known.birth_date)
    if born is None and asked.year is not None and asked.year == known.birth_date.year:
        born = SAME_YEAR
    wanted = {plain(m) for m in asked.member_ids} - {""}
    member = SAME_MEMBER if wanted & {plain(m) for m in known.member_ids.values()} else None
    reasons = tuple(r for r in (SWAPPED_NAMES if swapped else None, family, given, born, member) if r is not None)
    sexes = {asked.gender, known.gender} - {"U"}
    return Likeness(
        rank=min(100, sum(WEIGHTS[r] for r in reasons)),
        reasons=reasons,
        likely=_likely(swapped, family, given, born, member, one_sex=len(sexes) < 2),
    )


def _likely(
    swapped: bool, family: str | None, given: str | None, born: str | None, member: str | None, *, one_sex: bool
) -> bool:
    """Twins share family name and birth date; a given name that only sounds alike is then told apart by the payer's sex."""
    day = born in (SAME_BIRTH, SWAPPED_BIRTH)
    first = given in (SAME_GIVEN, GIVEN_SHORT) or (given == GIVEN_ALIKE and one_sex)
    if swapped:
        return born == SAME_BIRTH
    if member is not None and first and born in (SAME_BIRTH, SWAPPED_BIRTH, NEAR_BIRTH):
        return True
    return day and first and family is not None


def _swapped(asked: Sketch, known: PersonDetails) -> bool:
    if not asked.family or plain(asked.family) == plain(known.family):
        return False
    crossed = plain(asked.family) in {plain(g) for g in known.given}
    return crossed and plain(known.family) in {plain(g) for g in asked.given}


def _family(asked: str | None, known: str) -> str | None:
    if not asked or not plain(asked):
        return None
    if plain(asked) == plain(known):
        return SAME_FAMILY
    if sound_of(asked) == sound_of(known) or _close(asked, known):
        return FAMILY_ALIKE
    return FAMILY_PART if sounds_of(asked) & sounds_of(known) else None


def _given(asked: tuple[str, ...], known: tuple[str, ...]) -> str | None:
    mine, theirs = {plain(g) for g in asked} - {""}, {plain(g) for g in known} - {""}
    if not mine or not theirs:
        return None
    if mine & theirs:
        return SAME_GIVEN
    if frozenset().union(*map(long_forms, mine)) & frozenset().union(*map(long_forms, theirs)):
        return GIVEN_SHORT
    alike = any(sound_of(a) == sound_of(b) or _close(a, b) for a in mine for b in theirs)
    return GIVEN_ALIKE if alike else None


def _close(one: str, other: str) -> bool:
    """Digits in a name tell apart whatever else is alike."""
    left, right = plain(one), plain(other)
    if [c for c in left if c.isdigit()] != [c for c in right if c.isdigit()]:
        return False
    return SequenceMatcher(None, left, right, autojunk=False).ratio() >= CLOSE


def _birth(asked: date | None, known: date) -> str | None:
    if asked is None:
        return None
    if asked == known:
        return SAME_BIRTH
    if birth_key(asked) == birth_key(known):
        return SWAPPED_BIRTH
    differing = sum(a != b for a, b in zip(f"{asked:%Y%m%d}", f"{known:%Y%m%d}", strict=True))
    return NEAR_BIRTH if differing == 1 else None
