"""Real messages spoilt at random: every reader gives a value or a problem, ends, and repeats nothing it read."""

import itertools
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.acknowledgement import SyntaxFinding
from interchange.x12.acknowledgement import Acknowledged, acknowledge_file, encode_999, parse_999, rejected_by
from interchange.x12.admission_notification import parse_notification, parse_notification_answer
from interchange.x12.conformance import findings, inbound_at_payer, inbound_from_payer
from interchange.x12.envelope import EnvelopeProblem, Interchange, Transaction, read_file, read_interchanges
from interchange.x12.inbound import parse_inbound
from interchange.x12.pieces import pieces_of
from interchange.x12.review_inquiry import parse_inquiry, parse_inquiry_answer
from interchange.x12.review_request import parse
from interchange.x12.review_response import parse_answer
from interchange.x12.segments import X12Problem
from tests.interchange.x12.samples import CONTROL, GOLDEN, NOW, golden, only_set

PARSERS: dict[str, Callable[[Interchange, Transaction], Any]] = {
    "request": parse,
    "response": parse_answer,
    "inquiry": parse_inquiry,
    "inquiry answer": parse_inquiry_answer,
    "notification": parse_notification,
    "notification answer": parse_notification_answer,
    "inbound": parse_inbound,
    "999": lambda _, transaction: parse_999(transaction),
}
FAULT = SyntaxFinding(tag="UM", position=15, loop="2000E", code="8", element=1, element_code="7")
RECEIVED = encode_999(
    "101", "HI", "005010X217", [Acknowledged("0001", "005010X217", False, findings=(FAULT,))], CONTROL
)
SOURCES = [*(path.read_text().replace("\n", "") for path in sorted(GOLDEN.glob("*.x12"))), RECEIVED]
PERSONAL = ("DOE", "JORDAN", "W123456789", "19880412", "RILEY", "RIVERA")
MARKS = "*:^~|>!'\n\r\x1c \x00"


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """One to four accidents."""
    text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        text = draw(st.sampled_from(ACCIDENTS))(draw, text)
    return text


def _place(draw: st.DrawFn, text: str) -> int:
    return draw(st.integers(0, max(0, len(text) - 1)))


def truncated(draw: st.DrawFn, text: str) -> str:
    return text[: _place(draw, text)]


def noisy(draw: st.DrawFn, text: str) -> str:
    at = _place(draw, text)
    return text[:at] + draw(st.text(max_size=12)) + text[at + draw(st.integers(0, 6)) :]


def binary(draw: st.DrawFn, text: str) -> str:
    at = _place(draw, text)
    return text[:at] + draw(st.binary(max_size=20)).decode("utf-8", "replace") + text[at:]


def _segments(text: str) -> list[str]:
    return text.split("~")


def swapped(draw: st.DrawFn, text: str) -> str:
    parts = _segments(text)
    one, other = (draw(st.integers(0, len(parts) - 1)) for _ in range(2))
    parts[one], parts[other] = parts[other], parts[one]
    return "~".join(parts)


def doubled(draw: st.DrawFn, text: str) -> str:
    parts = _segments(text)
    at = draw(st.integers(0, len(parts) - 1))
    return "~".join(parts[:at] + parts[at : at + 1] * draw(st.integers(2, 30)) + parts[at + 1 :])


def dropped(draw: st.DrawFn, text: str) -> str:
    parts = _segments(text)
    at = draw(st.integers(0, len(parts) - 1))
    return "~".join(parts[:at] + parts[at + 1 :])


def other_mark(draw: st.DrawFn, text: str) -> str:
    return text.replace(draw(st.sampled_from(MARKS)), draw(st.sampled_from(MARKS)))


def misnumbered(draw: st.DrawFn, text: str) -> str:
    return text.replace(draw(st.sampled_from(["0001", "101", "*1*", "*2*", "20260306"])), draw(st.sampled_from(
        ["0002", "9" * 5000, "-1", "٣٣", "1e9", "", "00000000"])), 1)  # fmt: skip


def misnamed(draw: st.DrawFn, text: str) -> str:
    old = draw(st.sampled_from(["005010X217", "005010X215", "278", "BHT*0007", "HCR*", "UM*", "TRN*2", "HL*"]))
    return text.replace(
        old, draw(st.sampled_from(["005010X216", "004010X094", "999", "", "BHT*9", "HCR*Z9*", "HL*7*"]))
    )


ACCIDENTS = [truncated, noisy, binary, swapped, doubled, dropped, other_mark, misnumbered, misnamed]


def sets_of(text: str) -> Iterator[tuple[Interchange, Transaction]]:
    for interchange in read_file(text)[0]:
        for group in interchange.groups:
            for transaction in group.transactions:
                yield interchange, transaction


def problem_of(reader: Callable[..., Any], *read: Any) -> str:
    """What the problem says; empty when there is none. Anything but a problem passes through and fails the test."""
    try:
        reader(*read)
    except X12Problem as problem:
        return str(problem)
    return ""


@settings(max_examples=250, deadline=None)
@given(spoilt())
def test_every_parser_gives_a_value_or_a_problem_that_repeats_nothing(text: str) -> None:
    for interchange, transaction in itertools.islice(sets_of(text), 4):
        for parser in PARSERS.values():
            said = problem_of(parser, interchange, transaction)
            assert not any(personal in said for personal in PERSONAL)
        found = findings(transaction)
        assert found is None or not any(personal in str(found) for personal in PERSONAL)


