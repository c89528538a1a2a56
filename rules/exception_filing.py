"""Whether a path without consent may be put on file: complete at once, or not at all (domain 3.5, E24, E25)."""

from collections.abc import Mapping
from typing import Final

from definitions.disclosure import Evidence, ExceptionKind, ExceptionOnFile
from definitions.errors import ErrorType, Refusal
from definitions.vocabulary import Role
from rules.disclosure_terms import TERMS, lacking

CARE: Final = frozenset({Role.CLINICIAN, Role.ADMISSIONS, Role.DIRECTOR, Role.ADMIN})
DIRECTORS: Final = frozenset({Role.DIRECTOR, Role.ADMIN})
MAY_DECLARE: Final[Mapping[ExceptionKind, frozenset[Role]]] = {
    ExceptionKind.MEDICAL_EMERGENCY: CARE,
    ExceptionKind.CHILD_ABUSE_REPORT: CARE,
    ExceptionKind.AUDIT_EVALUATION: DIRECTORS,
    ExceptionKind.COURT_ORDER: DIRECTORS,
    ExceptionKind.SERVICE_ORGANIZATION: DIRECTORS,
}
"""Who stands beside the patient declares what cannot wait; agreements, audits and courts are the director's."""


def filing_problem(found: ExceptionOnFile, role: Role) -> Refusal | None:
    """Why it may not be declared, in words that say what is missing; None: it may."""
    terms = TERMS[found.kind]
    if role not in MAY_DECLARE[found.kind]:
        who = " or ".join(sorted(r.value for r in MAY_DECLARE[found.kind]))
        return Refusal(code=ErrorType.FORBIDDEN, detail=f"{terms.words} is declared by {who}")

    def wrong(why: str) -> Refusal:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail=f"{terms.words} ({terms.section}) {why}")

    if terms.about_one_person and found.person_id is None:
        return wrong("is about one person: declare it in their episode")
    beyond = sorted(c.value for c in set(found.contents) - terms.contents)
    if beyond or not found.contents:
        allowed = ", ".join(sorted(c.value for c in terms.contents))
        return wrong(f"reaches {allowed} only" + (f", not {', '.join(beyond)}" if beyond else "; say which of it"))
    missing = lacking(found)
    if missing:
        return wrong(f"needs its evidence at once: {', '.join(e.value for e in missing)}")
    if terms.must_end and found.valid_until is None:
        return wrong("must end: say valid_until")
    if found.valid_until is not None and found.valid_until <= found.valid_from:
        return wrong("ends before it begins")
    return None


def compels(evidence: Mapping[Evidence, str]) -> tuple[Evidence, ...]:
    """What a legal demand lacks to open the record: an order of subpart E and the subpoena that compels; either alone
    does not (2.61). Empty: it compels."""
    needed = (Evidence.COURT, Evidence.ORDER, Evidence.SUBPOENA)
    return tuple(e for e in needed if not evidence.get(e, "").strip())
