"""Bad bundles: every problem with its place and a stable code, and never the value that was wrong."""

import copy
import json
from datetime import date
from typing import Any

import pytest

from definitions.referral import Referral
from interchange.fhir.bundle import BYTES_MAX, ENTRIES_MAX
from interchange.fhir.referral import FACILITY_SYSTEM, ICD10, LEVEL_SYSTEM, read_referral
from tests.interchange.fhir.samples import (
    ALONE,
    CONDITION,
    COVERAGE,
    ORGANIZATION,
    PATIENT,
    PAYERS,
    REQUEST,
    changed,
    codes,
    extended,
    problems,
    read,
    resource,
    whole,
)

ROOTS: list[tuple[Any, str]] = [
    (None, "not_a_bundle"),
    ([], "not_a_bundle"),
    (7, "not_a_bundle"),
    ({}, "not_a_bundle"),
    ({"resourceType": "Patient"}, "not_a_bundle"),
    ({"resourceType": ["Bundle"]}, "not_a_bundle"),
    (b"", "not_json"),
    (b"\xff\xfe\x00", "not_json"),
    ('{"resourceType": "Bundle"', "not_json"),
    ('{"resourceType": "Bundle", "total": NaN}', "not_json"),
    ('{"resourceType": "Bundle", "id": "1", "id": "2"}', "key_repeated"),
    (b"[" * 100_000, "too_deep"),
    (b'{"a":' * 100_000, "too_deep"),
    (b" " * (BYTES_MAX + 1), "too_large"),
]


@pytest.mark.parametrize(("data", "code"), ROOTS, ids=lambda v: v if isinstance(v, str) and len(v) < 20 else "data")
def test_what_is_no_bundle(data: Any, code: str) -> None:
    assert codes(data) == [("$", code)]
    assert problems(data)[0].told == problems(data)[0].detail


@pytest.mark.parametrize(
    ("bundle", "path", "code"),
    [
        (whole() | {"type": "searchset"}, "Bundle.type", "bundle_type"),
        (whole() | {"type": None}, "Bundle.type", "bundle_type"),
        (whole() | {"implicitRules": "urn:strange"}, "Bundle.implicitRules", "modifier_unknown"),
        (whole() | {"id": 5}, "Bundle.id", "wrong_type"),
        (whole() | {"meta": "tagged"}, "Bundle.meta", "wrong_type"),
        (extended({"fullUrl": "urn:x"}), "Bundle.entry[5].resource", "no_resource"),
        (extended({"resource": {"id": "1"}}), "Bundle.entry[5].resource", "no_resource"),
        (extended("Patient"), "Bundle.entry[5]", "wrong_type"),  # type: ignore[arg-type]  # that is the point
        (extended(resource("Organization", id="o1")), "Bundle.entry[5]", "entry_repeated"),
        (extended(copy.deepcopy(whole()["entry"][0])), "Bundle.entry", "several_patients"),
        (changed(PATIENT, resourceType="Person"), "Bundle.entry", "no_patient"),
        (changed(COVERAGE, resourceType="Account"), "Bundle.entry", "no_coverage"),
        (changed(CONDITION, resourceType="Observation"), "Bundle.entry", "no_condition"),
        (changed(REQUEST, code=None), "ServiceRequest.code", "no_level"),
        (changed(REQUEST, performer=None), "ServiceRequest.performer", "no_facility"),
        (changed(REQUEST, status="revoked"), "ServiceRequest.code", "no_level"),
        (changed(REQUEST, doNotPerform=True), "ServiceRequest.code", "no_level"),
    ],
)
def test_the_bundle_and_its_entries(bundle: dict[str, Any], path: str, code: str) -> None:
    assert (path, code) in codes(bundle)


