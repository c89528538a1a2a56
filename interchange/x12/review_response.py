"""005010X217 response: what a payer answers, read whole and written by the stand-in payer (domain 4.5).

Encoding takes a plain value: it is the payer's own house that answers, not ours that discloses (D11 guards what
leaves this house)."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from definitions.services_review import (
    Action,
    DateSpan,
    LineDecision,
    Rejection,
    ReviewContact,
    ReviewParty,
    ServicesReviewResponse,
)
from interchange.x12.conformance import refuse_unless_conforming
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.guide import Loop, read_by
from interchange.x12.guides.services_review import RESPONSE, VERSION
from interchange.x12.review_request import contact_segment, read_contact
from interchange.x12.segments import Element, Segment, X12Problem, code, first, free_text, write
from interchange.x12.values import (
    day,
    diagnoses,
    number,
    optional,
    read_day,
    read_diagnoses,
    read_moment,
    read_span,
    read_wanted,
    span,
)

FINAL, MORE = "18", "19"
MESSAGE_MAX: Final = 264


def encode_answer(answer: ServicesReviewResponse, control: Control) -> str:
    known = answer.trace is not None
    contact = [contact_segment(answer.reviewer_contact)] if answer.reviewer_contact else []
    member = ("MI", code(answer.member_id)) if answer.member_id else ("", "")
    body = [
        write("BHT", "0007", "11", code(answer.reference), day(answer.created_at.date()),
              answer.created_at.strftime("%H%M"), MORE if answer.more_to_come else FINAL),
        write("HL", "1", "", "20", "1"),
        *_rejected(answer, "2000A"),
        write("NM1", "X3", "2", free_text(answer.reviewer.name), "", "", "", "", "PI", code(answer.reviewer.id)),
        *contact,
        *_rejected(answer, "2010A"),
        write("HL", "2", "1", "21", "1"),
        write("NM1", "FA", "2", free_text(answer.requester.name), "", "", "", "", "XX", code(answer.requester.id)),
        *_rejected(answer, "2010B"),
        write("HL", "3", "2", "22", "1" if known else "0"),
        write("NM1", "IL", "1", _name(answer.member_family, 60), _name(answer.member_given, 35), "", "", "", *member),
        *_rejected(answer, "2010C"),
    ]  # fmt: skip
    if known:
        body += _event(answer)
        for count, line in enumerate(answer.lines, start=5):
            body += _line(answer, line, count)
    text = wrap(body, control, functional_id="HI", version=VERSION, transaction="278")
    refuse_unless_conforming(text, "the answer")
    return text


def _name(value: str | None, limit: int) -> str:
    return free_text(value, limit) if value else ""


def _rejected(answer: ServicesReviewResponse, loop: str) -> list[str]:
    return [
        write("AAA", "Y" if r.understood else "N", "", code(r.code), code(r.follow_up))
        for r in answer.rejections
        if r.loop == loop
    ]


def _event(answer: ServicesReviewResponse) -> list[str]:
    segments = [
        write("HL", "4", "3", "EV", "1" if answer.lines else "0"),
        write("TRN", "2", code(answer.trace or ""), code(answer.originator or "")),
        *_rejected(answer, "2000E"),
        *_review(answer),
    ]
    if answer.action is not None:
        segments.append(write("HCR", answer.action.value, code(answer.number or ""), code(answer.reason or "")))
    if answer.reference_number:
        segments.append(write("REF", "NT", code(answer.reference_number)))
    if answer.previous_number:
        segments.append(write("REF", "BB", code(answer.previous_number)))
    if answer.admission_date is not None:
        segments.append(write("DTP", "435", "D8", day(answer.admission_date)))
    if answer.issued_on is not None:
        segments.append(write("DTP", "102", "D8", day(answer.issued_on)))
    if answer.from_date is not None:
        through = answer.through_date or answer.from_date
        segments.append(write("DTP", "007", "RD8", span(DateSpan(first=answer.from_date, last=through))))
    if answer.expires_on is not None:
        segments.append(write("DTP", "036", "D8", day(answer.expires_on)))
    segments += diagnoses(answer.diagnoses)
    if answer.units is not None:
        segments.append(write("HSD", code(answer.unit or "DY"), str(answer.units)))
    if answer.message:
        segments.append(write("MSG", free_text(answer.message, MESSAGE_MAX)))
    return segments


def _review(answer: ServicesReviewResponse) -> list[str]:
    if not answer.category:
        return []
    place = (code(answer.facility_type or ""), code(answer.location_qualifier or ""))
    return [
        write("UM", code(answer.category), code(answer.certification or "I"), code(answer.service_type or ""),
              place, "", code(answer.level_of_service or ""))
    ]  # fmt: skip


def _line(answer: ServicesReviewResponse, line: LineDecision, count: int) -> list[str]:
    segments = [
        write("HL", str(count), "4", "SS", "0"),
        write("TRN", "2", code(line.trace), code(answer.originator or "")) if line.trace else "",
        write("HCR", line.action.value, code(line.number or ""), code(line.reason or "")),
    ]
    if line.from_date is not None:
        dates = DateSpan(first=line.from_date, last=line.through_date or line.from_date)
        segments.append(write("DTP", "472", "RD8", span(dates)))
    if line.issued_on is not None:
        segments.append(write("DTP", "102", "D8", day(line.issued_on)))
    wanted: list[Element] = [("LOI", code(w)) for w in line.wanted]
    if wanted:
        segments.append(write("HI", *wanted))
    if line.revenue_code:
        procedure: Element = ("HC", code(line.procedure_code)) if line.procedure_code else ""
        quantity = ("DA" if (line.unit or "DY") == "DY" else "UN", str(line.units)) if line.units is not None else ()
        segments.append(write("SV2", code(line.revenue_code), procedure, "", *quantity))
    if line.units is not None:
        segments.append(write("HSD", code(line.unit or "DY"), str(line.units)))
    if line.message:
        segments.append(write("MSG", free_text(line.message, MESSAGE_MAX)))
    return [s for s in segments if s]


def parse_answer(interchange: Interchange, transaction: Transaction) -> ServicesReviewResponse:
    """One answer. Unknown segments are left alone; an unknown action is a problem, not a guess."""
    root = read_by(RESPONSE, transaction.segments).root
    bht = first(root.segments, "BHT")
    if bht is None:
        raise X12Problem("the answer has no BHT segment")
    if not root.one("2010A").segments:
        raise X12Problem("the answer does not say which payer it comes from (loop 2010A)")
    member = first(root.one("2010C").segments, "NM1") or Segment("NM1", ())
    return ServicesReviewResponse(
        submitter_id=interchange.sender,
        receiver_id=interchange.receiver,
        reviewer=_party(root.one("2010A")),
        reviewer_contact=_contact(root.one("2010A")),
        requester=_party(root.one("2010B")),
        member_id=optional(member.at(9)),
        member_family=optional(member.at(3)),
        member_given=optional(member.at(4)),
        reference=bht.at(3),
        more_to_come=bht.at(6) == MORE,
        rejections=tuple(_rejections(root)),
        **_read_event(root.one("2000E").segments),
        lines=tuple(_read_line(loop) for loop in root.all("2000F") if first(loop.segments, "HCR")),
        created_at=read_moment(bht),
    )


def _read_event(event: Sequence[Segment]) -> dict[str, object]:
    trn, um, hcr = (first(event, tag) or Segment(tag, ()) for tag in ("TRN", "UM", "HCR"))
    hsd, message = (first(event, tag) or Segment(tag, ()) for tag in ("HSD", "MSG"))
    certified = _dates(event, "007")
    return {
        "trace": optional(trn.at(2)), "originator": optional(trn.at(3)), "category": optional(um.at(1)),
        "certification": optional(um.at(2)), "service_type": optional(um.at(3)),
        "facility_type": optional(um.part(4, 1)), "location_qualifier": optional(um.part(4, 2)),
        "level_of_service": optional(um.at(6)), "action": _action(hcr), "number": optional(hcr.at(2)),
        "reason": optional(hcr.at(3)), "reference_number": _reference(event, "NT"),
        "previous_number": _reference(event, "BB"), "admission_date": _date(event, "435"),
        "from_date": certified.first if certified else None,
        "through_date": certified.last if certified else None,
        "issued_on": _date(event, "102"), "expires_on": _date(event, "036"), "diagnoses": read_diagnoses(event),
        "units": number(hsd.at(2)), "unit": optional(hsd.at(1)), "message": optional(message.at(1)),
    }  # fmt: skip


def _rejections(root: Loop) -> list[Rejection]:
    return [
        Rejection(loop=loop.id, code=s.at(3), follow_up=s.at(4), understood=s.at(1) == "Y")
        for loop in root.walk()
        for s in loop.segments
        if s.tag == "AAA"
    ]


def _party(loop: Loop) -> ReviewParty:
    name = first(loop.segments, "NM1") or Segment("NM1", ())
    return ReviewParty(name=name.at(3), id=name.at(9))


def _contact(loop: Loop) -> ReviewContact | None:
    per = first(loop.segments, "PER")
    return read_contact(per) if per else None


def _read_line(loop: Loop) -> LineDecision:
    found = loop.segments
    trn, hcr, sv2, hsd, msg = (first(found, t) or Segment(t, ()) for t in ("TRN", "HCR", "SV2", "HSD", "MSG"))
    action = _action(hcr)
    if action is None:
        raise X12Problem("a service line has no decision (HCR)")
    dates = _dates(found, "472")
    return LineDecision(
        trace=optional(trn.at(2)), action=action, number=optional(hcr.at(2)), reason=optional(hcr.at(3)),
        from_date=dates.first if dates else None, through_date=dates.last if dates else None,
        issued_on=_date(found, "102"), units=number(hsd.at(2)) if hsd.at(2) else number(sv2.at(5)),
        unit=optional(hsd.at(1)), revenue_code=optional(sv2.at(1)), procedure_code=optional(sv2.part(2, 2)),
        wanted=read_wanted(found), message=optional(msg.at(1)),
    )  # fmt: skip


def _action(hcr: Segment) -> Action | None:
    if not hcr.at(1):
        return None
    try:
        return Action(hcr.at(1))
    except ValueError:
        raise X12Problem("HCR01 holds an action this guide does not know") from None


def _reference(loop: Sequence[Segment], qualifier: str) -> str | None:
    found = first(loop, "REF", qualifier)
    return found.at(2) if found else None


def _date(loop: Sequence[Segment], qualifier: str) -> date | None:
    found = first(loop, "DTP", qualifier)
    return read_day(found.at(3)[:8]) if found else None


def _dates(loop: Sequence[Segment], qualifier: str) -> DateSpan | None:
    found = first(loop, "DTP", qualifier)
    return read_span(found.at(3)) if found else None
