"""The patient event and its lines in a payer's answer: what was decided, what was rejected, what is wanted (domain 4.5).

AAA is a data problem and HCR a decision; the two never stand for each other."""

from datetime import date
from typing import Any

from definitions.review_codes import Action
from definitions.services_review import Answers, DateSpan, LineDecision, Rejection, ServicesReviewResponse
from interchange.x12.event_parts import (
    Levels,
    Service,
    admission_segments,
    attachment_segments,
    date_segments,
    delivery_segments,
    message_segments,
    more_than_amount,
    number_segments,
    read_admission,
    read_attachments,
    read_date,
    read_dates,
    read_delivery,
    read_messages,
    read_number,
    read_review,
    review_segments,
    service,
)
from interchange.x12.guide import Loop
from interchange.x12.parties import provider_segments, read_provider
from interchange.x12.segments import Segment, X12Problem, code, first, write
from interchange.x12.values import diagnoses, optional, read_diagnoses, read_wanted

BELOW_THE_MEMBER = ("2000E", "2010EA", "2000F", "2010F")
DAYS = "DY"


def has_event(answer: ServicesReviewResponse) -> bool:
    """Whether the answer has an event: it names a trace, decides, or rejects something about the event."""
    named = answer.trace is not None or answer.inquiry_trace is not None
    decides = answer.action is not None or bool(answer.lines) or answer.reference_number is not None
    return named or decides or any(r.loop in BELOW_THE_MEMBER for r in answer.rejections)


def rejected(answer: ServicesReviewResponse, loop: str, occurrence: int = 1) -> list[str]:
    return [
        write("AAA", "Y" if r.understood else "N", "", code(r.code), code(r.follow_up))
        for r in answer.rejections
        if r.loop == loop and r.occurrence == occurrence
    ]


def event_segments(answer: ServicesReviewResponse, levels: Levels) -> list[str]:
    if not has_event(answer):
        return []
    segments = [
        levels.open(levels.count, "EV", children=bool(answer.lines)),
        *_traces(answer),
        *rejected(answer, "2000E"),
        *_review(answer),
        *_decision(answer.action, answer.number, answer.reason, answer.second_opinion),
        *number_segments((("NT", answer.reference_number), ("BB", answer.previous_number))),
        *date_segments((
            ("435", answer.admission_date), ("096", answer.discharge_date), ("AAH", answer.event_dates),
            ("102", answer.issued_on), ("007", _span(answer.from_date, answer.through_date)),
            ("036", answer.expires_on),
        )),
        *diagnoses(answer.diagnoses, answer.wanted),
        *_delivery(answer),
        *admission_segments(answer.admission_codes),
        *attachment_segments(answer.attachments),
        *message_segments(answer.message, *answer.further_messages),
    ]  # fmt: skip
    for count, provider in enumerate(answer.providers, start=1):
        segments += provider_segments(provider, rejected(answer, "2010EA", count))
    if answer.information_contact is not None:
        segments += provider_segments(answer.information_contact)
    event, provider_count = levels.count, 0
    for count, line in enumerate(answer.lines, start=1):
        segments += [levels.open(event, "SS", children=False), *_line(answer, line, count)]
        for provider in line.providers:
            provider_count += 1
            segments += provider_segments(provider, rejected(answer, "2010F", provider_count))
    return segments


def _traces(answer: ServicesReviewResponse) -> list[str]:
    traces = [t for t in (answer.inquiry_trace, answer.trace) if t is not None]
    return [write("TRN", "2", code(trace), code(answer.originator or "")) for trace in traces]


def _span(first_day: date | None, last_day: date | None) -> DateSpan | None:
    return None if first_day is None else DateSpan(first=first_day, last=last_day or first_day)


