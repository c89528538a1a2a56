"""Segments: writing that nothing can break out of, reading with any delimiters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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


STANDARD = Delimiters()
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class X12Problem(Exception):
    """The text is not the X12 we can read or write. Names the place, never the value."""


class DelimiterInCode(X12Problem):
    """An identifier holds a delimiter: it would break out of its element, so nothing is written."""


@dataclass(frozen=True, slots=True)
class Segment:
    tag: str
    elements: tuple[Element, ...]

    def at(self, position: int) -> str:
        """Element `position`, counted from 1 as the standard does; empty when absent. Composites give their
        first component."""
        if position > len(self.elements):
            return ""
        value = self.elements[position - 1]
        return value[0] if isinstance(value, tuple) else value

    def parts(self, position: int) -> tuple[str, ...]:
        if position > len(self.elements):
            return ()
        value = self.elements[position - 1]
        return value if isinstance(value, tuple) else (value,)


def free_text(value: str, limit: int = 60, delimiters: Delimiters = STANDARD) -> str:
    """Names and messages: delimiters and control characters become spaces, upper case, cut to `limit`. A name
    such as `O~HL*9` therefore stays inside its element."""
    cleaned = CONTROL.sub(" ", value)
    for mark in delimiters.all:
        cleaned = cleaned.replace(mark, " ")
    return " ".join(cleaned.upper().split())[:limit].strip() or "UNKNOWN"


def code(value: str, delimiters: Delimiters = STANDARD) -> str:
    """Identifiers and codes: refused, not repaired, when they hold a delimiter."""
    if CONTROL.search(value) or any(mark in value for mark in delimiters.all):
        raise DelimiterInCode("an identifier holds a delimiter or control character; correct it on the record")
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
        if not stripped:
            continue
        tag, *values = stripped.split(delimiters.element)
        found.append(Segment(tag, tuple(_element(v, delimiters) for v in values)))
    return found


def _element(value: str, delimiters: Delimiters) -> Element:
    return tuple(value.split(delimiters.component)) if delimiters.component in value else value


def loops(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Split a hierarchical transaction at its HL segments; what precedes the first HL comes first."""
    found: list[list[Segment]] = [[]]
    for segment in segments:
        if segment.tag == "HL":
            found.append([])
        found[-1].append(segment)
    return found
