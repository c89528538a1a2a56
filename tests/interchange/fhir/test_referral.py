"""What a referral bundle says, and what of it is taken over."""

import json
from datetime import date
from typing import Any

import fhirkit
import pytest

from definitions.person import Identifier
from interchange.fhir.referral import ICD10, LEVEL_SYSTEM, SCENARIO_SYSTEM
from tests.interchange.fhir.samples import (
    ALONE,
    CONDITION,
    COVERAGE,
    ORGANIZATION,
    PATIENT,
    REQUEST,
    changed,
    extended,
    read,
    resource,
    whole,
)


def icd(code: str, **fields: Any) -> dict[str, Any]:
    return resource("Condition", subject=ALONE, code={"coding": [{"system": ICD10, "code": code}]}, **fields)


def test_the_sample_is_fhir_r4_by_an_independent_judge() -> None:
    assert fhirkit.validate(whole()) == []


def test_a_whole_bundle() -> None:
    referral = read(whole())
    assert (referral.facility, referral.requested_level, referral.source) == ("harbor", "3.7-WM", "fhir_bundle")
    assert (referral.external_id, referral.scenario, referral.notes) == ("referral-1", None, ())
    person = referral.person
    assert (person.family, person.given, person.birth_date) == ("Testerman", ("Robin", "Q"), date(1990, 2, 3))
    assert (person.gender, person.preferred_name) == ("F", None)
    (coverage,) = referral.coverages
    assert (coverage.payer, coverage.member_id, coverage.rank) == ("meridian", "MB123456789A", 1)
    assert (coverage.from_date, coverage.through_date, coverage.relationship) == (date(2026, 1, 1), None, "self")
    assert [(d.code, d.rank) for d in referral.diagnoses] == [("F10239", 1)]


@pytest.mark.parametrize(
    "made", [json.dumps(whole()), json.dumps(whole()).encode(), json.dumps(whole()).encode("utf-16")]
)
def test_text_and_bytes_read_as_what_they_parse_to(made: str | bytes) -> None:
    assert read(made) == read(whole())


def test_nothing_personal_is_printed() -> None:
    referral = read(whole())
    for said in (repr(referral), str(referral), f"{referral.coverages}", repr(referral.person)):
        for secret in ("Testerman", "Robin", "1990", "MB123456789A"):
            assert secret not in said


@pytest.mark.parametrize("kind", ["collection", "transaction", "batch", "message", "document"])
def test_bundles_that_carry_papers_are_read(kind: str) -> None:
    assert read(whole() | {"type": kind}).person.family == "Testerman"


def test_unknown_resources_and_fields_are_left_alone_and_noted() -> None:
    bundle = extended(resource("MessageHeader"), resource("Observation", valueString="x"))
    bundle["entry"][PATIENT]["resource"]["favouriteColour"] = {"deeply": ["unknown"]}
    notes = [(note.path, note.code) for note in read(bundle).notes]
    assert notes == [("Bundle.entry[5]", "resource_ignored"), ("Bundle.entry[6]", "resource_ignored")]


def test_the_scenario_is_the_tag_of_our_system_only() -> None:
    tags = [{"system": "urn:else", "code": "b"}, {"system": SCENARIO_SYSTEM, "code": "ama_0200"}]
    assert read(whole() | {"meta": {"tag": tags}}).scenario == "ama_0200"


def test_facility_and_level_of_the_caller_fill_gaps_and_never_override() -> None:
    bundle = whole()
    del bundle["entry"][REQUEST]
    filled = read(bundle, facility="lakeside", level="2.1")
    assert (filled.facility, filled.requested_level) == ("lakeside", "2.1")
    said = read(whole(), facility="lakeside", level="2.1")
    assert (said.facility, said.requested_level) == ("harbor", "3.7-WM")


def test_the_legal_name_is_taken_and_the_one_they_go_by_is_kept_beside() -> None:
    """E14: payers match the legal name, the chart keeps the chosen one."""
    names = [
        {"use": "old", "family": "Former", "given": ["Rob"]},
        {"use": "nickname", "given": ["Bo"]},
        {"use": "official", "family": "Testerman", "given": ["Robin"]},
    ]
    person = read(changed(PATIENT, name=names)).person
    assert (person.family, person.given, person.preferred_name) == ("Testerman", ("Robin",), "Bo")
    assert person.display_name == "Bo Testerman"


