"""Files taken apart: one piece for each transaction, whole files, broken sets, cut files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.acknowledgement import InterchangeAcknowledgement
from interchange.x12.acknowledgement import Acknowledged, encode_999, encode_ta1
from interchange.x12.envelope import PARTS_MAX, Control, EnvelopeProblem, envelop, group_of, read_interchanges
from interchange.x12.inbound import parse_inbound
from interchange.x12.pieces import PIECES_MAX, File, Piece, pieces_of
from interchange.x12.review_request import parse
from interchange.x12.segments import X12Problem, write
from tests.interchange.x12.messages import absence, full_response, receipt
from tests.interchange.x12.samples import CONTROL, NOW, golden, only_set, residential

NAMES = ("response_full", "inquiry_absent", "notification_receipt")


def flat(name: str) -> str:
    return golden(name).replace("\n", "")


def other_marks(text: str) -> str:
    return text.translate(str.maketrans("*:^~", "|>!'"))


def test_one_piece_for_each_transaction_with_its_envelope() -> None:
    taken_apart = pieces_of(flat("request_residential"))
    assert taken_apart.problem is None
    (piece,) = taken_apart.pieces
    assert (piece.sender, piece.receiver, piece.usage) == ("HARBORREC", "SAMPLECH", "T")
    assert (piece.interchange_control, piece.group_control, piece.set_control) == ("000000101", "101", "0001")
    assert (piece.kind, piece.version, piece.purpose, piece.problems) == ("278", "005010X217", "13", ())
    assert piece.text == flat("request_residential")


def test_a_file_of_several_interchanges_groups_and_sets() -> None:
    bodies = [[write("BHT", "0007", "11", f"R{n}", "20260306", "1410", "18")] for n in range(2)]
    group = group_of(bodies, CONTROL, functional_id="HI", version="005010X217", transaction="278", number=7)
    again = group_of(bodies[:1], CONTROL, functional_id="HI", version="005010X215", transaction="278", number=8)
    ta1 = encode_ta1(InterchangeAcknowledgement(control_number="000000009", at=NOW, code="A"), CONTROL)
    said = encode_999("101", "HI", "005010X217", [Acknowledged("0001", "005010X217", True)], CONTROL)
    taken_apart = pieces_of(envelop(group + again, CONTROL, groups=2) + "\r\n" + other_marks(ta1) + "\n" + said)
    assert taken_apart.problem is None
    assert [(p.kind, p.version, p.group_control, p.set_control) for p in taken_apart.pieces] == [
        ("278", "005010X217", "7", "0001"), ("278", "005010X217", "7", "0002"), ("278", "005010X215", "8", "0001"),
        ("TA1", "", "", ""), ("999", "005010X231A1", "101", "0001"),
    ]  # fmt: skip
    assert [p.purpose for p in taken_apart.pieces] == ["11", "11", "11", "", ""]
    for piece in taken_apart.pieces:
        assert pieces_of(piece.text).pieces == (piece,)


def test_pieces_keep_the_delimiters_of_their_file() -> None:
    taken_apart = pieces_of(other_marks(flat("request_residential")) + "\n" + flat("request_iop"))
    assert [p.text[3] for p in taken_apart.pieces] == ["|", "*"]
    assert parse(*only_set(taken_apart.pieces[0].text)) == residential()


def test_a_piece_is_read_like_the_file_it_came_from() -> None:
    whole = "".join(flat(name) for name in NAMES)
    answers = [parse_inbound(*only_set(piece.text)) for piece in pieces_of(whole).pieces]
    assert answers == [full_response(), absence(), receipt()]


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("SE*28*0001", "SE*29*0001", ("4",)),
        ("SE*28*0001", "SE*28*0007", ("3",)),
        ("SE*28*0001~", "", ("2",)),
        ("GE*1*101", "GE*1*102", ("group:4",)),
        ("GE*1*101", "GE*2*101", ("group:5",)),
        ("GE*1*101~", "", ("group:3",)),
    ],
)
def test_a_set_that_is_not_whole_says_so_and_keeps_its_segments(old: str, new: str, problems: tuple[str, ...]) -> None:
    (piece,) = pieces_of(flat("request_residential").replace(old, new)).pieces
    assert piece.problems == problems
    (again,) = pieces_of(piece.text).pieces
    assert again.problems == tuple(p for p in problems if not p.startswith("group"))
    assert parse(*_lenient(piece.text)) == residential()


def _lenient(text: str):  # type: ignore[no-untyped-def]  # the pair that `parse` takes
    (interchange,) = read_interchanges(text, strict=False)
    return interchange, interchange.groups[0].transactions[0]


def test_a_file_cut_in_its_third_interchange_yields_the_first_two() -> None:
    whole = "".join(flat(name) for name in NAMES)
    cut = whole[: len(whole) - 200]
    taken_apart = pieces_of(cut)
    assert [p.version for p in taken_apart.pieces] == ["005010X217", "005010X215"]
    assert taken_apart.problem is not None
    assert taken_apart.problem.note == "023"
    assert cut[taken_apart.problem.at :].startswith("ISA*")


def test_an_interchange_with_a_wrong_trailer_does_not_take_the_next_with_it() -> None:
    broken = flat("inquiry_absent").replace("IEA*1*000000101", "IEA*1*000000102")
    taken_apart = pieces_of(flat("response_full") + broken + flat("notification_receipt"))
    assert [p.version for p in taken_apart.pieces] == ["005010X217", "005010X216"]
    assert taken_apart.problem is not None
    assert taken_apart.problem.note == "001"


@pytest.mark.parametrize("text", ["", "hello", "ISA", golden("inquiry")[:300], "~" * 1000, "\x00" * 200])
def test_a_file_without_an_envelope_is_refused(text: str) -> None:
    with pytest.raises(EnvelopeProblem):
        pieces_of(text)


def many_sets(count: int) -> str:
    sets = "".join(f"ST*278*{n % 9999 + 1:04d}~SE*2*{n % 9999 + 1:04d}~" for n in range(count))
    group = f"GS*HI*HARBORREC*SAMPLECH*20260306*1410*1*X*005010X217~{sets}GE*{count}*1~"
    return envelop(group, CONTROL, groups=1)


def test_an_interchange_of_too_many_sets_is_refused_as_such() -> None:
    with pytest.raises(EnvelopeProblem, match="send smaller ones"):
        pieces_of(many_sets(PARTS_MAX))


def test_a_file_of_too_many_sets_ends_somewhere() -> None:
    taken_apart = pieces_of(many_sets(PIECES_MAX // 2 + 1) * 2)
    assert len(taken_apart.pieces) == PIECES_MAX
    assert taken_apart.problem is not None


def test_pieces_do_not_print_what_they_hold() -> None:
    shown = repr(pieces_of(flat("request_residential")))
    assert not any(personal in shown for personal in ("DOE", "JORDAN", "W123456789"))


WHOLE = "".join(flat(name) for name in NAMES)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.text(max_size=20))
def test_every_piece_of_any_file_can_be_taken_apart_again(start: int, end: int, noise: str) -> None:
    first, last = sorted((start, end))
    try:
        taken_apart = pieces_of(WHOLE[:first] + noise + WHOLE[last:])
    except EnvelopeProblem:
        return
    assert isinstance(taken_apart, File)
    for piece in taken_apart.pieces:
        assert isinstance(piece, Piece)
        assert [p.kind for p in pieces_of(piece.text).pieces] == [piece.kind]


def test_who_sends_pieces_on_can_make_files_of_them_again() -> None:
    whole = "".join(p.text for p in pieces_of(WHOLE).pieces)
    assert whole == WHOLE
    with pytest.raises(X12Problem):
        parse_inbound(*only_set(flat("inquiry")))
    assert Control("A1", "B2", 1, NOW).usage == "T"