def test_no_entries_and_too_many() -> None:
    assert codes(whole() | {"entry": []}) == [("Bundle.entry", "empty_bundle")]
    assert codes(whole() | {"entry": {"resource": {}}}) == [("Bundle.entry", "empty_bundle")]
    assert codes(extended(*[resource("Basic")] * ENTRIES_MAX)) == [("Bundle.entry", "too_large")]


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"name": None}, "name", "no_name"),
        ({"name": []}, "name", "no_name"),
        ({"name": "Robin Testerman"}, "name", "wrong_type"),
        ({"name": {"family": "Testerman"}}, "name", "wrong_type"),
        ({"name": [{"family": "Testerman"}]}, "name", "no_name"),
        ({"name": [{"family": "   ", "given": ["Robin"]}]}, "name", "no_name"),
        ({"name": [{"family": ["Testerman"], "given": ["Robin"]}]}, "name[0].family", "wrong_type"),
        ({"name": [{"family": "Testerman", "given": [1]}]}, "name[0].given[0]", "wrong_type"),
        ({"name": [{"family": "T" * 121, "given": ["R"]}]}, "name[0].family", "text_too_long"),
        ({"name": [{"family": "T" * 900_000, "given": ["R"]}]}, "name[0].family", "text_too_long"),
        ({"name": [{"family": "Test\x00erman", "given": ["R"]}]}, "name[0].family", "bad_characters"),
        ({"name": [{"family": "Test\u202eerman", "given": ["R"]}]}, "name[0].family", "bad_characters"),
        ({"name": [{"family": "\ud800", "given": ["R"]}]}, "name[0].family", "bad_characters"),
        ({"name": [{"family": "Testerman", "given": ["R"] * 6}]}, "name", "too_many_names"),
        ({"birthDate": None}, "birthDate", "bad_birth_date"),
        ({"birthDate": "1990"}, "birthDate", "bad_birth_date"),
        ({"birthDate": "1990-02"}, "birthDate", "bad_birth_date"),
        ({"birthDate": "1990-02-30"}, "birthDate", "bad_birth_date"),
        ({"birthDate": "02/03/1990"}, "birthDate", "bad_birth_date"),
        ({"birthDate": "1990-W05-3"}, "birthDate", "bad_birth_date"),
        ({"birthDate": "١٩٩٠-٠٢-٠٣"}, "birthDate", "bad_birth_date"),
        ({"birthDate": "0190-02-03"}, "birthDate", "bad_birth_date"),
        ({"birthDate": "2026-03-03"}, "birthDate", "birth_date_in_future"),
        ({"birthDate": 19900203}, "birthDate", "wrong_type"),
        ({"active": False}, "active", "patient_inactive"),
        ({"active": "no"}, "active", "wrong_type"),
        ({"deceasedBoolean": True}, "deceased", "patient_deceased"),
        ({"deceasedDateTime": "2026-01-01"}, "deceased", "patient_deceased"),
        ({"address": ["1 Example Way"]}, "address[0]", "wrong_type"),
        ({"modifierExtension": [{"url": "urn:not-really"}]}, "modifierExtension", "modifier_unknown"),
    ],
)
def test_the_patient(fields: dict[str, Any], path: str, code: str) -> None:
    found = codes(changed(PATIENT, **fields), today=date(2026, 3, 2))
    assert (f"Bundle.entry[0].{path}", code) in found


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"payor": None}, "payor", "unknown_payer"),
        ({"payor": [{"display": "Ghost"}]}, "payor", "unknown_payer"),
        ({"payor": {"display": "meridian"}}, "payor", "wrong_type"),
        ({"payor": [{"reference": "Organization/gone"}]}, "payor", "reference_unresolved"),
        ({"payor": [{"reference": "#gone"}]}, "payor", "reference_unresolved"),
        ({"payor": [{"reference": "https://else.example/Organization/o1"}]}, "payor", "reference_unresolved"),
        ({"payor": [{"display": "meridian"}, {"display": "Bluestone Health"}]}, "payor", "payers_contradict"),
        ({"payor": [{"reference": "Organization/o1", "display": "bluestone health"}]}, "payor", "payers_contradict"),
        ({"period": {"start": "2026-02-01", "end": "2026-01-31"}}, "period", "coverage_period_inverted"),
        ({"period": {"start": "soon"}}, "period.start", "bad_coverage_period"),
        ({"period": {"start": "2026-13"}}, "period.start", "bad_coverage_period"),
        ({"period": {"end": "0000"}}, "period.end", "bad_coverage_period"),
        ({"period": "2026"}, "period", "wrong_type"),
        ({"subscriberId": None}, "subscriberId", "no_member_id"),
        ({"subscriberId": "   "}, "subscriberId", "no_member_id"),
        ({"subscriberId": 123}, "subscriberId", "wrong_type"),
        ({"subscriberId": "M" * 41}, "subscriberId", "text_too_long"),
        ({"subscriberId": "MB~HL*9"}, "subscriberId", "bad_member_id"),
        ({"subscriberId": "MB:1"}, "subscriberId", "bad_member_id"),
        ({"subscriberId": "MÜ123"}, "subscriberId", "bad_member_id"),
        ({"order": 0}, "order", "bad_order"),
        ({"order": True}, "order", "bad_order"),
        ({"order": "1"}, "order", "bad_order"),
        ({"beneficiary": {"reference": "Patient/other"}}, "beneficiary", "reference_unresolved"),
        ({"beneficiary": {"reference": "Organization/o1"}}, "beneficiary", "another_patient"),
    ],
)
def test_a_coverage(fields: dict[str, Any], path: str, code: str) -> None:
    assert (f"Bundle.entry[2].{path}", code) in codes(changed(COVERAGE, **fields))


def test_coverages_that_contradict_each_other() -> None:
    twice = resource(
        "Coverage", payor=[{"display": "meridian"}], subscriberId="MB123456789A", period={"start": "2026-01-01"}
    )
    assert codes(extended(twice)) == [("Bundle.entry", "coverage_repeated")]
    other = resource("Coverage", payor=[{"display": "Bluestone Health"}], subscriberId="B1A", order=1)
    bundle = extended(other, copy.deepcopy(other))
    bundle["entry"][6]["resource"]["subscriberId"] = "B2A"
    assert ("Bundle.entry[6].order", "order_repeated") in codes(bundle)
    many = [resource("Coverage", payor=[{"display": "meridian"}], subscriberId=f"M{n}A") for n in range(5)]
    assert ("Bundle.entry", "too_many_coverages") in codes(extended(*many))
    assert codes(changed(COVERAGE, status="entered-in-error")) == [("Bundle.entry", "no_coverage")]


