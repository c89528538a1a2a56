"""FHIR R4 referral bundles: Patient, Coverage, Condition and the ServiceRequest that says which level.

Problems are values with the path in the bundle; unknown resources and fields are left alone."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from definitions.person import PersonDetails
from definitions.referral import CoverageDetails, ImportProblem, Referral, ReferralDiagnosis
from definitions.vocabulary import CoverageKind

PAYER_SYSTEM: Final = "urn:stepdown:payer"
LEVEL_SYSTEM: Final = "urn:stepdown:level"
FACILITY_SYSTEM: Final = "urn:stepdown:facility"
SCENARIO_SYSTEM: Final = "urn:stepdown:scenario"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
GENDERS: Final = {"male": "M", "female": "F"}
KINDS: Final = {"self_pay": CoverageKind.SELF_PAY, "county": CoverageKind.COUNTY_FUNDING}
ENTRIES_MAX: Final = 500
TEXT_MAX: Final = 200

Entry = tuple[str, Mapping[str, Any]]


def read_referral(
    bundle: Any, payers: Mapping[str, str], *, facility: str | None = None, level: str | None = None
) -> Referral | tuple[ImportProblem, ...]:
    """`payers` maps payer ids and keys to payer keys. `facility` and `level` fill what the bundle leaves out."""
    if not isinstance(bundle, Mapping) or bundle.get("resourceType") != "Bundle":
        return (_problem("$", "not_a_bundle", "send one FHIR R4 Bundle as JSON"),)
    entries = _entries(bundle)
    if isinstance(entries, ImportProblem):
        return (entries,)
    problems: list[ImportProblem] = []
    patients = [e for e in entries if e[1].get("resourceType") == "Patient"]
    person = _person(patients, problems)
    coverages = _coverages([e for e in entries if e[1].get("resourceType") == "Coverage"], entries, payers, problems)
    diagnoses = _diagnoses([e for e in entries if e[1].get("resourceType") == "Condition"], problems)
    asked = next((e for e in entries if e[1].get("resourceType") == "ServiceRequest"), None)
    wanted_level = _coded(asked, LEVEL_SYSTEM) or level
    wanted_facility = _facility(asked) or facility
    if wanted_level is None:
        problems.append(
            _problem("ServiceRequest.code", "no_level", f"say the level with a coding of system {LEVEL_SYSTEM}")
        )
    if wanted_facility is None:
        problems.append(
            _problem(
                "ServiceRequest.performer", "no_facility", f"name the facility by an identifier of {FACILITY_SYSTEM}"
            )
        )
    if problems or person is None or wanted_level is None or wanted_facility is None:
        return tuple(problems)
    return Referral(
        facility=wanted_facility,
        requested_level=wanted_level,
        source="fhir_bundle",
        person=person,
        coverages=coverages,
        diagnoses=diagnoses,
        scenario=_scenario(bundle),
        external_id=_text(bundle.get("id")),
    )


def _problem(path: str, code: str, detail: str) -> ImportProblem:
    return ImportProblem(path=path, code=code, detail=detail)


def _entries(bundle: Mapping[str, Any]) -> list[Entry] | ImportProblem:
    raw = bundle.get("entry")
    if not isinstance(raw, list) or not raw:
        return _problem("Bundle.entry", "empty_bundle", "the bundle has no entries")
    if len(raw) > ENTRIES_MAX:
        return _problem("Bundle.entry", "too_large", f"send at most {ENTRIES_MAX} entries")
    found = []
    for index, entry in enumerate(raw):
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if not isinstance(resource, Mapping):
            return _problem(f"Bundle.entry[{index}].resource", "no_resource", "every entry holds a resource")
        found.append((f"Bundle.entry[{index}]", resource))
    return found


def _person(patients: Sequence[Entry], problems: list[ImportProblem]) -> PersonDetails | None:
    if len(patients) != 1:
        code = "several_patients" if patients else "no_patient"
        problems.append(_problem("Bundle.entry", code, "send exactly one Patient per bundle"))
        return None
    path, patient = patients[0]
    names = [n for n in _list(patient.get("name")) if isinstance(n, Mapping)]
    name = next((n for n in names if n.get("use") == "official"), names[0] if names else None)
    family = _text(name.get("family")) if name else None
    given = tuple(t for t in (_text(g) for g in _list(name.get("given"))) if t) if name else ()
    if family is None or not given:
        problems.append(_problem(f"{path}.name", "no_name", "give a family name and at least one given name"))
    born = _date(patient.get("birthDate"))
    if born is None:
        problems.append(_problem(f"{path}.birthDate", "bad_birth_date", "write the birth date as YYYY-MM-DD"))
    if family is None or not given or born is None:
        return None
    address = next((a for a in _list(patient.get("address")) if isinstance(a, Mapping)), {})
    phone = next(
        (t for t in _list(patient.get("telecom")) if isinstance(t, Mapping) and t.get("system") == "phone"), {}
    )
    usual = next((n for n in names if n.get("use") == "usual"), {})
    nickname = next((t for t in (_text(g) for g in _list(usual.get("given"))) if t), None)
    return PersonDetails(
        family=family,
        given=given,
        birth_date=born,
        gender=GENDERS.get(str(patient.get("gender")), "U"),
        preferred_name=nickname,
        street=_text(next(iter(_list(address.get("line"))), None)),
        city=_text(address.get("city")),
        state=_text(address.get("state")),
        postal_code=_text(address.get("postalCode")),
        telephone=_text(phone.get("value")),
    )


def _coverages(
    found: Sequence[Entry], entries: Sequence[Entry], payers: Mapping[str, str], problems: list[ImportProblem]
) -> tuple[CoverageDetails, ...]:
    if not found:
        problems.append(
            _problem("Bundle.entry", "no_coverage", "send at least one Coverage; self-pay is a coverage too")
        )
    made = []
    for index, (path, coverage) in enumerate(found):
        key = _payer_key(coverage, entries, payers)
        if key is None:
            known = ", ".join(sorted(set(payers.values())))
            problems.append(
                _problem(f"{path}.payor", "unknown_payer", f"name a payer we have a contract with: {known}")
            )
            continue
        period = coverage.get("period") if isinstance(coverage.get("period"), Mapping) else {}
        first, last = _date(_get(period, "start")), _date(_get(period, "end"))
        if first and last and last < first:
            problems.append(_problem(f"{path}.period", "coverage_period_inverted", "the period ends before it begins"))
            continue
        member = _text(coverage.get("subscriberId"))
        kind = KINDS.get(key, CoverageKind.INSURANCE)
        if member is None and kind is CoverageKind.INSURANCE:
            problems.append(_problem(f"{path}.subscriberId", "no_member_id", "an insured person has a member id"))
            continue
        order = coverage.get("order")
        made.append(
            CoverageDetails(
                payer=key,
                kind=kind,
                member_id=member or "",
                rank=order if isinstance(order, int) and not isinstance(order, bool) and order > 0 else index + 1,
                from_date=first,
                through_date=last,
            )
        )
    return tuple(sorted(made, key=lambda c: c.rank))


def _payer_key(coverage: Mapping[str, Any], entries: Sequence[Entry], payers: Mapping[str, str]) -> str | None:
    for payor in _list(coverage.get("payor")):
        if not isinstance(payor, Mapping):
            continue
        candidates = [_get(payor.get("identifier"), "value"), payor.get("display")]
        target = _resolve(payor.get("reference"), entries)
        for identifier in _list(_get(target, "identifier")):
            candidates.append(_get(identifier, "value"))
        for candidate in candidates:
            if isinstance(candidate, str) and candidate in payers:
                return payers[candidate]
    return None


def _resolve(reference: Any, entries: Sequence[Entry]) -> Mapping[str, Any] | None:
    if not isinstance(reference, str):
        return None
    name = reference.rsplit("/", 1)[-1].removeprefix("urn:uuid:")
    return next((r for _, r in entries if r.get("id") == name), None)


def _diagnoses(found: Sequence[Entry], problems: list[ImportProblem]) -> tuple[ReferralDiagnosis, ...]:
    made = []
    for index, (path, condition) in enumerate(found):
        code = _coded((path, condition), ICD10)
        if code is None:
            problems.append(_problem(f"{path}.code", "unknown_code_system", "code the condition in ICD-10-CM"))
            continue
        made.append(ReferralDiagnosis(code=code.replace(".", "").upper(), rank=index + 1))
    if not found:
        problems.append(_problem("Bundle.entry", "no_condition", "send at least one Condition"))
    return tuple(made)


def _coded(entry: Entry | None, system: str) -> str | None:
    if entry is None:
        return None
    for coding in _list(_get(entry[1].get("code"), "coding")):
        if isinstance(coding, Mapping) and coding.get("system") == system:
            return _text(coding.get("code"))
    return None


def _facility(entry: Entry | None) -> str | None:
    if entry is None:
        return None
    for performer in _list(entry[1].get("performer")):
        identifier = _get(performer, "identifier")
        if _get(identifier, "system") == FACILITY_SYSTEM:
            return _text(_get(identifier, "value"))
    return None


def _scenario(bundle: Mapping[str, Any]) -> str | None:
    for tag in _list(_get(bundle.get("meta"), "tag")):
        if _get(tag, "system") == SCENARIO_SYSTEM:
            return _text(_get(tag, "code"))
    return None


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and 0 < len(value.strip()) <= TEXT_MAX else None


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-01-01") else None
    except ValueError:
        return None
