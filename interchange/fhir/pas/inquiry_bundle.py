"""The question what became of a request, by example (Claim/$inquire): its trace, or the payer's own numbers."""

from definitions.pas_guide import PasGuide
from definitions.review_inquiry import ReviewInquiry
from interchange.fhir.pas import parties
from interchange.fhir.pas.claim_reading import EPOCH, IMPLIED, trace_of
from interchange.fhir.pas.parties import entry, read_person, read_requester, read_reviewer
from interchange.fhir.pas.reading import Node, loaded
from interchange.fhir.pas.request_bundle import bundle, first_claim, open_bundle
from interchange.fhir.pas.words import (
    Json,
    PasProblem,
    Words,
    day,
    document,
    full_url,
    instant,
    period,
    present,
    reference,
)
from interchange.x12.envelope import Control
from rules.disclosure import Released

QUESTION_SYSTEM = "urn:stepdown:question"
"""The inquiry's own trace, by which our book knows it; no payer needs it."""


def encode_inquiry(released: Released[ReviewInquiry], control: Control, guide: PasGuide) -> str:
    asked, words = released.content, Words(guide)
    if asked.dependent is not None:
        raise PasProblem("PAS has no place for a dependent here; ask by telephone")
    urls = parties.urls(asked.originator, asked.trace)
    entries = [
        entry(full_url(asked.originator, asked.trace, "Claim"), _claim(words, asked, urls)),
        parties.patient(words, asked.subscriber, urls["Patient"]),
        parties.insurer(words, asked.reviewer, asked.receiver_id, urls["Insurer"]),
        parties.requester(words, asked.requester, urls["Requestor"]),
        parties.coverage(words, asked.subscriber, urls["Insurer"], urls["Patient"], urls["Coverage"]),
    ]
    return document(bundle(words, "inquiry_bundle", control, entries, control.sender))


def _claim(words: Words, asked: ReviewInquiry, urls: dict[str, str]) -> Json:
    """`identifier`: the request that is asked about; the question's own name is a second one."""
    own = {"system": QUESTION_SYSTEM, "value": asked.trace}
    about = [words.trace(asked.originator, asked.about_trace)] if asked.about_trace else []
    admitted = asked.admission_date
    dates = period(asked.event_dates) or ({"start": day(admitted)} if admitted else None)
    extension = [words.coded("request_type", "request_type", asked.category)]
    if asked.previous_number:
        extension.append(words.extension("authorization_number", "String", asked.previous_number))
    if asked.reference_number:
        extension.append(words.extension("reference_number", "String", asked.reference_number))
    where = words.code("location", asked.location_qualifier or "A")
    item = present(
        extension=extension, sequence=1,
        category=words.concept("service_type", asked.service_type) if asked.service_type else None,
        productOrService=words.concept("data_absent", "not-applicable"),
        locationCodeableConcept=words.concept(where, asked.facility_type) if asked.facility_type else None,
    )  # fmt: skip
    return present(
        resourceType="Claim", meta=words.profile("claim_inquiry"), identifier=[*about, own], status="active",
        type=words.concept("claim_type", words.code("claim_type", asked.location_qualifier or "A")),
        use="preauthorization", patient=reference(urls["Patient"]), billablePeriod=dates,
        created=instant(asked.created_at), insurer=reference(urls["Insurer"]), provider=reference(urls["Requestor"]),
        priority=words.concept("priority", words.code("priority", "")),
        insurance=[{"sequence": 1, "focal": True, "coverage": reference(urls["Coverage"])}], item=[item],
    )  # fmt: skip


def parse_inquiry(text: str, guide: PasGuide) -> ReviewInquiry:
    root = Node.root(loaded(text), guide)
    sender = open_bundle(root)
    resources = parties.Resources(root)
    node = first_claim(resources)
    node.known(*IMPLIED)
    reviewer, payer_id = read_reviewer(resources.of(node, "insurer"))
    requester, *_ = read_requester(resources.of(node, "provider"))
    items = node.nodes("item")
    first = items[0] if items else None
    own = next((i.need("value") for i in node.nodes("identifier") if i.text("system") == QUESTION_SYSTEM), None)
    about, originator = _about(node)
    dates = node.span("billablePeriod")
    trace = own or about
    if trace is None:
        raise PasProblem("an inquiry without any identifier is not answered")
    return ReviewInquiry(
        submitter_id=sender, receiver_id=payer_id, reviewer=reviewer, requester=requester,
        subscriber=read_person(resources.of(node, "patient"), guide.codes["gender"]), trace=trace,
        originator=originator, about_trace=about,
        category=(first.coded_extension("request_type", "request_type") if first else None) or "",
        service_type=first.code("category", "service_type") if first else None,
        previous_number=first.said("authorization_number") if first else None,
        reference_number=first.said("reference_number") if first else None, event_dates=dates,
        created_at=node.moment("created") or EPOCH,
    )  # fmt: skip


def _about(node: Node) -> tuple[str | None, str]:
    try:
        return trace_of(node)
    except PasProblem:
        return None, "0000000000"


def encode_found(bundles: list[Json]) -> str:
    """The operation's answer: one response bundle for each request that was found, none when there is none."""
    parameter = [{"name": "responseBundle", "resource": one} for one in bundles]
    return document(present(resourceType="Parameters", parameter=parameter))