def _review(answer: ServicesReviewResponse) -> list[str]:
    if not answer.category:
        return []
    usual = "I" if answer.answers is Answers.REQUEST else ""
    place = (code(answer.facility_type or ""), code(answer.location_qualifier or ""))
    return [
        write("UM", code(answer.category), code(answer.certification or usual), code(answer.service_type or ""),
              place, "", code(answer.level_of_service or ""))
    ]  # fmt: skip


def _decision(action: Action | None, number: str | None, reason: str | None, opinion: bool | None) -> list[str]:
    if action is None:
        return []
    second = "" if opinion is None else ("Y" if opinion else "N")
    return [write("HCR", action.value, code(number or ""), code(reason or ""), second)]


def _delivery(answer: ServicesReviewResponse | LineDecision) -> list[str]:
    if answer.delivery is not None:
        return delivery_segments(answer.delivery)
    if answer.units is None:
        return []
    return [write("HSD", code(answer.unit or DAYS), str(answer.units))]


def _line(answer: ServicesReviewResponse, line: LineDecision, count: int) -> list[str]:
    trace = [write("TRN", "2", code(line.trace), code(answer.originator or ""))] if line.trace else []
    return [
        *trace,
        *rejected(answer, "2000F", count),
        *review_segments(line.review),
        *_decision(line.action, line.number, line.reason, line.second_opinion),
        *number_segments((("NT", line.reference_number), ("BB", line.previous_number))),
        *date_segments((
            ("472", _span(line.from_date, line.through_date)), ("102", line.issued_on), ("007", line.certified),
            ("036", line.expires_on),
        )),
        *diagnoses((), line.wanted),
        *_service(line),
        *_delivery(line),
        *attachment_segments(line.attachments),
        *message_segments(line.message, *line.further_messages),
    ]  # fmt: skip


def _service(line: LineDecision) -> list[str]:
    if not (line.revenue_code or line.procedure_code):
        return []
    unit = "DA" if (line.unit or DAYS) == DAYS else "UN"
    return [
        service(
            professional=line.professional, revenue=line.revenue_code or "", procedure=line.procedure_code or "",
            modifiers=line.modifiers, amount=None, quantity=() if line.units is None else (unit, str(line.units)),
        )
    ]  # fmt: skip


def read_event(event: Loop, answers: Answers) -> dict[str, Any]:
    um, hcr = (first(event.segments, tag) or Segment(tag, ()) for tag in ("UM", "HCR"))
    certified, delivery = read_dates(event, "007"), read_delivery(event)
    messages = read_messages(event)
    contact = next((loop for loop in event.loops if loop.id == "2010EB"), None)
    return {
        **_read_traces(event, answers), "category": optional(um.at(1)),
        "certification": optional(um.at(2)), "service_type": optional(um.at(3)),
        "facility_type": optional(um.part(4, 1)), "location_qualifier": optional(um.part(4, 2)),
        "level_of_service": optional(um.at(6)), **_read_decision(hcr),
        "reference_number": read_number(event, "NT"), "previous_number": read_number(event, "BB"),
        "admission_date": read_date(event, "435"), "discharge_date": read_date(event, "096"),
        "event_dates": read_dates(event, "AAH"), "from_date": certified.first if certified else None,
        "through_date": certified.last if certified else None, "issued_on": read_date(event, "102"),
        "expires_on": read_date(event, "036"), "diagnoses": read_diagnoses(event.segments),
        "wanted": read_wanted(event.segments), **_read_amount(event), "delivery": more_than_amount(delivery),
        "admission_codes": read_admission(event), "attachments": read_attachments(event),
        "message": messages[0] if messages else None, "further_messages": messages[1:],
        "providers": tuple(read_provider(loop) for loop in event.loops if loop.id == "2010EA"),
        "information_contact": read_provider(contact) if contact else None,
    }  # fmt: skip


