"""005010X217 request: from a released value to X12 and back (domain 4.5)."""

from datetime import datetime

from definitions.review_codes import Certification, LevelOfService
from definitions.services_review import DateSpan, ServiceDelivery, ServiceLine, ServicesReviewRequest
from interchange.x12.conformance import of_guide, refuse_unless_conforming
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.event_parts import (
    Levels,
    Service,
    admission_segments,
    attachment_segments,
    condition_segments,
    date_segments,
    delivery_segments,
    message_segments,
    number_segments,
    read_admission,
    read_attachments,
    read_conditions,
    read_date,
    read_dates,
    read_delivery,
    read_messages,
    read_number,
    read_review,
    review_segments,
    service_segment,
)
from interchange.x12.guide import Loop
from interchange.x12.guides.services_review import REQUEST, VERSION
from interchange.x12.parties import (
    REQUESTER,
    REVIEWER,
    address_segments,
    attending_segments,
    contact_segments,
    dependent_segments,
    other_reviewer_segments,
    party_segment,
    provider_segments,
    read_address,
    read_contact,
    read_dependent,
    read_other_reviewer,
    read_party,
    read_provider,
    read_providers,
    read_references,
    read_subscriber,
    reference_segments,
    subscriber_segments,
)
from interchange.x12.segments import X12Problem, code, first, write
from interchange.x12.values import diagnoses, need, optional, read_diagnoses, read_moment, readable
from rules.disclosure import Released

__all__ = ["VERSION", "encode", "parse"]

ASKS, CANCELS = "13", "01"
TAX_ID = "EI"


def encode(released: Released[ServicesReviewRequest], control: Control) -> str:
    """The interchange that asks. Only a released request can be encoded (D11); one that our own reading of the
    guide would reject raises `X12Problem` with the place, before anything leaves."""
    request = released.content
    purpose = CANCELS if request.certification is Certification.CANCEL else ASKS
    levels = Levels()
    body = [
        write("BHT", "0007", purpose, code(request.reference or request.trace), *clock(request.created_at)),
        levels.open(None, "20", children=True),
        party_segment(request.reviewer, REVIEWER),
        levels.open(1, "21", children=True),
        *_requester(request),
        levels.open(2, "22", children=True),
        *subscriber_segments(request.subscriber),
    ]
    if request.dependent is not None:
        body += [levels.open(3, "23", children=True), *dependent_segments(request.dependent)]
    body.append(levels.open(levels.count, "EV", children=bool(request.lines)))
    event = levels.count
    body += _event(request)
    for line in request.lines:
        body += [levels.open(event, "SS", children=False), *_line(line, request.originator)]
    text = wrap(body, control, functional_id="HI", version=VERSION, transaction="278")
    refuse_unless_conforming(text, "the request")
    return text


def clock(at: datetime) -> tuple[str, str]:
    """BHT04 and BHT05."""
    return at.strftime("%Y%m%d"), at.strftime("%H%M")


def _requester(request: ServicesReviewRequest) -> list[str]:
    tax = [write("REF", TAX_ID, code(request.requester_tax_id))] if request.requester_tax_id else []
    taxonomy = [write("PRV", "PE", "PXC", code(request.requester_taxonomy))] if request.requester_taxonomy else []
    return [
        party_segment(request.requester, REQUESTER),
        *tax,
        *reference_segments(request.requester_references),
        *address_segments(request.requester_address),
        *contact_segments(request.requester_contact),
        *taxonomy,
    ]


def _event(request: ServicesReviewRequest) -> list[str]:
    urgency = request.level_of_service.value if request.level_of_service else ""
    place = (code(request.facility_type), code(request.location_qualifier))
    segments = [
        write("TRN", "1", code(request.trace), code(request.originator)),
        write("UM", code(request.category), request.certification.value, code(request.service_type), place, "", urgency,
              "", "", code(request.release_code), code(request.delay_reason or "")),
        *number_segments((("BB", request.previous_number), ("NT", request.reference_number))),
        *date_segments((("435", request.admission_date), ("096", request.discharge_date),
                        ("AAH", request.event_dates))),
        *diagnoses(request.diagnoses),
        *delivery_segments(request.delivery),
        *condition_segments(request.conditions),
        *admission_segments(request.admission_codes),
        *attachment_segments(request.attachments),
        *message_segments(request.message),
        *attending_segments(request.attending),
    ]  # fmt: skip
    for provider in request.providers:
        segments += provider_segments(provider)
    for other in request.other_reviewers:
        segments += other_reviewer_segments(other)
    return segments


