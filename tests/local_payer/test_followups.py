"""Extensions, documents, cancellations and appeals find their case, or are told that there is none (domain 4.4)."""

from typing import Any

import pytest

from definitions.review_codes import Action, Certification
from definitions.services_review import (
    Rejection,
    ReviewAttachment,
    ServicesReviewRequest,
    ServicesReviewResponse,
)
from tests.interchange.x12.samples import residential
from tests.local_payer.conftest import Door, PayerProcess

NOON = "2026-03-06T12:00:00+00:00"
UNKNOWN = (Rejection(loop="2000E", code="AA", follow_up="C"),)


def later(first: ServicesReviewRequest, kind: Certification, trace: str, **more: Any) -> ServicesReviewRequest:
    return first.model_copy(update={"certification": kind, "trace": trace, "attachments": (), **more})


def with_documents(first: ServicesReviewRequest, trace: str, name: str | None) -> ServicesReviewRequest:
    sheet = ReviewAttachment(kind="NN", control_number="ATT77")
    return later(first, Certification.REVISED, trace, previous_number=name, attachments=(sheet,))


def test_documents_are_asked_for_by_code_and_day(driven: PayerProcess) -> None:
    answer = driven.ask(residential(member_id="W123456789I48"), at=NOON)
    assert (answer.action, answer.more_to_come) == (Action.PENDED, True)
    assert answer.message == "SEND LAST 72 HOURS OF NURSING NOTES BY 20260308 1200 UTC."
    assert [line.wanted for line in answer.lines] == [("34746-8",)]
    assert answer.reference_number


def test_documents_bring_the_outcome_to_both_traces(driven: PayerProcess, door: Door) -> None:
    asked = residential(member_id="W123456789I48F7")
    name = driven.ask(asked, at=NOON).reference_number
    said = driven.ask(with_documents(asked, "EP1001DOC1", name), at="2026-03-07T12:00:00+00:00")
    assert (said.action, said.units) == (Action.PARTIAL, 7)
    driven.advance("2026-03-20T12:00:00+00:00")
    assert [(a.trace, a.action, a.number) for a in door.answers()] == [("EP1001RES1", Action.PARTIAL, said.number)]
    assert driven.states() == ["approved", "approved"]
    assert driven.reviews()[0]["documents_at"] == "2026-03-07T12:00:00+00:00"


def test_documents_that_do_not_come_are_a_denial_for_that_reason(driven: PayerProcess, door: Door) -> None:
    driven.ask(residential(member_id="W123456789I48"), at=NOON)
    driven.advance("2026-03-08T11:59:59+00:00")
    assert door.taken == []
    driven.advance("2026-03-08T12:00:00+00:00")
    assert [(a.action, a.reason) for a in door.answers()] == [(Action.NOT_CERTIFIED, "0P")]


def test_without_documents_nothing_is_ever_said(driven: PayerProcess, door: Door) -> None:
    asked = residential(member_id="W123456789J")
    driven.ask(asked, at=NOON)
    assert driven.next_due() is None
    driven.advance("2027-03-06T12:00:00+00:00")
    assert door.taken == []
    driven.ask(with_documents(asked, "EP1001DOC1", None), at="2027-03-06T12:00:00+00:00")
    assert driven.next_due() == "2027-03-06T12:00:00+00:00"


def test_an_extension_with_an_attachment_brings_documents_too(driven: PayerProcess, door: Door) -> None:
    asked = residential(member_id="W123456789J")
    name = driven.ask(asked, at=NOON).reference_number
    more = later(asked, Certification.EXTENSION, "EP1001RES2", previous_number=name).model_copy(
        update={"attachments": asked.attachments}
    )
    driven.ask(more, at=NOON)
    driven.advance(NOON)
    assert [a.trace for a in door.answers()] == ["EP1001RES1"]


def test_a_number_nobody_knows(driven: PayerProcess) -> None:
    for n, kind in enumerate(Certification):
        if kind is Certification.INITIAL:
            continue
        answer = driven.ask(later(residential(), kind, f"EP{n}", previous_number="AUTH777777"))
        assert (answer.rejections, answer.action, answer.trace) == (UNKNOWN, None, f"EP{n}"), kind
    assert set(driven.states()) == {"rejected"}


@pytest.mark.parametrize(
    ("kind", "action"), [(Certification.EXTENSION, Action.CERTIFIED), (Certification.CANCEL, Action.CANCELLED)]
)
def test_a_number_nobody_knows_is_taken_over_by_script(
    driven: PayerProcess, kind: Certification, action: Action
) -> None:
    asked = later(residential(member_id="W123456789Q"), kind, "EP2", previous_number="AUTH777777")
    answer = driven.ask(asked)
    assert (answer.action, answer.number) == (action, "AUTH777777")


