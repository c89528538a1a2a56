"""005010X216: telling a payer of an admission or discharge, and its acknowledgement (our own reading, see guides)."""

from typing import Final

from definitions.admission_notification import AdmissionNotification, NotificationKind
from definitions.services_review import Answers, ServicesReviewResponse
from interchange.x12.answer_event import event_segments, rejected
from interchange.x12.conformance import of_guide, refuse_unless_conforming
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.event_parts import (
    Levels,
    admission_segments,
    date_segments,
    message_segments,
    number_segments,
    read_admission,
    read_date,
    read_messages,
    read_number,
)
from interchange.x12.guides.admission_notification import (
    ACKNOWLEDGES,
    CANCELS,
    NOTIFICATION,
    NOTIFICATION_ANSWER,
    TELLS,
    VERSION,
)
from interchange.x12.parties import (
    REQUESTER,
    REVIEWER,
    address_segments,
    attending_segments,
    contact_segments,
    dependent_segments,
    party_segment,
    read_address,
    read_contact,
    read_dependent,
    read_party,
    read_providers,
    read_subscriber,
    subscriber_segments,
)
from interchange.x12.review_request import clock
from interchange.x12.review_response import FINAL, MORE, member_segments, read_answer
from interchange.x12.segments import X12Problem, code, write
from interchange.x12.values import diagnoses, need, read_diagnoses, read_moment, readable
from rules.disclosure import Released

__all__ = [
    "VERSION",
    "encode_notification",
    "encode_notification_answer",
    "parse_notification",
    "parse_notification_answer",
]

ADMISSION_REVIEW: Final = "AR"


def encode_notification(released: Released[AdmissionNotification], control: Control) -> str:
    """The interchange that tells. A notice of discharge needs its date."""
    notice = released.content
    discharged = notice.discharge_date if notice.kind is NotificationKind.DISCHARGE else None
    if notice.kind is NotificationKind.DISCHARGE and discharged is None:
        raise X12Problem("a notice of discharge has no discharge date; record it first")
    levels = Levels()
    purpose = CANCELS if notice.cancels else TELLS
    body = [
        write("BHT", "0007", purpose, code(notice.reference or notice.trace), *clock(notice.created_at)),
        levels.open(None, "20", children=True),
        party_segment(notice.requester, REQUESTER),
        *address_segments(notice.requester_address),
        *contact_segments(notice.requester_contact),
        levels.open(1, "21", children=True),
        party_segment(notice.reviewer, REVIEWER),
        levels.open(2, "22", children=True),
        *subscriber_segments(notice.subscriber),
    ]
    if notice.dependent is not None:
        body += [levels.open(3, "23", children=True), *dependent_segments(notice.dependent)]
    place = (code(notice.facility_type), code(notice.location_qualifier))
    body += [
        levels.open(levels.count, "EV", children=False),
        write("TRN", "1", code(notice.trace), code(notice.originator)),
        write("UM", ADMISSION_REVIEW, "", code(notice.service_type), place),
        *number_segments((("BB", notice.previous_number),)),
        *date_segments((("435", notice.admission_date), ("096", discharged))),
        *diagnoses(notice.diagnoses),
        *admission_segments(notice.admission_codes),
        *message_segments(notice.message),
        *attending_segments(notice.attending),
    ]
    text = wrap(body, control, functional_id="HI", version=VERSION, transaction="278")
    refuse_unless_conforming(text, "the notification")
    return text


@readable
def parse_notification(interchange: Interchange, transaction: Transaction) -> AdmissionNotification:
    root = of_guide(NOTIFICATION, transaction).root
    bht, event, told_by = need(root, "BHT"), root.one("2000E"), root.one("2010A")
    um, trn = need(event, "UM"), need(event, "TRN")
    admitted, discharged = read_date(event, "435"), read_date(event, "096")
    if admitted is None:
        raise X12Problem("the notification has no admission date (DTP 435)")
    attending, _ = read_providers([loop for loop in event.loops if loop.id == "2010EA"], attending=True)
    return AdmissionNotification(
        submitter_id=interchange.sender, receiver_id=interchange.receiver,
        kind=NotificationKind.ADMISSION if discharged is None else NotificationKind.DISCHARGE,
        cancels=bht.at(2) == CANCELS, reviewer=read_party(root.one("2010B"), REVIEWER),
        requester=read_party(told_by, REQUESTER), requester_address=read_address(told_by),
        requester_contact=read_contact(told_by), subscriber=read_subscriber(root.one("2010C")),
        dependent=read_dependent(root.one("2010D")), trace=trn.at(2), originator=trn.at(3),
        service_type=um.at(3), facility_type=um.part(4, 1), location_qualifier=um.part(4, 2),
        previous_number=read_number(event, "BB"), admission_date=admitted, discharge_date=discharged,
        diagnoses=read_diagnoses(event.segments), admission_codes=read_admission(event), attending=attending,
        message=next(iter(read_messages(event)), None),
        reference=bht.at(3) if bht.at(3) != trn.at(2) else None, created_at=read_moment(bht),
    )  # fmt: skip


def encode_notification_answer(answer: ServicesReviewResponse, control: Control) -> str:
    """The receipt: `reference_number` is its number, `rejections` why it could not be taken."""
    told = answer.model_copy(update={"answers": Answers.NOTIFICATION})
    levels = Levels()
    body = [
        write("BHT", "0007", ACKNOWLEDGES, code(told.reference), *clock(told.created_at),
              MORE if told.more_to_come else FINAL),
        levels.open(None, "20", children=True),
        *rejected(told, "2000A"),
        party_segment(told.requester, REQUESTER),
        *rejected(told, "2010A"),
        levels.open(1, "21", children=True),
        party_segment(told.reviewer, REVIEWER),
        *contact_segments(told.reviewer_contact),
        *rejected(told, "2010B"),
        *member_segments(told, levels),
        *event_segments(told, levels),
    ]  # fmt: skip
    text = wrap(body, control, functional_id="HI", version=VERSION, transaction="278")
    refuse_unless_conforming(text, "the acknowledgement")
    return text


@readable
def parse_notification_answer(interchange: Interchange, transaction: Transaction) -> ServicesReviewResponse:
    return read_answer(interchange, transaction, NOTIFICATION_ANSWER, Answers.NOTIFICATION)