@settings(max_examples=250, deadline=None)
@given(spoilt())
def test_every_file_is_answered_in_a_way_that_can_be_read(text: str) -> None:
    for judge in (inbound_at_payer, inbound_from_payer):
        numbers = itertools.count(1)
        said = acknowledge_file(text, judge, lambda numbers=numbers: next(numbers), sender="SAMPLECH", now=NOW)
        if said:
            for interchange in read_interchanges(said):
                rejected_by(interchange)
        assert not any(personal in said for personal in PERSONAL)


@settings(max_examples=250, deadline=None)
@given(spoilt())
def test_strict_reading_and_taking_apart_raise_problems_only(text: str) -> None:
    for reader in (read_interchanges, pieces_of):
        said = problem_of(reader, text)
        assert not any(personal in said for personal in PERSONAL)


HEAD = golden("request_residential").replace("\n", "")[:106]
OPEN = HEAD + "GS*HI*HARBORREC*SAMPLECH*20260306*1410*101*X*005010X217~"
SET = OPEN + "ST*278*0001*005010X217~"
END = "IEA*1*000000101~"
SIZE = 2_000_000
LINES = HEAD[:-1] + "\n"
HUGE = {
    "tildes": "~" * SIZE,
    "tildes in an interchange": HEAD + "~" * SIZE + END,
    "tildes without an end": HEAD + "~" * SIZE,
    "line ends that end segments": LINES + "\n" * SIZE + END.replace("~", "\n"),
    "line ends that end nothing": HEAD + ("\n" * 1000 + "IEA") * 2000,
    "blanks": " " * SIZE,
    "ends that are none": SET + "AIEA*" * (SIZE // 5) + "~" + END,
    "one long element": SET + "BHT*" + "X" * SIZE + "~SE*3*0001~GE*1*101~" + END,
    "one segment of many elements": SET + "BHT" + "*" * SIZE + "X~SE*3*0001~GE*1*101~" + END,
    "one element of many components": SET + "UM****" + ":" * SIZE + "X~SE*3*0001~GE*1*101~" + END,
    "many levels": SET + "HL*1**20*1~" * (SIZE // 11) + "SE*3*0001~GE*1*101~" + END,
    "many unknown segments": SET + "Q*1~" * (SIZE // 4) + "SE*3*0001~GE*1*101~" + END,
    "many rejections": SET + "AAA*N**42*C~" * (SIZE // 12) + "SE*3*0001~GE*1*101~" + END,
    "many sets without an end": OPEN + "ST*278*0001~" * (SIZE // 12) + "GE*1*101~" + END,
    "many groups without an end": HEAD + "GS*HI*A*B~" * (SIZE // 10) + END,
    "many interchanges": (HEAD + "IEA*0*000000101~") * (SIZE // 122),
    "one digit a million times": SET + "BHT*0007*11*R*20260306*1410*18~HL*1**20*1~HSD*DY*" + "9" * SIZE
    + "~SE*5*0001~GE*1*101~" + END,
}  # fmt: skip
GUARD_SECONDS = 120
"""Not a measurement: what squares its input would take hours here."""


@contextmanager
def guarded() -> Iterator[None]:
    def hangs(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError("reading does not end")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(GUARD_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", HUGE)
def test_two_megabytes_of_anything_are_read_to_an_end(name: str) -> None:
    text = HUGE[name]
    with guarded():
        problem_of(pieces_of, text)
        for interchange, transaction in itertools.islice(sets_of(text), 20):
            for parser in PARSERS.values():
                problem_of(parser, interchange, transaction)
        numbers = itertools.count(1)
        said = acknowledge_file(text, inbound_at_payer, lambda: next(numbers), sender="SAMPLECH", now=NOW)
    assert said == "" or said.startswith("ISA*")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("response_full", "005010X217", "004010X094"),
        ("inquiry_absent", "005010X215", "006020X316"),
        ("notification_receipt", "*278*", "*277*"),
        ("request_residential", "BHT*0007*13", "BHT*0007*13"),
    ],
)
def test_another_version_or_message_is_no_answer(name: str, old: str, new: str) -> None:
    with pytest.raises(X12Problem):
        parse_inbound(*only_set(golden(name).replace(old, new)))


@pytest.mark.parametrize("version", ["005010X217E1", "005010X217E2"])
def test_the_errata_of_a_guide_are_read_by_the_guide(version: str) -> None:
    interchange, transaction = only_set(golden("response_pended").replace("005010X217", version))
    assert findings(transaction) == ()
    assert parse_inbound(interchange, transaction).trace == "EP1001RES2"


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("request_residential", "TRN*1*EP1001RES1*", "TRN*1**", "trace"),
        ("request_residential", "*9741234567~\nUM", "*974~\nUM", "originator"),
        ("request_residential", "UM*AR*I*", "UM*AR*Z*", "UM holds a code"),
        ("request_full", "CRC*75*Y*9D*60", "CRC*75*Y", "codes"),
        ("inquiry", "TRN*1*INQ1001*9741234567", "TRN*1*INQ1001*97", "originator"),
    ],
)
def test_what_our_values_cannot_hold_is_named_by_its_field(name: str, old: str, new: str, sentence: str) -> None:
    text = golden(name)
    assert old in text
    parser = parse_inquiry if name == "inquiry" else parse
    with pytest.raises(X12Problem, match=sentence) as refused:
        parser(*only_set(text.replace(old, new)))
    assert not any(personal in str(refused.value) for personal in PERSONAL)


def test_a_ta1_about_no_date_is_an_envelope_problem() -> None:
    from_outside = HEAD + "TA1*000000101*991399*9999*A*000~IEA*0*000000101~"
    with pytest.raises(EnvelopeProblem):
        pieces_of(from_outside)