def test_a_name_typed_with_other_blanks_and_combining_marks_is_the_same_name() -> None:
    names = [{"family": "  de  la\tMuestra ", "given": ["Jose\u0301"]}]
    person = read(changed(PATIENT, name=names)).person
    assert (person.family, person.given) == ("de la Muestra", ("José",))


@pytest.mark.parametrize(
    ("said", "kept"), [("male", "M"), ("female", "F"), ("other", "U"), ("unknown", "U"), (None, "U"), ("F", "U")]
)
def test_gender_as_a_payer_can_be_told(said: str | None, kept: str) -> None:
    referral = read(changed(PATIENT, gender=said))
    assert referral.person.gender == kept
    assert [n.code for n in referral.notes] == (["unknown_gender"] if said == "F" else [])


def test_address_telephone_and_identifiers() -> None:
    bundle = changed(
        PATIENT,
        address=[{"use": "work", "city": "Elsewhere"},
                 {"use": "home", "line": ["1 Example Way", "Apt 2"], "city": "Austin", "state": "TX", "postalCode": "78701"}],
        telecom=[{"system": "email", "value": "x@example.org"}, {"system": "phone", "use": "old", "value": "1"},
                 {"system": "phone", "value": "5125550101"}],
        identifier=[{"system": "urn:chart", "value": "77"}, {"value": "no system"},
                    {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-00-0000"}],
    )  # fmt: skip
    referral = read(bundle)
    person = referral.person
    assert (person.street, person.city, person.state) == ("1 Example Way, Apt 2", "Austin", "TX")
    assert (person.postal_code, person.telephone) == ("78701", "5125550101")
    assert person.identifiers == (Identifier(system="urn:chart", value="77"),)
    assert [n.code for n in referral.notes] == ["number_left_out"]
    assert "000-00-0000" not in referral.model_dump_json()


@pytest.mark.parametrize(
    "payor",
    [
        {"identifier": {"value": "88888"}},
        {"display": "MERIDIAN"},
        {"reference": "Organization/o1"},
        {"reference": "o1"},
        {"reference": "Organization/o1/_history/3"},
        {"reference": "Organization/gone", "display": "meridian"},
    ],
)
def test_a_payer_is_known_by_identifier_name_or_organization(payor: dict[str, Any]) -> None:
    assert read(changed(COVERAGE, payor=[payor])).coverages[0].payer == "meridian"


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        ("urn:uuid:4a0c8405-97a6-5c06-8c2c-32c2272c5794", "urn:uuid:4a0c8405-97a6-5c06-8c2c-32c2272c5794"),
        ("https://ehr.example.org/fhir/Organization/9", "https://ehr.example.org/fhir/Organization/9"),
    ],
)
def test_a_reference_by_full_address(full_url: str, reference: str) -> None:
    bundle = changed(COVERAGE, payor=[{"reference": reference}])
    bundle["entry"][ORGANIZATION]["fullUrl"] = full_url
    assert read(bundle).coverages[0].payer == "meridian"


def test_a_contained_organization() -> None:
    inside = [{"resourceType": "Organization", "id": "own", "name": "Bluestone Health"}]
    bundle = changed(COVERAGE, contained=inside, payor=[{"reference": "#own"}])
    assert read(bundle).coverages[0].payer == "bluestone"


def test_the_patient_as_payor_is_self_pay_and_needs_no_card() -> None:
    coverage = read(changed(COVERAGE, payor=[ALONE], subscriberId=None)).coverages[0]
    assert (coverage.payer, coverage.kind.value, coverage.member_id) == ("self_pay", "self_pay", "")


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (
            {"start": "2026-01-01T00:00:00-06:00", "end": "2026-12-31T23:59:59.999Z"},
            date(2026, 1, 1),
            date(2026, 12, 31),
        ),
        ({"start": "2026", "end": "2026"}, date(2026, 1, 1), date(2026, 12, 31)),
        ({"start": "2026-02", "end": "2028-02"}, date(2026, 2, 1), date(2028, 2, 29)),
        ({"end": "2026-12"}, None, date(2026, 12, 31)),
        ({}, None, None),
    ],
)
def test_periods_as_fhir_writes_dates(period: dict[str, str], first: date | None, last: date | None) -> None:
    coverage = read(changed(COVERAGE, period=period)).coverages[0]
    assert (coverage.from_date, coverage.through_date) == (first, last)


