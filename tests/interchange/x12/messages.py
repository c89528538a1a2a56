"""The synthetic messages behind the golden files of X215, X216 and the fuller X217, beside `samples`."""

from datetime import date

from definitions.admission_notification import AdmissionNotification, NotificationKind
from definitions.review_codes import Action
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import (
    AdmissionCodes,
    Answers,
    DateSpan,
    EventProvider,
    LineDecision,
    LineReview,
    OtherReviewer,
    Rejection,
    ReviewAddress,
    ReviewAttachment,
    ReviewCondition,
    ReviewContact,
    ReviewDependent,
    ReviewDiagnosis,
    ReviewReference,
    ServiceDelivery,
    ServiceLine,
    ServicesReviewRequest,
    ServicesReviewResponse,
)
from interchange.x12.envelope import Control
from tests.interchange.x12.samples import NOW, residential

BACK = Control(sender="SAMPLECH", receiver="HARBORREC", number=101, at=NOW)
HOME = ReviewAddress(street="7 SAMPLE LANE", city="AUSTIN", state="TX", postal_code="78702")
CHILD = ReviewDependent(
    family="DOE", given="RILEY", birth_date=date(2010, 9, 1), gender="F", relationship="19",
    references=(ReviewReference(qualifier="EJ", number="P778"),),
)  # fmt: skip
SURGEON = EventProvider(
    role="SJ", name="MORGAN", given="SAM", id="1098765443", references=(ReviewReference(qualifier="1J", number="F77"),),
    address=HOME, contact=ReviewContact(telephone="5125550199", extension="12"), taxonomy="101YA0400X",
)  # fmt: skip
SPAN = DateSpan(first=date(2026, 3, 7), last=date(2026, 3, 20))


def full_request() -> ServicesReviewRequest:
    """A dependent's stay with everything a request may say."""
    base = residential()
    facility = EventProvider(role="FA", name="HARBOR RECOVERY CENTER", id="1234567893")
    therapy = ServiceLine(
        trace="EP1001RES1L2", dates=SPAN, revenue_code="", procedure_code="H0004", unit="UN", quantity=8,
        professional=True, modifiers=("HG", "U1"), review=LineReview(category="HS", certification="I", service_type="A4"),
        delivery=ServiceDelivery(kind="VS", quantity=4, period="WK", every=1, span="35", span_count=2),
        providers=(EventProvider(role="SJ", name="PARK", given="LEE", id="1098765450"),), message="GROUP AND SINGLE",
    )  # fmt: skip
    return base.model_copy(
        update={
            "requester_tax_id": "741234567", "requester_references": (ReviewReference(qualifier="1J", number="F77"),),
            "requester_taxonomy": "324500000X", "subscriber": base.subscriber.model_copy(
                update={"address": HOME, "references": (ReviewReference(qualifier="6P", number="GRP9"),)}),
            "dependent": CHILD, "delay_reason": "15", "reference_number": "ADM0099881", "previous_number": "AUTH778812",
            "discharge_date": date(2026, 3, 20),
            "conditions": (ReviewCondition(category="75", applies=True, codes=("9D", "60")),),
            "delivery": ServiceDelivery(kind="DY", quantity=14, period="DA", every=1, span="35", span_count=2, days="1",
                                        time_of_day="A"),
            "attachments": (ReviewAttachment(kind="06", transmission="FX", control_number="ATT1", description="SCALES"),),
            "providers": (facility, SURGEON),
            "other_reviewers": (OtherReviewer(name="OTHER PLAN", reasons=("0F",), denied_on=date(2026, 3, 1)),),
            "lines": (*base.lines, therapy),
        }
    )  # fmt: skip