def _read_traces(event: Loop, answers: Answers) -> dict[str, Any]:
    """TRN 2 echoes ours; a TRN 1 is the payer's own and counts only when it stands alone. In the answer to an inquiry
    the first echo is the inquiry's, the second that of the request it asked about."""
    found = [s for s in event.segments if s.tag == "TRN"]
    echoed = [s for s in found if s.at(1) == "2"] or found[:1]
    if not echoed:
        return {"trace": None, "originator": None}
    traces = [optional(s.at(2)) for s in echoed]
    inquiry = answers is Answers.INQUIRY
    about = (traces[1] if len(traces) > 1 else None) if inquiry else traces[0]
    return {
        "trace": about,
        "inquiry_trace": traces[0] if inquiry else None,
        "originator": optional(echoed[0].at(3)),
    }


def _read_decision(hcr: Segment) -> dict[str, Any]:
    opinion = {"Y": True, "N": False}.get(hcr.at(4))
    return {
        "action": _action(hcr), "number": optional(hcr.at(2)), "reason": optional(hcr.at(3)), "second_opinion": opinion,
    }  # fmt: skip


def _action(hcr: Segment) -> Action | None:
    if not hcr.at(1):
        return None
    try:
        return Action(hcr.at(1))
    except ValueError:
        raise X12Problem("HCR01 holds an action this guide does not know") from None


def _read_amount(loop: Loop) -> dict[str, Any]:
    found = read_delivery(loop)
    if found is None or not found.kind:
        return {"units": None, "unit": None}
    return {"units": found.quantity, "unit": found.kind}


def read_lines(root: Loop) -> tuple[tuple[LineDecision, ...], tuple[Rejection, ...]]:
    """Lines that say something: a decision or a rejection. One that only repeats what was asked says nothing.
    Rejections name the loop they stand in and which of its kind that is."""
    silent = {id(loop) for loop in root.all("2000F") if not _speaks(loop)}
    lines = tuple(_read_line(loop) for loop in root.all("2000F") if id(loop) not in silent)
    counts: dict[str, int] = {}
    found: list[Rejection] = []

    def walk(loop: Loop) -> None:
        counts[loop.id] = counts.get(loop.id, 0) + 1
        found.extend(
            Rejection(
                loop=loop.id, code=s.at(3), follow_up=s.at(4), understood=s.at(1) == "Y", occurrence=counts[loop.id]
            )
            for s in loop.segments
            if s.tag == "AAA"
        )
        for inner in loop.loops:
            if id(inner) not in silent:
                walk(inner)

    walk(root)
    return lines, tuple(found)


def _speaks(line: Loop) -> bool:
    return any(s.tag in ("HCR", "AAA") for loop in line.walk() for s in loop.segments)


def _read_line(loop: Loop) -> LineDecision:
    trn, hcr = (first(loop.segments, tag) or Segment(tag, ()) for tag in ("TRN", "HCR"))
    echoed = first(loop.segments, "TRN", "2") or trn
    asked, sv = read_dates(loop, "472"), Service(loop)
    amount, messages = _read_amount(loop), read_messages(loop)
    if amount["units"] is None and sv.quantity is not None:
        amount = {"units": sv.quantity, "unit": None}
    return LineDecision(
        trace=optional(echoed.at(2)), **_read_decision(hcr), review=read_review(loop),
        reference_number=read_number(loop, "NT"), previous_number=read_number(loop, "BB"),
        from_date=asked.first if asked else None, through_date=asked.last if asked else None,
        issued_on=read_date(loop, "102"), certified=read_dates(loop, "007"), expires_on=read_date(loop, "036"),
        **amount, delivery=more_than_amount(read_delivery(loop)), professional=sv.professional,
        revenue_code=optional(sv.revenue), procedure_code=optional(sv.procedure), modifiers=sv.modifiers,
        attachments=read_attachments(loop), wanted=read_wanted(loop.segments),
        message=messages[0] if messages else None, further_messages=messages[1:],
        providers=tuple(read_provider(inner) for inner in loop.loops if inner.id == "2010F"),
    )  # fmt: skip
