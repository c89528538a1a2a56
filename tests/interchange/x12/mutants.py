"""Messages made wrong in one place, by rule: what a tired partner or a broken program does to a file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FIRST_INSIDE = 3
"""ISA, GS and ST stay as they are: the envelope has tests of its own."""


@dataclass(frozen=True)
class Mutant:
    """`what` was done to which segment (`place`: tag and element, as `NM1.08`)."""

    name: str
    what: str
    place: str
    text: str


def segments_of(text: str) -> list[str]:
    return [s.strip() for s in text.split("~") if s.strip()]


def joined(segments: list[str]) -> str:
    """With a segment count that agrees again."""
    inside = next(i for i, s in enumerate(segments) if s.startswith("ST*"))
    end = next(i for i, s in enumerate(segments) if s.startswith("SE*"))
    segments[end] = re.sub(r"SE\*\d+", f"SE*{end - inside + 1}", segments[end])
    return "~\n".join(segments) + "~\n"


def mutants_of(name: str, text: str) -> Iterator[Mutant]:
    """Every segment dropped, doubled, moved; every element emptied, overlong, of another code, of other characters."""
    segments = segments_of(text)
    end = next(i for i, s in enumerate(segments) if s.startswith("SE*"))
    for at in range(FIRST_INSIDE, end):
        tag, *elements = segments[at].split("*")
        yield Mutant(name, "dropped", tag, joined(segments[:at] + segments[at + 1 :]))
        yield Mutant(name, "doubled", tag, joined(segments[: at + 1] + segments[at:]))
        if at + 1 < end:
            swapped = [*segments[:at], segments[at + 1], segments[at], *segments[at + 2 :]]
            yield Mutant(name, "swapped", f"{tag}+{segments[at + 1].split('*')[0]}", joined(swapped))
        for number, value in enumerate(elements):
            for what, other in (("emptied", ""), ("coded", "QQ"), ("overlong", "9" * 300), ("lettered", f"{value}X")):
                if other == value or (what == "emptied" and not value):
                    continue
                changed = [*elements[:number], other, *elements[number + 1 :]]
                while changed and not changed[-1]:
                    changed.pop()
                line = "*".join([tag, *changed])
                yield Mutant(name, what, f"{tag}.{number + 1:02d}", joined([*segments[:at], line, *segments[at + 1 :]]))
        yield Mutant(
            name, "extended", tag, joined([*segments[:at], segments[at] + "*" * 20 + "X", *segments[at + 1 :]])
        )
