"""999 and TA1: written, read back, and about the right set only (domain 6.12, E80)."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.acknowledgement import InterchangeAcknowledgement, SyntaxFinding
from interchange.x12.acknowledgement import (
    Acknowledged,
    acknowledge_file,
    acknowledgements,
    encode_999,
    encode_ta1,
    judge_group,
    parse_999,
    refusing_ta1,
    rejected_by,
)
from interchange.x12.conformance import (
    findings,
    guide_for,
    inbound_at_payer,
    inbound_from_payer,
    place_of,
    requests_only,
    responses_only,
)
from interchange.x12.envelope import EnvelopeProblem, Interchange, envelop, group_of, read_interchanges
from tests.interchange.x12.samples import CONTROL, NOW, golden, only_set

ACCEPT = "AK1*HI*101*005010X217~AK2*278*0001*005010X217~IK5*A~AK9*A*1*1*1~"


def answered(text: str) -> str:
    (interchange,) = read_interchanges(text, strict=False)
    (group,) = interchange.groups
    return encode_999(group.control, group.functional_id, group.version, judge_group(group, requests_only), CONTROL)


def body(text: str) -> str:
    return text.split("ST*999*0001*005010X231A1~", 1)[1].split("SE*", 1)[0]


def test_a_good_request_is_accepted() -> None:
    assert body(answered(golden("request_residential"))) == ACCEPT


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("UM*AR*I", "UM*QQ*I", "IK3*UM*15*2000*8~IK4*1**7~IK5*R*5~AK9*R*1*1*0~"),
        ("UM*AR*I*AI*86:A", "UM*QQ*I*AI*86:Z", "IK3*UM*15*2000*8~IK4*1**7~IK4*4:2**7~IK5*R*5~AK9*R*1*1*0~"),
        ("DMG*D8*19880412", "DMG*D8*19881312", "IK3*DMG*12*2010*8~IK4*2**8~IK5*R*5~AK9*R*1*1*0~"),
        ("SE*28", "SE*29", "IK5*R*4~AK9*R*1*1*0~"),
    ],
)
def test_faults_are_named_by_place_never_by_value(old: str, new: str, said: str) -> None:
    text = answered(golden("request_residential").replace(old, new))
    assert body(text) == "AK1*HI*101*005010X217~AK2*278*0001*005010X217~" + said
    assert "QQ" not in text


def test_a_missing_segment_is_named_where_it_was_missed() -> None:
    text = golden("request_residential").replace("UM*AR*I*AI*86:A**U***Y~\n", "").replace("SE*28", "SE*27")
    assert "IK3*UM*15*2000*3~" in answered(text)


def test_what_is_not_taken_here_is_refused_as_such() -> None:
    assert "IK5*R*1~" in answered(golden("response_pended"))


def test_one_bad_set_does_not_take_the_good_one_with_it() -> None:
    good = golden("request_residential").replace("\n", "")
    start, end = good.index("ST*278"), good.index("GE*1")
    one = good[start:end]
    bad = one.replace("*0001", "*0002").replace("UM*AR", "UM*QQ").replace("005010X217", "005010X217", 1)
    text = (good[:start] + one + bad + good[end:]).replace("GE*1*", "GE*2*")
    (said,) = acknowledgements(read_interchanges(answered(text))[0])
    assert (said.verdict, said.received, said.accepted, said.rejected) == ("P", 2, 1, True)
    assert [(s.control, s.accepted) for s in said.sets] == [("0001", True), ("0002", False)]


FINDINGS = st.builds(
    SyntaxFinding, tag=st.sampled_from(["UM", "HL", "DTP"]), position=st.integers(2, 99),
    loop=st.none() | st.sampled_from(["2000", "2010"]), code=st.sampled_from(["1", "2", "3"]),
) | st.builds(
    SyntaxFinding, tag=st.just("NM1"), position=st.integers(100, 999), loop=st.just("2010"), code=st.just("8"),
    element=st.integers(1, 9), component=st.none() | st.integers(1, 4), element_code=st.sampled_from(["1", "7", "I10"]),
)  # fmt: skip
SETS = st.builds(
    Acknowledged, transaction=st.sampled_from(["0001", "0002"]), version=st.just("005010X217"), accepted=st.just(False),
    findings=st.lists(FINDINGS, max_size=5).map(tuple), problems=st.sampled_from([("5",), ("3", "4"), ("1",)]),
) | st.builds(
    Acknowledged, transaction=st.sampled_from(["0001", "0002"]), version=st.just("005010X217"), accepted=st.just(True)
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(SETS, max_size=4))
def test_a_999_is_read_back_as_it_was_written(sets: list[Acknowledged]) -> None:
    _, transaction = only_set(encode_999("101", "HI", "005010X217", sets, CONTROL))
    found = parse_999(transaction)
    assert (found.group_control, found.functional_id, found.version) == ("101", "HI", "005010X217")
    assert [(s.control, s.accepted, s.findings, s.problems) for s in found.sets] == [
        (s.transaction, s.accepted, s.findings, s.problems) for s in sets
    ]
    assert (found.received, found.accepted) == (len(sets), sum(s.accepted for s in sets))


@pytest.mark.parametrize(("verdict", "rejected"), [("A", False), ("E", False), ("P", True), ("R", True)])
def test_who_reads_a_999_knows_whether_to_send_again(verdict: str, rejected: bool) -> None:
    text = encode_999("1", "HI", "005010X217", [Acknowledged("0001", "005010X217", True)], CONTROL)
    (interchange,) = read_interchanges(text.replace("AK9*A", f"AK9*{verdict}"))
    assert rejected_by(interchange) is rejected


def test_what_is_no_acknowledgement_says_nothing_about_rejection() -> None:
    assert rejected_by(read_interchanges(golden("response_pended"))[0]) is None


@pytest.mark.parametrize(("code", "rejected"), [("A", False), ("E", False), ("R", True)])
def test_a_ta1_is_read_back_as_it_was_written(code: str, rejected: bool) -> None:
    about = InterchangeAcknowledgement(control_number="000000101", at=NOW, code=code, note="021")
    (interchange,) = read_interchanges(encode_ta1(about, CONTROL))
    assert interchange.acknowledgements == (about,)
    assert rejected_by(interchange) is rejected


@pytest.mark.parametrize(
    ("text", "number"),
    [("hello", "000000000"), ("", "000000000"), (golden("request_iop").split("IEA")[0], "000000101")],
)
def test_a_broken_envelope_is_answered_by_a_ta1(text: str, number: str) -> None:
    with pytest.raises(EnvelopeProblem) as problem:
        read_interchanges(text)
    interchange: Interchange = read_interchanges(refusing_ta1(text, problem.value, CONTROL))[0]
    (said,) = interchange.acknowledgements
    assert (said.control_number, said.code, said.note) == (number, "R", problem.value.note)


def test_a_foreign_envelope_cannot_break_out_of_the_answer() -> None:
    foreign = golden("request_residential").translate(str.maketrans("*:^~", "|>!'")).replace("\n", "")
    foreign = (
        foreign.replace("HARBORREC      ", "A*B~SE*9~      ").replace("|0001", "|0~HL*1").replace("|101'", "|1*9'")
    )
    said = answered(foreign.replace("|101|X", "|1*9|X"))
    interchange, transaction = only_set(said)
    assert [s.tag for s in transaction.segments] == ["AK1", "AK2", "IK5", "AK9"]
    assert interchange.sender == "HARBORREC"


@pytest.mark.parametrize("party", ["", "A", "A*B", "X" * 40, "~", "\x00"])
def test_an_answer_can_be_written_whoever_asked(party: str) -> None:
    control = replace(CONTROL, receiver=party)
    (interchange,) = read_interchanges(encode_999("", "", "", [], control))
    assert 2 <= len(interchange.receiver) <= 15


def test_a_file_of_faults_is_not_answered_by_a_larger_one() -> None:
    sets = [Acknowledged("0001", "005010X217", False, findings=(SyntaxFinding(tag="UM", position=2, code="2"),) * 5000)]
    assert len(encode_999("1", "HI", "005010X217", sets, CONTROL)) < 4000


def test_each_house_takes_its_own_direction_only() -> None:
    _, request = only_set(golden("request_residential"))
    _, response = only_set(golden("response_pended"))
    assert (requests_only(request), requests_only(response)) == ((), None)
    assert (responses_only(request), responses_only(response)) == (None, ())


def test_a_transaction_without_a_guide_has_no_findings_and_no_guide() -> None:
    _, other = only_set(encode_999("1", "HI", "005010X217", [], CONTROL).replace("*999*", "*824*"))
    assert (guide_for(other), findings(other)) == (None, None)


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (SyntaxFinding(tag="UM", position=2, code="3", loop="2000E"), "segment UM in loop 2000E is missing"),
        (SyntaxFinding(tag="ZZZ", position=2, code="1"), "segment ZZZ is not known"),
        (
            SyntaxFinding(tag="NM1", position=2, code="8", loop="2010B", element=9, element_code="4"),
            "NM109 in loop 2010B is too short",
        ),
        (
            SyntaxFinding(tag="UM", position=2, code="8", element=4, component=2, element_code="7"),
            "UM04-2 holds a code the guide does not know",
        ),
    ],
)
def test_a_place_is_a_sentence(finding: SyntaxFinding, sentence: str) -> None:
    assert place_of(finding) == sentence


def answered_file(text: str, *, at_payer: bool = True) -> str:
    numbers = itertools.count(500)
    judge = inbound_at_payer if at_payer else inbound_from_payer
    return acknowledge_file(text, judge, lambda: next(numbers), sender="SAMPLECH", now=NOW)


def flat(name: str) -> str:
    return golden(name).replace("\n", "")


def test_a_whole_file_gets_one_text_and_each_interchange_its_own_number() -> None:
    said = read_interchanges(
        answered_file(flat("request_residential") + flat("inquiry") + flat("notification_admission"))
    )
    assert [i.control_number for i in said] == ["000000500", "000000501", "000000502"]
    assert [i.receiver for i in said] == ["HARBORREC"] * 3
    assert [(a.version, a.verdict) for i in said for a in acknowledgements(i)] == [
        ("005010X217", "A"), ("005010X215", "A"), ("005010X216", "A"),
    ]  # fmt: skip


def two_groups(second: str) -> str:
    """An interchange with a good group and another."""
    good, other = (flat(n)[106:].split("IEA*")[0] for n in ("request_residential", second))
    other = other.replace("*101*X*", "*102*X*").replace("GE*1*101", "GE*1*102")
    return flat("request_residential")[:106] + good + other + "IEA*2*000000101~"


def test_groups_of_one_interchange_are_answered_in_one_by_a_999_each() -> None:
    (interchange,) = read_interchanges(answered_file(two_groups("response_pended")))
    (group,) = interchange.groups
    assert (group.functional_id, [t.control for t in group.transactions]) == ("FA", ["0001", "0002"])
    assert [(a.group_control, a.verdict) for a in acknowledgements(interchange)] == [("101", "A"), ("102", "R")]
    assert all(findings(t) == () for t in group.transactions)


def test_the_places_of_faults_are_passed_through() -> None:
    (interchange,) = read_interchanges(answered_file(flat("request_residential").replace("UM*AR", "UM*QQ")))
    (said,) = acknowledgements(interchange)
    (of_set,) = said.sets
    assert [(f.tag, f.position, f.element, f.element_code) for f in of_set.findings] == [("UM", 15, 1, "7")]
    assert (of_set.accepted, of_set.problems) == (False, ("5",))


def test_acknowledgements_are_not_acknowledged() -> None:
    said = answered_file(flat("request_residential"))
    assert answered_file(said, at_payer=False) == ""
    ta1 = encode_ta1(InterchangeAcknowledgement(control_number="000000101", at=NOW, code="A"), CONTROL)
    assert answered_file(ta1, at_payer=False) == ""


def test_an_isa_that_asks_for_a_ta1_gets_one_beside_the_999() -> None:
    (interchange,) = read_interchanges(answered_file(flat("request_residential").replace("*0*T*", "*1*T*")))
    (received,) = interchange.acknowledgements
    assert (received.control_number, received.code, received.note) == ("000000101", "A", "000")
    assert [a.verdict for a in acknowledgements(interchange)] == ["A"]


def test_the_part_of_a_file_that_cannot_be_read_is_refused_by_a_ta1() -> None:
    cut = flat("inquiry").replace("000000101", "000000777")[:300]
    first, second = read_interchanges(answered_file(flat("request_residential") + cut))
    assert [a.verdict for a in acknowledgements(first)] == ["A"]
    assert [(a.control_number, a.code, a.note) for a in second.acknowledgements] == [("000000777", "R", "023")]
    assert second.receiver == "HARBORREC"


@pytest.mark.parametrize("text", ["", "rubbish", "ISA*00*", "~" * 500])
def test_rubbish_is_answered_by_a_ta1(text: str) -> None:
    (interchange,) = read_interchanges(answered_file(text))
    assert [(a.control_number, a.code) for a in interchange.acknowledgements] == [("000000000", "R")]


def test_a_group_that_is_not_whole_is_refused_with_its_reason() -> None:
    (interchange,) = read_interchanges(answered_file(flat("request_residential").replace("GE*1*101", "GE*3*109")))
    (transaction,) = interchange.groups[0].transactions
    assert transaction.segments[-1].elements == ("R", "3", "1", "0", "4", "5")
    (said,) = acknowledgements(interchange)
    assert (said.verdict, said.included, said.problems) == ("R", 3, ("4", "5"))
    assert findings(transaction) == ()


@pytest.mark.parametrize(
    ("name", "at_payer"),
    [
        ("request_residential", True), ("request_full", True), ("inquiry", True), ("notification_discharge", True),
        ("response_full", False), ("inquiry_absent", False), ("notification_receipt", False),
    ],
)  # fmt: skip
def test_each_house_takes_what_is_meant_for_it(name: str, at_payer: bool) -> None:
    _, transaction = only_set(golden(name))
    assert (inbound_at_payer(transaction), inbound_from_payer(transaction)) == (((), None) if at_payer else (None, ()))


def test_a_999_is_judged_by_a_guide_of_its_own() -> None:
    said = encode_999("1", "HI", "005010X217", [Acknowledged("0001", "005010X217", False)], CONTROL)
    _, transaction = only_set(said)
    assert inbound_from_payer(transaction) == ()
    assert inbound_at_payer(transaction) is None
    _, odd = only_set(said.replace("IK5*R*5~", "").replace("SE*6", "SE*5"))
    assert [(f.tag, f.code, f.loop) for f in inbound_from_payer(odd) or ()] == [("IK5", "3", "2000")]


def test_groups_have_control_numbers_of_their_own() -> None:
    text = envelop(
        "".join(
            group_of([["AK1*HI*1~"]], CONTROL, functional_id="FA", version="005010X231A1", transaction="999", number=n)
            for n in (7, 8)
        ),
        CONTROL, groups=2,
    )  # fmt: skip
    assert [g.control for g in read_interchanges(text)[0].groups] == ["7", "8"]
