"""What a patient event and a service line are made of: dates, numbers, services and documents, both ways."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from definitions.review_parts import (
    AdmissionCodes,
    DateSpan,
    LineReview,
    ReviewAttachment,
    ReviewCondition,
    ServiceDelivery,
    ServiceLine,
)
from interchange.x12.guide import Loop
from interchange.x12.segments import Element, Segment, X12Problem, code, first, free_text, write
from interchange.x12.values import day, number, optional, read_day, read_span, span

MESSAGE_MAX: Final = 264
AMOUNT_MAX: Final = 18


class Levels:
    """HL segments in their order, numbered from 1."""

    def __init__(self) -> None:
        self.count = 0

    def open(self, parent: int | None, level: str, *, children: bool) -> str:
        self.count += 1
        above = "" if parent is None else str(parent)
        return write("HL", str(self.count), above, level, "1" if children else "0")


def number_segments(pairs: Sequence[tuple[str, str | None]]) -> list[str]:
    """REF of those that are there."""
    return [write("REF", qualifier, code(value)) for qualifier, value in pairs if value]


def read_number(loop: Loop, qualifier: str) -> str | None:
    found = first(loop.segments, "REF", qualifier)
    return optional(found.at(2)) if found else None


def date_segments(pairs: Sequence[tuple[str, date | DateSpan | None]]) -> list[str]:
    """DTP of those that are there: a day as D8, a span as RD8."""
    return [
        write("DTP", qualifier, "RD8", span(value))
        if isinstance(value, DateSpan)
        else write("DTP", qualifier, "D8", day(value))
        for qualifier, value in pairs
        if value is not None
    ]


def read_date(loop: Loop, qualifier: str) -> date | None:
    found = first(loop.segments, "DTP", qualifier)
    return read_day(found.at(3)[:8]) if found else None


def read_dates(loop: Loop, qualifier: str) -> DateSpan | None:
    found = first(loop.segments, "DTP", qualifier)
    return read_span(found.at(3)) if found else None


def delivery_segments(asked: ServiceDelivery | None) -> list[str]:
    if asked is None:
        return []
    amount = (code(asked.kind), str(asked.quantity)) if asked.kind else ("", "")
    every, count = ("" if n is None else str(n) for n in (asked.every, asked.span_count))
    rhythm = (code(asked.period or ""), every, code(asked.span or ""), count, code(asked.days or ""),
              code(asked.time_of_day or ""))  # fmt: skip
    return [write("HSD", *amount, *rhythm)] if asked.kind or any(rhythm) else []


def read_delivery(loop: Loop) -> ServiceDelivery | None:
    hsd = first(loop.segments, "HSD")
    if hsd is None:
        return None
    return ServiceDelivery(
        kind=hsd.at(1), quantity=number(hsd.at(2)) or 0, period=optional(hsd.at(3)), every=number(hsd.at(4)),
        span=optional(hsd.at(5)), span_count=number(hsd.at(6)), days=optional(hsd.at(7)),
        time_of_day=optional(hsd.at(8)),
    )  # fmt: skip


def more_than_amount(delivery: ServiceDelivery | None) -> ServiceDelivery | None:
    """The delivery when it says more than how much."""
    if delivery is None or delivery == ServiceDelivery(kind=delivery.kind, quantity=delivery.quantity):
        return None
    return delivery


def admission_segments(given: AdmissionCodes | None) -> list[str]:
    if given is None:
        return []
    return [write("CL1", code(given.type), code(given.source or ""), code(given.patient_status or ""))]


def read_admission(loop: Loop) -> AdmissionCodes | None:
    cl1 = first(loop.segments, "CL1")
    if cl1 is None:
        return None
    return AdmissionCodes(type=cl1.at(1), source=optional(cl1.at(2)), patient_status=optional(cl1.at(3)))


def attachment_segments(sheets: Sequence[ReviewAttachment]) -> list[str]:
    return [
        write("PWK", code(s.kind), code(s.transmission), "", "", *(("AC", code(s.control_number)) if s.control_number
              else ("", "")), free_text(s.description, 80) if s.description else "")
        for s in sheets
    ]  # fmt: skip


def read_attachments(loop: Loop) -> tuple[ReviewAttachment, ...]:
    return tuple(
        ReviewAttachment(kind=s.at(1), transmission=s.at(2), control_number=s.at(6), description=optional(s.at(7)))
        for s in loop.segments
        if s.tag == "PWK"
    )


def condition_segments(conditions: Sequence[ReviewCondition]) -> list[str]:
    return [
        write("CRC", code(c.category), "Y" if c.applies else "N", *(code(one) for one in c.codes)) for c in conditions
    ]


def read_conditions(loop: Loop) -> tuple[ReviewCondition, ...]:
    return tuple(
        ReviewCondition(category=s.at(1), applies=s.at(2) == "Y", codes=tuple(c for c in s.elements[2:7] if c))
        for s in loop.segments
        if s.tag == "CRC"
    )


def message_segments(*texts: str | None) -> list[str]:
    return [write("MSG", free_text(text, MESSAGE_MAX)) for text in texts if text]


def read_messages(loop: Loop) -> tuple[str, ...]:
    return tuple(s.at(1) for s in loop.segments if s.tag == "MSG" and s.at(1))


def review_segments(review: LineReview | None) -> list[str]:
    """UM of a line."""
    if review is None:
        return []
    place = (code(review.facility_type or ""), code(review.location_qualifier or ""))
    return [
        write("UM", code(review.category), code(review.certification or ""), code(review.service_type or ""), place, "",
              code(review.level_of_service or ""))
    ]  # fmt: skip


def read_review(loop: Loop) -> LineReview | None:
    um = first(loop.segments, "UM")
    if um is None:
        return None
    return LineReview(
        category=um.at(1), certification=optional(um.at(2)), service_type=optional(um.at(3)),
        facility_type=optional(um.part(4, 1)), location_qualifier=optional(um.part(4, 2)),
        level_of_service=optional(um.at(6)),
    )  # fmt: skip


def service_segment(line: ServiceLine) -> str:
    """SV1 or SV2 of a line that is asked for."""
    return service(
        professional=line.professional, revenue=line.revenue_code, procedure=line.procedure_code,
        modifiers=line.modifiers, amount=line.amount, quantity=(line.unit, str(line.quantity)),
    )  # fmt: skip


def service(
    *, professional: bool, revenue: str, procedure: str, modifiers: Sequence[str], amount: Decimal | None,
    quantity: tuple[str, str] | tuple[()],
) -> str:  # fmt: skip
    coded: Element = ("HC", code(procedure), *(code(m) for m in modifiers)) if procedure else ""
    money = "" if amount is None else format(amount, "f")
    units = [code(q) for q in quantity]
    if professional:
        return write("SV1", coded, money, *units)
    return write("SV2", code(revenue), coded, money, *units)


class Service:
    """SV1 or SV2 as read; empty when a line has neither."""

    def __init__(self, loop: Loop) -> None:
        sv1, sv2 = first(loop.segments, "SV1"), first(loop.segments, "SV2")
        self.there = sv1 is not None or sv2 is not None
        self.professional = sv2 is None and sv1 is not None
        found = sv2 or sv1 or Segment("SV2", ())
        at = 1 if self.professional else 2
        self.revenue = "" if self.professional else found.at(1)
        self.procedure = found.part(at, 2)
        self.modifiers = tuple(m for m in found.parts(at)[2:6] if m)
        self.amount = read_amount(found.at(at + 1))
        self.unit = found.at(at + 2)
        self.quantity = number(found.at(at + 3))


def read_amount(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text) if len(text) <= AMOUNT_MAX and text.isascii() else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        raise X12Problem("an amount of money is not a number")
    return amount
