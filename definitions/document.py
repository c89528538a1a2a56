"""Clinical documents: what kinds there are, which are kept apart, and what is known of one without opening it (domain 3.1,
3.5, 4.6; E23)."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from definitions.base import ServiceDate, WireModel
from definitions.vocabulary import ContentClass


class DocumentType(StrEnum):
    """What a document is. Stable codes; `counselling_note` is a session note kept apart from the chart (42 CFR 2.11)."""

    PROGRESS_NOTE = "progress_note"
    GROUP_NOTE = "group_note"
    EVALUATION = "evaluation"
    HISTORY_AND_PHYSICAL = "history_and_physical"
    TREATMENT_PLAN = "treatment_plan"
    TREATMENT_PLAN_REVIEW = "treatment_plan_review"
    MEDICATION_LIST = "medication_list"
    LABORATORY_REPORT = "laboratory_report"
    DISCHARGE_SUMMARY = "discharge_summary"
    REFERRAL_LETTER = "referral_letter"
    SIGNED_FORM = "signed_form"
    PAYER_LETTER = "payer_letter"
    CORRESPONDENCE = "correspondence"
    COUNSELLING_NOTE = "counselling_note"
    OTHER = "other"


class DocumentSource(StrEnum):
    UPLOAD = "upload"
    FHIR = "fhir"


class VoidReason(StrEnum):
    """Why a document counts no more. A code: words may name people."""

    ENTERED_IN_ERROR = "entered_in_error"
    WRONG_PATIENT = "wrong_patient"
    DUPLICATE = "duplicate"
    WRONG_TYPE = "wrong_type"


class DocumentStatus(StrEnum):
    """`amended`: another version stands instead. `cosign` waits for its second signature."""

    UNSIGNED = "unsigned"
    COSIGN = "cosign"
    SIGNED = "signed"
    AMENDED = "amended"
    VOIDED = "voided"


DOCUMENT_BYTES: Final = 10_000_000
"""The most one document may have."""
LOINC: Final = "http://loinc.org"
LOINC_CODES: Final[dict[DocumentType, str]] = {
    DocumentType.PROGRESS_NOTE: "11506-3",
    DocumentType.EVALUATION: "51848-0",
    DocumentType.HISTORY_AND_PHYSICAL: "34117-2",
    DocumentType.TREATMENT_PLAN: "18776-5",
    DocumentType.MEDICATION_LIST: "10160-0",
    DocumentType.LABORATORY_REPORT: "11502-2",
    DocumentType.DISCHARGE_SUMMARY: "18842-5",
    DocumentType.REFERRAL_LETTER: "57133-1",
    DocumentType.SIGNED_FORM: "59284-0",
}
"""What other systems call them; ours of the same name stand beside (from general knowledge)."""


def content_class_of(kind: DocumentType) -> ContentClass:
    """The class the gate judges it by: of its type alone, so that nobody can file a counselling note as something else
    by a second field."""
    return ContentClass.COUNSELLING_NOTES if kind is DocumentType.COUNSELLING_NOTE else ContentClass.CLINICAL_ATTACHMENT


class DocumentEntry(WireModel):
    """One version of a document as the registry knows it, without its body. `sha256` is of the plain bytes."""

    document_id: UUID
    episode_id: UUID
    kind: DocumentType
    content_class: ContentClass
    status: DocumentStatus
    author: str
    service_date: ServiceDate
    stay_id: UUID | None
    session_id: UUID | None
    authorization_id: UUID | None
    content_type: str
    size: int
    sha256: str
    source: DocumentSource
    received_at: datetime
    received_by: str
    needs_cosign: bool
    signed_at: datetime | None
    signed_by: str | None
    cosigned_at: datetime | None
    cosigned_by: str | None
    version: int
    supersedes: UUID | None
    superseded_by: UUID | None
    voided_at: datetime | None
    voided_by: str | None
    void_reason: VoidReason | None
    opens: bool
    """Its sealed bytes are there; false once the person was erased."""


class ArrivedDocument(WireModel):
    """A document as another system sent it, read and checked; whose it is, and who wrote it, is still to be found.
    Personal: its bytes stand in it."""

    person: str
    episode: str | None
    stay: str | None
    kind: DocumentType
    service_date: ServiceDate
    author: str | None
    """A user of ours by name; None: who sends it."""
    content_type: str
    body: bytes

    def __repr__(self) -> str:
        return f"ArrivedDocument(kind={self.kind.value!r}, ***)"

    __str__ = __repr__
