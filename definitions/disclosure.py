"""Disclosures: on what they may ride besides a consent, what accompanies them, and what a purpose needs (domain 3.3, 3.5)."""

from enum import StrEnum

from pydantic import Field

from definitions.base import Moment, ServiceDate, WireModel
from definitions.vocabulary import ContentClass


class ExceptionKind(StrEnum):
    """Paths of 42 CFR Part 2 that need no consent (domain 3.5). Each needs its evidence instead."""

    MEDICAL_EMERGENCY = "medical_emergency"
    """2.51: a bona fide emergency, and the consent could not be had before."""
    AUDIT_EVALUATION = "audit_evaluation"
    """2.53: by a government agency, a payer or an accreditor, under a written promise to protect and destroy."""
    COURT_ORDER = "court_order"
    """2.61 to 2.67: an order of subpart E, and the subpoena that compels; either alone does not."""
    CHILD_ABUSE_REPORT = "child_abuse_report"
    """2.12(c)(6): the initial report that state law asks for, nothing that follows it."""
    SERVICE_ORGANIZATION = "service_organization"
    """2.11 and 2.12(c)(4): those who serve the program under a signed agreement (QSOA)."""


class Evidence(StrEnum):
    """What must be on record before a path without consent is open. Values beside it are ids, codes and moments;
    names stand in the sealed document they point to."""

    DISCLOSED_BY = "disclosed_by"
    MEDICAL_PERSONNEL = "medical_personnel"
    """Id of the sealed note with the name and the affiliation of who received it (2.51(c))."""
    MEDICAL_FACILITY = "medical_facility"
    NATURE_OF_EMERGENCY = "nature_of_emergency"
    CONSENT_NOT_OBTAINABLE = "consent_not_obtainable"
    """Why it could not be had before (2.51(a))."""
    AUTHORITY = "authority"
    """Who audits, and under what law or contract."""
    PROTECTION_AGREEMENT = "protection_agreement"
    """Id of the written promise (2.53)."""
    COURT = "court"
    ORDER = "order"
    SUBPOENA = "subpoena"
    REPORT = "report"
    AGENCY = "agency"
    STATE_LAW = "state_law"
    SERVICE_AGREEMENT = "service_agreement"


class ExceptionOnFile(WireModel):
    """One path without consent, declared by somebody for one recipient. `person_id` None: it is about no single
    person (a service agreement, an audit)."""

    exception_id: str
    kind: ExceptionKind
    person_id: str | None = None
    recipient: str
    contents: tuple[ContentClass, ...]
    valid_from: Moment
    valid_until: Moment | None = None
    evidence: dict[Evidence, str] = Field(default_factory=dict)


class NoticeCode(StrEnum):
    """What tells the recipient that Part 2 limits what may be done with it (2.32)."""

    LONG = "2.32(a)(1)"
    SHORT = "2.32(a)(2)"
    BY_AGREEMENT = "trading_partner_agreement"
    """A bare transaction has no place for it: the trading partner agreement says it, and the scope stands here."""


class ContentPart(StrEnum):
    """Kinds of fields within a content class, for the minimum that a purpose needs (45 CFR 164.502(b))."""

    IDENTITY = "identity"
    COVERAGE = "coverage"
    PROVIDER = "provider"
    DIAGNOSES = "diagnoses"
    LEVEL_AND_DATES = "level_and_dates"
    CHARGES = "charges"
    CLINICAL_FINDINGS = "clinical_findings"
    DOCUMENTS = "documents"
    CONTACTS = "contacts"


class RecordPeriod(WireModel):
    """Service dates the content is about, both included."""

    from_date: ServiceDate
    through_date: ServiceDate
