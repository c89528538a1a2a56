"""A whole referral bundle to change, and the payers that are known."""

import copy
from typing import Any, Final

from definitions.referral import ImportProblem, Referral
from definitions.vocabulary import CoverageKind
from interchange.fhir.referral import FACILITY_SYSTEM, ICD10, LEVEL_SYSTEM, read_referral

PAYERS: Final = {"meridian": "meridian", "88888": "meridian", "Bluestone Health": "bluestone", "self_pay": "self_pay"}
KINDS: Final = {"meridian": CoverageKind.INSURANCE, "self_pay": CoverageKind.SELF_PAY}
ALONE: Final = {"reference": "Patient/p1"}


def resource(kind: str, **fields: Any) -> dict[str, Any]:
    return {"resource": {"resourceType": kind, **fields}}


def whole() -> dict[str, Any]:
    """Patient, Organization, Coverage, Condition, ServiceRequest: entries 0 to 4."""
    return copy.deepcopy(
        {
            "resourceType": "Bundle",
            "id": "referral-1",
            "type": "collection",
            "entry": [
                resource("Patient", id="p1", gender="female", birthDate="1990-02-03",
                         name=[{"use": "official", "family": "Testerman", "given": ["Robin", "Q"]}]),
                resource("Organization", id="o1", name="Meridian", identifier=[{"value": "88888"}]),
                resource("Coverage", id="c1", status="active", subscriberId="MB123456789A", beneficiary=ALONE,
                         payor=[{"reference": "Organization/o1"}], period={"start": "2026-01-01"}),
                resource("Condition", id="d1", subject=ALONE,
                         code={"coding": [{"system": ICD10, "code": "F10.239"}]}),
                resource("ServiceRequest", id="s1", status="active", intent="order", subject=ALONE,
                         code={"coding": [{"system": LEVEL_SYSTEM, "code": "3.7-WM"}]},
                         performer=[{"identifier": {"system": FACILITY_SYSTEM, "value": "harbor"}}]),
            ],
        }
    )  # fmt: skip


PATIENT, ORGANIZATION, COVERAGE, CONDITION, REQUEST = range(5)


def changed(place: int, **fields: Any) -> dict[str, Any]:
    """The whole bundle with fields of one resource replaced; None takes a field away."""
    made = whole()
    held = made["entry"][place]["resource"]
    for name, value in fields.items():
        if value is None:
            held.pop(name, None)
        else:
            held[name] = value
    return made


def extended(*entries: dict[str, Any]) -> dict[str, Any]:
    made = whole()
    made["entry"] += entries
    return made


def read(bundle: Any, **more: Any) -> Referral:
    found = read_referral(bundle, PAYERS, kinds=KINDS, **more)
    assert isinstance(found, Referral), found
    return found


def problems(bundle: Any, **more: Any) -> tuple[ImportProblem, ...]:
    found = read_referral(bundle, PAYERS, kinds=KINDS, **more)
    assert not isinstance(found, Referral)
    return found


def codes(bundle: Any, **more: Any) -> list[tuple[str, str]]:
    """(path, code) of every problem."""
    return [(problem.path, problem.code) for problem in problems(bundle, **more)]
