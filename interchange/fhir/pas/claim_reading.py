"""A Claim read back into what it asks; of an update only what it adds or changes is asked (domain 4.6)."""

from datetime import UTC, datetime
from typing import Final

from definitions.review_codes import Certification, LevelOfService
from definitions.review_parts import (
    AdmissionCodes,
    AttendingProvider,
    DateSpan,
    PriorReview,
    ReviewAttachment,
    ReviewCondition,
    ReviewDiagnosis,
    ServiceDelivery,
    ServiceLine,
)
from definitions.services_review import ServicesReviewRequest
from interchange.fhir.pas.parties import Resources, read_attending, read_person, read_requester, read_reviewer
from interchange.fhir.pas.reading import Node
from interchange.fhir.pas.words import PasProblem

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
IMPLIED: Final = ("status", "use", "priority", "language", "text", "id", "meta")


def trace_of(node: Node) -> tuple[str, str]:
    """(trace, originator) of whatever carries the identifier of a request."""
    prefix = node.guide.systems["trace_prefix"]
    for one in node.nodes("identifier"):
        system = one.text("system") or ""
        if system.startswith(prefix):
            one.known("type", "use", "assigner")
            return one.need("value"), system.removeprefix(prefix)
    raise PasProblem("it has no trace (identifier)")


def read_claim(node: Node, resources: Resources, sender: str) -> ServicesReviewRequest:
    node.known(*IMPLIED)
    trace, originator = trace_of(node)
    reviewer, payer_id = read_reviewer(resources.of(node, "insurer"))
    requester, tax_id, address, contact = read_requester(resources.of(node, "provider"))
    subscriber = read_person(resources.of(node, "patient"), node.guide.codes["gender"])
    _covered(node, resources)
    prior = _prior(node, resources)
    whole = node.coded_extension("certification_type", "certification_type")
    asked = _asked(node.nodes("item"), update=prior is not None)
    first = asked[0] if asked else None
    certification = whole or (first.coded_extension("certification_type", "certification_type") if first else None)
    where, qualifier = _location(first)
    level = node.coded_extension("level_of_service", "level_of_service")
    created = node.moment("created") or EPOCH
    support = _support(node, resources)
    return ServicesReviewRequest(
        submitter_id=sender, receiver_id=payer_id, reviewer=reviewer, requester=requester, requester_tax_id=tax_id,
        requester_address=address, requester_contact=contact, subscriber=subscriber, trace=trace, originator=originator,
        category=(first.coded_extension("request_type", "request_type") if first else None) or "",
        certification=Certification(certification or Certification.INITIAL.value),
        service_type=(first.code("category", "service_type") if first else None) or "", facility_type=where,
        location_qualifier=qualifier or _qualifier(node), level_of_service=LevelOfService(level) if level else None,
        previous_number=first.said("authorization_number") if first else None,
        reference_number=first.said("reference_number") if first else None, diagnoses=_diagnoses(node),
        delivery=_delivery(first, resources), conditions=_conditions(node), attending=_attending(node, resources),
        lines=tuple(line for line in (_line(one, qualifier) for one in asked) if line is not None), continues=prior,
        reference=prior.trace if prior is not None and certification == Certification.CANCEL.value else None,
        created_at=created, **support,
    )  # fmt: skip


def _covered(node: Node, resources: Resources) -> None:
    """The coverage says nothing that the patient does not; a second one nobody reads, and it is named as unread."""
    node.code("type", "claim_type")
    for one in node.nodes("insurance")[:1]:
        one.known("sequence", "focal")
        found = resources.of(one, "coverage")
        if found is not None:
            found.known(
                "status", "subscriberId", "subscriber", "beneficiary", "relationship", "payor", "type", "period"
            )


