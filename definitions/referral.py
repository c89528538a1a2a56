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

    def __repr__(self) -> str:
        return f"CoverageDetails(payer={self.payer!r}, ***)"

    __str__ = __repr__


class ReferralDiagnosis(WireModel):
    """ICD-10-CM, stored without its dot (domain 6.6)."""

    code: str
    rank: int


class Referral(WireModel):
    facility: str
    requested_level: str
    source: str
    person: PersonDetails
    coverages: tuple[CoverageDetails, ...]
    diagnoses: tuple[ReferralDiagnosis, ...]
    scenario: str | None = None
    external_id: str | None = None

    def __repr__(self) -> str:
        return f"Referral(facility={self.facility!r}, level={self.requested_level!r}, ***)"

    __str__ = __repr__


class ImportProblem(WireModel):
    """What is wrong with a bundle: where, a stable code, and what to do. Never the value."""

    path: str
    code: str
    detail: str


__all__ = ["CoverageDetails", "Identifier", "ImportProblem", "PersonDetails", "Referral", "ReferralDiagnosis"]
