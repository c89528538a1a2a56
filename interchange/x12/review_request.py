"""005010X217 request: from a released value to X12 and back (domain 4.5)."""

from typing import Final

from definitions.services_review import (
    AdmissionCodes,
    AttendingProvider,
    Certification,
    LevelOfService,
    ReviewAddress,
    ReviewAttachment,
    ReviewContact,
    ReviewParty,
    ReviewPerson,
    ServiceDelivery,
    ServiceLine,
    ServicesReviewRequest,
)
from interchange.x12.conformance import refuse_unless_conforming
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.guide import Loop, read_by
from interchange.x12.guides.services_review import REQUEST, VERSION
from interchange.x12.segments import Segment, X12Problem, code, first, free_text, write
from interchange.x12.values import (
    day,
    diagnoses,
    number,
    optional,
    read_day,
    read_diagnoses,
    read_moment,
    read_span,
    span,
)
from rules.disclosure import Released

__all__ = ["VERSION", "encode", "parse"]

MESSAGE_MAX: Final = 264


def encode(released: Released[ServicesReviewRequest], control: Control) -> str:
    """The interchange that asks. Only a released request can be encoded (D11); one that our own reading of the
    guide would reject raises `X12Problem` with the place, before anything leaves."""
    request = released.content
    purpose = "01" if request.certification is Certification.CANCEL else "13"
    body = [
        write("BHT", "0007", purpose, code(request.reference or request.trace), day(request.created_at.date()),
              request.created_at.strftime("%H%M")),
        write("HL", "1", "", "20", "1"),
        write("NM1", "X3", "2", free_text(request.reviewer.name), "", "", "", "", "PI", code(request.reviewer.id)),
        *_requester(request),
        *_subscriber(request.subscriber),
        *_event(request),
    ]  # fmt: skip
    for count, line in enumerate(request.lines, start=5):
        body += _line(line, request.originator, count)
    text = wrap(body, control, functional_id="HI", version=VERSION, transaction="278")
    refuse_unless_conforming(text, "the request")
    return text


def _requester(request: ServicesReviewRequest) -> list[str]:
    address, contact = request.requester_address, request.requester_contact
    tax = [write("REF", "EI", code(request.requester_tax_id))] if request.requester_tax_id else []
    return [
        write("HL", "2", "1", "21", "1"),
        write("NM1", "FA", "2", free_text(request.requester.name), "", "", "", "", "XX", code(request.requester.id)),
        *tax,
        write("N3", free_text(address.street, 55), free_text(address.second_line, 55) if address.second_line else ""),
        write("N4", free_text(address.city, 30), code(address.state), code(address.postal_code)),
        contact_segment(contact),
    ]


def contact_segment(contact: ReviewContact) -> str:
    name = free_text(contact.name) if contact.name else ""
    fax = ("FX", code(contact.fax)) if contact.fax else ()
    return write("PER", "IC", name, "TE", code(contact.telephone), *fax)


def _subscriber(person: ReviewPerson) -> list[str]:
    return [
        write("HL", "3", "2", "22", "1"),
        write("NM1", "IL", "1", free_text(person.family), free_text(person.given, 35), "", "", "", "MI",
              code(person.member_id)),
        write("DMG", "D8", day(person.birth_date), code(person.gender)),
    ]  # fmt: skip


def _event(request: ServicesReviewRequest) -> list[str]:
    urgency = request.level_of_service.value if request.level_of_service else ""
    segments = [
        write("HL", "4", "3", "EV", "1" if request.lines else "0"),
        write("TRN", "1", code(request.trace), code(request.originator)),
        write("UM", code(request.category), request.certification.value, code(request.service_type),
              (code(request.facility_type), code(request.location_qualifier)), "", urgency, "", "",
              code(request.release_code), code(request.delay_reason or "")),
    ]  # fmt: skip
    if request.previous_number:
        segments.append(write("REF", "BB", code(request.previous_number)))
    if request.admission_date is not None:
        segments.append(write("DTP", "435", "D8", day(request.admission_date)))
    if request.discharge_date is not None:
        segments.append(write("DTP", "096", "D8", day(request.discharge_date)))
    if request.event_dates is not None:
        segments.append(write("DTP", "AAH", "RD8", span(request.event_dates)))
    segments += diagnoses(request.diagnoses)
    segments.append(_delivery(request.delivery))
    if request.admission_codes is not None:
        given = request.admission_codes
        segments.append(write("CL1", code(given.type), code(given.source or ""), code(given.patient_status or "")))
    for sheet in request.attachments:
        segments.append(
            write("PWK", code(sheet.kind), code(sheet.transmission), "", "", "AC", code(sheet.control_number))
        )
    if request.message:
        segments.append(write("MSG", free_text(request.message, MESSAGE_MAX)))
    return segments + _attending(request.attending)


def _delivery(asked: ServiceDelivery) -> str:
    counts = ["" if n is None else str(n) for n in (asked.every, asked.span_count)]
    return write("HSD", code(asked.kind), str(asked.quantity), code(asked.period or ""), counts[0],
                 code(asked.span or ""), counts[1], code(asked.days or ""), code(asked.time_of_day or ""))  # fmt: skip


def _attending(provider: AttendingProvider | None) -> list[str]:
    if provider is None:
        return []
    name = write("NM1", "71", "1", free_text(provider.family), free_text(provider.given, 35), "", "", "", "XX",
                 code(provider.npi))  # fmt: skip
    return [name, write("PRV", "AT", "PXC", code(provider.taxonomy))] if provider.taxonomy else [name]