def test_a_case_ends_for_all_its_requests(driven: PayerProcess) -> None:
    asked = residential()
    number = driven.ask(asked, at=NOON).number
    driven.ask(later(asked, Certification.EXTENSION, "EP1001RES2", previous_number=number), at=NOON)
    cancel = later(asked, Certification.CANCEL, "EP1001CAN", previous_number=number, lines=())
    assert driven.ask(cancel, at=NOON).action is Action.CANCELLED
    assert driven.states() == ["cancelled"] * 3
    assert len({r["root"] for r in driven.reviews()}) == 1


def appeal(
    payer: PayerProcess, first: ServicesReviewRequest, kind: Certification, trace: str, name: str | None, at: str = NOON
) -> ServicesReviewResponse:
    return payer.ask(later(first, kind, trace, previous_number=name), at=at)


def test_appeals_are_ruled_level_by_level(driven: PayerProcess, door: Door) -> None:
    asked = residential(member_id="W123456789DHG")
    denial = driven.ask(asked, at=NOON)
    assert (denial.action, denial.number) == (Action.NOT_CERTIFIED, None)
    first = appeal(driven, asked, Certification.APPEAL_STANDARD, "APP1", denial.reference_number)
    assert (first.action, first.reason) == (Action.PENDED, "0V")
    assert driven.next_due() == "2026-04-05T12:00:00+00:00"
    driven.advance("2026-04-05T12:00:00+00:00")
    second = appeal(driven, asked, Certification.APPEAL_STANDARD, "APP2", denial.reference_number,
                    "2026-04-06T12:00:00+00:00")  # fmt: skip
    assert second.action is Action.PENDED
    driven.advance("2026-06-06T12:00:00+00:00")
    assert [(a.trace, a.action, a.units) for a in door.answers()] == [
        ("APP1", Action.NOT_CERTIFIED, None), ("APP2", Action.CERTIFIED, 14),
    ]  # fmt: skip
    assert driven.states() == ["denied", "denied", "approved"]
    assert driven.reviews()[0]["appeals"] == 2


@pytest.mark.parametrize(
    ("rulings", "action"), [("G", Action.CERTIFIED), ("H", Action.NOT_CERTIFIED), ("", Action.NOT_CERTIFIED)]
)
def test_an_expedited_appeal_is_answered_at_once(driven: PayerProcess, rulings: str, action: Action) -> None:
    asked = residential(member_id=f"W123456789D{rulings}")
    name = driven.ask(asked, at=NOON).reference_number
    assert appeal(driven, asked, Certification.APPEAL_IMMEDIATE, "APP1", name).action is action
    assert driven.next_due() is None


@pytest.mark.parametrize(
    ("kind", "letters", "due"),
    [
        (Certification.RECONSIDERATION, "DG", "2026-03-09T12:00:00+00:00"),
        (Certification.APPEAL_STANDARD, "DG24", "2026-03-07T12:00:00+00:00"),
    ],
)
def test_how_long_an_appeal_takes(driven: PayerProcess, kind: Certification, letters: str, due: str) -> None:
    asked = residential(member_id=f"W123456789{letters}")
    driven.ask(asked, at=NOON)
    assert appeal(driven, asked, kind, "APP1", None).action is Action.PENDED
    assert driven.next_due() == due


def test_the_last_ruling_holds_for_all_further_levels(driven: PayerProcess) -> None:
    asked = residential(member_id="W123456789DHG")
    driven.ask(asked, at=NOON)
    told = [appeal(driven, asked, Certification.APPEAL_IMMEDIATE, f"APP{n}", None).action for n in range(3)]
    assert told[:2] == [Action.NOT_CERTIFIED, Action.CERTIFIED]
    assert told[2] is Action.CERTIFIED


def test_there_is_nothing_to_appeal(driven: PayerProcess) -> None:
    asked = residential()
    driven.ask(asked, at=NOON)
    assert appeal(driven, asked, Certification.APPEAL_STANDARD, "APP1", None).rejections == UNKNOWN


def test_the_same_appeal_twice_is_one_appeal(driven: PayerProcess) -> None:
    asked = residential(member_id="W123456789DHG")
    driven.ask(asked, at=NOON)
    told = {appeal(driven, asked, Certification.APPEAL_IMMEDIATE, "APP1", None).action for _ in range(3)}
    assert told == {Action.NOT_CERTIFIED}
    assert driven.reviews()[0]["appeals"] == 1
