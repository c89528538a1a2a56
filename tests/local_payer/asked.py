"""Inquiries and notices about the worked example of domain 4.5, as they leave this house."""

from datetime import date
from typing import TypeVar

from definitions.admission_notification import AdmissionNotification, NotificationKind
from definitions.review_inquiry import ReviewInquiry
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose
from interchange.x12.admission_notification import encode_notification
from interchange.x12.review_inquiry import encode_inquiry
from rules.disclosure import ConsentOnFile, DisclosureAsk, Released, release
from tests.interchange.x12.samples import CONTROL, NOW, residential

T = TypeVar("T")


def gated(content: T) -> Released[T]:
    """Through the real gate, on a consent that covers it."""
    ask = DisclosureAsk(
        person_id="p1", episode_id="e1", content=ContentClass.AUTHORIZATION_REQUEST, purpose=Purpose.PAYMENT,
        recipient="payer/sample", recipient_class="health_plans",
    )  # fmt: skip
    consent = ConsentOnFile(
        consent_id="c1", form="part2_tpo", status=ConsentStatus.SIGNED, purposes=(Purpose.PAYMENT,),
        contents=(ContentClass.AUTHORIZATION_REQUEST,), recipient_classes=("health_plans",), signed_at=NOW,
    )  # fmt: skip
    made = release(content, ask, (consent,), NOW)
    assert isinstance(made, Released)
    return made


def inquiry(
    about: str | None, *, trace: str = "INQ1", member_id: str = "W123456789", number: str | None = None
) -> ReviewInquiry:
    base = residential(member_id=member_id)
    return ReviewInquiry(
        submitter_id=base.submitter_id, receiver_id=base.receiver_id, reviewer=base.reviewer,
        requester=base.requester, subscriber=base.subscriber, trace=trace, originator=base.originator,
        about_trace=about, category=base.category, service_type=base.service_type, facility_type=base.facility_type,
        location_qualifier=base.location_qualifier, previous_number=number, admission_date=base.admission_date,
        created_at=base.created_at,
    )  # fmt: skip


def inquired(asked: ReviewInquiry) -> str:
    return encode_inquiry(gated(asked), CONTROL)


def notice(
    *, trace: str = "NOT1", member_id: str = "W123456789", cancels: bool = False, discharged: date | None = None
) -> str:
    base = residential(member_id=member_id)
    told = AdmissionNotification(
        submitter_id=base.submitter_id, receiver_id=base.receiver_id, reviewer=base.reviewer,
        requester=base.requester, requester_address=base.requester_address,
        requester_contact=base.requester_contact, subscriber=base.subscriber, trace=trace,
        originator=base.originator, service_type=base.service_type, facility_type=base.facility_type,
        location_qualifier=base.location_qualifier, admission_date=date(2026, 3, 7), cancels=cancels,
        kind=NotificationKind.ADMISSION if discharged is None else NotificationKind.DISCHARGE,
        discharge_date=discharged, diagnoses=base.diagnoses, created_at=base.created_at,
    )  # fmt: skip
    return encode_notification(gated(told), CONTROL)
