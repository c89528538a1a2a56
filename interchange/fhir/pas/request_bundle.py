"""The bundle that asks: from a released value to FHIR and back (domain 4.6, Claim/$submit)."""

from definitions.pas_guide import PasGuide
from definitions.services_review import ServicesReviewRequest
from interchange.fhir.pas import claim, parties
from interchange.fhir.pas.claim_reading import read_claim
from interchange.fhir.pas.reading import Node, loaded
from interchange.fhir.pas.words import Json, PasProblem, Words, document, full_url, instant
from interchange.x12.envelope import Control
from rules.disclosure import Released

COLLECTION = "collection"


def encode_request(released: Released[ServicesReviewRequest], control: Control, guide: PasGuide) -> str:
    """The bytes that leave. Only a released request can be encoded (D11); what PAS cannot say is a `PasProblem` with the
    place, before anything leaves."""
    asked, words = released.content, Words(guide)
    claim.refuse_without_place(asked)
    _reference_is_ours(asked)
    urls = parties.urls(asked.originator, asked.trace)
    if asked.attending is not None:
        urls["Attending"] = full_url(asked.originator, asked.trace, "Attending")
    entries = [
        claim.claim(words, asked, urls),
        parties.patient(words, asked.subscriber, urls["Patient"]),
        parties.insurer(words, asked.reviewer, asked.receiver_id, urls["Insurer"]),
        parties.requester(
            words, asked.requester, urls["Requestor"], tax_id=asked.requester_tax_id, address=asked.requester_address,
            contact=asked.requester_contact,
        ),
        parties.coverage(words, asked.subscriber, urls["Insurer"], urls["Patient"], urls["Coverage"]),
    ]  # fmt: skip
    if asked.attending is not None:
        entries.append(parties.practitioner(words, asked.attending, urls["Attending"]))
    optional = (
        claim.encounter(words, asked, urls),
        claim.service(words, asked, urls),
        claim.prior_claim(words, asked, urls),
    )
    return document(
        bundle(words, "request_bundle", control, [*entries, *(e for e in optional if e is not None)], control.sender)
    )


def _reference_is_ours(asked: ServicesReviewRequest) -> None:
    """BHT03 says in X12 what a cancellation is about; in PAS `related` does."""
    if asked.reference is not None and (asked.continues is None or asked.reference != asked.continues.trace):
        raise PasProblem("PAS has no place for a reference of its own; send this request by hand")


def bundle(words: Words, profile: str, control: Control, entries: list[Json], sender: str) -> Json:
    """`identifier` is the next number of the one sequence between us and this partner, as an interchange's is in X12."""
    meta = words.profile(profile)
    if control.usage == "T":
        meta["tag"] = [{"system": words.guide.systems["test_data"], "code": "HTEST"}]
    number = words.identifier("submission", f"{control.number:09d}")
    number["assigner"] = {"identifier": words.identifier("submitter", sender)}
    return {
        "resourceType": "Bundle",
        "meta": meta,
        "identifier": number,
        "type": COLLECTION,
        "timestamp": instant(control.at),
        "entry": entries,
    }


def parse_request(text: str, guide: PasGuide) -> tuple[ServicesReviewRequest, tuple[str, ...]]:
    """What is asked, and the paths of what was not read."""
    root = Node.root(loaded(text), guide)
    sender = open_bundle(root)
    resources = parties.Resources(root)
    asked = read_claim(first_claim(resources), resources, sender)
    return asked, root.unread()


def first_claim(resources: parties.Resources) -> Node:
    """What a bundle that asks is about."""
    first = resources.all[0] if resources.all else None
    if first is None or first.text("resourceType") != "Claim":
        raise PasProblem("the first entry of the bundle is no Claim")
    return first


def asked_items(text: str, guide: PasGuide) -> dict[int, str | None]:
    """What a request of ours asked: by sequence, the trace of each item; of an update only what it adds or changes."""
    found = [r for r in (e.get("resource") for e in loaded(text).get("entry", [])) if r]
    if not found or found[0].get("resourceType") != "Claim":
        return {}
    node = Node.root(found[0], guide)
    update = bool(node.nodes("related"))
    asked: dict[int, str | None] = {}
    for one in node.nodes("item"):
        sequence = one.whole("sequence")
        trace = one.extension("item_trace")
        named = trace.node("valueIdentifier") if trace else None
        if sequence is not None and (not update or one.extension("info_changed") is not None):
            asked[sequence] = named.text("value") if named else None
    return asked


def open_bundle(root: Node) -> str:
    """Who sent it; empty when it does not say."""
    if root.text("resourceType") != "Bundle":
        raise PasProblem("this is no Bundle")
    if root.text("type") != COLLECTION:
        raise PasProblem("the bundle is no collection")
    root.known("id", "meta", "timestamp", "language", "implicitRules", "total", "link", "signature")
    number = root.node("identifier")
    if number is None:
        return ""
    number.known("system", "value", "use", "type")
    assigner = number.node("assigner")
    named = assigner.node("identifier") if assigner else None
    if named is None:
        return ""
    named.known("system")
    return named.text("value") or ""
