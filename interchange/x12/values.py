"""Values inside elements: days, spans, counts, diagnoses, in both directions."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from pydantic import ValidationError

from definitions.review_parts import DateSpan, ReviewDiagnosis
from interchange.x12.guide import Loop
from interchange.x12.segments import Element, Segment, X12Problem, code, first, write

P = ParamSpec("P")
R = TypeVar("R")

DIAGNOSIS_QUALIFIERS: Final = frozenset({"ABK", "ABJ", "ABF", "APR", "BK", "BJ", "BF", "PR"})
WANTED: Final = "LOI"
CODES_IN_ONE_HI: Final = 12
QUANTITY_MAX: Final = 15
"""Digits of a quantity (element 380)."""
DAY: Final = re.compile(r"[0-9]{8}")


def readable(parse: Callable[P, R]) -> Callable[P, R]:
    """A parser raises `X12Problem` and nothing else: what our values cannot hold is named by its field, not its
    content."""

    @wraps(parse)
    def parsed(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return parse(*args, **kwargs)
        except ValidationError as refused:
            places = sorted({".".join(str(p) for p in e["loc"]) for e in refused.errors(include_input=False)})
            what = refused.title
            raise X12Problem(f"a message holds what cannot be taken: {what} ({', '.join(places)})") from None

    return parsed


def need(loop: Loop, tag: str) -> Segment:
    found = first(loop.segments, tag)
    if found is None:
        raise X12Problem(f"segment {tag} is missing in loop {loop.id}")
    return found


def day(on: date) -> str:
    return on.strftime("%Y%m%d")


def span(dates: DateSpan) -> str:
    return f"{day(dates.first)}-{day(dates.last)}"


def read_day(text: str) -> date:
    try:
        if not DAY.fullmatch(text):
            raise ValueError
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise X12Problem("a date is not written as CCYYMMDD") from None


def read_span(text: str) -> DateSpan:
    """RD8, or D8 as a span of one day."""
    first, _, last = text.partition("-")
    return DateSpan(first=read_day(first), last=read_day(last or first))


def read_moment(bht: Segment) -> datetime:
    """BHT04 and BHT05; X12 carries no offset here, so it is taken as UTC and used for order only."""
    text = bht.at(4) + (bht.at(5)[:4] or "0000")
    try:
        if not (text.isascii() and text.isdigit() and len(text) == 12):
            raise ValueError
        return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        raise X12Problem("BHT does not say when the message was made") from None


def optional(text: str) -> str | None:
    return text or None


def number(text: str) -> int | None:
    """A whole number; `7.0` counts as 7. None when absent."""
    if not text:
        return None
    whole, _, fraction = text.partition(".")
    if len(text) > QUANTITY_MAX or not (whole.isascii() and whole.isdigit()) or fraction.strip("0"):
        raise X12Problem("a quantity is not a whole number")
    return int(whole)


def diagnoses(found: Sequence[ReviewDiagnosis], wanted: Sequence[str] = ()) -> list[str]:
    """One HI with up to twelve codes, those of wanted documents (LOI) last; more than a 278 takes is a problem, never
    a silent cut."""
    if len(found) + len(wanted) > CODES_IN_ONE_HI:
        raise X12Problem("a request takes twelve diagnoses at most; remove those that do not matter to the payer")
    pairs: list[Element] = [(code(d.qualifier), code(d.code)) for d in found]
    pairs += [(WANTED, code(w)) for w in wanted]
    return [write("HI", *pairs)] if pairs else []


def read_diagnoses(segments: Sequence[Segment]) -> tuple[ReviewDiagnosis, ...]:
    return tuple(ReviewDiagnosis(qualifier=q, code=c) for q, c in _pairs(segments) if q in DIAGNOSIS_QUALIFIERS)


def read_wanted(segments: Sequence[Segment]) -> tuple[str, ...]:
    """LOINC codes of documents that a payer asks for (HI LOI)."""
    return tuple(c for q, c in _pairs(segments) if q == WANTED)


def _pairs(segments: Sequence[Segment]) -> list[tuple[str, str]]:
    return [
        (part[0], part[1])
        for segment in segments
        if segment.tag == "HI"
        for part in (segment.parts(n + 1) for n in range(len(segment.elements)))
        if len(part) > 1
    ]
