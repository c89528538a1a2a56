"""The Conditions of a referral bundle as ranked ICD-10-CM codes (domain 6.6)."""

import re
from typing import Final

from definitions.referral import ReferralDiagnosis
from interchange.fhir.bundle import Bundle, Entry
from interchange.fhir.element import ADDRESS_MAX, Element, Report
from interchange.fhir.systems import DIAGNOSES, ICD10

DIAGNOSES_MAX: Final = 12
"""What one 278 or one claim carries in its HI segment."""
CODE: Final = re.compile(r"[A-Z][0-9][0-9A-Z](?:\.?[0-9A-Z]{1,4})?", re.ASCII)
OVER: Final = frozenset({"resolved", "inactive"})
WRONG: Final = frozenset({"refuted", "entered-in-error"})


def read_diagnoses(bundle: Bundle, report: Report, asked: list[Entry]) -> tuple[ReferralDiagnosis, ...]:
    """Reasons of the request first, in its order, then the others as they stand; each code once."""
    live = [entry for entry in bundle.of("Condition") if _standing(entry.resource)]
    if not live:
        report.refuse("Bundle.entry", "no_condition", "send at least one Condition that stands")
    reasons = _reasons(bundle, asked)
    ordered = sorted(live, key=lambda e: reasons.index(e) if e in reasons else len(reasons))
    coded = [entry for entry in ordered if _icd(entry.resource)]
    for entry in ordered:
        if entry in coded:
            continue
        if coded:
            entry.resource.note("code", "condition_left_out", "not coded in ICD-10-CM, so not taken over")
        else:
            entry.resource.refuse("code", "unknown_code_system", f"code the condition in ICD-10-CM ({ICD10})")
    read = (_code(entry.resource) for entry in coded if bundle.about_the_patient(entry.resource, "subject"))
    codes = tuple(dict.fromkeys(code for code in read if code is not None))
    if len(codes) > DIAGNOSES_MAX:
        report.refuse("Bundle.entry", "too_many_conditions", f"send at most {DIAGNOSES_MAX} that matter to the stay")
    return tuple(ReferralDiagnosis(code=code, rank=rank) for rank, code in enumerate(codes, start=1))


def _standing(condition: Element) -> bool:
    if condition.coded("verificationStatus") in WRONG or condition.coded("clinicalStatus") in OVER:
        condition.note("clinicalStatus", "condition_left_out", "over or refuted, so not taken over")
        return False
    return True


def _reasons(bundle: Bundle, asked: list[Entry]) -> list[Entry]:
    found = []
    for entry in asked:
        for reason in entry.resource.elements("reasonReference"):
            reference = reason.text("reference", ADDRESS_MAX)
            target = bundle.find(reference, entry.resource) if reference else None
            if target is not None:
                found.append(target)
    return found


def _icd(condition: Element) -> list[Element]:
    return [c for c in condition.codings("code") if c.text("system", ADDRESS_MAX) in DIAGNOSES]


def _code(condition: Element) -> str | None:
    """Without its dot. Only what looks like a code goes on: codes travel where names must not."""
    codings = _icd(condition)
    picked = [c for c in codings if c.flag("userSelected")] or codings
    codes = {(c.text("code") or "").upper() for c in picked}
    if len(codes) > 1:
        condition.refuse("code", "codes_contradict", "this has several ICD-10-CM codes; send one Condition for each")
        return None
    code = codes.pop()
    if CODE.fullmatch(code) is None:
        condition.refuse("code", "bad_diagnosis_code", "write an ICD-10-CM code such as F10.20")
        return None
    return code.replace(".", "")
