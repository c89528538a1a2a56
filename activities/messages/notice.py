"""005010X216: telling a payer that somebody came or left (domain 4.1, 4.3)."""

from activities.messages.ground import Ground
from definitions.admission_notification import AdmissionNotification, NotificationKind
from definitions.vocabulary import RequestKind


def notice_of(ground: Ground) -> AdmissionNotification:
    """A notice of discharge carries the day the person left, which is its request's last."""
    leaves = ground.asked.kind is RequestKind.DISCHARGE
    return AdmissionNotification(
        submitter_id=ground.submitter_id,
        receiver_id=ground.w.payer.payer_id,
        kind=NotificationKind.DISCHARGE if leaves else NotificationKind.ADMISSION,
        reviewer=ground.reviewer,
        requester=ground.requester,
        requester_address=ground.address,
        requester_contact=ground.contact,
        subscriber=ground.subscriber,
        trace=ground.asked.trace,
        originator=ground.originator,
        service_type=ground.terms.service_type,
        facility_type=ground.terms.facility_type,
        location_qualifier=ground.terms.location_qualifier,
        previous_number=ground.w.case.number,
        admission_date=ground.w.case.from_date,
        discharge_date=ground.asked.through_date if leaves else None,
        diagnoses=ground.diagnoses,
        admission_codes=ground.admission_codes if ground.inpatient else None,
        created_at=ground.w.now,
    )
