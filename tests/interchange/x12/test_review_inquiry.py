"""005010X215: inquiries and their answers; only "no such request" shows absence."""

from typing import Any

import pytest
from hypothesis import given, settings

from definitions.review_codes import Action
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import Answers, LineDecision, Rejection, ServicesReviewResponse
from interchange.x12.conformance import findings
from interchange.x12.review_inquiry import (
    encode_inquiry,
    encode_inquiry_answer,
    parse_inquiry,
    parse_inquiry_answer,
    shows_absence,
)
from interchange.x12.review_response import parse_answer
from interchange.x12.segments import X12Problem
from tests.interchange.x12.messages import BACK, absence, inquiry, inquiry_answer
from tests.interchange.x12.samples import CONTROL, golden, only_set, released
from tests.interchange.x12.strategies import INQUIRIES, answers_to


def test_the_worked_inquiry_is_written_to_the_letter_and_read_back() -> None:
    assert encode_inquiry(released(inquiry()), CONTROL) == golden("inquiry").replace("\n", "")
    assert parse_inquiry(*only_set(golden("inquiry"))) == inquiry()


@pytest.mark.parametrize(
    ("name", "answer"), [("inquiry_answer_pended", inquiry_answer()), ("inquiry_absent", absence())]
)
def test_worked_answers_are_written_to_the_letter_and_read_back(name: str, answer: ServicesReviewResponse) -> None:
    assert encode_inquiry_answer(answer, BACK) == golden(name).replace("\n", "")
    assert parse_inquiry_answer(*only_set(golden(name))) == answer


@settings(max_examples=60, deadline=None)
@given(INQUIRIES)
def test_what_is_asked_is_read_back(asked: ReviewInquiry) -> None:
    assert parse_inquiry(*only_set(encode_inquiry(released(asked), CONTROL))) == asked


@settings(max_examples=60, deadline=None)
@given(answers_to(Answers.INQUIRY))
def test_what_is_answered_is_read_back(answer: ServicesReviewResponse) -> None:
    assert parse_inquiry_answer(*only_set(encode_inquiry_answer(answer, BACK))) == answer


def test_an_inquiry_of_another_house_may_have_no_trace() -> None:
    """As public messages show it: a tracking id and dates, no TRN, no certification."""
    text = golden("inquiry").replace("TRN*1*INQ1001*9741234567~\n", "").replace("TRN*2*EP1001RES1*9741234567~\n", "")
    interchange, transaction = only_set(text.replace("SE*18", "SE*16"))
    assert findings(transaction) == ()
    asked = parse_inquiry(interchange, transaction)
    assert (asked.trace, asked.about_trace, asked.reference_number) == ("INQ1001", None, "ADM0099881")


def test_an_answer_with_one_trace_echoes_the_inquiry() -> None:
    text = golden("inquiry_answer_pended").replace("TRN*2*EP1001RES1*9741234567~\n", "").replace("SE*16", "SE*15")
    answer = parse_inquiry_answer(*only_set(text))
    assert (answer.inquiry_trace, answer.trace) == ("INQ1001", None)


def test_the_answer_of_a_payer_that_writes_11_is_read_as_well() -> None:
    text = golden("inquiry_answer_pended").replace("BHT*0007*49", "BHT*0007*11")
    assert parse_inquiry_answer(*only_set(text)).action is Action.PENDED


def test_an_answer_to_a_request_is_no_answer_to_an_inquiry() -> None:
    with pytest.raises(X12Problem, match="005010X215"):
        parse_inquiry_answer(*only_set(golden("response_pended")))
    with pytest.raises(X12Problem, match="005010X217"):
        parse_answer(*only_set(golden("inquiry_answer_pended")))
    with pytest.raises(X12Problem, match="purpose"):
        parse_inquiry_answer(*only_set(golden("inquiry")))


def reject(loop: str, code: str) -> tuple[Rejection, ...]:
    return (Rejection(loop=loop, code=code, follow_up="N"),)


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({}, True),
        ({"rejections": reject("2010C", "75")}, True),
        ({"rejections": reject("2010D", "67")}, True),
        ({"rejections": reject("2000F", "AA")}, True),
        ({"rejections": ()}, False),
        ({"rejections": reject("2000E", "42")}, False),  # unable to respond now
        ({"rejections": reject("2000A", "AA")}, False),
        ({"rejections": reject("2010C", "72")}, False),  # the id was wrong: a data problem
        ({"rejections": reject("2000E", "AA") + reject("2010B", "51")}, False),
        ({"action": Action.PENDED}, False),
        ({"action": Action.NOT_CERTIFIED}, False),
        ({"lines": (LineDecision(action=Action.CERTIFIED),)}, False),
        ({"answers": Answers.REQUEST}, False),
        ({"answers": Answers.NOTIFICATION}, False),
    ],
)
def test_absence_is_shown_by_nothing_else(changes: dict[str, Any], absent: bool) -> None:
    assert shows_absence(absence().model_copy(update=changes)) is absent


def test_a_rejected_request_shows_no_absence() -> None:
    assert shows_absence(parse_answer(*only_set(golden("response_member_not_found")))) is False


def test_an_inquiry_does_not_print_the_patient() -> None:
    shown = repr(inquiry()) + str(inquiry())
    assert not any(personal in shown for personal in ("DOE", "JORDAN", "W123456789", "1988"))
