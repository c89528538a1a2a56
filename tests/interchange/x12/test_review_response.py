"""005010X217 responses: the worked examples, identity of emit and parse, and what real payers do to the order."""

from datetime import date

import pytest
from hypothesis import given, settings

from definitions.review_codes import Action
from definitions.services_review import (
    Answers,
    Rejection,
    ServicesReviewResponse,
)
from interchange.x12.conformance import findings
from interchange.x12.envelope import Control
from interchange.x12.review_response import encode_answer, parse_answer
from interchange.x12.segments import X12Problem
from tests.interchange.x12.messages import full_response
from tests.interchange.x12.samples import NOW, golden, only_set
from tests.interchange.x12.strategies import answers_to

BACK = Control(sender="SAMPLECH", receiver="HARBORREC", number=101, at=NOW)
ANSWERS = ("response_seven_of_fourteen", "response_pended", "response_member_not_found", "response_denied")


@pytest.mark.parametrize("name", ANSWERS)
def test_worked_examples_are_read_and_written_back_to_the_letter(name: str) -> None:
    answer = parse_answer(*only_set(golden(name)))
    control = Control(sender="SAMPLECH", receiver="HARBORREC", number=101, at=answer.created_at)
    assert encode_answer(answer, control) == golden(name).replace("\n", "")


def test_seven_of_fourteen_says_what_was_granted() -> None:
    answer = parse_answer(*only_set(golden("response_seven_of_fourteen")))
    assert (answer.action, answer.number, answer.units, answer.unit) == (Action.PARTIAL, "AUTH778812", 7, "DY")
    assert (answer.from_date, answer.through_date) == (date(2026, 3, 7), date(2026, 3, 13))
    assert (answer.trace, answer.more_to_come, answer.issued_on) == ("EP1001RES1", False, date(2026, 3, 6))
    assert answer.message == "7 OF 14 DAYS CERTIFIED. NEXT CLINICAL DUE 20260313 BY 1200 CT."
    (line,) = answer.lines
    assert (line.action, line.reason, line.units, line.revenue_code, line.procedure_code) == (
        Action.MODIFIED, "10", 7, "1002", "H0018",
    )  # fmt: skip


def test_pended_says_what_the_payer_wants_and_that_more_comes() -> None:
    answer = parse_answer(*only_set(golden("response_pended")))
    assert (answer.action, answer.reason, answer.more_to_come) == (Action.PENDED, "0U", True)
    assert (answer.reference_number, answer.previous_number) == ("ADM0099881", "AUTH778812")
    assert answer.message == "SEND LAST 72 HOURS OF NURSING NOTES BY 20260314 1200 CT."


def test_member_not_found_is_a_rejection_and_no_decision() -> None:
    answer = parse_answer(*only_set(golden("response_member_not_found")))
    assert answer.rejections == (Rejection(loop="2010C", code="75", follow_up="C"),)
    assert (answer.action, answer.trace, answer.lines) == (None, None, ())


def test_a_decision_without_a_trace_is_not_lost() -> None:
    answer = parse_answer(*only_set(golden("response_denied"))).model_copy(update={"trace": None, "originator": None})
    assert parse_answer(*only_set(encode_answer(answer, BACK))) == answer


def test_the_full_answer_says_everything_at_its_place() -> None:
    answer = parse_answer(*only_set(golden("response_full")))
    assert answer == full_response()
    assert encode_answer(full_response(), BACK) == golden("response_full").replace("\n", "")
    assert [(r.loop, r.occurrence, r.code) for r in answer.rejections] == [
        ("2010B", 1, "97"), ("2010D", 1, "71"), ("2010EA", 2, "46"), ("2000F", 2, "AG"), ("2010F", 1, "51"),
    ]  # fmt: skip
    assert [line.action for line in answer.lines] == [Action.MODIFIED, None]


def test_a_denial_is_a_decision_and_no_rejection() -> None:
    answer = parse_answer(*only_set(golden("response_denied")))
    assert (answer.action, answer.reason, answer.rejections) == (Action.NOT_CERTIFIED, "0G", ())


@settings(max_examples=150, deadline=None)
@given(answers_to(Answers.REQUEST))
def test_what_is_emitted_is_parsed_back(answer: ServicesReviewResponse) -> None:
    assert parse_answer(*only_set(encode_answer(answer, BACK))) == answer


def test_segments_in_another_order_or_unknown_are_reported_and_still_read() -> None:
    text = golden("response_seven_of_fourteen")
    moved = text.replace("HCR*A2*AUTH778812~\n", "").replace(
        "HSD*DY*7~\nMSG*7 OF", "HSD*DY*7~\nHCR*A2*AUTH778812~\nMSG*7 OF"
    )
    odd = moved.replace("MSG*7 OF", "ZAP*1~\nMSG*7 OF").replace("SE*27", "SE*28")
    interchange, transaction = only_set(odd)
    assert {(f.tag, f.code) for f in findings(transaction) or ()} == {("HCR", "2"), ("ZAP", "1")}
    answer = parse_answer(interchange, transaction)
    assert (answer.action, answer.units, len(answer.lines)) == (Action.PARTIAL, 7, 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("HCR*A2*", "HCR*A9*", "HCR01 holds an action"),
        ("HSD*DY*7~\nMSG", "HSD*DY*SEVEN~\nMSG", "not a whole number"),
        ("DTP*007*RD8*20260307-20260313", "DTP*007*RD8*20260307-20269999", "not written as CCYYMMDD"),
        ("BHT*0007*11*AR20260306A*20260306*1432*18~\n", "", "no BHT"),
        ("BHT*0007*11*AR20260306A*20260306*1432*18", "BHT*0007*11*AR20260306A*2026*14*18", "BHT does not say when"),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_problem_not_a_guess(old: str, new: str, sentence: str) -> None:
    text = golden("response_seven_of_fourteen")
    assert old in text
    broken = text.replace(old, new).replace("SE*27", f"SE*{27 - old.count('~') + new.count('~') if not new else 27}")
    with pytest.raises(X12Problem, match=sentence):
        parse_answer(*only_set(broken))


def test_an_answer_does_not_print_the_member() -> None:
    shown = repr(parse_answer(*only_set(golden("response_seven_of_fourteen"))))
    for personal in ("DOE", "JORDAN", "W123456789", "CERTIFIED"):
        assert personal not in shown