def second(**fields: Any) -> dict[str, Any]:
    return resource("Coverage", **({"subscriberId": "ST1A", "payor": [{"display": "Bluestone Health"}]} | fields))


def test_order_is_kept_and_gaps_are_filled_in_the_order_of_the_bundle() -> None:
    assert [c.payer for c in read(extended(second())).coverages] == ["meridian", "bluestone"]
    first = read(extended(second(order=1))).coverages
    assert [(c.payer, c.rank) for c in first] == [("bluestone", 1), ("meridian", 2)]


def test_a_coverage_no_longer_in_force_is_left_out_and_an_ended_one_noted() -> None:
    assert [n.code for n in read(extended(second(status="cancelled"))).notes] == ["coverage_left_out"]
    ended = changed(COVERAGE, period={"end": "2026-01-31"})
    assert [n.code for n in read(ended, today=date(2026, 2, 1)).notes] == ["coverage_ended"]
    assert read(ended, today=date(2026, 1, 31)).notes == ()


def test_card_group_and_whose_plan_it_is() -> None:
    bundle = changed(
        COVERAGE,
        subscriberId=None,
        identifier=[{"value": "77"}, {"type": {"coding": [{"code": "MB"}]}, "value": "MB55A"}],
        relationship={"coding": [{"code": "spouse"}]},
        **{"class": [{"type": {"coding": [{"code": "group"}]}, "value": "G9"}]},
    )
    referral = read(bundle)
    coverage = referral.coverages[0]
    assert (coverage.member_id, coverage.group_number, coverage.relationship) == ("MB55A", "G9", "spouse")
    assert [n.code for n in referral.notes] == ["subscriber_is_other"]


def test_diagnoses_follow_the_reasons_of_the_request_each_once() -> None:
    bundle = extended(icd("f32.a"), icd("F10.20", id="why"), icd("F1020"))
    bundle["entry"][REQUEST]["resource"]["reasonReference"] = [{"reference": "Condition/why"}]
    assert [(d.code, d.rank) for d in read(bundle).diagnoses] == [("F1020", 1), ("F10239", 2), ("F32A", 3)]


def test_conditions_that_are_over_refuted_or_coded_otherwise_are_left_out() -> None:
    refuted = icd("F11.20", verificationStatus={"coding": [{"code": "refuted"}]})
    over = icd("F12.20", clinicalStatus={"coding": [{"code": "resolved"}]})
    foreign = resource("Condition", subject=ALONE, code={"coding": [{"system": "http://snomed.info/sct", "code": "1"}]})
    referral = read(extended(refuted, over, foreign))
    assert [d.code for d in referral.diagnoses] == ["F10239"]
    assert sorted(n.code for n in referral.notes) == ["condition_left_out"] * 3


def test_a_code_beside_another_system_and_the_one_the_user_selected() -> None:
    coding = [
        {"system": "http://snomed.info/sct", "code": "66590003"},
        {"system": ICD10, "code": "F10.20"},
        {"system": "urn:oid:2.16.840.1.113883.6.90", "code": "F10.230", "userSelected": True},
    ]
    assert [d.code for d in read(changed(CONDITION, code={"coding": coding})).diagnoses] == ["F10230"]


def test_a_request_that_asks_for_nothing_any_more_does_not_count() -> None:
    revoked = resource("ServiceRequest", status="revoked", code={"coding": [{"system": LEVEL_SYSTEM, "code": "1.5"}]})
    referral = read(extended(revoked))
    assert (referral.requested_level, [n.code for n in referral.notes]) == ("3.7-WM", ["request_left_out"])


def test_consents_of_the_sender_are_kept_beside_and_said_not_to_be_ours() -> None:
    permits = resource("Consent", id="k1", status="active", patient=ALONE, dateTime="2026-02-01T10:00:00Z",
                       provision={"type": "permit", "period": {"start": "2026-02-01", "end": "2027-02"}})  # fmt: skip
    denies = resource("Consent", status="active", patient=ALONE, provision={"type": "deny"})
    gone = resource("Consent", status="inactive", patient=ALONE)
    referral = read(extended(permits, denies, gone))
    first, other = referral.consents
    assert (first.external_id, first.permits, first.signed_on) == ("k1", True, date(2026, 2, 1))
    assert (first.from_date, first.through_date) == (date(2026, 2, 1), date(2027, 2, 28))
    assert other.permits is False
    assert [n.code for n in referral.notes] == ["consent_of_sender", "consent_of_sender", "consent_left_out"]
