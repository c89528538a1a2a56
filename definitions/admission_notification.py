"""The notice that somebody was admitted or discharged (005010X216; domain 4.1, 4.3: some payers must be told within
hours or days, and some states replace prior authorization by it)."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from definitions.base import Moment, WireModel
from definitions.services_review import (
    AdmissionCodes,
    AttendingProvider,
    Originator,
    ReviewAddress,
    ReviewContact,
    ReviewDependent,
    ReviewDiagnosis,
    ReviewParty,
    ReviewPerson,
    TraceNumber,
)


class NotificationKind(StrEnum):
    ADMISSION = "admission"
    DISCHARGE = "discharge"


class AdmissionNotification(WireModel):
    """`requester` is the facility that tells, `reviewer` the payer that is told. `previous_number`: the payer's
    authorization when there is one; `cancels`: an earlier notice with the same trace was wrong.
    A notice of discharge has a `discharge_date`; a notice of admission does not tell one."""

    submitter_id: str
    receiver_id: str
    kind: NotificationKind = NotificationKind.ADMISSION
    cancels: bool = False
    reviewer: ReviewParty
    requester: ReviewParty
    requester_address: ReviewAddress | None = None
    requester_contact: ReviewContact | None = None
    subscriber: ReviewPerson
    dependent: ReviewDependent | None = None
    trace: TraceNumber
    originator: Originator
    service_type: str
    facility_type: str
    location_qualifier: str
    previous_number: str | None = None
    admission_date: date
    discharge_date: date | None = None
    diagnoses: tuple[ReviewDiagnosis, ...] = ()
    admission_codes: AdmissionCodes | None = None
    attending: AttendingProvider | None = None
    message: str | None = Field(default=None, repr=False)
    reference: str | None = None
    """BHT03, the trace when None."""
    created_at: Moment
