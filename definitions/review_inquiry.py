"""The question what became of a request (005010X215): asked when a payer is silent (AUTH-03)."""

from datetime import date

from definitions.base import Moment, WireModel
from definitions.services_review import (
    DateSpan,
    Originator,
    ReviewDependent,
    ReviewParty,
    ReviewPerson,
    TraceNumber,
)


class ReviewInquiry(WireModel):
    """`trace` is the inquiry's own, `about_trace` that of the request it asks about. The payer finds its case by that,
    by `previous_number` (its authorization number) or `reference_number` (its tracking id), or by patient and dates."""

    submitter_id: str
    receiver_id: str
    reviewer: ReviewParty
    requester: ReviewParty
    subscriber: ReviewPerson
    dependent: ReviewDependent | None = None
    trace: TraceNumber
    originator: Originator
    about_trace: TraceNumber | None = None
    category: str
    service_type: str | None = None
    facility_type: str | None = None
    location_qualifier: str | None = None
    previous_number: str | None = None
    reference_number: str | None = None
    admission_date: date | None = None
    event_dates: DateSpan | None = None
    reference: str | None = None
    """BHT03, the trace when None."""
    created_at: Moment
