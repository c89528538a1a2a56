"""pyx12, with maps of its own, judges what we write; our guide and pyx12 must both refuse every mutant."""

import re
from datetime import UTC, datetime

import pytest

from definitions.services_review import ServicesReviewRequest
from interchange.x12.acknowledgement import encode_999, judge_group
from interchange.x12.conformance import findings, requests_only
from interchange.x12.envelope import Control, read_interchanges
from interchange.x12.review_response import encode_answer
from local.payer.decision import OUTCOMES, answer, pended
from tests.interchange.x12.pyx12_maps.judge import Bench, Verdict
from tests.interchange.x12.samples import (
    CONTROL,
    GOLDEN,
    emitted,
    golden,
    intensive_outpatient,
    residential,
)

BACK = Control(sender="SAMPLECH", receiver="HARBORREC", number=7, at=datetime(2026, 3, 6, 15, 0, tzinfo=UTC))


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("pyx12"))


def says(judges: Bench, text: str) -> Verdict:
    return judges.says(text)


@pytest.mark.parametrize("name", sorted(p.stem for p in GOLDEN.glob("*.x12")))
def test_golden_files_pass(judges: Bench, name: str) -> None:
    assert says(judges, golden(name)) == Verdict(True, ())


@pytest.mark.parametrize("script", [*(f"{o}3" if o == "F" else o for o in OUTCOMES if o != "R"), "P"])
@pytest.mark.parametrize("make", [residential, intensive_outpatient], ids=["residential", "outpatient"])
def test_everything_we_and_the_local_payer_emit_passes(
    judges: Bench, script: str, make: type[ServicesReviewRequest]
) -> None:
    request: ServicesReviewRequest = make(member_id=f"W123456789{script}")  # type: ignore[call-arg]  # a sample maker
    assert says(judges, emitted(request)) == Verdict(True, ())
    given = pended(request, "NT1", BACK.at) if script == "P" else answer(request, "AUTH000001", BACK.at)
    assert says(judges, encode_answer(given, BACK)) == Verdict(True, ())


def test_a_long_patient_event_passes(judges: Bench) -> None:
    base = residential()
    line = base.lines[0]
    lines = tuple(line.model_copy(update={"trace": f"{line.trace}{n}"}) for n in range(30))
    assert says(judges, emitted(base.model_copy(update={"lines": lines}))) == Verdict(True, ())


