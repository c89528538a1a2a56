"""One document by FHIR: what is taken, and what is refused with its path and without what was sent."""

import base64
import copy
import hashlib
import json
from datetime import date
from typing import Any

import fhirkit
import pytest

from definitions.document import DOCUMENT_BYTES, LOINC, LOINC_CODES, ArrivedDocument, DocumentType
from interchange.fhir.document_reference import read_document_reference
from interchange.fhir.systems import DOCUMENT_SYSTEM, USER_SYSTEM

BODY = b"Robin Testerman came to the group."
DATA = base64.b64encode(BODY).decode()
SHA1 = base64.b64encode(hashlib.sha1(BODY, usedforsecurity=False).digest()).decode()


def whole(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"coding": [{"system": LOINC, "code": "11506-3"}]},
        "subject": {"reference": "Patient/00000000-0000-0000-0000-000000000001"},
        "date": "2026-03-02T10:00:00-06:00",
        "author": [{"identifier": {"system": USER_SYSTEM, "value": "clinician"}}],
        "content": [{"attachment": {"contentType": "text/plain", "data": DATA, "hash": SHA1, "size": len(BODY)}}],
        "context": {"encounter": [{"reference": "EpisodeOfCare/e1"}, {"reference": "Encounter/s1"}]},
    }
    made |= changes
    return {name: value for name, value in copy.deepcopy(made).items() if value is not None}


def with_attachment(**changes: Any) -> dict[str, Any]:
    made = whole()
    held = made["content"][0]["attachment"]
    held |= changes
    made["content"][0]["attachment"] = {n: v for n, v in held.items() if v is not None}
    return made


def test_the_sample_is_fhir_r4_by_an_independent_judge() -> None:
    assert fhirkit.validate(whole()) == []


def test_a_whole_document() -> None:
    for said in (whole(), json.dumps(whole()), json.dumps(whole()).encode()):
        found = read_document_reference(said)
        assert isinstance(found, ArrivedDocument), found
        assert (found.kind, found.service_date, found.body) == (DocumentType.PROGRESS_NOTE, date(2026, 3, 2), BODY)
        assert (found.author, found.episode, found.stay) == ("clinician", "e1", "s1")
        assert "Testerman" not in repr(found) + str(found)


def test_a_contained_binary_and_no_author() -> None:
    made = with_attachment(data=None, url="#b1") | {
        "contained": [{"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": DATA}]
    }
    del made["author"]
    assert fhirkit.validate(made) == []
    found = read_document_reference(made)
    assert isinstance(found, ArrivedDocument)
    assert (found.body, found.author) == (BODY, None)


@pytest.mark.parametrize("kind", list(DocumentType))
def test_every_type_by_its_own_code_and_by_loinc(kind: DocumentType) -> None:
    found = read_document_reference(whole(type={"coding": [{"system": DOCUMENT_SYSTEM, "code": kind.value}]}))
    assert isinstance(found, ArrivedDocument)
    assert found.kind is kind
    if kind in LOINC_CODES:
        found = read_document_reference(whole(type={"coding": [{"system": LOINC, "code": LOINC_CODES[kind]}]}))
        assert isinstance(found, ArrivedDocument)
        assert found.kind is kind


@pytest.mark.parametrize(
    ("made", "path", "code"),
    [
        (b"not json", "$", "not_json"),
        ({"resourceType": "Bundle"}, "$", "not_a_document"),
        ([], "$", "not_a_document"),
        (b"x" * (DOCUMENT_BYTES * 2), "$", "too_large"),
        (whole(status="superseded"), "DocumentReference.status", "not_current"),
        (whole(status=None), "DocumentReference.status", "not_current"),
        (whole(docStatus="entered-in-error"), "DocumentReference.docStatus", "not_current"),
        (whole(relatesTo=[{"code": "replaces", "target": {"reference": "x"}}]), "DocumentReference.relatesTo",
         "relation_unknown"),
        (whole(modifierExtension=[{"url": "x"}]), "DocumentReference.modifierExtension", "modifier_unknown"),
        (whole(subject=None), "DocumentReference.subject", "no_reference"),
        (whole(subject={"reference": "Group/1"}), "DocumentReference.subject", "no_reference"),
        (whole(type={"coding": [{"system": LOINC, "code": "99999-9"}]}), "DocumentReference.type",
         "unknown_document_type"),
        (whole(type={"coding": [{"system": LOINC, "code": "11506-3"}, {"system": LOINC, "code": "34117-2"}]}),
         "DocumentReference.type", "unknown_document_type"),
        (whole(securityLabel=[{"coding": [{"code": "PSYTHPN"}]}]), "DocumentReference.securityLabel", "kept_apart"),
        (whole(date="yesterday"), "DocumentReference.date", "bad_document_date"),
        (whole(date=None), "DocumentReference.date", "bad_document_date"),
        (whole(author=[{"display": "Dr. Testerman"}]), "DocumentReference.author", "unknown_author"),
        (whole(context={"encounter": [{"reference": "https://elsewhere/Encounter/1"}]}),
         "DocumentReference.context.encounter[0].reference", "no_reference"),
        (whole(content=[]), "DocumentReference.content", "one_attachment"),
        (whole(content=[{"attachment": {}}, {"attachment": {}}]), "DocumentReference.content", "one_attachment"),
        (with_attachment(contentType=None), "DocumentReference.content[0].attachment.contentType", "no_content_type"),
        (with_attachment(data=None), "DocumentReference.content[0].attachment.data", "no_data"),
        (with_attachment(data="***"), "DocumentReference.content[0].attachment.data", "bad_base64"),
        (with_attachment(data=7), "DocumentReference.content[0].attachment.data", "no_data"),
        (with_attachment(hash="AAAA"), "DocumentReference.content[0].attachment.hash", "wrong_hash"),
        (with_attachment(size=3), "DocumentReference.content[0].attachment.size", "wrong_size"),
        (with_attachment(url="https://elsewhere/Binary/1"), "DocumentReference.content[0].attachment.url",
         "not_contained"),
        (with_attachment(data=None, url="#none"), "DocumentReference.content[0].attachment.url", "not_contained"),
        (with_attachment(data=base64.b64encode(b"x" * (DOCUMENT_BYTES + 1)).decode(), hash=None, size=None),
         "DocumentReference.content[0].attachment.data", "too_large"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_path(made: Any, path: str, code: str) -> None:
    found = read_document_reference(made)
    assert not isinstance(found, ArrivedDocument)
    assert (path, code) in [(p.path, p.code) for p in found]
    assert "Testerman" not in str(found)
