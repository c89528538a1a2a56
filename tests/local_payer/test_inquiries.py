"""What stands in the payer's book is told when asked (X215), and notices of admission get receipts (X216)."""

from datetime import date

import pytest

from definitions.review_codes import Action, Certification
from definitions.services_review import Rejection, ServicesReviewResponse
from interchange.x12.inbound import parse_inbound
from interchange.x12.review_inquiry import shows_absence
from tests.interchange.x12.samples import emitted, only_set, residential
from tests.local_payer.asked import inquired, inquiry, notice
from tests.local_payer.conftest import Door, PayerProcess, Start

NOON = "2026-03-06T12:00:00+00:00"
ADMITTED = "2026-03-08T12:00:00+00:00"
LATE = "2026-03-10T12:00:00+00:00"
ABSENT = (Rejection(loop="2000E", code="AA", follow_up="C"),)


def told(payer: PayerProcess, text: str, at: str = NOON) -> ServicesReviewResponse:
    said = payer.send(text, at=at)
    assert said.status_code == 200
    return parse_inbound(*only_set(said.text))


@pytest.mark.parametrize(
    ("script", "action"),
    [
        ("A", Action.CERTIFIED),
        ("F7", Action.PARTIAL),
        ("D", Action.NOT_CERTIFIED),
        ("P6", Action.PENDED),
        ("M2", Action.PENDED),
    ],
)
def test_a_request_is_found_by_its_trace(driven: PayerProcess, script: str, action: Action) -> None:
    member = f"W123456789{script}"
    driven.send(emitted(residential(member_id=member)), at=NOON)
    answer = told(driven, inquired(inquiry("EP1001RES1", member_id=member)))
    assert (answer.action, answer.trace, answer.inquiry_trace) == (action, "EP1001RES1", "INQ1")
    assert answer.more_to_come is (action is Action.PENDED)
    assert not shows_absence(answer)


def test_a_silent_payer_tells_what_it_decided(driven: PayerProcess) -> None:
    """The case behind AUTH-03: no answer came, and asking must not make a second case."""
    driven.send(emitted(residential(member_id="W123456789E2")), at=NOON)
    answer = told(driven, inquired(inquiry("EP1001RES1", member_id="W123456789E2")))
    assert (answer.action, answer.number) == (Action.CERTIFIED, driven.reviews()[0]["number"])
    assert len(driven.reviews()) == 1


def test_what_was_never_taken_is_absent(driven: PayerProcess) -> None:
    driven.send(emitted(residential(member_id="W123456789E1")), at=NOON)
    answer = told(driven, inquired(inquiry("EP1001RES1", member_id="W123456789E1")))
    assert (answer.rejections, shows_absence(answer), answer.inquiry_trace) == (ABSENT, True, "INQ1")


def test_what_the_gateway_refused_is_absent(driven: PayerProcess) -> None:
    driven.send(emitted(residential(member_id="W123456789R")), at=NOON)
    assert shows_absence(told(driven, inquired(inquiry("EP1001RES1", member_id="W123456789R"))))


def test_somebody_elses_request_is_as_unknown_as_none(driven: PayerProcess) -> None:
    driven.send(emitted(residential()), at=NOON)
    assert shows_absence(told(driven, inquired(inquiry("EP1001RES1", member_id="W000000000"))))


def test_the_book_is_asked_anew_each_time(driven: PayerProcess) -> None:
    asked = residential(member_id="W123456789P6D")
    driven.ask(asked, at=NOON)
    question = inquired(inquiry("EP1001RES1", member_id="W123456789P6D"))
    assert told(driven, question).action is Action.PENDED
    driven.advance("2026-03-06T18:00:00+00:00")
    assert told(driven, question).action is Action.NOT_CERTIFIED
    cancel = {"certification": Certification.CANCEL, "trace": "CAN1", "lines": (), "previous_number": None}
    again = residential(trace="EP2", member_id="W123456789P6D")
    driven.ask(again, at=LATE)
    driven.ask(again.model_copy(update=cancel), at=LATE)
    answer = told(driven, inquired(inquiry("EP2", member_id="W123456789P6D")), at=LATE)
    assert answer.action is Action.CANCELLED