def _prior(node: Node, resources: Resources) -> PriorReview | None:
    for one in node.nodes("related"):
        one.known("relationship")
        before = resources.of(one, "claim")
        if before is None:
            raise PasProblem("the claim that is updated is not in the bundle")
        # Its own particulars were said when it was sent; what counts of it is which one it is.
        before.known(
            *IMPLIED,
            "type",
            "patient",
            "insurer",
            "provider",
            "insurance",
            "item",
            "diagnosis",
            "careTeam",
            "extension",
        )
        return PriorReview(trace=trace_of(before)[0], created_at=before.moment("created") or EPOCH)
    return None


def _asked(items: list[Node], *, update: bool) -> list[Node]:
    for one in items:
        one.known("sequence", "diagnosisSequence", "careTeamSequence", "informationSequence")
    if not update:
        return items
    asked = [one for one in items if one.extension("info_changed") is not None]
    for one in items:
        if one not in asked:
            one.known(
                "extension", "modifierExtension", "revenue", "category", "productOrService", "modifier", "servicedPeriod",
                "locationCodeableConcept", "quantity",
            )  # fmt: skip
    return asked


def _location(item: Node | None) -> tuple[str, str]:
    for qualifier, system in (item.guide.codes["location"] if item else {}).items():
        code = item.code("locationCodeableConcept", system) if item else None
        if code is not None:
            return code, qualifier
    return "", ""


def _qualifier(node: Node) -> str:
    said = node.code("type", "claim_type")
    return next((q for q, kind in node.guide.codes["claim_type"].items() if kind == said), "")


def _line(item: Node, qualifier: str) -> ServiceLine | None:
    trace = item.extension("item_trace")
    flag = item.extension("info_changed")
    if flag is not None:
        flag.known("valueCode")
    item.coded_extension("request_type", "request_type")
    item.coded_extension("certification_type", "certification_type")
    item.code("category", "service_type")
    for system in (item.guide.codes["location"][qualifier],) if qualifier else ():
        item.code("locationCodeableConcept", system)
    procedure = item.code("productOrService", "procedure")
    if procedure is None:
        item.code("productOrService", "data_absent")
        return None
    dates = item.span("servicedPeriod") or _one_day(item)
    amount = item.node("quantity")
    if dates is None or amount is None:
        raise PasProblem("an item has no dates or no quantity")
    amount.known("system", "unit")
    named = trace.node("valueIdentifier") if trace else None
    if named is not None:
        named.known("system")
    revenue = item.code("revenue", "revenue")
    return ServiceLine(
        trace=named.text("value") if named else None, dates=dates, revenue_code=revenue or "", procedure_code=procedure,
        unit=amount.text("code") or "UN", quantity=amount.whole("value") or 0, professional=revenue is None,
        modifiers=_modifiers(item),
    )  # fmt: skip


def _modifiers(item: Node) -> tuple[str, ...]:
    found = []
    for concept in item.nodes("modifier"):
        for coding in concept.nodes("coding"):
            coding.known("system", "display")
            found.append(coding.need("code"))
    return tuple(found)


def _one_day(item: Node) -> DateSpan | None:
    on = item.day("servicedDate")
    return DateSpan(first=on, last=on) if on else None


def _diagnoses(node: Node) -> tuple[ReviewDiagnosis, ...]:
    """The principal one first, as in X12; what has no type is another."""
    kinds = {theirs: ours for ours, theirs in node.guide.codes["diagnosis_type"].items()}
    found = []
    for one in node.nodes("diagnosis"):
        one.known("sequence")
        code = one.code("diagnosisCodeableConcept", "diagnosis")
        if code is None:
            continue
        kind = ""
        for concept in one.nodes("type"):
            for coding in concept.nodes("coding"):
                coding.known("system", "display")
                kind = coding.text("code") or kind
        found.append(ReviewDiagnosis(qualifier=kinds.get(kind, kinds[""]), code=code.replace(".", "")))
    return tuple(found)