REQUEST, RESPONSE = "request_residential", "response_seven_of_fourteen"
MUTANTS = {
    "unknown request category": (REQUEST, "UM*AR*I", "UM*QQ*I"),
    "unknown certification": (REQUEST, "UM*AR*I", "UM*AR*X"),
    "no UM": (REQUEST, "UM*AR*I*AI*86:A**U***Y~\n", ""),
    "no TRN": (REQUEST, "TRN*1*EP1001RES1*9741234567~\n", ""),
    "TRN03 too long": (REQUEST, "EP1001RES1*9741234567", "EP1001RES1*97412345678"),
    "TRN02 too long": (REQUEST, "TRN*1*EP1001RES1*", f"TRN*1*{'E' * 51}*"),
    "response trace in a request": (REQUEST, "TRN*1*EP1001RES1*", "TRN*2*EP1001RES1*"),
    "no requester name": (REQUEST, "NM1*FA*2*HARBOR RECOVERY CENTER*****XX*1234567893~\n", ""),
    "unknown requester role": (REQUEST, "NM1*FA*2", "NM1*QQ*2"),
    "member without its id": (REQUEST, "DOE*JORDAN****MI*W123456789", "DOE*JORDAN"),
    "patient without a name": (REQUEST, "NM1*IL*1*DOE*JORDAN", "NM1*IL*1**JORDAN"),
    "birth date that is none": (REQUEST, "DMG*D8*19880412", "DMG*D8*19881312"),
    "unknown gender": (REQUEST, "19880412*M", "19880412*Q"),
    "HL level unknown": (REQUEST, "HL*4*3*EV*1", "HL*4*3*QQ*1"),
    "admission date that is none": (REQUEST, "DTP*435*D8*20260307", "DTP*435*D8*20260230"),
    "unknown date qualifier": (REQUEST, "DTP*435*D8", "DTP*999*D8"),
    "unknown diagnosis qualifier": (REQUEST, "HI*ABK:F1020", "HI*QQQ:F1020"),
    "unknown unit": (REQUEST, "HSD*DY*14", "HSD*QQ*14"),
    "quantity that is no number": (REQUEST, "HSD*DY*14", "HSD*DY*XIV"),
    "attachment road unknown": (REQUEST, "PWK*06*EL", "PWK*06*QQ"),
    "line unit unknown": (REQUEST, "HC:H0018**DA*14", "HC:H0018**QQ*14"),
    "line span backwards in form": (REQUEST, "RD8*20260307-20260320", "RD8*20260307-2026"),
    "unknown segment": (REQUEST, "HSD*DY*14~\n", "HSD*DY*14~\nQQQ*1~\n"),
    "segment at the wrong place": (REQUEST, "BHT*0007", "HSD*DY*14~\nBHT*0007"),
    "two UM": (REQUEST, "DTP*435", "UM*AR*I*AI*86:A**U***Y~\nDTP*435"),
    "request purpose unknown": (REQUEST, "BHT*0007*13", "BHT*0007*99"),
    "too many elements": (REQUEST, "HL*1**20*1~", "HL*1**20*1*9~"),
    "message too long": (REQUEST, "MSG*TRANSFER", f"MSG*{'T' * 264}TRANSFER"),
    "unknown action": (RESPONSE, "HCR*A2", "HCR*A9"),
    "A2 on a line": (RESPONSE, "HCR*A6", "HCR*A2"),
    "no payer name": (RESPONSE, "NM1*X3*2*SAMPLE BEHAVIORAL UM*****PI*88888~\n", ""),
    "unknown follow-up": ("response_member_not_found", "AAA*N**75*C", "AAA*N**75*Q"),
    "unknown validity": ("response_member_not_found", "AAA*N**75*C", "AAA*Q**75*C"),
    "unknown finality": (RESPONSE, "1432*18", "1432*77"),
    "unknown reference": ("response_pended", "REF*NT", "REF*QQ"),
    "message missing its text": (
        "response_pended",
        "MSG*SEND LAST 72 HOURS OF NURSING NOTES BY 20260314 1200 CT.",
        "MSG*",
    ),
}


def mutant(name: str) -> str:
    source, old, new = MUTANTS[name]
    text = golden(source)
    assert text.count(old) >= 1, f"the mutant {name} changes nothing"
    changed = text.replace(old, new, 1)
    count = changed.split("ST*278", 1)[1].split("SE*", 1)[0].count("~") + 1
    return re.sub(r"SE\*\d+", f"SE*{count}", changed)


@pytest.mark.parametrize("name", MUTANTS)
def test_the_judge_refuses_the_mutant(judges: Bench, name: str) -> None:
    assert says(judges, mutant(name)).good is False


@pytest.mark.parametrize("name", MUTANTS)
def test_our_guide_refuses_the_mutant_and_repeats_no_value(name: str) -> None:
    transaction = read_interchanges(mutant(name))[0].groups[0].transactions[0]
    found = findings(transaction)
    assert found
    assert not any(personal in str(found) for personal in ("DOE", "JORDAN", "W123456789"))


HIERARCHY = {
    "count": ("HL*4*3*EV*1", "HL*9*3*EV*1"),
    "parent": ("HL*4*3*EV*1", "HL*4*8*EV*1"),
    "children": ("HL*5*4*SS*0", "HL*5*4*SS*1"),
    "no children": ("HL*3*2*22*1", "HL*3*2*22*0"),
}


@pytest.mark.parametrize("name", HIERARCHY)
def test_our_guide_refuses_a_hierarchy_that_does_not_hold(name: str) -> None:
    old, new = HIERARCHY[name]
    transaction = read_interchanges(golden(REQUEST).replace(old, new))[0].groups[0].transactions[0]
    assert any(f.tag == "HL" and f.code == "8" for f in findings(transaction) or ())


def test_the_999_we_answer_with_is_one_that_pyx12_takes(judges: Bench) -> None:
    for text in (golden(REQUEST), mutant("unknown request category"), mutant("no UM")):
        group = read_interchanges(text)[0].groups[0]
        sets = judge_group(group, requests_only)
        acknowledged = encode_999(group.control, group.functional_id, group.version, sets, CONTROL)
        assert judges.judge("request").says(acknowledged).good is True
