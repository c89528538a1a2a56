"""A FHIR R4 referral bundle: Patient, Coverage, Condition, the ServiceRequest that says which level, and Consent.

Problems are values with the path in the bundle, all that were found at once; resources and fields nobody reads are
left alone, what contradicts itself is refused."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from definitions.referral import ImportProblem, Referral
from definitions.vocabulary import CoverageKind
from interchange.fhir.bundle import open_bundle
from interchange.fhir.condition import read_diagnoses
from interchange.fhir.consent import read_consents
from interchange.fhir.coverage import BY_KEY, read_coverages
from interchange.fhir.element import ADDRESS_MAX, Element, Report
from interchange.fhir.patient import read_person
from interchange.fhir.service_request import live_requests, read_facility, read_level
from interchange.fhir.systems import FACILITY_SYSTEM, ICD10, LEVEL_SYSTEM, PAYER_SYSTEM, SCENARIO_SYSTEM

__all__ = ["FACILITY_SYSTEM", "ICD10", "LEVEL_SYSTEM", "PAYER_SYSTEM", "SCENARIO_SYSTEM", "read_referral"]


def read_referral(
    bundle: Any,
    payers: Mapping[str, str],
    *,
    facility: str | None = None,
    level: str | None = None,
    kinds: Mapping[str, CoverageKind] | None = None,
    today: date | None = None,
) -> Referral | tuple[ImportProblem, ...]:
    """The referral, or everything that is wrong with it.

    `bundle` is JSON (bytes or text) or what it parses to. `payers` maps payer ids, names and keys to payer keys, in
    any case; `kinds` says which keys are no insurance and need no member id. `facility` and `level` fill what the
    bundle leaves out. With `today` a birth date in the future is refused and an ended coverage noted."""
    report = Report()
    opened = open_bundle(bundle, report)
    if opened is None:
        return tuple(report.problems)
    person = read_person(opened, report, today)
    coverages = read_coverages(opened, report, payers, BY_KEY if kinds is None else kinds, today)
    asked = live_requests(opened)
    diagnoses = read_diagnoses(opened, report, asked)
    wanted_level = read_level(asked, report, level)
    wanted_facility = read_facility(opened, asked, report, facility)
    consents = read_consents(opened)
    scenario, external_id = _scenario(opened.root), opened.root.text("id", 64)
    if report.problems or person is None or wanted_level is None or wanted_facility is None:
        return tuple(report.problems)
    return Referral(
        facility=wanted_facility,
        requested_level=wanted_level,
        source="fhir_bundle",
        person=person,
        coverages=coverages,
        diagnoses=diagnoses,
        scenario=scenario,
        external_id=external_id,
        consents=consents,
        notes=tuple(report.notes),
    )


def _scenario(root: Element) -> str | None:
    """Which story of the rehearsal this bundle is meant for; other tags are the sender's business."""
    meta = root.element("meta")
    for tag in meta.elements("tag") if meta else []:
        if tag.text("system", ADDRESS_MAX) == SCENARIO_SYSTEM:
            return tag.text("code")
    return None
