"""005010X215: asking what became of a request, and the answer (our own reading of the guide, see guides)."""

from typing import Final

from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import Answers, ServicesReviewResponse
from interchange.x12.conformance import of_guide, refuse_unless_conforming
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.event_parts import Levels, date_segments, number_segments, read_date, read_dates, read_number
from interchange.x12.guides.review_inquiry import ANSWERS, ASKS, INQUIRY, INQUIRY_ANSWER, VERSION
from interchange.x12.parties import (
    REQUESTER,
    REVIEWER,
    dependent_segments,
    party_segment,
    read_dependent,
    read_party,
    read_subscriber,
    subscriber_segments,
)
from interchange.x12.review_request import clock
from interchange.x12.review_response import MORE, read_answer, write_answer
from interchange.x12.segments import code, write
from interchange.x12.values import need, optional, read_moment, readable
from rules.disclosure import Released

__all__ = [
    "VERSION",
    "encode_inquiry",
    "encode_inquiry_answer",
    "parse_inquiry",
    "parse_inquiry_answer",
    "shows_absence",
]

DETAIL: Final = "RD"
"""BHT06 of an answer that returns what is on file."""
NO_SUCH_EVENT: Final = frozenset({"AA"})
NO_SUCH_PATIENT: Final = frozenset({"67", "75"})
ABSENCE: Final = {
    "2010C": NO_SUCH_PATIENT,
    "2010D": NO_SUCH_PATIENT,
    "2000E": NO_SUCH_EVENT | NO_SUCH_PATIENT,
    "2000F": NO_SUCH_EVENT,
}
"""Where which AAA03 says that the payer has nothing: AA no such authorization, 67 and 75 no such patient."""


def encode_inquiry(released: Released[ReviewInquiry], control: Control) -> str:
    """The interchange that asks; it names a patient, so it passes the gate like a request (D11)."""
    inquiry = released.content
    levels = Levels()
    body = [
        write("BHT", "0007", ASKS, code(inquiry.reference or inquiry.trace), *clock(inquiry.created_at)),
        levels.open(None, "20", children=True),
        party_segment(inquiry.reviewer, REVIEWER),
        levels.open(1, "21", children=True),
        party_segment(inquiry.requester, REQUESTER),
        levels.open(2, "22", children=True),
        *subscriber_segments(inquiry.subscriber),
    ]
    if inquiry.dependent is not None:
        body += [levels.open(3, "23", children=True), *dependent_segments(inquiry.dependent)]
    about = [write("TRN", "2", code(inquiry.about_trace), code(inquiry.originator))] if inquiry.about_trace else []
    place = (code(inquiry.facility_type or ""), code(inquiry.location_qualifier or ""))
    body += [
        levels.open(levels.count, "EV", children=False),
        write("TRN", "1", code(inquiry.trace), code(inquiry.originator)),
        *about,
        write("UM", code(inquiry.category), "", code(inquiry.service_type or ""), place),
        *number_segments((("BB", inquiry.previous_number), ("NT", inquiry.reference_number))),
        *date_segments((("435", inquiry.admission_date), ("AAH", inquiry.event_dates))),
    ]
    text = wrap(body, control, functional_id="HI", version=VERSION, transaction="278")
    refuse_unless_conforming(text, "the inquiry")
    return text


@readable
def parse_inquiry(interchange: Interchange, transaction: Transaction) -> ReviewInquiry:
    """One inquiry. Without a trace of its own it is named by its BHT03."""
    root = of_guide(INQUIRY, transaction).root
    bht, event = need(root, "BHT"), root.one("2000E")
    um = need(event, "UM")
    traces = [s for s in event.segments if s.tag == "TRN"]
    own = next((s for s in traces if s.at(1) == "1"), None)
    about = next((s for s in traces if s.at(1) == "2"), None)
    trace = own.at(2) if own else bht.at(3)
    return ReviewInquiry(
        submitter_id=interchange.sender, receiver_id=interchange.receiver,
        reviewer=read_party(root.one("2010A"), REVIEWER), requester=read_party(root.one("2010B"), REQUESTER),
        subscriber=read_subscriber(root.one("2010C")), dependent=read_dependent(root.one("2010D")),
        trace=trace, originator=own.at(3) if own else (about.at(3) if about else "0000000000"),
        about_trace=about.at(2) if about else None, category=um.at(1), service_type=optional(um.at(3)),
        facility_type=optional(um.part(4, 1)), location_qualifier=optional(um.part(4, 2)),
        previous_number=read_number(event, "BB"), reference_number=read_number(event, "NT"),
        admission_date=read_date(event, "435"), event_dates=read_dates(event, "AAH"),
        reference=bht.at(3) if bht.at(3) != trace else None, created_at=read_moment(bht),
    )  # fmt: skip


def encode_inquiry_answer(answer: ServicesReviewResponse, control: Control) -> str:
    """What the payer has on file, or an AAA when it has nothing."""
    told = answer.model_copy(update={"answers": Answers.INQUIRY})
    head = write("BHT", "0007", ANSWERS, code(answer.reference), *clock(answer.created_at),
                 MORE if answer.more_to_come else DETAIL)  # fmt: skip
    return write_answer(told, head, control, VERSION)


@readable
def parse_inquiry_answer(interchange: Interchange, transaction: Transaction) -> ServicesReviewResponse:
    return read_answer(interchange, transaction, INQUIRY_ANSWER, Answers.INQUIRY)


def shows_absence(answer: ServicesReviewResponse) -> bool:
    """True: the payer says that it has no such request, so asking again makes no second case. Only the answer to an
    inquiry can say so, only by rejections that all mean absence, and never beside a decision."""
    if answer.answers is not Answers.INQUIRY or not answer.rejections:
        return False
    if answer.action is not None or any(line.action is not None for line in answer.lines):
        return False
    return all(r.code in ABSENCE.get(r.loop, frozenset()) for r in answer.rejections)
