"""005010X215: asking what became of a request, by its trace (E30, E82)."""

from typing import Final

from activities.messages.ground import Ground
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import DateSpan

MARK: Final = "Q"


def inquiry_trace(trace: str, number: int) -> str:
    """TRN02 of an inquiry of ours: the request's trace and which inquiry it is, so never used twice."""
    return f"{trace}{MARK}{number}"


def inquiry_of(ground: Ground, number: int) -> ReviewInquiry:
    asked, terms = ground.asked, ground.terms
    dates = DateSpan(first=asked.from_date, last=asked.through_date)
    return ReviewInquiry(
        submitter_id=ground.submitter_id,
        receiver_id=ground.w.payer.payer_id,
        reviewer=ground.reviewer,
        requester=ground.requester,
        subscriber=ground.subscriber,
        trace=inquiry_trace(asked.trace, number),
        originator=ground.originator,
        about_trace=asked.trace,
        category=terms.category,
        service_type=terms.service_type,
        facility_type=terms.facility_type,
        location_qualifier=terms.location_qualifier,
        previous_number=ground.w.case.number,
        reference_number=asked.reference,
        admission_date=ground.w.case.from_date if ground.inpatient else None,
        event_dates=None if ground.inpatient else dates,
        created_at=ground.w.now,
    )
