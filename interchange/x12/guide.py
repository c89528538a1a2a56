"""One engine that reads any transaction by an implementation guide given as data (domain 4.5, 6.12).

It answers two things at once: the tree of loops, for parsers, and what is wrong and where, for the 999.
Findings name places and never repeat what stood there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from definitions.services_review import SyntaxFinding
from interchange.x12.segments import Segment

REQUIRED, SITUATIONAL, UNUSED = "R", "S", "N"


@dataclass(frozen=True, slots=True)
class ElementRule:
    """One element: usage, kind (AN, ID, N0, R, DT, TM, D8), length, allowed codes; or a composite of them."""

    usage: str
    kind: str = "AN"
    low: int = 1
    high: int = 80
    codes: frozenset[str] = frozenset()
    components: tuple["ElementRule", ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """`qualifier`: the element whose codes tell this rule from others with the same tag; 0: none does."""

    tag: str
    low: int
    high: int
    elements: tuple[ElementRule, ...]
    qualifier: int = 0

    def fits(self, segment: Segment) -> bool:
        if segment.tag != self.tag:
            return False
        return self.qualifier == 0 or segment.at(self.qualifier) in self.elements[self.qualifier - 1].codes


@dataclass(frozen=True, slots=True)
class LoopRule:
    """`items` in order; the first is the segment that opens the loop."""

    id: str
    low: int
    high: int
    items: "tuple[SegmentRule | LoopRule, ...]"

    def fits(self, segment: Segment) -> bool:
        return self.items[0].fits(segment)


@dataclass(frozen=True, slots=True)
class Guide:
    """A transaction between ST and SE. `purpose`: the BHT02 values it is about; empty: any."""

    kind: str
    version: str
    root: LoopRule
    purpose: frozenset[str] = frozenset()


def must(kind: str, low: int, high: int, codes: str = "") -> ElementRule:
    return ElementRule(REQUIRED, kind, low, high, frozenset(codes.split()))


def may(kind: str, low: int, high: int, codes: str = "") -> ElementRule:
    return ElementRule(SITUATIONAL, kind, low, high, frozenset(codes.split()))


def composite(usage: str, *components: ElementRule) -> ElementRule:
    return ElementRule(usage, components=components)


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


@dataclass(slots=True)
class _Place:
    """Where reading stands in one open loop."""

    rule: LoopRule
    loop: Loop
    item: int = 0
    counts: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    root: Loop
    findings: tuple[SyntaxFinding, ...]


def read_by(guide: Guide, segments: Sequence[Segment]) -> Reading:
    """`segments`: all between ST and SE. What the guide does not know is reported and left out of the tree."""
    return _Reader(guide).read(segments)


class _Reader:
    def __init__(self, guide: Guide) -> None:
        self._root = _Place(guide.root, Loop(guide.root.id))
        self._open = [self._root]
        self._tags = {rule.tag for rule in _segment_rules(guide.root)}
        self._findings: list[SyntaxFinding] = []

    def read(self, segments: Sequence[Segment]) -> Reading:
        for position, segment in enumerate(segments, start=2):
            self._place(segment, position)
        self._close(0, len(segments) + 2)
        self._findings += check_hierarchy(segments)
        return Reading(self._root.loop, tuple(self._findings))

    def _place(self, segment: Segment, position: int) -> None:
        target = self._find(segment, exact=True) or self._find(segment, exact=False)
        if target is None:
            if self._late(segment, position):
                return
            code = "2" if segment.tag in self._tags else "1"
            self._report(segment.tag, position, self._open[-1].rule.id, code)
            return
        depth, item = target
        self._close(depth + 1, position)
        place = self._open[depth]
        self._step(place, item, position)
        rule = place.rule.items[item]
        place.counts[item] = place.counts.get(item, 0) + 1
        if place.counts[item] == rule.high + 1:
            code = "4" if isinstance(rule, LoopRule) else "5"
            self._report(segment.tag, position, rule.id if isinstance(rule, LoopRule) else place.rule.id, code)
        if isinstance(rule, LoopRule):
            inner = _Place(rule, Loop(rule.id), counts={0: 1})
            place.loop.loops.append(inner.loop)
            self._open.append(inner)
            place = inner
        place.loop.segments.append(segment)
        self._findings += check_segment(segment, _opener(rule), position, place.rule.id)

    def _find(self, segment: Segment, *, exact: bool) -> tuple[int, int] | None:
        """(depth, item) where `segment` goes: here or further on, in the innermost open loop that takes it.
        Not exact: by its tag alone, so that a wrong qualifier is a fault of the element."""
        for depth in range(len(self._open) - 1, -1, -1):
            place = self._open[depth]
            for item in range(place.item, len(place.rule.items)):
                rule = place.rule.items[item]
                room = exact or place.counts.get(item, 0) < rule.high
                if not (room and (rule.fits(segment) if exact else _opener(rule).tag == segment.tag)):
                    continue
                if item == 0 and depth > 0:
                    break  # the opener of an open loop again: a new loop, which the parent starts
                return depth, item
        return None

    def _late(self, segment: Segment, position: int) -> bool:
        """A known segment that comes too late in its loop is reported, and still kept for the parser: payers
        differ in the order they write."""
        for place in reversed(self._open):
            for rule in place.rule.items[1:]:
                if isinstance(rule, SegmentRule) and rule.fits(segment):
                    place.loop.segments.append(segment)
                    self._report(segment.tag, position, place.rule.id, "2")
                    return True
        return False

    def _step(self, place: _Place, item: int, position: int) -> None:
        """Go forward to `item`; what was required on the way and did not come is missing."""
        for passed in range(place.item, item):
            rule = place.rule.items[passed]
            if place.counts.get(passed, 0) < rule.low:
                self._missing(rule, place, position)
        place.item = item

    def _close(self, depth: int, position: int) -> None:
        while len(self._open) > depth:
            place = self._open[-1]
            self._step(place, len(place.rule.items), position)
            self._open.pop()

    def _missing(self, rule: "SegmentRule | LoopRule", place: _Place, position: int) -> None:
        self._report(_opener(rule).tag, position, rule.id if isinstance(rule, LoopRule) else place.rule.id, "3")

    def _report(self, tag: str, position: int, loop: str, code: str) -> None:
        known = re.fullmatch(r"[A-Z][A-Z0-9]{1,2}", tag)
        self._findings.append(SyntaxFinding(tag=tag if known else "ZZZ", position=position, loop=loop, code=code))


def _opener(rule: "SegmentRule | LoopRule") -> SegmentRule:
    return rule if isinstance(rule, SegmentRule) else _opener(rule.items[0])


def _segment_rules(loop: LoopRule) -> Iterator[SegmentRule]:
    for item in loop.items:
        if isinstance(item, SegmentRule):
            yield item
        else:
            yield from _segment_rules(item)


def check_segment(segment: Segment, rule: SegmentRule, position: int, loop: str) -> list[SyntaxFinding]:
    found: list[tuple[int, int | None, str]] = []
    for number in range(1, max(len(rule.elements), len(segment.elements)) + 1):
        value = segment.at(number)
        if number > len(rule.elements):
            found.append((number, None, "3"))
            continue
        element = rule.elements[number - 1]
        if element.components:
            found += [(number, c, code) for c, code in _composite_faults(segment, number, element)]
        else:
            fault = _fault(value, element)
            if fault:
                found.append((number, None, fault))
    return [
        SyntaxFinding(
            tag=segment.tag, position=position, loop=loop, code="8", element=number, component=part, element_code=code
        )
        for number, part, code in found
    ]


def _composite_faults(segment: Segment, number: int, rule: ElementRule) -> list[tuple[int | None, str]]:
    parts = segment.parts(number)
    if not parts:
        return [(None, "1")] if rule.usage == REQUIRED else []
    if len(parts) > len(rule.components):
        return [(None, "3")]
    faults: list[tuple[int | None, str]] = []
    for index, component in enumerate(rule.components, start=1):
        fault = _fault(parts[index - 1] if index <= len(parts) else "", component)
        if fault:
            faults.append((index, fault))
    return faults


def _fault(value: str, rule: ElementRule) -> str | None:
    """IK403 of one value, None when it is good."""
    if not value:
        return "1" if rule.usage == REQUIRED else None
    if rule.usage == UNUSED:
        return "I10"
    if len(value) < rule.low:
        return "4"
    if len(value) > rule.high:
        return "5"
    if rule.codes and value not in rule.codes:
        return "7"
    wrong = FORMS.get(rule.kind)
    return wrong(value) if wrong else None


def _whole(value: str) -> str | None:
    return None if re.fullmatch(r"\d+", value) else "6"


def _decimal(value: str) -> str | None:
    return None if re.fullmatch(r"-?\d+(\.\d+)?", value) else "6"


def _date(value: str) -> str | None:
    return None if re.fullmatch(r"\d{8}", value) and _reads(value, "%Y%m%d") else "8"


def _time(value: str) -> str | None:
    return None if re.fullmatch(r"\d{4}(\d{2}){0,2}", value) and _reads(value[:4], "%H%M") else "9"


def _period(value: str) -> str | None:
    """D8 or RD8: one date, or two in order."""
    days = value.split("-")
    if len(days) > 2 or any(_date(day) for day in days) or days != sorted(days):
        return "8"
    return None


def _reads(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


FORMS: Final = {"N0": _whole, "R": _decimal, "DT": _date, "TM": _time, "D8": _period}


def check_hierarchy(segments: Sequence[Segment]) -> list[SyntaxFinding]:
    """HL01 counts from 1, HL02 names a loop above, HL04 says whether there are loops below."""
    levels = [(position, s) for position, s in enumerate(segments, start=2) if s.tag == "HL"]
    parents = {s.at(2) for _, s in levels}
    seen: set[str] = set()
    found = []
    for count, (position, level) in enumerate(levels, start=1):
        faults = []
        if level.at(1) != str(count):
            faults.append(1)
        if level.at(2) and level.at(2) not in seen:
            faults.append(2)
        if level.at(4) and (level.at(4) == "1") != (level.at(1) in parents):
            faults.append(4)
        seen.add(level.at(1))
        found += [SyntaxFinding(tag="HL", position=position, code="8", element=n, element_code="7") for n in faults]
    return found