def test_by_number_and_by_member(driven: PayerProcess) -> None:
    number = driven.ask(residential(), at=NOON).number
    assert told(driven, inquired(inquiry(None, number=number))).trace == "EP1001RES1"
    assert told(driven, inquired(inquiry(None))).number == number
    assert shows_absence(told(driven, inquired(inquiry(None, number="AUTH777777"))))


def test_a_payer_without_inquiry_refuses_the_kind(start: Start) -> None:
    payer = start("--drive", "driven", "--no-inquiry")
    payer.send(emitted(residential()), at=NOON)
    assert payer.verdicts(inquired(inquiry("EP1001RES1")), at=NOON) == ["R"]
    assert payer.send(notice(), at=ADMITTED).status_code == 200


def test_an_inquiry_is_refused_by_script(driven: PayerProcess) -> None:
    driven.send(emitted(residential()), at=NOON)
    driven.script({"steps": [{"say": "reject", "loop": "2000A", "code": "42", "follow_up": "P"}]},
                  kind="inquiry", nth=1)  # fmt: skip
    driven.script({"steps": [{"say": "refuse_syntax"}]}, kind="inquiry", trace="INQ2")
    first = told(driven, inquired(inquiry("EP1001RES1")))
    assert (first.rejections[0].code, shows_absence(first)) == ("42", False)
    assert driven.verdicts(inquired(inquiry("EP1001RES1", trace="INQ2")), at=NOON) == ["R"]


def test_a_notice_gets_a_receipt_and_the_same_one_again(driven: PayerProcess) -> None:
    first = told(driven, notice(), at=ADMITTED)
    assert (first.trace, first.action, first.rejections) == ("NOT1", None, ())
    assert first.reference_number
    assert told(driven, notice(), at=LATE).reference_number == first.reference_number
    assert [(r["certification"], r["state"]) for r in driven.reviews()] == [("notice", "acknowledged")]


@pytest.mark.parametrize(
    ("script", "at", "action", "code"),
    [
        ("", LATE, None, None),
        ("D", ADMITTED, None, None),
        ("D", LATE, Action.NOT_CERTIFIED, None),
        ("X", LATE, None, "75"),
        ("X", ADMITTED, None, None),
    ],
)
def test_a_late_notice(driven: PayerProcess, script: str, at: str, action: Action | None, code: str | None) -> None:
    answer = told(driven, notice(member_id=f"W123456789{script}"), at=at)
    assert answer.action is action
    assert [r.code for r in answer.rejections] == ([code] if code else [])
    if action is not None:
        assert answer.reason == "17"


def test_a_notice_in_full(driven: PayerProcess) -> None:
    driven.script({"steps": [{"say": "reject", "loop": "2000E", "code": "63", "follow_up": "C"}]},
                  kind="notification", trace="NOT1")  # fmt: skip
    assert told(driven, notice(), at=ADMITTED).rejections[0].code == "63"


def test_a_discharge_is_told_in_time_by_its_own_date(driven: PayerProcess) -> None:
    text = notice(member_id="W123456789D", discharged=date(2026, 3, 20))
    assert told(driven, text, at="2026-03-21T12:00:00+00:00").action is None


def test_a_notice_that_is_taken_back(driven: PayerProcess) -> None:
    told(driven, notice(), at=ADMITTED)
    assert told(driven, notice(cancels=True), at=ADMITTED).reference_number
    assert driven.states() == ["cancelled", "acknowledged"]


def test_a_notice_brings_what_a_case_waits_for(driven: PayerProcess, door: Door) -> None:
    driven.ask(residential(member_id="W123456789J"), at=NOON)
    told(driven, notice(member_id="W123456789J"), at=ADMITTED)
    driven.advance(ADMITTED)
    assert [(a.trace, a.action) for a in door.answers()] == [("EP1001RES1", Action.CERTIFIED)]


def test_three_kinds_and_a_broken_interchange_in_one_file(driven: PayerProcess) -> None:
    """Only what is broken is refused (E80)."""
    broken = emitted(residential(trace="EP2")).replace("IEA*1*000000101", "IEA*1*000000102")
    text = emitted(residential()) + broken + notice() + inquired(inquiry("EP1001RES1"))
    driven.send(text, at=NOON)
    assert [(m["kind"], m["answered_kind"], m["answered"]) for m in driven.messages("in")] == [
        ("I", "278", "A1"), ("notice", "278", "ACK"), ("inquiry", "278", "A1"), ("unreadable", "TA1", "TA1"),
    ]  # fmt: skip
