"""Values inside elements: days, spans, counts, diagnoses, in both directions."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from definitions.services_review import DateSpan, ReviewDiagnosis
from interchange.x12.segments import Element, Segment, X12Problem, code, write

DIAGNOSIS_QUALIFIERS = frozenset({"ABK", "ABJ", "ABF", "APR", "BK", "BJ", "BF", "PR"})
CODES_IN_ONE_HI = 12


def day(on: date) -> str:
    return on.strftime("%Y%m%d")


def span(dates: DateSpan) -> str:
    return f"{day(dates.first)}-{day(dates.last)}"


def read_day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise X12Problem("a date is not written as CCYYMMDD") from None


def read_span(text: str) -> DateSpan:
    """RD8, or D8 as a span of one day."""
    first, _, last = text.partition("-")
    return DateSpan(first=read_day(first), last=read_day(last or first))


def read_moment(bht: Segment) -> datetime:
    """BHT04 and BHT05; X12 carries no offset here, so it is taken as UTC and used for order only."""
    try:
        return datetime.strptime(bht.at(4) + (bht.at(5)[:4] or "0000"), "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        raise X12Problem("BHT does not say when the message was made") from None


def optional(text: str) -> str | None:
    return text or None


def number(text: str) -> int | None:
    """A whole number; `7.0` counts as 7. None when absent."""
    if not text:
        return None
    whole, _, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdigit()) or fraction.strip("0"):
        raise X12Problem("a quantity is not a whole number")
    return int(whole)


def diagnoses(found: Sequence[ReviewDiagnosis]) -> list[str]:
    """One HI with up to twelve codes; more than a 278 takes is a problem, never a silent cut."""
    if len(found) > CODES_IN_ONE_HI:
        raise X12Problem("a request takes twelve diagnoses at most; remove those that do not matter to the payer")
    pairs: list[Element] = [(code(d.qualifier), code(d.code)) for d in found]
    return [write("HI", *pairs)] if pairs else []


def read_diagnoses(segments: Sequence[Segment]) -> tuple[ReviewDiagnosis, ...]:
    return tuple(ReviewDiagnosis(qualifier=q, code=c) for q, c in _pairs(segments) if q in DIAGNOSIS_QUALIFIERS)


def read_wanted(segments: Sequence[Segment]) -> tuple[str, ...]:
    """LOINC codes of documents that a payer asks for (HI LOI)."""
    return tuple(c for q, c in _pairs(segments) if q == "LOI")


def _pairs(segments: Sequence[Segment]) -> list[tuple[str, str]]:
    return [
        (part[0], part[1])
        for segment in segments
        if segment.tag == "HI"
        for part in (segment.parts(n + 1) for n in range(len(segment.elements)))
        if len(part) > 1
    ]
