"""005010X217 requests: the worked examples, identity of emit and parse, and names that try to break out."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from definitions.review_codes import Certification
from definitions.services_review import (
    AttendingProvider,
    DateSpan,
    ReviewAttachment,
    ReviewDiagnosis,
    ServicesReviewRequest,
)
from interchange.x12.conformance import findings
from interchange.x12.review_request import encode, parse
from interchange.x12.segments import DelimiterInCode, X12Problem
from tests.interchange.x12.messages import full_request
from tests.interchange.x12.samples import (
    CONTROL,
    emitted,
    golden,
    intensive_outpatient,
    only_set,
    released,
    residential,
)
from tests.interchange.x12.strategies import REQUESTS


def extension() -> ServicesReviewRequest:
    base = residential(trace="EP1001RES2", days=7)
    dates = DateSpan(first=date(2026, 3, 14), last=date(2026, 3, 20))
    return base.model_copy(
        update={
            "certification": Certification.EXTENSION, "previous_number": "AUTH778812", "reference": None,
            "diagnoses": base.diagnoses[:1], "admission_codes": None, "attending": None, "message": None,
            "attachments": (ReviewAttachment(kind="09", control_number="ATT1001B"),),
            "lines": (base.lines[0].model_copy(update={"dates": dates}),),
        }
    )  # fmt: skip


def cancellation() -> ServicesReviewRequest:
    return residential(trace="EP1001RES3", days=7).model_copy(
        update={
            "certification": Certification.CANCEL, "previous_number": "AUTH778812", "reference": None,
            "diagnoses": (), "admission_codes": None, "attending": None, "message": None, "attachments": (),
            "lines": (), "level_of_service": None,
        }
    )  # fmt: skip


EXAMPLES = {
    "request_residential": residential(),
    "request_extension": extension(),
    "request_iop": intensive_outpatient(),
    "request_cancel": cancellation(),
    "request_full": full_request(),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_examples_are_written_to_the_letter(name: str) -> None:
    assert emitted(EXAMPLES[name]) == golden(name).replace("\n", "")


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_examples_are_read_to_the_same_value(name: str) -> None:
    assert parse(*only_set(golden(name))) == EXAMPLES[name]


@settings(max_examples=80, deadline=None)
@given(REQUESTS)
def test_what_is_emitted_is_parsed_back(request: ServicesReviewRequest) -> None:
    assert parse(*only_set(emitted(request))) == request


HOSTILE = [
    "O~HL*9", "O*B", "A:B", "A^B", "D\nE", "D\x00E", "~", "***", "O'NEIL~SE*1*0001~IEA*1*000000101~", "ISA*00",
    "D\u2028OE", "NÚÑEZ~", "\U0001f600", "",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["family", "requester", "street", "attending", "message"])
def test_a_hostile_name_stays_in_its_element(name: str, field: str) -> None:
    text, harmless = (emitted(_with_name(field, n)) for n in (name, "SAFE" if name else name))
    _, transaction = only_set(text)
    _, expected = only_set(harmless)
    assert [s.tag for s in transaction.segments] == [s.tag for s in expected.segments]
    assert findings(transaction) == ()
    assert parse(*only_set(text)).trace == "EP1001RES1"


def _with_name(field: str, name: str) -> ServicesReviewRequest:
    base = residential()
    changed: dict[str, dict[str, object]] = {
        "family": {"subscriber": base.subscriber.model_copy(update={"family": name})},
        "requester": {"requester": base.requester.model_copy(update={"name": name})},
        "street": {"requester_address": base.requester_address.model_copy(update={"street": name})},
        "attending": {"attending": AttendingProvider(family=name, given=name, npi="1098765435")},
        "message": {"message": name},
    }
    return base.model_copy(update=changed[field])


IDS = ["A~B", "A*B", "A:B", "A^B", "A\nB", "A\x07B", " A", "Ä1"]


@pytest.mark.parametrize("bad", IDS)
@pytest.mark.parametrize("field", ["trace", "previous_number", "category", "release_code", "reference"])
def test_an_identifier_with_a_delimiter_is_refused(bad: str, field: str) -> None:
    with pytest.raises(DelimiterInCode, match="correct it on the record") as refused:
        emitted(residential().model_copy(update={field: bad}))
    assert bad not in str(refused.value)


@pytest.mark.parametrize("bad", IDS)
def test_a_member_id_with_a_delimiter_is_refused(bad: str) -> None:
    with pytest.raises(DelimiterInCode):
        emitted(residential(member_id=bad))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"trace": "T" * 51}, "TRN02"),
        ({"originator": "97412345678"}, "TRN03"),
        ({"originator": "974"}, "TRN03"),
        ({"category": "ZZ"}, "UM01"),
        ({"facility_type": ""}, "UM04-1"),
        ({"diagnoses": (ReviewDiagnosis(qualifier="XX", code="F1020"),)}, "HI01-1"),
    ],
)
def test_a_record_that_the_guide_forbids_is_refused_with_its_place(changes: dict[str, object], place: str) -> None:
    with pytest.raises(X12Problem, match=place):
        emitted(residential().model_copy(update=changes))


def test_more_than_twelve_diagnoses_are_refused_never_cut() -> None:
    many = tuple(ReviewDiagnosis(qualifier="ABF", code=f"F{n}") for n in range(13))
    with pytest.raises(X12Problem, match="twelve diagnoses"):
        emitted(residential().model_copy(update={"diagnoses": many}))


def test_a_trace_longer_than_trn02_is_refused_by_the_model() -> None:
    with pytest.raises(ValidationError):
        residential(trace="T" * 49 + "XX")


def test_only_a_released_request_is_encoded() -> None:
    with pytest.raises(AttributeError):
        encode(residential(), CONTROL)  # type: ignore[arg-type]  # what a type checker refuses fails at run time too
    assert encode(released(residential()), CONTROL).startswith("ISA*")


def test_people_do_not_print() -> None:
    request = residential()
    shown = repr(request) + str(request)
    for personal in ("DOE", "JORDAN", "W123456789", "RIVERA", "1988"):
        assert personal not in shown


def test_a_request_without_what_it_needs_names_the_place() -> None:
    text = golden("request_residential").replace("UM*AR*I*AI*86:A**U***Y~\n", "").replace("SE*28", "SE*27")
    with pytest.raises(X12Problem, match="segment UM is missing in loop 2000E"):
        parse(*only_set(text))


def test_moments_keep_their_minute() -> None:
    assert parse(*only_set(golden("request_iop"))).created_at == datetime(2026, 3, 6, 14, 10, tzinfo=UTC)