def _conditions(node: Node) -> tuple[ReviewCondition, ...]:
    found = []
    for one in node.extensions("condition_code"):
        one.known("url")
        applies = one.extension("indicator")
        codes = []
        for code in one.extensions("code"):
            code.known("url")
            codes.append(code.code("valueCodeableConcept", "condition_code"))
        found.append(
            ReviewCondition(
                category=one.coded_extension("category", "condition_category") or "",
                applies=bool(applies.flag("valueBoolean")) if applies else False, codes=tuple(c for c in codes if c),
            )
        )  # fmt: skip
    return tuple(found)


def _attending(node: Node, resources: Resources) -> AttendingProvider | None:
    for one in node.nodes("careTeam")[:1]:
        one.known("sequence", "extension")
        one.code("role", "provider_role")
        who = resources.of(one, "provider")
        if who is not None and who.text("resourceType") == "Practitioner":
            return read_attending(who, one.code("qualification", "taxonomy"))
    return None


def _support(node: Node, resources: Resources) -> dict[str, object]:
    found: dict[str, object] = {}
    attachments: list[ReviewAttachment] = []
    for one in node.nodes("supportingInfo"):
        one.known("sequence")
        kind = one.code("category", "supporting_info")
        if kind == "patientEvent":
            found["event_dates"] = one.span("timingPeriod")
        elif kind == "admissionDates":
            found["admission_date"] = one.day("timingDate")
        elif kind == "dischargeDates":
            found["discharge_date"] = one.day("timingDate")
        elif kind == "institutionalEncounter":
            found["admission_codes"] = _admission(resources.of(one, "valueReference"))
        elif kind == "freeFormMessage":
            found["message"] = one.text("valueString")
        elif kind == "additionalInformation":
            attachments.append(_attachment(one))
    return {**found, "attachments": tuple(attachments)}


def _attachment(one: Node) -> ReviewAttachment:
    one.known("valueReference")
    flag = one.extension("info_changed")
    if flag is not None:
        flag.known("valueCode")
    said = one.extension("document")
    if said is None:
        return ReviewAttachment(kind="77")
    return ReviewAttachment(
        kind=said.coded_extension("reportTypeCode", "document") or "77",
        transmission=said.coded_extension("transmissionMethod", "transmission") or "EL",
        control_number=said.said("controlNumber") or "", description=said.said("description"),
    )  # fmt: skip


def _admission(node: Node | None) -> AdmissionCodes | None:
    if node is None:
        return None
    node.known("status", "class", "subject")
    kind = None
    for concept in node.nodes("type"):
        for coding in concept.nodes("coding"):
            coding.known("system", "display")
            kind = kind or coding.text("code")
    stay = node.node("hospitalization")
    return AdmissionCodes(
        type=kind or "", source=stay.code("admitSource", "admission_source") if stay else None,
        patient_status=node.coded_extension("patient_status", "patient_status"),
    )  # fmt: skip


def _delivery(item: Node | None, resources: Resources) -> ServiceDelivery:
    said = item.extension("requested_service") if item else None
    node = resources.of(said, "valueReference") if said else None
    if node is None:
        return ServiceDelivery()
    node.known("status", "intent", "subject")
    amount = node.node("quantityQuantity")
    if amount is None:
        return ServiceDelivery()
    amount.known("system", "unit")
    timing = node.node("occurrenceTiming")
    rhythm = timing.node("repeat") if timing else None
    bounds = rhythm.node("boundsDuration") if rhythm else None
    if rhythm is not None:
        rhythm.known("frequency")
    if bounds is not None:
        bounds.known("system", "unit")
    return ServiceDelivery(
        kind=amount.text("code") or "", quantity=amount.whole("value") or 0,
        period=_back(node, "period", rhythm.text("periodUnit") if rhythm else None),
        every=rhythm.whole("period") if rhythm else None,
        span=_back(node, "span", bounds.text("code") if bounds else None),
        span_count=bounds.whole("value") if bounds else None,
    )  # fmt: skip


def _back(node: Node, table: str, said: str | None) -> str | None:
    return next((ours for ours, theirs in node.guide.codes[table].items() if theirs == said), None) if said else None
