"""005010X217 response: what a payer answers, read whole and written by the stand-in payer (domain 4.5).

Encoding takes a plain value: it is the payer's own house that answers, not ours that discloses (D11 guards what
leaves this house)."""

from typing import Final

from definitions.services_review import Answers, ServicesReviewResponse
from interchange.x12.answer_event import event_segments, has_event, read_event, read_lines, rejected
from interchange.x12.conformance import of_guide, refuse_unless_conforming
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.event_parts import Levels
from interchange.x12.guide import Guide, Loop
from interchange.x12.guides.services_review import RESPONSE, VERSION
from interchange.x12.parties import (
    REQUESTER,
    REVIEWER,
    address_segments,
    contact_segments,
    dependent_segments,
    party_segment,
    read_address,
    read_contact,
    read_dependent,
    read_party,
)
from interchange.x12.review_request import clock
from interchange.x12.segments import Segment, X12Problem, code, first, free_text, write
from interchange.x12.values import day, optional, read_day, read_moment, readable

__all__ = ["VERSION", "encode_answer", "member_segments", "parse_answer", "read_answer", "write_answer"]

ANSWERS: Final = "11"
FINAL, MORE = "18", "19"


def encode_answer(answer: ServicesReviewResponse, control: Control) -> str:
    head = write("BHT", "0007", ANSWERS, code(answer.reference), *clock(answer.created_at),
                 MORE if answer.more_to_come else FINAL)  # fmt: skip
    return write_answer(answer, head, control, VERSION)


def write_answer(answer: ServicesReviewResponse, head: str, control: Control, version: str) -> str:
    """The loops that the answers to requests and inquiries share, payer first."""
    levels = Levels()
    body = [
        head,
        levels.open(None, "20", children=True),
        *rejected(answer, "2000A"),
        party_segment(answer.reviewer, REVIEWER),
        *contact_segments(answer.reviewer_contact),
        *rejected(answer, "2010A"),
        levels.open(1, "21", children=True),
        party_segment(answer.requester, REQUESTER),
        *rejected(answer, "2010B"),
        *member_segments(answer, levels),
        *event_segments(answer, levels),
    ]
    text = wrap(body, control, functional_id="HI", version=version, transaction="278")
    refuse_unless_conforming(text, "the answer")
    return text


def member_segments(answer: ServicesReviewResponse, levels: Levels) -> list[str]:
    """Subscriber and dependent, with what was wrong with them."""
    event = has_event(answer)
    member = ("MI", code(answer.member_id)) if answer.member_id else ("", "")
    born = []
    if answer.member_birth_date is not None:
        born.append(write("DMG", "D8", day(answer.member_birth_date), code(answer.member_gender or "")))
    segments = [
        levels.open(2, "22", children=event or answer.dependent is not None),
        write("NM1", "IL", "1", _name(answer.member_family, 60), _name(answer.member_given, 35), "", "", "", *member),
        *address_segments(answer.member_address),
        *rejected(answer, "2010C"),
        *born,
    ]
    if answer.dependent is not None:
        segments.append(levels.open(3, "23", children=event))
        segments += dependent_segments(answer.dependent, rejected(answer, "2010D"))
    return segments


def _name(value: str | None, limit: int) -> str:
    return free_text(value, limit) if value else ""


@readable
def parse_answer(interchange: Interchange, transaction: Transaction) -> ServicesReviewResponse:
    """One answer. Unknown segments are left alone; an unknown action is a problem, not a guess."""
    return read_answer(interchange, transaction, RESPONSE, Answers.REQUEST)


def read_answer(
    interchange: Interchange, transaction: Transaction, guide: Guide, answers: Answers
) -> ServicesReviewResponse:
    """Under any of the three guides. In the acknowledgement of a notification the payer stands second."""
    payer, asker = ("2010B", "2010A") if answers is Answers.NOTIFICATION else ("2010A", "2010B")
    root = of_guide(guide, transaction, "the answer").root
    bht = first(root.segments, "BHT")
    if bht is None:
        raise X12Problem("the answer has no BHT segment")
    if not root.one(payer).segments:
        raise X12Problem(f"the answer does not say which payer it comes from (loop {payer})")
    member = root.one("2010C")
    name, born = (first(member.segments, tag) or Segment(tag, ()) for tag in ("NM1", "DMG"))
    lines, rejections = read_lines(root)
    asking: Loop = root.one(asker)
    return ServicesReviewResponse(
        answers=answers,
        submitter_id=interchange.sender,
        receiver_id=interchange.receiver,
        reviewer=read_party(root.one(payer), REVIEWER),
        reviewer_contact=read_contact(root.one(payer)),
        requester=read_party(asking if asking.segments else Loop(asker, [Segment("NM1", ())]), REQUESTER),
        member_id=optional(name.at(9)),
        member_family=optional(name.at(3)),
        member_given=optional(name.at(4)),
        member_birth_date=read_day(born.at(2)) if born.at(2) else None,
        member_gender=optional(born.at(3)),
        member_address=read_address(member),
        dependent=read_dependent(root.one("2010D")),
        reference=bht.at(3),
        more_to_come=bht.at(6) == MORE,
        rejections=rejections,
        **read_event(root.one("2000E"), answers),
        lines=lines,
        created_at=read_moment(bht),
    )
