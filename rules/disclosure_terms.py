"""The tables of the disclosure gate: what each path without consent needs and allows, which notice accompanies what, and
the minimum a purpose needs (domain 3.3, 3.5, 3.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from definitions.disclosure import ContentPart, Evidence, ExceptionKind, ExceptionOnFile, NoticeCode
from definitions.vocabulary import ContentClass, Purpose

TPO: Final = frozenset({Purpose.TREATMENT, Purpose.PAYMENT, Purpose.OPERATIONS})
"""One consent may name these for all future; it can name nothing else besides (domain 3.1)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One path without consent. `about_one_person`: it is declared for a person and serves nobody else. `must_end`: an
    open end is no end."""

    section: str
    words: str
    purposes: frozenset[Purpose]
    contents: frozenset[ContentClass]
    evidence: tuple[Evidence, ...]
    about_one_person: bool
    must_end: bool


TERMS: Final[Mapping[ExceptionKind, Terms]] = {
    ExceptionKind.MEDICAL_EMERGENCY: Terms(
        section="2.51", words="a medical emergency", purposes=frozenset({Purpose.TREATMENT}),
        contents=frozenset({ContentClass.HANDOFF, ContentClass.CLINICAL_ATTACHMENT}),
        evidence=(
            Evidence.DISCLOSED_BY, Evidence.MEDICAL_PERSONNEL, Evidence.MEDICAL_FACILITY,
            Evidence.NATURE_OF_EMERGENCY, Evidence.CONSENT_NOT_OBTAINABLE,
        ),
        about_one_person=True, must_end=True,
    ),
    ExceptionKind.AUDIT_EVALUATION: Terms(
        section="2.53", words="an audit or evaluation", purposes=frozenset({Purpose.OPERATIONS}),
        contents=frozenset(
            {ContentClass.AUTHORIZATION_REQUEST, ContentClass.CLINICAL_ATTACHMENT, ContentClass.CLAIM,
             ContentClass.HANDOFF}
        ),
        evidence=(Evidence.AUTHORITY, Evidence.PROTECTION_AGREEMENT), about_one_person=False, must_end=True,
    ),
    ExceptionKind.COURT_ORDER: Terms(
        section="2.61", words="a court order", purposes=frozenset({Purpose.LEGAL}),
        contents=frozenset({ContentClass.CLINICAL_ATTACHMENT, ContentClass.CLAIM, ContentClass.HANDOFF}),
        evidence=(Evidence.COURT, Evidence.ORDER, Evidence.SUBPOENA), about_one_person=True, must_end=True,
    ),
    ExceptionKind.CHILD_ABUSE_REPORT: Terms(
        section="2.12(c)(6)", words="a report of child abuse", purposes=frozenset({Purpose.PUBLIC_DUTY}),
        contents=frozenset({ContentClass.MANDATED_REPORT}),
        evidence=(Evidence.DISCLOSED_BY, Evidence.REPORT, Evidence.AGENCY, Evidence.STATE_LAW),
        about_one_person=True, must_end=True,
    ),
    ExceptionKind.SERVICE_ORGANIZATION: Terms(
        section="2.12(c)(4)", words="a service agreement",
        purposes=frozenset({Purpose.PAYMENT, Purpose.OPERATIONS}),
        contents=frozenset(
            {ContentClass.AUTHORIZATION_REQUEST, ContentClass.CLAIM, ContentClass.ELIGIBILITY_QUERY,
             ContentClass.CLINICAL_ATTACHMENT}
        ),
        evidence=(Evidence.SERVICE_AGREEMENT,), about_one_person=False, must_end=False,
    ),
}  # fmt: skip
"""Counselling notes stand in none: they leave by a consent that names them alone, or not at all."""


def lacking(found: ExceptionOnFile) -> tuple[Evidence, ...]:
    """Evidence that is required and not on record; blank is not on record."""
    return tuple(e for e in TERMS[found.kind].evidence if not found.evidence.get(e, "").strip())


def in_force(found: ExceptionOnFile, now: datetime) -> bool:
    if found.valid_until is None and TERMS[found.kind].must_end:
        return False
    return found.valid_from <= now and (found.valid_until is None or now < found.valid_until)


MESSAGE: Final = frozenset(
    {ContentPart.IDENTITY, ContentPart.COVERAGE, ContentPart.PROVIDER, ContentPart.DIAGNOSES,
     ContentPart.LEVEL_AND_DATES}
)  # fmt: skip
"""What a request or a claim is made of."""

MINIMUM: Final[Mapping[Purpose, Mapping[ContentClass, frozenset[ContentPart]]]] = {
    Purpose.PAYMENT: {
        ContentClass.ELIGIBILITY_QUERY: frozenset({ContentPart.IDENTITY, ContentPart.COVERAGE, ContentPart.PROVIDER}),
        ContentClass.AUTHORIZATION_REQUEST: MESSAGE,
        ContentClass.CLINICAL_ATTACHMENT: MESSAGE | {ContentPart.CLINICAL_FINDINGS, ContentPart.DOCUMENTS},
        ContentClass.CLAIM: MESSAGE | {ContentPart.CHARGES},
    },
    Purpose.OPERATIONS: {
        ContentClass.ELIGIBILITY_QUERY: frozenset({ContentPart.IDENTITY, ContentPart.COVERAGE, ContentPart.PROVIDER}),
        ContentClass.AUTHORIZATION_REQUEST: MESSAGE,
        ContentClass.CLINICAL_ATTACHMENT: MESSAGE | {ContentPart.CLINICAL_FINDINGS, ContentPart.DOCUMENTS},
        ContentClass.CLAIM: MESSAGE | {ContentPart.CHARGES},
        ContentClass.HANDOFF: MESSAGE | {ContentPart.CLINICAL_FINDINGS},
    },
    Purpose.PUBLIC_DUTY: {
        ContentClass.MANDATED_REPORT: frozenset(
            {ContentPart.IDENTITY, ContentPart.CONTACTS, ContentPart.CLINICAL_FINDINGS}
        )
    },
}
"""Purposes that stand here get what stands here and nothing else. Treatment, what the patient asks for and what a court
orders are not measured by the minimum, nor is a consent for counselling notes, which names what it is for."""


def beyond_minimum(purpose: Purpose, content: ContentClass, parts: tuple[ContentPart, ...]) -> str | None:
    """What is more than the purpose needs, as a sentence; None: nothing is."""
    if purpose not in MINIMUM or content is ContentClass.COUNSELLING_NOTES:
        return None
    needed = MINIMUM[purpose].get(content)
    if needed is None:
        return f"{content.value} is more than {purpose.value} needs"
    more = sorted(p.value for p in set(parts) - needed)
    return f"{content.value} for {purpose.value} needs no {', '.join(more)}" if more else None


def notice_for(content: ContentClass) -> NoticeCode:
    """The notice that must accompany a disclosure under consent (2.32, domain 3.3)."""
    if content in (ContentClass.AUTHORIZATION_REQUEST, ContentClass.CLAIM, ContentClass.ELIGIBILITY_QUERY):
        return NoticeCode.BY_AGREEMENT
    return NoticeCode.LONG
