"""A referral: who is sent to us, with what coverage, for which level. Personal: HTTP and import only."""

from datetime import date

from definitions.base import WireModel
from definitions.person import Identifier, PersonDetails
from definitions.vocabulary import CoverageKind


class CoverageDetails(WireModel):
    payer: str
    kind: CoverageKind = CoverageKind.INSURANCE
    member_id: str = ""
    group_number: str | None = None
    rank: int = 1
    from_date: date | None = None
    through_date: date | None = None
    relationship: str = "self"
    """Whose plan it is, seen from the patient: `self`, `child`, `spouse`, ... (the sender's word)."""

    def __repr__(self) -> str:
        return f"CoverageDetails(payer={self.payer!r}, ***)"

    __str__ = __repr__


class ReferralDiagnosis(WireModel):
    """ICD-10-CM, stored without its dot (domain 6.6)."""

    code: str
    rank: int


class ReferralConsent(WireModel):
    """A consent the referring house holds. It says who may speak to us; it never covers what we disclose,
    because 42 CFR 2.31 wants the discloser named (domain 3.2)."""

    external_id: str | None = None
    permits: bool = True
    signed_on: date | None = None
    from_date: date | None = None
    through_date: date | None = None


class ImportNote(WireModel):
    """What was left out or should be looked at; the import goes on. Never the value."""

    path: str
    code: str
    detail: str


class Referral(WireModel):
    facility: str
    requested_level: str
    source: str
    person: PersonDetails
    coverages: tuple[CoverageDetails, ...]
    diagnoses: tuple[ReferralDiagnosis, ...]
    scenario: str | None = None
    external_id: str | None = None
    consents: tuple[ReferralConsent, ...] = ()
    notes: tuple[ImportNote, ...] = ()

    def __repr__(self) -> str:
        return f"Referral(facility={self.facility!r}, level={self.requested_level!r}, ***)"

    __str__ = __repr__


class ImportProblem(WireModel):
    """What is wrong with a bundle: where, a stable code, and what to do. Never the value."""

    path: str
    code: str
    detail: str

    @property
    def told(self) -> str:
        """For a person: the place only where there is one."""
        return self.detail if self.path == "$" else f"{self.path}: {self.detail}"


__all__ = [
    "CoverageDetails", "Identifier", "ImportNote", "ImportProblem", "PersonDetails", "Referral", "ReferralConsent",
    "ReferralDiagnosis",
]  # fmt: skip
