"""Keys by which names that are written differently meet: how a name sounds, and the long form of a given name.

Soundex is the published coding of the US National Archives; the short forms are common English and Spanish ones (from
general knowledge). Both only find candidates: who is the same person is a human's verdict."""

import re
import unicodedata
from datetime import date
from typing import Final

SHORT_FORMS: Final[dict[str, tuple[str, ...]]] = {
    "abigail": ("abby", "gail"), "alexander": ("alex", "al", "sasha", "xander"), "alexandra": ("alex", "sandra", "lexi"),
    "andrew": ("andy", "drew"), "anthony": ("tony",), "antonio": ("tony", "tono"), "barbara": ("barb", "babs"),
    "benjamin": ("ben", "benny"), "catherine": ("cathy", "kate", "katie", "cat", "kathy", "katherine", "kathryn"),
    "charles": ("charlie", "chuck", "chas"), "christina": ("chris", "tina", "christine"), "christopher": ("chris", "kit"),
    "daniel": ("dan", "danny"), "david": ("dave", "davey"), "deborah": ("deb", "debbie"), "donald": ("don", "donny"),
    "dorothy": ("dot", "dottie"), "edward": ("ed", "eddie", "ted", "ned"), "elizabeth": (
        "liz", "beth", "betty", "lizzie", "eliza", "betsy", "libby"), "eugene": ("gene",), "francis": ("frank",),
    "francisco": ("paco", "pancho", "cisco"), "frederick": ("fred", "freddy"), "gerald": ("jerry", "gerry"),
    "guadalupe": ("lupe",), "gregory": ("greg",), "harold": ("harry", "hal"), "henry": ("hank", "harry"),
    "ignacio": ("nacho",), "jacob": ("jake",), "james": ("jim", "jimmy", "jamie"), "jennifer": ("jen", "jenny"),
    "jessica": ("jess", "jessie"), "jesus": ("chuy",), "john": ("jack", "johnny", "jon"), "jonathan": ("jon", "jonny"),
    "jose": ("pepe",), "joseph": ("joe", "joey"), "joshua": ("josh",), "kenneth": ("ken", "kenny"),
    "lawrence": ("larry",), "margaret": ("maggie", "meg", "peggy", "marge", "peg"), "matthew": ("matt",),
    "michael": ("mike", "mikey", "mick"), "nicholas": ("nick",), "pamela": ("pam",), "patricia": ("pat", "patty", "trish"),
    "patrick": ("pat", "paddy"), "peter": ("pete",), "philip": ("phil",), "raymond": ("ray",), "rebecca": ("becky", "becca"),
    "richard": ("rick", "dick", "rich", "ricky"), "robert": ("bob", "rob", "bobby", "robbie"), "ronald": ("ron", "ronny"),
    "samuel": ("sam", "sammy"), "sandra": ("sandy",), "stephen": ("steve", "steven"), "susan": ("sue", "suzy", "susie"),
    "theodore": ("ted", "teddy", "theo"), "theresa": ("terry", "tess", "teresa"), "thomas": ("tom", "tommy"),
    "timothy": ("tim",), "victoria": ("vicky", "tori"), "virginia": ("ginny",), "walter": ("walt",),
    "william": ("bill", "will", "billy", "willy", "liam"), "zachary": ("zach", "zack"),
}  # fmt: skip
_LONG: Final[dict[str, tuple[str, ...]]] = {
    short: tuple(sorted(full for full, shorts in SHORT_FORMS.items() if short in shorts))
    for short in {s for shorts in SHORT_FORMS.values() for s in shorts}
}
_CODES: Final = {c: d for d, cs in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), start=1) for c in cs}
_PARTS: Final = re.compile(r"[\s\-\u2010-\u2015/]+")


def plain(name: str) -> str:
    """Letters and digits without case, accents and punctuation."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in apart if c.isalnum())


def sound_of(name: str) -> str:
    """Soundex of the letters; digits stay, for they tell apart. Names in other scripts are their own sound."""
    whole = plain(name)
    letters, digits = (
        "".join(c for c in whole if c.isascii() and c.isalpha()),
        "".join(c for c in whole if c.isdigit()),
    )
    if not letters or len(letters) + len(digits) < len(whole):
        return whole
    found, last = letters[0].upper(), _CODES.get(letters[0])
    for letter in letters[1:]:
        code = _CODES.get(letter)
        if code is not None and code != last:
            found += str(code)
        # H and W do not part two letters of one code, vowels do.
        if letter not in "hw":
            last = code
    return found[:4].ljust(4, "0") + digits


def sounds_of(family: str) -> frozenset[str]:
    """Of the whole name and of each of its parts: one of two surnames is often left out."""
    parts = [p for p in _PARTS.split(family) if len(plain(p)) > 2]  # "de", "la" are no surname
    return frozenset(sound_of(p) for p in (family, *parts) if plain(p))


def long_forms(given: str) -> frozenset[str]:
    """The given name itself and what it may be short for."""
    own = plain(given)
    return frozenset({own, *_LONG.get(own, ())}) if own else frozenset()


def birth_key(born: date) -> str:
    """The same for a date whose day and month were swapped."""
    low, high = sorted((born.month, born.day))
    return f"{born.year:04d}-{low:02d}-{high:02d}"
