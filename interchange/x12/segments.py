"""Segments: writing that nothing can break out of, reading with any delimiters."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from interchange.problem import InterchangeProblem

Element = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delimiters:
    element: str = "*"
    component: str = ":"
    repetition: str = "^"
    segment: str = "~"

    @property
    def all(self) -> str:
        return self.element + self.component + self.repetition + self.segment


STANDARD: Final = Delimiters()
UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
"""Everything outside printable ASCII: what every partner's reader takes."""


class X12Problem(InterchangeProblem):
    """The text is not the X12 we can read or write. Names the place, never the value."""


class DelimiterInCode(X12Problem):
    """An identifier holds a delimiter: it would break out of its element, so nothing is written."""


@dataclass(frozen=True, slots=True)
class Segment:
    """`elements` as they stood, which is not for logs; composites and repetitions are split on asking."""

    tag: str
    elements: tuple[str, ...] = field(repr=False)
    component: str = ":"
    repetition: str = "^"

    def at(self, position: int) -> str:
        """Element `position`, counted from 1 as the standard does; empty when absent."""
        return self.elements[position - 1] if position <= len(self.elements) else ""

    def parts(self, position: int) -> tuple[str, ...]:
        """The components of element `position`; none when absent."""
        value = self.at(position)
        return tuple(value.split(self.component)) if value else ()

    def repetitions(self, position: int) -> tuple[str, ...]:
        """The repetitions of element `position`; none when absent. A separator that is a letter or a digit (ISA11 of
        older versions) separates nothing."""
        value = self.at(position)
        if not value:
            return ()
        return (value,) if self.repetition.isalnum() else tuple(value.split(self.repetition))

    def part(self, position: int, component: int) -> str:
        found = self.parts(position)
        return found[component - 1] if component <= len(found) else ""


def free_text(value: str, limit: int = 60, delimiters: Delimiters = STANDARD) -> str:
    """Names and messages: accents are dropped, delimiters and unprintable characters become spaces, upper case,
    cut to `limit`. A name such as `O~HL*9` therefore stays inside its element."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))
    cleaned = UNPRINTABLE.sub(" ", plain.upper())
    for mark in delimiters.all:
        cleaned = cleaned.replace(mark, " ")
    return " ".join(cleaned.split())[:limit].strip() or "UNKNOWN"


@cache
def _forbidden(delimiters: Delimiters) -> re.Pattern[str]:
    return re.compile(rf"[^\x20-\x7e]|[{re.escape(delimiters.all)}]")


def code(value: str, delimiters: Delimiters = STANDARD) -> str:
    """Identifiers and codes: refused, not repaired, when they hold a delimiter, an unprintable character or
    blanks at an end."""
    if _forbidden(delimiters).search(value):
        raise DelimiterInCode("an identifier holds a delimiter or control character; correct it on the record")
    if value[:1] == " " or value[-1:] == " ":
        raise DelimiterInCode("an identifier begins or ends with a blank; correct it on the record")
    return value


def write(tag: str, *elements: Element, delimiters: Delimiters = STANDARD) -> str:
    """One segment with its terminator; trailing empty elements are left out. Every component is checked again
    here, so no caller can forget."""
    texts = []
    for element in elements:
        if isinstance(element, tuple):
            components = [code(c, delimiters) for c in element]
            while components and not components[-1]:
                components.pop()
            texts.append(delimiters.component.join(components))
        else:
            texts.append(code(element, delimiters))
    while texts and not texts[-1]:
        texts.pop()
    return delimiters.element.join([tag, *texts]) + delimiters.segment


def read(text: str, delimiters: Delimiters) -> list[Segment]:
    """All segments of `text`; line breaks after terminators are ignored."""
    found = []
    for raw in text.split(delimiters.segment):
        stripped = raw.strip("\r\n\t ")
        if stripped:
            tag, *values = stripped.split(delimiters.element)
            found.append(Segment(tag, tuple(values), delimiters.component, delimiters.repetition))
    return found


def first(segments: Sequence[Segment], tag: str, qualifier: str | None = None) -> Segment | None:
    """The first segment `tag`, with `qualifier` in its first element when one is asked for."""
    return next((s for s in segments if s.tag == tag and qualifier in (None, s.at(1))), None)