def _line(line: ServiceLine, originator: str) -> list[str]:
    trace = [write("TRN", "1", code(line.trace), code(originator))] if line.trace else []
    segments = [
        *trace,
        *review_segments(line.review),
        *number_segments((("BB", line.previous_number), ("NT", line.reference_number))),
        *date_segments((("472", line.dates),)),
        *diagnoses(line.diagnoses),
        service_segment(line),
        *delivery_segments(line.delivery),
        *attachment_segments(line.attachments),
        *message_segments(line.message),
    ]
    for provider in line.providers:
        segments += provider_segments(provider)
    return segments


@readable
def parse(interchange: Interchange, transaction: Transaction) -> ServicesReviewRequest:
    """What one transaction asks. Tolerates segments it does not use; refuses one that lacks what it needs."""
    root = of_guide(REQUEST, transaction).root
    bht, event, requester = need(root, "BHT"), root.one("2000E"), root.one("2010B")
    um, trn = need(event, "UM"), need(event, "TRN")
    tax, taxonomy = first(requester.segments, "REF", TAX_ID), first(requester.segments, "PRV")
    try:
        certification = Certification(um.at(2))
        urgency = LevelOfService(um.at(6)) if um.at(6) else None
    except ValueError:
        raise X12Problem("UM holds a code this guide does not know") from None
    clinicians = [loop for loop in event.loops if loop.id == "2010EA"]
    attending, providers = read_providers(clinicians, attending=True)
    dates = read_dates(event, "AAH")
    return ServicesReviewRequest(
        submitter_id=interchange.sender,
        receiver_id=interchange.receiver,
        reviewer=read_party(root.one("2010A"), REVIEWER),
        requester=read_party(requester, REQUESTER),
        requester_tax_id=tax.at(2) if tax else None,
        requester_references=read_references(requester, without=TAX_ID),
        requester_address=read_address(requester),
        requester_contact=read_contact(requester),
        requester_taxonomy=optional(taxonomy.at(3)) if taxonomy else None,
        subscriber=read_subscriber(root.one("2010C")),
        dependent=read_dependent(root.one("2010D")),
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
        previous_number=read_number(event, "BB"),
        reference_number=read_number(event, "NT"),
        admission_date=read_date(event, "435"),
        discharge_date=read_date(event, "096"),
        event_dates=dates,
        diagnoses=read_diagnoses(event.segments),
        delivery=read_delivery(event) or ServiceDelivery(),
        conditions=read_conditions(event),
        admission_codes=read_admission(event),
        attachments=read_attachments(event),
        attending=attending,
        providers=providers,
        other_reviewers=tuple(read_other_reviewer(loop) for loop in event.loops if loop.id == "2010EC"),
        message=next(iter(read_messages(event)), None),
        lines=tuple(_read_line(loop, dates) for loop in event.loops if loop.id == "2000F"),
        reference=bht.at(3) if bht.at(3) != trn.at(2) else None,
        created_at=read_moment(bht),
    )


def _read_line(loop: Loop, of_event: DateSpan | None) -> ServiceLine:
    trn, service = first(loop.segments, "TRN"), Service(loop)
    if not service.there:
        raise X12Problem("a service line names no service (SV1 or SV2)")
    dates = read_dates(loop, "472") or of_event
    if dates is None:
        raise X12Problem("a service line has no service dates (DTP 472)")
    return ServiceLine(
        trace=trn.at(2) if trn else None, dates=dates, revenue_code=service.revenue, procedure_code=service.procedure,
        unit=service.unit, quantity=service.quantity or 0, professional=service.professional,
        modifiers=service.modifiers, amount=service.amount, review=read_review(loop),
        previous_number=read_number(loop, "BB"), reference_number=read_number(loop, "NT"),
        diagnoses=read_diagnoses(loop.segments), delivery=read_delivery(loop), attachments=read_attachments(loop),
        message=next(iter(read_messages(loop)), None),
        providers=tuple(read_provider(inner) for inner in loop.loops if inner.id == "2010F"),
    )  # fmt: skip
