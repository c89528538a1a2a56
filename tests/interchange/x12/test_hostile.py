"""Names and numbers that try to break out of their element, in every message this house writes."""

from collections.abc import Callable
from typing import Any

import pytest

from interchange.x12.admission_notification import encode_notification, encode_notification_answer
from interchange.x12.conformance import findings
from interchange.x12.inbound import parse_inbound
from interchange.x12.review_inquiry import encode_inquiry, encode_inquiry_answer
from interchange.x12.review_request import encode
from interchange.x12.review_response import encode_answer
from interchange.x12.segments import DelimiterInCode, X12Problem
from tests.interchange.x12.messages import (
    BACK,
    CHILD,
    HOME,
    SURGEON,
    discharge_notice,
    full_request,
    full_response,
    inquiry,
    inquiry_answer,
    receipt,
)
from tests.interchange.x12.samples import CONTROL, only_set, released

WRITERS: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "request": (full_request(), lambda v: encode(released(v), CONTROL)),
    "inquiry": (inquiry().model_copy(update={"dependent": CHILD}), lambda v: encode_inquiry(released(v), CONTROL)),
    "notice": (discharge_notice(), lambda v: encode_notification(released(v), CONTROL)),
    "response": (full_response(), lambda v: encode_answer(v, BACK)),
    "inquiry answer": (inquiry_answer(), lambda v: encode_inquiry_answer(v, BACK)),
    "receipt": (receipt(), lambda v: encode_notification_answer(v, BACK)),
}
NAMES = ["O~HL*9", "O*B", "A:B^C", "D\nE\x00", "O'NEIL~SE*1*0001~GE*1*1~IEA*1*000000101~", "ISA*00*", "\u2028~\u0301"]


def text_fields(name: str) -> dict[str, Any]:
    """A hostile text wherever free text may stand."""
    address = HOME.model_copy(update={"street": name, "second_line": name, "city": name})
    provider = SURGEON.model_copy(update={"name": name, "given": name, "address": address})
    return {
        "dependent": CHILD.model_copy(update={"family": name, "given": name, "address": address}),
        "message": name, "further_messages": (name,), "providers": (provider,), "member_family": name,
        "member_given": name, "member_address": address, "requester_address": address,
    }  # fmt: skip


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_text_stays_in_its_element(writer: str, name: str) -> None:
    value, write = WRITERS[writer]

    def written(text: str) -> list[str]:
        changes = {k: v for k, v in text_fields(text).items() if getattr(value, k, None)}
        party = value.reviewer.model_copy(update={"name": text})
        message = value.model_copy(update={"reviewer": party, "rejections": (), **changes})
        if writer == "response":
            message = message.model_copy(update={"lines": value.lines[:1]})
        _, transaction = only_set(write(message))
        assert findings(transaction) == ()
        return [s.tag for s in transaction.segments]

    assert written(name) == written("SAFE")


NUMBERS = [
    (writer, field)
    for writer, (value, _) in WRITERS.items()
    for field in ("trace", "reference", "previous_number", "reference_number", "originator")
    if field in type(value).model_fields
]


@pytest.mark.parametrize(("writer", "field"), NUMBERS)
@pytest.mark.parametrize("bad", ["A~B", "A*B", "A:B", "A^B", "A\nB", "\x07AB", " AB", "AB "])
def test_a_number_with_a_delimiter_is_refused_and_not_repeated(writer: str, field: str, bad: str) -> None:
    value, write = WRITERS[writer]
    with pytest.raises(DelimiterInCode) as refused:
        write(value.model_copy(update={field: bad}))
    assert bad not in str(refused.value)


def test_a_message_is_read_by_the_reader_of_its_kind_only() -> None:
    for writer in ("request", "inquiry", "notice"):
        value, write = WRITERS[writer]
        with pytest.raises(X12Problem):
            parse_inbound(*only_set(write(value)))
    for writer in ("response", "inquiry answer", "receipt"):
        value, write = WRITERS[writer]
        assert parse_inbound(*only_set(write(value))) == value
