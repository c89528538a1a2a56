"""Everything on record about one patient, gathered to be given to them (45 CFR 164.524, domain 3.6). Personal: HTTP only."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from definitions.base import Moment, ServiceDate, WireModel
from definitions.document import DocumentEntry
from definitions.person import PersonDetails
from definitions.vocabulary import ConsentStatus, Phase, Track


class CoveragePart(WireModel):
    id: UUID
    payer: str
    payer_name: str
    rank: int
    member_id: str | None
    from_date: ServiceDate
    through_date: ServiceDate | None
    voided: bool


class EpisodePart(WireModel):
    id: UUID
    facility: str
    phase: Phase
    opened_at: Moment
    admitted_at: Moment | None
    closed_at: Moment | None
    diagnoses: tuple[str, ...]
    """ICD-10-CM without the dot, the first first."""
    disposition: str | None


class StayPart(WireModel):
    id: UUID
    episode_id: UUID
    facility: str
    level: str
    level_name: str
    program_name: str
    track: Track
    start: Moment
    end: Moment | None


class AssessmentPart(WireModel):
    id: UUID
    episode_id: UUID
    instrument: str
    edition: str
    title: str
    answers: dict[str, Any]
    score: Decimal | None
    severity: str | None
    outcome: str
    performed_at: Moment
    supersedes: UUID | None


class ConsentPart(WireModel):
    id: UUID
    episode_id: UUID
    form: str
    title: str
    status: ConsentStatus
    discloses: bool
    """It lets the program tell somebody something; else it is about treatment or money."""
    signed_at: Moment | None
    expires_at: Moment | None
    revoked_at: Moment | None
    contents: tuple[str, ...]
    recipients: tuple[str, ...]


class DocumentPart(WireModel):
    entry: DocumentEntry
    body: bytes | None
    """None: too large for one file with the others; it is given beside."""


class DayPart(WireModel):
    id: UUID
    episode_id: UUID
    stay_id: UUID
    service_date: ServiceDate
    level: str
    payer: str
    revenue_code: str | None
    procedure_code: str | None
    amount: Decimal
    live: bool


class DisclosurePart(WireModel):
    id: UUID
    at: Moment
    recipient: str
    content: str
    purpose: str
    ground: str
    outcome: str
    actor: str


class FacilityPart(WireModel):
    key: str
    name: str
    zone: str


class PatientRecord(WireModel):
    """As it stood at `as_of`. `notes_included`: the patient's own consent let counselling notes in."""

    person_id: UUID
    person: PersonDetails
    as_of: Moment
    base: str
    """Address of this house: what the entries of the bundle are called by."""
    notes_included: bool
    facilities: tuple[FacilityPart, ...]
    coverages: tuple[CoveragePart, ...]
    episodes: tuple[EpisodePart, ...]
    stays: tuple[StayPart, ...]
    assessments: tuple[AssessmentPart, ...]
    consents: tuple[ConsentPart, ...]
    documents: tuple[DocumentPart, ...]
    days: tuple[DayPart, ...]
    disclosures: tuple[DisclosurePart, ...]

    def __repr__(self) -> str:
        return f"PatientRecord({self.person_id})"

    __str__ = __repr__
