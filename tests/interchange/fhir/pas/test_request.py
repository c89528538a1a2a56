"""What is asked over PAS: valid R4, everything that is asked or a refusal, and back without loss (domain 4.5, 4.6)."""

import json
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from definitions.services_review import (
    EventProvider,
    OtherReviewer,
    ReviewDependent,
    ReviewReference,
    ServicesReviewRequest,
)
from interchange.fhir.pas.claim import NO_PLACE, NO_PLACE_IN_LINE
from interchange.fhir.pas.request_bundle import asked_items, parse_request
from interchange.fhir.pas.words import PasProblem
from tests.interchange.fhir.pas.samples import (
    ASKED,
    GUIDE,
    admission,
    cancellation,
    documents,
    extension,
    resource,
    written,
)

PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"


@pytest.mark.parametrize("name", sorted(ASKED))
def test_every_request_is_valid_r4_and_comes_back_as_it_was_asked(name: str) -> None:
    asked = ASKED[name]()
    text = written(asked)
    assert fhirkit.validate(json.loads(text)) == []
    back, unread = parse_request(text, GUIDE)
    assert unread == ()
    known_by_number = {"continues": back.continues} if asked.continues else {}
    assert back == asked.model_copy(update=known_by_number | _not_said_when_cancelled(name, back))
    assert (back.continues is None) == (asked.continues is None)
    if asked.continues is not None and back.continues is not None:
        assert back.continues.trace == asked.continues.trace


def _not_said_when_cancelled(name: str, back: ServicesReviewRequest) -> dict[str, Any]:
    """A cancellation needs no items, and what items say is not said."""
    if name != "cancellation":
        return {}
    return {f: getattr(back, f) for f in ("category", "service_type", "facility_type")}


def test_the_bundle_begins_with_its_claim_and_holds_all_it_refers_to_once() -> None:
    bundle = json.loads(written(admission()))
    urls = [e["fullUrl"] for e in bundle["entry"]]
    assert bundle["entry"][0]["resource"]["resourceType"] == "Claim"
    assert len(urls) == len(set(urls))
    assert set(_references(bundle)) <= set(urls)
    assert bundle["meta"]["profile"] == [f"{PAS}profile-pas-request-bundle"]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [r for inside in value.values() for r in _references(inside)]
    return [r for inside in value for r in _references(inside)] if isinstance(value, list) else []


def test_what_the_profile_wants_is_there() -> None:
    """Must-support elements of profile-claim that this house has something to say for."""
    text = written(admission())
    claim = resource(text, "Claim")
    (item,) = claim["item"]
    by_url = {e["url"].removeprefix(PAS): e for e in (*claim["extension"], *item["extension"])}
    coded = {name: e["valueCodeableConcept"]["coding"][0] for name, e in by_url.items() if "valueCodeableConcept" in e}
    assert coded["extension-levelOfServiceCode"] == {"system": "https://codesystem.x12.org/005010/1338", "code": "U"}
    assert coded["extension-serviceItemRequestType"]["code"] == "AR"
    assert coded["extension-certificationType"] == {"system": "https://codesystem.x12.org/005010/1322", "code": "I"}
    assert by_url["extension-itemTraceNumber"]["valueIdentifier"]["value"] == "EP1001RES1L1"
    assert claim["identifier"] == [{"system": "urn:trnorg:9741234567", "value": "EP1001RES1"}]
    assert (claim["use"], claim["priority"]["coding"][0]["code"]) == ("preauthorization", "stat")
    assert item["servicedPeriod"] == {"start": "2026-03-07", "end": "2026-03-20"}
    assert item["locationCodeableConcept"]["coding"][0]["system"] == "https://www.nubc.org/CodeSystem/TypeOfBill"
    assert item["quantity"]["value"] == 14
    assert [d["diagnosisCodeableConcept"]["coding"][0]["code"] for d in claim["diagnosis"]] == [
        "F10.20",
        "F10.239",
        "F43.10",
    ]
    kinds = [i["category"]["coding"][0]["code"] for i in claim["supportingInfo"]]
    assert kinds == ["admissionDates", "institutionalEncounter", "additionalInformation", "freeFormMessage"]


def test_an_update_says_all_items_with_their_sequences_and_flags_what_is_new() -> None:
    claim = resource(written(extension()), "Claim")
    flags = [[e for e in i["extension"] if e["url"].endswith("infoChanged")] for i in claim["item"]]
    assert [i["sequence"] for i in claim["item"]] == [1, 2]
    assert [[f["valueCode"] for f in one] for one in flags] == [[], ["added"]]
    assert claim["meta"]["profile"] == [f"{PAS}profile-claim-update"]
    assert claim["related"][0]["relationship"]["coding"][0]["code"] == "prior"
    assert asked_items(written(extension()), GUIDE) == {2: "EP1001RES2L1"}


def test_documents_are_added_to_the_item_they_are_about() -> None:
    text = written(documents())
    assert asked_items(text, GUIDE) == {1: "EP1001RES3L1"}
    papers = [i for i in resource(text, "Claim")["supportingInfo"] if "valueReference" in i and "extension" in i]
    assert [e["valueCode"] for p in papers for e in p["extension"] if "valueCode" in e] == ["added"]


def test_a_cancellation_takes_back_the_whole_without_items() -> None:
    claim = resource(written(cancellation()), "Claim")
    assert "item" not in claim
    whole = [e for e in claim["extension"] if e["url"].endswith("certificationType")]
    assert [e["valueCodeableConcept"]["coding"][0]["code"] for e in whole] == ["3"]


HELD: dict[str, Any] = {
    "requester_references": (ReviewReference(qualifier="1J", number="7"),), "requester_taxonomy": "261QR0405X",
    "dependent": ReviewDependent(family="DOE"), "delay_reason": "8", "providers": (EventProvider(role="FA"),),
    "other_reviewers": (OtherReviewer(name="OTHER"),),
}  # fmt: skip


@pytest.mark.parametrize("field", NO_PLACE)
def test_what_pas_has_no_place_for_is_refused_and_named(field: str) -> None:
    with pytest.raises(PasProblem, match=field):
        written(admission(**{field: HELD[field]}))


def test_every_field_of_a_line_is_carried_or_refused() -> None:
    """A field that somebody adds to a line must be put into one of the two."""
    line = admission().lines[0]
    carried = {"trace", "dates", "revenue_code", "procedure_code", "unit", "quantity", "professional", "modifiers"}
    assert carried | set(NO_PLACE_IN_LINE) == set(type(line).model_fields)
    with pytest.raises(PasProblem, match=r"lines\.message"):
        written(admission(lines=(line.model_copy(update={"message": "MORE"}),)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Claim.accident", {"date": "2026-03-01"}),
        ("Claim.item.unitPrice", {"value": 1}),
        ("Claim.facility", {"reference": "x"}),
    ],
)
def test_what_the_reader_does_not_know_is_named_by_its_path(path: str, value: dict[str, Any]) -> None:
    bundle = json.loads(written(admission()))
    holder = bundle["entry"][0]["resource"]
    *way, name = path.split(".")[1:]
    for step in way:
        holder = holder[step][0]
    holder[name] = value
    _, unread = parse_request(json.dumps(bundle), GUIDE)
    assert len(unread) == 1
    assert name in unread[0]


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", sorted(ASKED))
def test_the_bytes_are_those_that_were_released(name: str) -> None:
    """A bundle that changes is a message that partners see change: look at it, then write the file anew."""
    assert json.loads(written(ASKED[name]())) == json.loads((GOLDEN / f"{name}.json").read_text())
