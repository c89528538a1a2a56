"""Looks for marked words in bytes: as they are, in any case, and in the dresses that data travels in.

The leak test searches everything a house leaves behind with it, the support bundle searches itself for the secrets of its
installation. A finding names the mark, never its words."""

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST: Final = 6
"""Shorter words are found in noise: base64 of four letters stands in any long random text."""
_GZIP: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
INFLATED_MAX: Final = 4_000_000


def dresses(word: str) -> frozenset[bytes]:
    """The word as it may stand in text, JSON, an address, hex and UTF-16, in lower case. Raises ValueError for a word too
    short to be told from noise."""
    if len(word) < SHORTEST:
        raise ValueError(f"a mark of {len(word)} letters would be found in noise")
    cases = {word, word.lower(), word.upper()}
    plain = {form for said in cases for form in (said, quote(said), quote_plus(said), json.dumps(said)[1:-1])}
    # Bytes know no case beyond ASCII, so other letters are looked for in both.
    found = {form.encode().lower() for form in plain}
    for said in cases:
        found |= {said.encode("utf-16-le").lower(), said.encode("utf-16-be").lower(), said.encode().hex().encode()}
    return frozenset(found)


def encoded(word: str) -> frozenset[bytes]:
    """Base64 of the word wherever it stands in what was encoded, both alphabets: letters matter here."""
    found = set()
    for said in {word.encode(), word.lower().encode(), word.upper().encode()}:
        for offset in range(3):
            text = base64.b64encode(b"\0" * offset + said)
            # A letter stands for six bits: only those whose bits are all the word's own are looked for.
            whole = text[-(-8 * offset // 6) : 8 * (offset + len(said)) // 6]
            found |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return frozenset(found)


def of_date(day: date) -> tuple[str, ...]:
    """A date as people and messages write it."""
    return (day.isoformat(), day.strftime("%Y%m%d"), day.strftime("%m/%d/%Y"), day.strftime("%d.%m.%Y"))


class Searcher:
    """`marks`: by a name that may be told, the words nobody may find."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        self._plain = {name: dresses(word) for name, word in marks.items()}
        self._encoded = {name: encoded(word) for name, word in marks.items()}

    def found(self, content: bytes) -> set[str]:
        """Names of the marks in it, compressed parts of it included."""
        names: set[str] = set()
        for part in (content, *_inflated(content)):
            lower = part.lower()
            names |= {name for name, words in self._plain.items() if any(word in lower for word in words)}
            names |= {name for name, words in self._encoded.items() if any(word in part for word in words)}
        return names


def _inflated(content: bytes) -> Iterator[bytes]:
    """What opens as gzip or zlib, wherever it begins."""
    for start in _GZIP.finditer(content):
        try:
            yield zlib.decompressobj(wbits=47).decompress(content[start.start() :], INFLATED_MAX)
        except zlib.error:
            continue
