"""005010X217 request: from a released value to X12 and back (domain 4.5)."""

from datetime import UTC, date, datetime

from definitions.services_review import (
    Certification,
    ReviewDiagnosis,
    ReviewParty,
    ReviewPerson,
    ServicesReviewRequest,
)
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.segments import Element, Segment, X12Problem, code, free_text, loops, write
from rules.disclosure import Released

VERSION = "005010X217"
INPATIENT_CATEGORY = "AR"


def encode(released: Released[ServicesReviewRequest], control: Control) -> str:
    """The interchange that asks. Only a released request can be encoded (D11)."""
    request = released.content
    body = [
        write("BHT", "0007", _purpose(request), code(request.trace), _day(request.created_at.date()),
              request.created_at.strftime("%H%M")),
        write("HL", "1", "", "20", "1"),
        write("NM1", "X3", "2", free_text(request.reviewer.name), "", "", "", "", "PI", code(request.reviewer.id)),
        write("HL", "2", "1", "21", "1"),
        write("NM1", "FA", "2", free_text(request.requester.name), "", "", "", "", "XX", code(request.requester.id)),
        write("N3", free_text(request.requester_street, 55)),
        write("N4", free_text(request.requester_city, 30), code(request.requester_state),
              code(request.requester_postal_code)),
        write("PER", "IC", "UR DESK", "TE", code(request.requester_telephone)),
        *_subscriber(request.subscriber),
        *_event(request),
        *_line(request),
    ]  # fmt: skip
    return wrap(body, control, functional_id="HI", version=VERSION, transaction="278")


def _purpose(request: ServicesReviewRequest) -> str:
    return "01" if request.certification is Certification.CANCEL else "13"


def _subscriber(person: ReviewPerson) -> list[str]:
    return [
        write("HL", "3", "2", "22", "1"),
        write("NM1", "IL", "1", free_text(person.family), free_text(person.given, 35), "", "", "", "MI",
              code(person.member_id)),
        write("DMG", "D8", _day(person.birth_date), code(person.gender)),
    ]  # fmt: skip


def _event(request: ServicesReviewRequest) -> list[str]:
    level_of_service = "U" if request.urgent else ""
    segments = [
        write("HL", "4", "3", "EV", "1"),
        write("TRN", "1", code(request.trace), code(request.originator)),
        write("UM", code(request.category), request.certification.value, code(request.service_type),
              (request.facility_type, request.location_qualifier), "", level_of_service, "", "", "Y"),
    ]  # fmt: skip
    if request.previous_number:
        segments.append(write("REF", "BB", code(request.previous_number)))
    if request.admission_date is not None:
        segments.append(write("DTP", "435", "D8", _day(request.admission_date)))
    else:
        segments.append(write("DTP", "AAH", "RD8", _span(request.from_date, request.through_date)))
    composites: list[Element] = [(d.qualifier, code(d.code)) for d in request.diagnoses]
    segments.append(write("HI", *composites))
    segments.append(write("HSD", request.unit, str(request.units)))
    if request.category == INPATIENT_CATEGORY:
        segments.append(write("CL1", "2" if request.urgent else "3", "1"))
    return segments


def _line(request: ServicesReviewRequest) -> list[str]:
    unit = "DA" if request.unit == "DY" else "UN"
    return [
        write("HL", "5", "4", "SS", "0"),
        write("TRN", "1", code(request.trace + "L1"), code(request.originator)),
        write("DTP", "472", "RD8", _span(request.from_date, request.through_date)),
        write("SV2", code(request.revenue_code), ("HC", code(request.procedure_code)), "", unit, str(request.units)),
    ]


def _day(on: date) -> str:
    return on.strftime("%Y%m%d")


def _span(first: date, last: date) -> str:
    return f"{_day(first)}-{_day(last)}"


def parse(interchange: Interchange, transaction: Transaction) -> ServicesReviewRequest:
    """What one transaction asks. Tolerates segments it does not use; refuses one that lacks what it needs."""
    parts = {hl[0].at(3): hl for hl in loops(transaction.segments)[1:]}
    missing = [level for level in ("20", "21", "22", "EV", "SS") if level not in parts]
    if missing:
        raise X12Problem(f"the request lacks HL {', '.join(missing)}")
    bht = _need(list(transaction.segments), "BHT")
    payer, requester = _need(parts["20"], "NM1"), _need(parts["21"], "NM1")
    event, line = parts["EV"], parts["SS"]
    um, trn, hsd = _need(event, "UM"), _need(event, "TRN"), _need(event, "HSD")
    sv2 = _need(line, "SV2")
    first, last = _read_span(_need(line, "DTP").at(3))
    n4, address = _need(parts["21"], "N4"), _need(parts["21"], "N3")
    admission = next((s for s in event if s.tag == "DTP" and s.at(1) == "435"), None)
    previous = next((s for s in event if s.tag == "REF" and s.at(1) == "BB"), None)
    return ServicesReviewRequest(
        submitter_id=interchange.sender,
        receiver_id=interchange.receiver,
        reviewer=ReviewParty(name=payer.at(3), id=payer.at(9)),
        requester=ReviewParty(name=requester.at(3), id=requester.at(9)),
        requester_street=address.at(1),
        requester_city=n4.at(1),
        requester_state=n4.at(2),
        requester_postal_code=n4.at(3),
        requester_telephone=_need(parts["21"], "PER").at(4),
        subscriber=_read_person(parts["22"]),
        trace=trn.at(2),
        originator=trn.at(3),
        category=um.at(1),
        certification=Certification(um.at(2)),
        service_type=um.at(3),
        facility_type=um.parts(4)[0] if um.parts(4) else "",
        location_qualifier=um.parts(4)[1] if len(um.parts(4)) > 1 else "",
        urgent=um.at(6) == "U",
        previous_number=previous.at(2) if previous else None,
        admission_date=_read_day(admission.at(3)) if admission else None,
        from_date=first,
        through_date=last,
        diagnoses=tuple(
            ReviewDiagnosis(qualifier=part[0], code=part[1])
            for segment in event
            if segment.tag == "HI"
            for part in (segment.parts(i + 1) for i in range(len(segment.elements)))
            if len(part) > 1
        ),
        unit=hsd.at(1),
        units=int(hsd.at(2)),
        revenue_code=sv2.at(1),
        procedure_code=sv2.parts(2)[1] if len(sv2.parts(2)) > 1 else "",
        created_at=datetime.strptime(bht.at(4) + bht.at(5), "%Y%m%d%H%M").replace(tzinfo=UTC),
    )


def _read_person(loop: list[Segment]) -> ReviewPerson:
    name, facts = _need(loop, "NM1"), _need(loop, "DMG")
    return ReviewPerson(
        family=name.at(3),
        given=name.at(4),
        member_id=name.at(9),
        birth_date=_read_day(facts.at(2)),
        gender=facts.at(3) or "U",
    )


def _need(segments: list[Segment], tag: str) -> Segment:
    found = next((s for s in segments if s.tag == tag), None)
    if found is None:
        raise X12Problem(f"segment {tag} is missing")
    return found


def _read_day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise X12Problem("a date is not written as CCYYMMDD") from None


def _read_span(text: str) -> tuple[date, date]:
    first, _, last = text.partition("-")
    return _read_day(first), _read_day(last or first)