def full_response() -> ServicesReviewResponse:
    """A dependent's stay, partly decided, partly rejected, documents wanted."""
    asked = full_request()
    line = LineDecision(
        trace="EP1001RES1L1", action=Action.MODIFIED, number="AUTH778812", reason="10", second_opinion=False,
        reference_number="NT1", previous_number="AUTH0", from_date=date(2026, 3, 7), through_date=date(2026, 3, 13),
        issued_on=date(2026, 3, 6), certified=DateSpan(first=date(2026, 3, 7), last=date(2026, 3, 13)),
        expires_on=date(2026, 4, 6), units=7, unit="DY", revenue_code="1002", procedure_code="H0018",
        wanted=("18842-5",), message="SEVEN DAYS", further_messages=("CALL BEFORE THE LAST",),
        attachments=(ReviewAttachment(kind="09", transmission="EL"),),
    )  # fmt: skip
    rejected = LineDecision(
        trace="EP1001RES1L2", review=LineReview(category="HS", certification="I"), professional=True,
        procedure_code="H0004", modifiers=("HG",), units=8, unit="VS",
        providers=(EventProvider(role="SJ", name="PARK", given="LEE", id="1098765450"),),
    )  # fmt: skip
    return ServicesReviewResponse(
        submitter_id="SAMPLECH", receiver_id="HARBORREC", reviewer=asked.reviewer,
        reviewer_contact=ReviewContact(name="CARE MANAGER", telephone="8005550222", email="UM-DESK"),
        requester=asked.requester, member_id="W123456789", member_family="DOE", member_given="JORDAN",
        member_birth_date=date(1988, 4, 12), member_gender="M", member_address=HOME, dependent=CHILD,
        trace="EP1001RES1", originator="9741234567", reference="AR20260306A", more_to_come=True,
        rejections=(
            Rejection(loop="2010B", code="97", follow_up="R", understood=True),
            Rejection(loop="2010D", code="71", follow_up="R", understood=True),
            Rejection(loop="2010EA", code="46", follow_up="C", occurrence=2),
            Rejection(loop="2000F", code="AG", follow_up="C", occurrence=2),
            Rejection(loop="2010F", code="51", follow_up="C"),
        ),
        category="AR", certification="I", service_type="AI", facility_type="86", location_qualifier="A",
        level_of_service="U", action=Action.PARTIAL, number="AUTH778812", reason="0U", second_opinion=True,
        reference_number="ADM0099881", previous_number="AUTH0", admission_date=date(2026, 3, 7),
        discharge_date=date(2026, 3, 20), event_dates=SPAN, from_date=date(2026, 3, 7),
        through_date=date(2026, 3, 13), issued_on=date(2026, 3, 6), expires_on=date(2026, 4, 6),
        diagnoses=(ReviewDiagnosis(qualifier="ABK", code="F1020"),), wanted=("18842-5", "34117-2"), units=7, unit="DY",
        delivery=ServiceDelivery(kind="DY", quantity=7, period="DA", every=1),
        admission_codes=AdmissionCodes(type="3", source="D", patient_status="30"),
        attachments=(ReviewAttachment(kind="09", transmission="EL"),), message="7 OF 14 DAYS",
        further_messages=("SEND NOTES",), providers=(EventProvider(role="FA", name="HARBOR RECOVERY CENTER",
        id="1234567893"), SURGEON),
        information_contact=EventProvider(role="L5", name="RECORDS DESK", address=HOME,
                                          contact=ReviewContact(telephone="8005550223", fax="8005550224")),
        lines=(line, rejected), created_at=NOW,
    )  # fmt: skip


def inquiry() -> ReviewInquiry:
    asked = residential()
    return ReviewInquiry(
        submitter_id="HARBORREC", receiver_id="SAMPLECH", reviewer=asked.reviewer, requester=asked.requester,
        subscriber=asked.subscriber, trace="INQ1001", originator=asked.originator, about_trace=asked.trace,
        category="AR", service_type="AI", facility_type="86", location_qualifier="A", previous_number="AUTH778812",
        reference_number="ADM0099881", admission_date=asked.admission_date, event_dates=SPAN, created_at=NOW,
    )  # fmt: skip


def inquiry_answer() -> ServicesReviewResponse:
    """The payer still has it on its desk."""
    asked = residential()
    return ServicesReviewResponse(
        answers=Answers.INQUIRY, submitter_id="SAMPLECH", receiver_id="HARBORREC", reviewer=asked.reviewer,
        requester=asked.requester, member_id="W123456789", member_family="DOE", member_given="JORDAN",
        inquiry_trace="INQ1001", trace="EP1001RES1", originator=asked.originator, reference="INQ1001",
        category="AR", service_type="AI", facility_type="86", location_qualifier="A", action=Action.PENDED,
        reason="0W", reference_number="ADM0099881", admission_date=date(2026, 3, 7), created_at=NOW,
    )  # fmt: skip


def absence() -> ServicesReviewResponse:
    """The payer has no such request."""
    nothing = Rejection(loop="2000E", code="AA", follow_up="N")
    return inquiry_answer().model_copy(
        update={
            "trace": None, "category": None, "service_type": None, "facility_type": None, "location_qualifier": None,
            "action": None, "reason": None, "reference_number": None, "admission_date": None, "rejections": (nothing,),
        }
    )  # fmt: skip


def notice() -> AdmissionNotification:
    asked = residential()
    return AdmissionNotification(
        submitter_id="HARBORREC", receiver_id="SAMPLECH", reviewer=asked.reviewer, requester=asked.requester,
        requester_address=asked.requester_address, requester_contact=asked.requester_contact,
        subscriber=asked.subscriber, trace="NOT1001", originator=asked.originator, service_type="AI",
        facility_type="86", location_qualifier="A", admission_date=date(2026, 3, 7), diagnoses=asked.diagnoses,
        admission_codes=asked.admission_codes, attending=asked.attending, created_at=NOW,
    )  # fmt: skip


def discharge_notice() -> AdmissionNotification:
    return notice().model_copy(
        update={"kind": NotificationKind.DISCHARGE, "discharge_date": date(2026, 3, 20), "trace": "NOT1002",
                "previous_number": "AUTH778812", "dependent": CHILD}
    )  # fmt: skip


def receipt() -> ServicesReviewResponse:
    asked = residential()
    return ServicesReviewResponse(
        answers=Answers.NOTIFICATION, submitter_id="SAMPLECH", receiver_id="HARBORREC", reviewer=asked.reviewer,
        reviewer_contact=ReviewContact(name="CARE MANAGER", telephone="8005550222"), requester=asked.requester,
        member_id="W123456789", member_family="DOE", member_given="JORDAN", trace="NOT1001",
        originator=asked.originator, reference="NOT1001", reference_number="RCPT55", created_at=NOW,
    )  # fmt: skip


def refusal() -> ServicesReviewResponse:
    """A notification the payer could not process."""
    wrong = Rejection(loop="2000E", code="33", follow_up="C")
    return receipt().model_copy(update={"reference_number": None, "rejections": (wrong,)})
