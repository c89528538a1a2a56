"""What may be wrong inside a segment: its elements one by one, together, and the HL numbers (IK403, domain 6.12)."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from definitions.acknowledgement import SyntaxFinding
from interchange.x12.guide import REQUIRED, UNUSED, ElementRule, Relation, SegmentRule
from interchange.x12.segments import Segment

MISSING, CONDITION, TOO_MANY, SHORT, LONG, CHARACTER, CODE, DATE, TIME = "1", "2", "3", "4", "5", "6", "7", "8", "9"
EXCLUDED, REPETITIONS, COMPONENTS, NOT_USED = "10", "12", "13", "I10"
DAY: Final = re.compile(r"[0-9]{8}")
CLOCK: Final = re.compile(r"[0-9]{4}(?:[0-9]{2}){0,2}")
WHOLE: Final = re.compile(r"[0-9]+")
DECIMAL: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

Fault = tuple[int, int | None, int | None, str]
"""Element, component, repetition, IK403."""


def check_segment(segment: Segment, rule: SegmentRule, position: int, loop: str) -> list[SyntaxFinding]:
    faults = _element_faults(segment, rule)
    faults += _form_faults(segment, rule, faults)
    if rule.relations:
        told = {fault[0] for fault in faults}
        values = [bool(v) for v in segment.elements]
        faults += [
            (place, None, None, code)
            for place, code in _relation_faults(rule.relations, values, segment.at)
            if place not in told
        ]
    return [
        SyntaxFinding(
            tag=segment.tag, position=position, loop=loop, code="8", element=element, component=component,
            repetition=repetition, element_code=code,
        )
        for element, component, repetition, code in faults
    ]  # fmt: skip


def _element_faults(segment: Segment, rule: SegmentRule) -> list[Fault]:
    faults: list[Fault] = []
    elements, rules = segment.elements, rule.elements
    for number, element in enumerate(rules, start=1):
        value = elements[number - 1] if number <= len(elements) else ""
        if not value:
            if element.usage == REQUIRED:
                faults.append((number, None, None, MISSING))
            continue
        if element.repeat == 1 and not element.components:
            fault = _fault(value, element)
            if fault:
                faults.append((number, None, None, fault))
            continue
        faults += _repeated(segment, number, element)
    faults += [(number, None, None, TOO_MANY) for number in range(len(rules) + 1, len(elements) + 1)][:1]
    return faults


def _repeated(segment: Segment, number: int, rule: ElementRule) -> list[Fault]:
    values = segment.repetitions(number)
    if len(values) > rule.repeat:
        return [(number, None, rule.repeat + 1 if rule.repeat > 1 else None, REPETITIONS)]
    faults: list[Fault] = []
    for count, value in enumerate(values, start=1):
        which = count if rule.repeat > 1 else None
        if rule.components:
            faults += [(number, part, which, code) for part, code in _composite_faults(segment, value, rule)]
        elif fault := _fault(value, rule):
            faults.append((number, None, which, fault))
    return faults


def _composite_faults(segment: Segment, value: str, rule: ElementRule) -> list[tuple[int | None, str]]:
    parts = value.split(segment.component)
    if rule.usage == UNUSED:
        return [(None, NOT_USED)]
    if len(parts) > len(rule.components):
        return [(None, COMPONENTS)]
    faults: list[tuple[int | None, str]] = []
    for index, component in enumerate(rule.components, start=1):
        fault = _fault(parts[index - 1] if index <= len(parts) else "", component)
        if fault:
            faults.append((index, fault))
    told = {place for place, _ in faults}

    def at(place: int) -> str:
        return parts[place - 1] if place <= len(parts) else ""

    held = [bool(p) for p in parts]
    return faults + [f for f in _relation_faults(rule.relations, held, at) if f[0] not in told]


def _relation_faults(
    relations: Sequence[Relation], held: Sequence[bool], at: Callable[[int], str]
) -> list[tuple[int, str]]:
    faults: list[tuple[int, str]] = []
    for one in relations:
        there = [place <= len(held) and held[place - 1] for place in one.positions]
        first, others = one.positions[0], one.positions[1:]
        if one.kind == "P" and any(there):
            faults += [(place, CONDITION) for place, held_ in zip(one.positions, there, strict=True) if not held_]
        elif one.kind == "R" and not any(there):
            faults.append((first, CONDITION))
        elif one.kind == "E":
            faults += [(place, EXCLUDED) for place, held_ in zip(one.positions, there, strict=True) if held_][1:]
        elif one.kind in "CL" and there[0] and (not one.when or at(first) in one.when):
            absent = [place for place, held_ in zip(others, there[1:], strict=True) if not held_]
            if one.kind == "C":
                faults += [(place, CONDITION) for place in absent]
            elif len(absent) == len(others):
                faults.append((others[0], CONDITION))
    return faults


def _form_faults(segment: Segment, rule: SegmentRule, told: Sequence[Fault]) -> list[Fault]:
    """An element whose form its neighbour names: DTP03 by DTP02."""
    if rule.form_of is None:
        return []
    place, named_by = rule.form_of
    value, check = segment.at(place), FORMS.get(segment.at(named_by))
    if not value or check is None or any(fault[0] == place for fault in told):
        return []
    wrong = check(value)
    return [(place, None, None, wrong)] if wrong else []


def _fault(value: str, rule: ElementRule) -> str | None:
    """IK403 of one value, None when it is good."""
    if not value:
        return MISSING if rule.usage == REQUIRED else None
    if rule.usage == UNUSED:
        return NOT_USED
    if len(value) < rule.low:
        return SHORT
    if len(value) > rule.high:
        return LONG
    if rule.codes:
        return None if value in rule.codes else CODE
    wrong = FORMS.get(rule.kind, _text)
    return wrong(value)


def _text(value: str) -> str | None:
    return CHARACTER if CONTROL.search(value) else None


def _whole(value: str) -> str | None:
    return None if WHOLE.fullmatch(value) else CHARACTER


def _decimal(value: str) -> str | None:
    return None if DECIMAL.fullmatch(value) else CHARACTER


def _date(value: str) -> str | None:
    if not DAY.fullmatch(value):
        return DATE
    try:
        date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return DATE
    return None


def _time(value: str) -> str | None:
    """HHMM, HHMMSS or HHMMSSDD."""
    good = CLOCK.fullmatch(value) and value[:2] < "24" and value[2:4] < "60" and value[4:6] < "60"
    return None if good else TIME


def _period(value: str) -> str | None:
    """Two dates in order."""
    first, _, last = value.partition("-")
    return DATE if _date(first) or _date(last) or first > last else None


def _moment(value: str) -> str | None:
    return DATE if _date(value[:8]) or _time(value[8:]) else None


FORMS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "N0": _whole,
    "R": _decimal,
    "DT": _date,
    "TM": _time,
    "D8": _date,
    "RD8": _period,
    "DTS": _moment,
}
"""By an element's kind, or by the code that names a neighbour's form (D8, RD8, TM)."""


def check_hierarchy(segments: Sequence[Segment], levels: Mapping[str, frozenset[str]]) -> list[SyntaxFinding]:
    """HL01 counts from 1, HL02 names a loop above that may stand there, HL04 says whether there are loops below."""
    hierarchy = [(position, s) for position, s in enumerate(segments, start=2) if s.tag == "HL"]
    parents = {s.at(2) for _, s in hierarchy}
    seen: dict[str, str] = {}
    found = []
    for count, (position, level) in enumerate(hierarchy, start=1):
        above, code = level.at(2), level.at(3)
        faults = []
        if level.at(1) != str(count):
            faults.append(1)
        if above and (above not in seen or (code in levels and seen[above] not in levels[code])):
            faults.append(2)
        if level.at(4) and (level.at(4) == "1") != (level.at(1) in parents):
            faults.append(4)
        seen[level.at(1)] = code
        found += [SyntaxFinding(tag="HL", position=position, code="8", element=n, element_code=CODE) for n in faults]
    return found
