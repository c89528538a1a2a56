"""005010X216: notices of admission and discharge, and what payers answer to them."""

import pytest
from hypothesis import given, settings

from definitions.admission_notification import AdmissionNotification, NotificationKind
from definitions.services_review import Answers, ServicesReviewResponse
from interchange.x12.admission_notification import (
    encode_notification,
    encode_notification_answer,
    parse_notification,
    parse_notification_answer,
)
from interchange.x12.segments import X12Problem
from tests.interchange.x12.messages import BACK, discharge_notice, notice, receipt, refusal
from tests.interchange.x12.samples import CONTROL, golden, only_set, released
from tests.interchange.x12.strategies import NOTICES, answers_to

NOTICED = {"notification_admission": notice(), "notification_discharge": discharge_notice()}
ANSWERED = {"notification_receipt": receipt(), "notification_refused": refusal()}


@pytest.mark.parametrize("name", NOTICED)
def test_worked_notices_are_written_to_the_letter_and_read_back(name: str) -> None:
    assert encode_notification(released(NOTICED[name]), CONTROL) == golden(name).replace("\n", "")
    assert parse_notification(*only_set(golden(name))) == NOTICED[name]


@pytest.mark.parametrize("name", ANSWERED)
def test_worked_receipts_are_written_to_the_letter_and_read_back(name: str) -> None:
    assert encode_notification_answer(ANSWERED[name], BACK) == golden(name).replace("\n", "")
    assert parse_notification_answer(*only_set(golden(name))) == ANSWERED[name]


@settings(max_examples=60, deadline=None)
@given(NOTICES)
def test_what_is_told_is_read_back(told: AdmissionNotification) -> None:
    assert parse_notification(*only_set(encode_notification(released(told), CONTROL))) == told


@settings(max_examples=60, deadline=None)
@given(answers_to(Answers.NOTIFICATION))
def test_what_is_answered_is_read_back(answer: ServicesReviewResponse) -> None:
    assert parse_notification_answer(*only_set(encode_notification_answer(answer, BACK))) == answer


def test_a_notice_that_was_wrong_is_cancelled() -> None:
    text = encode_notification(released(notice().model_copy(update={"cancels": True})), CONTROL)
    assert "BHT*0007*01*" in text
    assert parse_notification(*only_set(text)).cancels is True


def test_a_discharge_without_its_date_is_not_told() -> None:
    undated = notice().model_copy(update={"kind": NotificationKind.DISCHARGE})
    with pytest.raises(X12Problem, match="no discharge date"):
        encode_notification(released(undated), CONTROL)


def test_a_notice_of_admission_keeps_the_discharge_to_itself() -> None:
    early = notice().model_copy(update={"discharge_date": discharge_notice().discharge_date})
    assert "DTP*096" not in encode_notification(released(early), CONTROL)


def test_a_notice_needs_its_admission_date() -> None:
    text = golden("notification_admission").replace("DTP*435*D8*20260307~\n", "").replace("SE*21", "SE*20")
    with pytest.raises(X12Problem, match="no admission date"):
        parse_notification(*only_set(text))