def coded(*pairs: tuple[str, Any]) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for system, code in pairs]}


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"code": None}, "code", "unknown_code_system"),
        ({"code": {"text": "drinks too much"}}, "code", "unknown_code_system"),
        ({"code": coded(("http://snomed.info/sct", "66590003"))}, "code", "unknown_code_system"),
        ({"code": coded((ICD10, "Robin Testerman"))}, "code", "bad_diagnosis_code"),
        ({"code": coded((ICD10, "F10~HI*ABK"))}, "code", "bad_diagnosis_code"),
        ({"code": coded((ICD10, "10.20"))}, "code", "bad_diagnosis_code"),
        ({"code": coded((ICD10, 10))}, "code.coding[0].code", "wrong_type"),
        ({"code": coded((ICD10, "F10.20"), (ICD10, "F11.20"))}, "code", "codes_contradict"),
        ({"code": "F10.20"}, "code", "wrong_type"),
        ({"subject": {"reference": "Patient/p2"}}, "subject", "reference_unresolved"),
        ({"subject": {"reference": "Organization/o1"}}, "subject", "another_patient"),
    ],
)
def test_a_condition(fields: dict[str, Any], path: str, code: str) -> None:
    assert (f"Bundle.entry[3].{path}", code) in codes(changed(CONDITION, **fields))


def test_more_conditions_than_a_request_carries() -> None:
    many = [resource("Condition", code=coded((ICD10, f"F1{n // 10}.{n % 10}"))) for n in range(13)]
    assert codes(extended(*many)) == [("Bundle.entry", "too_many_conditions")]


def test_requests_that_contradict_each_other() -> None:
    other = resource("ServiceRequest", code=coded((LEVEL_SYSTEM, "2.1")),
                     performer=[{"identifier": {"system": FACILITY_SYSTEM, "value": "lakeside"}}])  # fmt: skip
    assert codes(extended(other)) == [
        ("ServiceRequest.code", "several_levels"), ("ServiceRequest.performer", "several_facilitys"),
    ]  # fmt: skip


@pytest.mark.parametrize("level", ["Robin Testerman", "3.5~", "../..", "x" * 41])
def test_a_level_is_a_key_and_nothing_else(level: str) -> None:
    assert codes(changed(REQUEST, code=coded((LEVEL_SYSTEM, level)))) == [("ServiceRequest.code", "bad_level")]


def test_all_problems_come_at_once_and_none_twice() -> None:
    bundle = changed(PATIENT, birthDate="soon", name="Robin")
    bundle["entry"][COVERAGE]["resource"]["payor"] = [{"display": "Ghost"}]
    bundle["entry"][CONDITION]["resource"]["code"] = coded((ICD10, "nonsense"))
    found = codes(bundle)
    assert {code for _, code in found} == {
        "bad_birth_date", "wrong_type", "no_name", "unknown_payer", "bad_diagnosis_code",
    }  # fmt: skip
    assert len(found) == len(set(found))


def test_a_thousand_problems_are_told_fifty_at_a_time() -> None:
    assert len(problems(extended(*[{"resource": 1}] * 400))) == 50  # type: ignore[arg-type]  # that is the point


def test_a_problem_says_what_to_do_and_never_what_was_written() -> None:
    secret = "Zzyzxwood"
    for place in (PATIENT, ORGANIZATION, COVERAGE, CONDITION, REQUEST):
        for field in list(whole()["entry"][place]["resource"]):
            for value in (secret, [secret], {"coding": [{"system": ICD10, "code": secret}]}, [{"reference": secret}]):
                found = read_referral(changed(place, **{field: value}), PAYERS)
                if not isinstance(found, Referral):
                    for problem in found:
                        assert secret not in problem.model_dump_json()
                        assert len(problem.detail.split()) >= 4


def test_delimiters_in_a_name_are_letters_like_others() -> None:
    """Names are cleaned where X12 is written; the record keeps what the person is called."""
    person = read(changed(PATIENT, name=[{"family": "O~NEIL*^:", "given": ["Ann~HL*9"]}])).person
    assert (person.family, person.given) == ("O~NEIL*^:", ("Ann~HL*9",))


def test_nesting_where_nobody_looks_does_no_harm() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = {"extension": [deep]}
    assert read(changed(PATIENT, extension=[deep])).person.family == "Testerman"
    text = json.dumps(whole()).replace('"gender"', '"extension": ' + "[" * 5000 + "]" * 5000 + ', "gender"')
    assert codes(text) == [("$", "too_deep")]


def test_a_second_person_s_papers_are_refused_with_their_place() -> None:
    bundle = extended(resource("Condition", code=coded((ICD10, "F11.20")), subject={"reference": "Patient/p2"}))
    assert codes(bundle) == [("Bundle.entry[5].subject", "reference_unresolved")]
    assert read(extended(resource("Condition", code=coded((ICD10, "F11.20")), subject=ALONE))).diagnoses[1].rank == 2
