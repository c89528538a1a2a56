"""005010X217: asking for a review of any kind, and what continues one (domain 4.1, 4.5 UM, REF, PWK)."""

from typing import Final

from activities.messages.ground import Ground
from definitions.review_codes import Certification, LevelOfService
from definitions.services_review import (
    DateSpan,
    PriorLine,
    PriorReview,
    ReviewAttachment,
    ServiceDelivery,
    ServiceLine,
    ServicesReviewRequest,
)
from definitions.vocabulary import AuthorizationStatus, RequestKind
from storage.models import AuthorizationRequest

CERTIFICATION: Final[dict[RequestKind, Certification]] = {
    RequestKind.INITIAL: Certification.INITIAL,
    RequestKind.EXPEDITED: Certification.INITIAL,
    RequestKind.RETROSPECTIVE: Certification.INITIAL,
    RequestKind.CONCURRENT: Certification.EXTENSION,
    RequestKind.INFORMATION: Certification.REVISED,
    RequestKind.CANCEL: Certification.CANCEL,
    RequestKind.RECONSIDERATION: Certification.RECONSIDERATION,
    RequestKind.APPEAL: Certification.APPEAL_STANDARD,
}
"""UM02 of each kind that leaves as a review; an urgent appeal is UM02 1."""

CONTINUES: Final = frozenset(
    {
        RequestKind.CONCURRENT,
        RequestKind.INFORMATION,
        RequestKind.CANCEL,
        RequestKind.RECONSIDERATION,
        RequestKind.APPEAL,
    }
)
"""Name the payer's number of what they continue (REF BB)."""


ASKING: Final = frozenset({RequestKind.INITIAL, RequestKind.EXPEDITED, RequestKind.CONCURRENT})
"""Ask for days of their own: each is one line of the case."""
UPDATES: Final = frozenset({RequestKind.CONCURRENT, RequestKind.INFORMATION, RequestKind.CANCEL})


def review_of(ground: Ground) -> ServicesReviewRequest:
    """No clinical narrative: level codes, span, units and diagnoses only; documents are announced, never included."""
    asked, terms, about = ground.asked, ground.terms, ground.about
    cancels = asked.kind is RequestKind.CANCEL
    dates = DateSpan(first=asked.from_date, last=asked.through_date)
    return ServicesReviewRequest(
        submitter_id=ground.submitter_id,
        receiver_id=ground.w.payer.payer_id,
        reviewer=ground.reviewer,
        requester=ground.requester,
        requester_address=ground.address,
        requester_contact=ground.contact,
        subscriber=ground.subscriber,
        trace=asked.trace,
        originator=ground.originator,
        category=terms.category,
        certification=_certification(asked.kind, asked.urgent),
        service_type=terms.service_type,
        facility_type=terms.facility_type,
        location_qualifier=terms.location_qualifier,
        level_of_service=LevelOfService.URGENT if asked.urgent and not cancels else None,
        delay_reason=asked.delay_reason,
        previous_number=ground.w.case.number if asked.kind in CONTINUES else None,
        reference_number=about.reference if about is not None else None,
        admission_date=ground.w.case.from_date if ground.inpatient else None,
        event_dates=None if ground.inpatient else dates,
        diagnoses=ground.diagnoses,
        delivery=ServiceDelivery(kind=asked.unit, quantity=asked.units) if asked.units else ServiceDelivery(),
        admission_codes=ground.admission_codes if ground.inpatient else None,
        attachments=tuple(ReviewAttachment.model_validate(a) for a in asked.attachments or ()),
        lines=() if cancels or not asked.units else (line_of(ground, asked),),
        continues=_continues(ground),
        reference=about.trace if cancels and about is not None else None,
        created_at=ground.w.now,
    )


def _continues(ground: Ground) -> PriorReview | None:
    """What this updates, for channels that say the whole anew (domain 4.6). After a denial there is nothing to update: what
    follows is a new request; a cancellation takes back the question that it is about."""
    asked, about = ground.asked, ground.about
    if asked.kind not in UPDATES:
        return None
    sent = ground.before
    last = about if asked.kind is RequestKind.CANCEL else (sent[-1] if sent else None)
    if last is None or (asked.kind is not RequestKind.CANCEL and last.status is AuthorizationStatus.DENIED):
        return None
    lines = tuple(
        PriorLine(line=line_of(ground, r), cancelled=r.status is AuthorizationStatus.CANCELLED)
        for r in sent
        if r.kind in ASKING and r.units
    )
    return PriorReview(trace=last.trace, created_at=last.first_sent_at or last.requested_at, lines=lines)


def _certification(kind: RequestKind, urgent: bool) -> Certification:
    if kind is RequestKind.APPEAL and urgent:
        return Certification.APPEAL_IMMEDIATE
    return CERTIFICATION[kind]


def line_of(ground: Ground, asked: AuthorizationRequest) -> ServiceLine:
    """The one line of a request of this case."""
    return ServiceLine(
        trace=f"{asked.trace}L1",
        dates=DateSpan(first=asked.from_date, last=asked.through_date),
        revenue_code=ground.terms.revenue_code,
        procedure_code=ground.terms.procedure_code,
        unit="DA" if asked.unit == "DY" else "UN",
        quantity=asked.units,
    )
