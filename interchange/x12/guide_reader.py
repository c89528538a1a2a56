"""Reading a transaction by its guide: where each segment goes, and what is missing, misplaced or too much (IK304)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from definitions.acknowledgement import SyntaxFinding
from interchange.x12.checks import check_hierarchy, check_segment
from interchange.x12.guide import Guide, Loop, LoopRule, Reading, SegmentRule
from interchange.x12.segments import Segment

UNKNOWN, UNEXPECTED, MISSING, LOOPS, SEGMENTS, FEW_LOOPS, FEW_SEGMENTS = "1", "2", "3", "4", "5", "I7", "I8"
FINDINGS_STOP: Final = 1_000
"""Whoever finds so much wrong stops reading: the transaction is refused anyway, and a file of rubbish costs nothing."""
TAG: Final = re.compile(r"[A-Z][A-Z0-9]{1,2}")


@dataclass(slots=True)
class _Place:
    """Where reading stands in one open loop. `codes` counts by item and code of its qualifier."""

    rule: LoopRule
    loop: Loop
    item: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    codes: dict[tuple[int, str], int] = field(default_factory=dict)


def read_by(guide: Guide, segments: Sequence[Segment], *, checked: bool = True) -> Reading:
    """`segments`: all between ST and SE. What the guide does not know is reported and left out of the tree.
    Not `checked`: the tree alone is wanted, and elements are not looked into."""
    return _Reader(guide, checked).read(segments)


class _Reader:
    def __init__(self, guide: Guide, checked: bool) -> None:
        self._guide = guide
        self._checked = checked
        self._root = _Place(guide.root, Loop(guide.root.id))
        self._open = [self._root]
        self._findings: list[SyntaxFinding] = []

    def read(self, segments: Sequence[Segment]) -> Reading:
        for position, segment in enumerate(segments, start=2):
            self._place(segment, position)
            if len(self._findings) >= FINDINGS_STOP:
                return Reading(self._root.loop, tuple(self._findings[:FINDINGS_STOP]), whole=False)
        self._close(0, len(segments) + 2)
        if self._checked:
            self._findings += check_hierarchy(segments, self._guide.levels)
        return Reading(self._root.loop, tuple(self._findings))

    def _place(self, segment: Segment, position: int) -> None:
        target = self._find(segment) or self._find_by_tag(segment)
        if target is None:
            if self._late(segment, position):
                return
            code = UNEXPECTED if segment.tag in self._guide.tags else UNKNOWN
            self._report(segment.tag, position, self._open[-1].rule.id, code)
            return
        depth, item = target
        self._close(depth + 1, position)
        place = self._open[depth]
        self._step(place, item, position)
        rule = place.rule.items[item]
        self._count(place, item, segment, position)
        if isinstance(rule, LoopRule):
            place = self._enter(place, rule)
        place.loop.segments.append(segment)
        if self._checked:
            self._findings += check_segment(segment, place.rule.items[place.item].opener, position, place.rule.id)

    def _enter(self, place: _Place, rule: LoopRule) -> _Place:
        inner = _Place(rule, Loop(rule.id), counts={0: 1})
        place.loop.loops.append(inner.loop)
        self._open.append(inner)
        first = rule.items[0]
        return self._enter(inner, first) if isinstance(first, LoopRule) else inner

    def _count(self, place: _Place, item: int, segment: Segment, position: int) -> None:
        rule = place.rule.items[item]
        count = place.counts[item] = place.counts.get(item, 0) + 1
        if isinstance(rule, LoopRule):
            if count == rule.high + 1:
                self._report(segment.tag, position, rule.id, LOOPS)
            return
        if count == rule.high + 1:
            self._report(segment.tag, position, place.rule.id, SEGMENTS)
        elif rule.each:
            key = (item, rule.qualified(segment))
            place.codes[key] = place.codes.get(key, 0) + 1
            if place.codes[key] == rule.each + 1:
                self._report(segment.tag, position, place.rule.id, SEGMENTS)

    def _find(self, segment: Segment) -> tuple[int, int] | None:
        """(depth, item) where `segment` goes: here or further on, in the innermost open loop that takes it; of several
        rules that fit there, the first that has room."""
        for depth in range(len(self._open) - 1, -1, -1):
            place = self._open[depth]
            full = None
            for item in place.rule.by_tag.get(segment.tag, ()):
                rule = place.rule.items[item]
                if item < place.item or not rule.fits(segment):
                    continue
                if item == 0 and depth > 0:
                    break  # the opener of an open loop again: a new loop, which the parent starts
                if place.counts.get(item, 0) < rule.high:
                    return depth, item
                full = full or (depth, item)
            if full is not None:
                return full
        return None

    def _find_by_tag(self, segment: Segment) -> tuple[int, int] | None:
        """By its tag alone where there is room, so that a wrong qualifier is a fault of the element."""
        for depth in range(len(self._open) - 1, -1, -1):
            place = self._open[depth]
            for item in place.rule.by_tag.get(segment.tag, ()):
                if item < place.item or place.counts.get(item, 0) >= place.rule.items[item].high:
                    continue
                if item == 0 and depth > 0:
                    break
                return depth, item
        return None

    def _late(self, segment: Segment, position: int) -> bool:
        """A known segment that comes too late in its loop is reported, and still kept for the parser: payers
        differ in the order they write."""
        for place in reversed(self._open):
            for item in place.rule.by_tag.get(segment.tag, ()):
                rule = place.rule.items[item]
                if item > 0 and isinstance(rule, SegmentRule) and rule.fits(segment):
                    place.loop.segments.append(segment)
                    place.counts[item] = place.counts.get(item, 0) + 1
                    self._report(segment.tag, position, place.rule.id, UNEXPECTED)
                    return True
        return False

    def _step(self, place: _Place, item: int, position: int) -> None:
        """Go forward to `item`; what was required on the way and did not come is missing."""
        for passed in range(place.item, item):
            rule = place.rule.items[passed]
            count = place.counts.get(passed, 0)
            if count < rule.low:
                self._missing(rule, place, position, count)
        place.item = item

    def _close(self, depth: int, position: int) -> None:
        while len(self._open) > depth:
            place = self._open[-1]
            self._step(place, len(place.rule.items), position)
            self._open.pop()

    def _missing(self, rule: SegmentRule | LoopRule, place: _Place, position: int, count: int) -> None:
        if isinstance(rule, LoopRule):
            self._report(rule.opener.tag, position, rule.id, FEW_LOOPS if count else MISSING)
        else:
            self._report(rule.tag, position, place.rule.id, FEW_SEGMENTS if count else MISSING)

    def _report(self, tag: str, position: int, loop: str, code: str) -> None:
        known = TAG.fullmatch(tag)
        self._findings.append(SyntaxFinding(tag=tag if known else "ZZZ", position=position, loop=loop, code=code))
