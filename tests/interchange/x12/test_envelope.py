"""Files as they come: any delimiters, several interchanges, groups and sets, and what is not whole."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interchange.x12.envelope import (
    Control,
    EnvelopeProblem,
    delimiters_of,
    envelop,
    read_interchanges,
    wrap,
    wrap_all,
)
from interchange.x12.review_request import parse
from interchange.x12.segments import DelimiterInCode, X12Problem, code, free_text, write
from tests.interchange.x12.samples import CONTROL, emitted, golden, only_set, residential

FLAT = golden("request_residential").replace("\n", "")


def with_delimiters(element: str, component: str, repetition: str, segment: str) -> str:
    table = str.maketrans({"*": element, ":": component, "^": repetition, "~": segment})
    return FLAT.translate(table)


@pytest.mark.parametrize(
    "marks", ["|>!\n", "*:^\n", "\x1d\x1f\x1e\x1c", "*<^'", "+:^~", "|:^~"], ids=lambda m: m.encode().hex()
)
def test_any_delimiters_are_read_from_the_isa(marks: str) -> None:
    assert parse(*only_set(with_delimiters(*marks))) == residential()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", " \n"])
def test_line_breaks_after_segments_do_not_matter(ending: str) -> None:
    assert parse(*only_set("\ufeff" + FLAT.replace("~", "~" + ending))) == residential()


def test_two_interchanges_with_delimiters_of_their_own() -> None:
    second = with_delimiters("|", ">", "!", "'")
    found = read_interchanges(FLAT + "\r\n" + second + "\n")
    assert [parse(i, i.groups[0].transactions[0]) for i in found] == [residential(), residential()]


def test_several_sets_in_a_group() -> None:
    bodies = [[write("BHT", "0007", "11", f"R{n}")] for n in range(3)]
    text = wrap_all(bodies, CONTROL, functional_id="HI", version="005010X217", transaction="278")
    (group,) = read_interchanges(text)[0].groups
    assert [(t.control, t.segments[0].at(3)) for t in group.transactions] == [
        ("0001", "R0"),
        ("0002", "R1"),
        ("0003", "R2"),
    ]


def test_several_groups() -> None:
    one = wrap([write("BHT", "0007")], CONTROL, functional_id="HI", version="005010X217", transaction="278")
    group = one[106 : one.index("IEA*")]
    text = envelop(group + group.replace("GS*HI", "GS*FA"), CONTROL, groups=2)
    assert [g.functional_id for g in read_interchanges(text)[0].groups] == ["HI", "FA"]


def test_the_envelope_says_who_when_and_under_which_number() -> None:
    control = Control("SENDER", "RECEIVER", 42, datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "P")
    text = wrap([write("BHT", "0007")], control, functional_id="HI", version="005010X217", transaction="278")
    (found,) = read_interchanges(text)
    assert (found.sender, found.receiver, found.control_number, found.usage) == ("SENDER", "RECEIVER", "000000042", "P")
    assert text[:106].count("*") == 16
    assert text[70:81] == "261231*2359"


BROKEN = {
    "empty": ("", "023"),
    "no isa": ("hello", "022"),
    "short isa": (FLAT[:50], "022"),
    "shifted isa": (FLAT.replace("HARBORREC      ", "HARBORREC     ", 1).replace("~GS", " ~GS", 1), "022"),
    "delimiter twice": (FLAT.replace("*:~", "*~~", 1), "022"),
    "letter as delimiter": (FLAT.replace("*:~", "*A~", 1), "022"),
    "no iea": (FLAT.split("IEA*")[0], "023"),
    "iea cut": (FLAT[:-3], "023"),
    "numbers differ": (FLAT.replace("IEA*1*000000101", "IEA*1*000000102"), "001"),
    "groups miscounted": (FLAT.replace("IEA*1*", "IEA*2*"), "021"),
    "no group": (FLAT.replace("~GS*HI", "~XX*HI"), "024"),
    "no set": (FLAT.replace("~ST*278", "~XX*278"), "024"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("strict", [True, False])
def test_a_broken_envelope_is_named_with_its_note(name: str, strict: bool) -> None:
    text, note = BROKEN[name]
    with pytest.raises(EnvelopeProblem) as found:
        read_interchanges(text, strict=strict)
    assert found.value.note == note
    assert "DOE" not in str(found.value)


NOT_WHOLE = {
    "set number": ("SE*28*0001", "SE*28*0002", ("3",), ()),
    "segment count": ("SE*28*0001", "SE*27*0001", ("4",), ()),
    "no trailer": ("SE*28*0001~", "", ("2",), ()),
    "group number": ("GE*1*101", "GE*1*102", (), ("4",)),
    "set count": ("GE*1*101", "GE*7*101", (), ("5",)),
    "no group trailer": ("GE*1*101~", "", (), ("3",)),
}


@pytest.mark.parametrize("name", NOT_WHOLE)
def test_what_is_not_whole_is_refused_strictly_and_marked_otherwise(name: str) -> None:
    old, new, of_set, of_group = NOT_WHOLE[name]
    text = FLAT.replace(old, new)
    with pytest.raises(X12Problem):
        read_interchanges(text)
    (group,) = read_interchanges(text, strict=False)[0].groups
    assert (group.transactions[0].problems, group.problems) == (of_set, of_group)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300), st.integers(0, 600))
@example("ISA", 0)
@example("~", 106)
def test_no_text_breaks_the_reader(noise: str, at: int) -> None:
    for text in (noise, FLAT[:at] + noise + FLAT[at:], FLAT[:at]):
        try:
            found = read_interchanges(text, strict=False)
        except X12Problem:
            continue
        assert found


@pytest.mark.parametrize(
    "wrong",
    [{"sender": ""}, {"sender": "X" * 16}, {"receiver": "A*B"}, {"receiver": "A"}, {"number": 0}, {"number": 10**9}],
)
def test_an_envelope_that_could_not_be_read_is_not_written(wrong: dict[str, str | int]) -> None:
    control = replace(CONTROL, **wrong)  # type: ignore[arg-type]  # each case names a field with its type
    with pytest.raises(X12Problem):
        emitted(residential(), control)


@settings(max_examples=300)
@given(st.text())
def test_free_text_never_holds_a_delimiter_and_is_stable(value: str) -> None:
    cleaned = free_text(value)
    assert code(cleaned) == cleaned
    assert not set(cleaned) & set("*:^~\n\r\x00")
    assert 0 < len(cleaned) <= 60
    assert free_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("O~HL*9", "O HL 9"), ("Núñez", "NUNEZ"), ("O'Neil-Ruiz", "O'NEIL-RUIZ"), ("a\n b", "A B"), ("", "UNKNOWN"),
        ("***", "UNKNOWN"), ("李", "UNKNOWN"), ("A:B^C", "A B C"),
    ],
)  # fmt: skip
def test_names_are_written_by_one_rule(name: str, written: str) -> None:
    assert free_text(name) == written


def test_writing_refuses_what_a_caller_forgot_to_clean() -> None:
    for element in ("A~B", ("A", "B:C"), "A*"):
        with pytest.raises(DelimiterInCode):
            write("NM1", element)


def test_trailing_empties_are_left_out() -> None:
    assert write("UM", "AR", ("86", "A", ""), "", "") == "UM*AR*86:A~"


def test_delimiters_are_found_where_the_standard_puts_them() -> None:
    found = delimiters_of(FLAT)
    assert (found.element, found.component, found.repetition, found.segment) == ("*", ":", "^", "~")