def _line(line: ServiceLine, originator: str, count: int) -> list[str]:
    return [
        write("HL", str(count), "4", "SS", "0"),
        write("TRN", "1", code(line.trace), code(originator)),
        write("DTP", "472", "RD8", span(line.dates)),
        write("SV2", code(line.revenue_code), ("HC", code(line.procedure_code)), "", code(line.unit),
              str(line.quantity)),
    ]  # fmt: skip


def parse(interchange: Interchange, transaction: Transaction) -> ServicesReviewRequest:
    """What one transaction asks. Tolerates segments it does not use; refuses one that lacks what it needs."""
    root = read_by(REQUEST, transaction.segments).root
    bht = _need(root, "BHT")
    payer, event = _need(root.one("2010A"), "NM1"), root.one("2000E")
    um, trn = _need(event, "UM"), _need(event, "TRN")
    message = first(event.segments, "MSG")
    admission, discharge = first(event.segments, "DTP", "435"), first(event.segments, "DTP", "096")
    event_dates, previous = first(event.segments, "DTP", "AAH"), first(event.segments, "REF", "BB")
    try:
        certification = Certification(um.at(2))
        urgency = LevelOfService(um.at(6)) if um.at(6) else None
    except ValueError:
        raise X12Problem("UM holds a code this guide does not know") from None
    return ServicesReviewRequest(
        submitter_id=interchange.sender,
        receiver_id=interchange.receiver,
        reviewer=ReviewParty(name=payer.at(3), id=payer.at(9)),
        **_read_requester(root.one("2010B")),
        subscriber=_read_person(root.one("2010C")),
        trace=trn.at(2),
        originator=trn.at(3),
        category=um.at(1),
        certification=certification,
        service_type=um.at(3),
        facility_type=um.part(4, 1),
        location_qualifier=um.part(4, 2),
        level_of_service=urgency,
        release_code=um.at(9),
        delay_reason=optional(um.at(10)),
        previous_number=previous.at(2) if previous else None,
        admission_date=read_day(admission.at(3)) if admission else None,
        discharge_date=read_day(discharge.at(3)) if discharge else None,
        event_dates=read_span(event_dates.at(3)) if event_dates else None,
        diagnoses=read_diagnoses(event.segments),
        delivery=_read_delivery(_need(event, "HSD")),
        admission_codes=_read_admission(first(event.segments, "CL1")),
        attachments=tuple(
            ReviewAttachment(kind=s.at(1), transmission=s.at(2), control_number=s.at(6))
            for s in event.segments
            if s.tag == "PWK"
        ),
        attending=_read_attending(event),
        message=optional(message.at(1)) if message else None,
        lines=tuple(_read_line(loop) for loop in event.loops if loop.id == "2000F"),
        reference=bht.at(3) if bht.at(3) != trn.at(2) else None,
        created_at=read_moment(bht),
    )


def _read_requester(loop: Loop) -> dict[str, object]:
    name, street, town = _need(loop, "NM1"), _need(loop, "N3"), _need(loop, "N4")
    tax = first(loop.segments, "REF", "EI")
    return {
        "requester": ReviewParty(name=name.at(3), id=name.at(9)),
        "requester_tax_id": tax.at(2) if tax else None,
        "requester_address": ReviewAddress(
            street=street.at(1), second_line=optional(street.at(2)), city=town.at(1), state=town.at(2),
            postal_code=town.at(3),
        ),
        "requester_contact": read_contact(_need(loop, "PER")),
    }  # fmt: skip


def read_contact(per: Segment) -> ReviewContact:
    reached = {per.at(n): per.at(n + 1) for n in (3, 5, 7) if per.at(n)}
    return ReviewContact(name=optional(per.at(2)), telephone=reached.get("TE", ""), fax=reached.get("FX"))


def _read_person(loop: Loop) -> ReviewPerson:
    name, facts = _need(loop, "NM1"), _need(loop, "DMG")
    return ReviewPerson(
        family=name.at(3),
        given=name.at(4),
        member_id=name.at(9),
        birth_date=read_day(facts.at(2)),
        gender=facts.at(3) or "U",
    )


def _read_delivery(hsd: Segment) -> ServiceDelivery:
    return ServiceDelivery(
        kind=hsd.at(1), quantity=number(hsd.at(2)) or 0, period=optional(hsd.at(3)), every=number(hsd.at(4)),
        span=optional(hsd.at(5)), span_count=number(hsd.at(6)), days=optional(hsd.at(7)),
        time_of_day=optional(hsd.at(8)),
    )  # fmt: skip


def _read_admission(cl1: Segment | None) -> AdmissionCodes | None:
    if cl1 is None:
        return None
    return AdmissionCodes(type=cl1.at(1), source=optional(cl1.at(2)), patient_status=optional(cl1.at(3)))


def _read_attending(event: Loop) -> AttendingProvider | None:
    for loop in event.loops:
        name = first(loop.segments, "NM1", "71")
        if name is not None:
            prv = first(loop.segments, "PRV")
            return AttendingProvider(
                family=name.at(3), given=name.at(4), npi=name.at(9), taxonomy=prv.at(3) if prv else None
            )
    return None


def _read_line(loop: Loop) -> ServiceLine:
    trn, dates, sv2 = _need(loop, "TRN"), first(loop.segments, "DTP", "472"), _need(loop, "SV2")
    if dates is None:
        raise X12Problem("a service line has no service dates (DTP 472)")
    return ServiceLine(
        trace=trn.at(2), dates=read_span(dates.at(3)), revenue_code=sv2.at(1), procedure_code=sv2.part(2, 2),
        unit=sv2.at(4), quantity=number(sv2.at(5)) or 0,
    )  # fmt: skip


def _need(loop: Loop, tag: str) -> Segment:
    found = first(loop.segments, tag)
    if found is None:
        raise X12Problem(f"segment {tag} is missing in loop {loop.id}")
    return found
