"""One engine that reads any transaction by an implementation guide given as data (domain 4.5, 6.12).

It answers two things at once: the tree of loops, for parsers, and what is wrong and where, for the 999.
Findings name places and never repeat what stood there. A guide is rules only: which loops and segments may stand
where and how often, which of several segments with one tag is meant (an element's or a component's code tells), and
for each element its usage, form, length, codes, repetition and how it depends on its neighbours."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from definitions.acknowledgement import SyntaxFinding
from interchange.x12.segments import Segment

REQUIRED, SITUATIONAL, UNUSED = "R", "S", "N"
MANY: Final = 1_000_000
"""The guide's `>1`: as often as one likes."""

RELATION: Final = re.compile(r"([PRECL])((?:[0-9]{2}){2,})")


@dataclass(frozen=True, slots=True)
class Relation:
    """How elements of a segment, or components of an element, depend on each other, in the standard's letters:
    P all or none, R at least one, E at most one, C if the first then the others, L if the first then one other.
    `when`: the codes of the first element for which C and L hold; empty: whenever it is there."""

    kind: str
    positions: tuple[int, ...]
    when: frozenset[str] = frozenset()


def relation(text: str, when: str = "") -> Relation:
    """As the standard writes it: `P0304`, `C0506`."""
    found = RELATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is not a relational condition such as P0304")
    numbers = found.group(2)
    places = tuple(int(numbers[n : n + 2]) for n in range(0, len(numbers), 2))
    return Relation(found.group(1), places, frozenset(when.split()))


@dataclass(frozen=True, slots=True)
class ElementRule:
    """One element: usage, kind (AN, ID, N0, R, DT, TM, D8, RD8), length, allowed codes; or a composite of them.
    `repeat`: how many repetitions it may hold."""

    usage: str
    kind: str = "AN"
    low: int = 1
    high: int = 80
    codes: frozenset[str] = frozenset()
    components: tuple["ElementRule", ...] = ()
    repeat: int = 1
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """`qualifier`: the element whose codes tell this rule from others with the same tag, with `component` when it is
    one inside a composite (HI01-1); 0: none does. `each`: how often one code of the qualifier may come (0: as often as
    the segment). `form_of`: the element whose form another element names, as DTP03's is named by DTP02: (3, 2)."""

    tag: str
    low: int
    high: int
    elements: tuple[ElementRule, ...]
    qualifier: int = 0
    component: int = 0
    relations: tuple[Relation, ...] = ()
    each: int = 0
    form_of: tuple[int, int] | None = None
    codes: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        if self.qualifier:
            element = self.elements[self.qualifier - 1]
            told = element.components[self.component - 1] if self.component else element
            object.__setattr__(self, "codes", told.codes)

    @property
    def opener(self) -> "SegmentRule":
        return self

    def qualified(self, segment: Segment) -> str:
        return segment.part(self.qualifier, self.component) if self.component else segment.at(self.qualifier)

    def fits(self, segment: Segment) -> bool:
        return segment.tag == self.tag and (self.qualifier == 0 or self.qualified(segment) in self.codes)


@dataclass(frozen=True, slots=True)
class LoopRule:
    """`items` in order; the first is the segment that opens the loop. A loop that is told by its HL03 has an HL rule
    first whose qualifier is 3."""

    id: str
    low: int
    high: int
    items: "tuple[SegmentRule | LoopRule, ...]"
    by_tag: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        found: dict[str, tuple[int, ...]] = {}
        for number, item in enumerate(self.items):
            found[item.opener.tag] = (*found.get(item.opener.tag, ()), number)
        object.__setattr__(self, "by_tag", found)

    @property
    def opener(self) -> SegmentRule:
        return self.items[0].opener

    def fits(self, segment: Segment) -> bool:
        return self.opener.fits(segment)

    def segment_rules(self) -> Iterator[SegmentRule]:
        for item in self.items:
            if isinstance(item, SegmentRule):
                yield item
            else:
                yield from item.segment_rules()


@dataclass(frozen=True, slots=True)
class Guide:
    """A transaction between ST and SE. `purpose`: the BHT02 values it is about; empty: any. `levels`: for each HL03
    the HL03 of the loops that may stand above it; empty: not looked at."""

    kind: str
    version: str
    root: LoopRule
    purpose: frozenset[str] = frozenset()
    levels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tags: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", frozenset(rule.tag for rule in self.root.segment_rules()))


def must(kind: str, low: int, high: int, codes: str = "", *, repeat: int = 1) -> ElementRule:
    return ElementRule(REQUIRED, kind, low, high, frozenset(codes.split()), repeat=repeat)


def may(kind: str, low: int, high: int, codes: str = "", *, repeat: int = 1) -> ElementRule:
    return ElementRule(SITUATIONAL, kind, low, high, frozenset(codes.split()), repeat=repeat)


def composite(
    usage: str, *components: ElementRule, repeat: int = 1, relations: tuple[Relation, ...] = ()
) -> ElementRule:
    return ElementRule(usage, components=components, repeat=repeat, relations=relations)


EMPTY: Final = ElementRule(UNUSED)


@dataclass(slots=True)
class Loop:
    """A loop as found: its own segments and the loops inside, in order."""

    id: str
    segments: list[Segment] = field(default_factory=list)
    loops: list["Loop"] = field(default_factory=list)

    def all(self, loop_id: str) -> Iterator["Loop"]:
        """Every loop of this id, at any depth, in order."""
        for loop in self.loops:
            if loop.id == loop_id:
                yield loop
            yield from loop.all(loop_id)

    def one(self, loop_id: str) -> "Loop":
        """The first loop of this id; an empty one when there is none."""
        return next(self.all(loop_id), Loop(loop_id))

    def walk(self) -> Iterator["Loop"]:
        yield self
        for loop in self.loops:
            yield from loop.walk()


@dataclass(frozen=True, slots=True)
class Reading:
    """`whole`: read to its end; False when reading stopped because too much was wrong."""

    root: Loop
    findings: tuple[SyntaxFinding, ...]
    whole: bool = True
