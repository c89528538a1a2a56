"""999 and TA1: whether a group could be read, and whether its envelope could (domain 6.12, 005010X231A1).

Nothing about a patient stands in either: they name segments and elements, never what was in them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from definitions.acknowledgement import (
    Acknowledgement999,
    InterchangeAcknowledgement,
    SetAcknowledgement,
    SyntaxFinding,
)
from interchange.x12.envelope import (
    ISA_LENGTH,
    PARTY_MAX,
    PARTY_MIN,
    Control,
    EnvelopeProblem,
    Group,
    Interchange,
    Transaction,
    envelop,
    group_of,
    read_file,
    wrap,
)
from interchange.x12.segments import Segment, free_text, write

VERSION: Final = "005010X231A1"
ACCEPTED, WITH_ERRORS, PARTLY, REJECTED = "A", "E", "P", "R"
SEGMENT_ERRORS: Final = "5"
"""IK502: one or more segments in error."""
FINDINGS_MAX: Final = 100
"""A file that is not X12 at all would otherwise answer with itself."""

ECHO_MAX: Final = 35
NUMBER_MAX_DIGITS: Final = 9
FUNCTIONAL_ID, TRANSACTION = "FA", "999"
UNNAMED: Final = "UNKNOWN"

Judge = Callable[[Transaction], Sequence[SyntaxFinding] | None]
"""What is wrong with a transaction; None: this kind is not taken here."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One transaction's fate: its ST02, accepted or not, and why not."""

    transaction: str
    version: str
    accepted: bool
    kind: str = "278"
    findings: tuple[SyntaxFinding, ...] = ()
    problems: tuple[str, ...] = ()


def encode_999(
    group_control: str, functional_id: str, version: str, sets: Sequence[Acknowledged], control: Control
) -> str:
    """The answer to one group. What it echoes came from outside under delimiters of its own, so it is cleaned."""
    body = body_999(group_control, functional_id, version, sets)
    return wrap(body, _answerable(control), functional_id=FUNCTIONAL_ID, version=VERSION, transaction=TRANSACTION)


def body_999(
    group_control: str, functional_id: str, version: str, sets: Sequence[Acknowledged],
    problems: Sequence[str] = (), included: str = "",
) -> list[str]:  # fmt: skip
    """The segments of one 999. `problems`: what is wrong with the group (AK905), `included`: how many sets it says it
    holds."""
    body = [write("AK1", _echo(functional_id), _echo(group_control), _echo(version))]
    for one in sets:
        body.append(write("AK2", _echo(one.kind), _echo(one.transaction), _echo(one.version)))
        before = None
        for finding in one.findings[:FINDINGS_MAX]:
            body += _finding(finding, before)
            before = finding
        codes = () if one.accepted else (one.problems or (SEGMENT_ERRORS,))
        body.append(write("IK5", ACCEPTED if one.accepted else REJECTED, *codes[:5]))
    good = sum(one.accepted for one in sets)
    verdict = ACCEPTED if good == len(sets) and not problems else (PARTLY if good else REJECTED)
    counted = str(int(included)) if included.isascii() and included.isdigit() and len(included) < 7 else str(len(sets))
    body.append(write("AK9", verdict, counted, str(len(sets)), str(good), *problems[:5]))
    return body


def acknowledge_file(
    text: str, judge: Judge, control_numbers: Callable[[], int], *, sender: str, now: datetime, usage: str = "T"
) -> str:
    """The answer to a whole file, in one text; empty when there is nothing to answer.

    Each interchange gets one interchange back with a number of its own from `control_numbers`: one group in which one
    999 answers each of its groups. 999s and TA1s are never acknowledged. An interchange whose ISA14 asks for it gets a
    TA1 as well, and one whose envelope cannot be read gets a TA1 that refuses it."""
    interchanges, problem = read_file(text)
    answers = []
    for interchange in interchanges:
        answer = _acknowledged(interchange, judge, control_numbers, sender, now, usage)
        if answer:
            answers.append(answer)
    if problem is not None:
        control = Control(sender, _sender_of(text, problem.at), control_numbers(), now, usage)
        answers.append(refusing_ta1(text[problem.at : problem.at + ISA_LENGTH], problem, control))
    return "".join(answers)


def _acknowledged(
    interchange: Interchange, judge: Judge, control_numbers: Callable[[], int], sender: str, now: datetime, usage: str
) -> str:
    bodies = [
        body_999(g.control, g.functional_id, g.version, judge_group(g, judge), g.problems, g.included)
        for g in interchange.groups
        if g.functional_id != FUNCTIONAL_ID
    ]
    if not bodies and not interchange.acknowledgement_wanted:
        return ""
    control = _answerable(Control(sender, interchange.sender, control_numbers(), now, usage))
    received = _ta1(interchange.control_number, now, ACCEPTED, "000") if interchange.acknowledgement_wanted else ""
    group = ""
    if bodies:
        group = group_of(bodies, control, functional_id=FUNCTIONAL_ID, version=VERSION, transaction=TRANSACTION)
    return envelop(received + group, control, groups=1 if bodies else 0)


def _sender_of(text: str, at: int) -> str:
    """ISA06 of an interchange that cannot be read, when it still stands there."""
    elements = _isa_elements(text[at : at + ISA_LENGTH])
    return elements[6].strip() if len(elements) > 6 and elements[6].strip() else UNNAMED


def _isa_elements(isa: str) -> list[str]:
    return isa.split(isa[3:4] or "*")


def _echo(value: str) -> str:
    """A foreign control value, fit to be written; 0 when nothing is left of it."""
    return free_text(value, ECHO_MAX) if value.strip() else "0"


def _answerable(control: Control) -> Control:
    """Parties named by a foreign envelope may hold our delimiters or nothing at all."""
    return replace(control, sender=_named(control.sender), receiver=_named(control.receiver))


def _named(party: str) -> str:
    cleaned = free_text(party, PARTY_MAX)
    return cleaned if len(cleaned) >= PARTY_MIN else f"{cleaned}{cleaned}"


def _finding(finding: SyntaxFinding, before: SyntaxFinding | None) -> list[str]:
    """IK3 once for a segment, one IK4 for each of its elements."""
    lines = []
    if finding.element is None or before is None or before.element is None or before.position != finding.position:
        lines.append(write("IK3", finding.tag, str(finding.position), _loop(finding.loop), finding.code))
    if finding.element is not None:
        place = [finding.element, finding.component or "", finding.repetition or ""]
        lines.append(write("IK4", tuple(str(p) for p in place), "", finding.element_code or "7"))
    return lines


def _loop(loop: str | None) -> str:
    """IK303 takes four characters: 2010EA and 2010E are written 2010."""
    return loop[:4] if loop and loop[0].isdigit() else ""


def judge_group(group: Group, judge: Judge) -> list[Acknowledged]:
    """Every set of a group by itself: one that fails does not take the others with it (E80)."""
    return [_judged(transaction, judge, group) for transaction in group.transactions]


def _judged(transaction: Transaction, judge: Judge, group: Group) -> Acknowledged:
    findings = judge(transaction)
    problems = transaction.problems
    if findings is None:
        problems = ("1", *problems)
    elif findings:
        problems = (*problems, SEGMENT_ERRORS)
    good = not problems and not group.problems
    return Acknowledged(
        transaction.control, transaction.version, good, transaction.kind, tuple(findings or ()), problems
    )


def parse_999(transaction: Transaction) -> Acknowledgement999:
    """One 999 as a value. Counts that are not numbers count as 0."""
    sets: list[SetAcknowledgement] = []
    findings: list[SyntaxFinding] = []
    head = tail = Segment("", ())
    for segment in transaction.segments:
        if segment.tag == "AK1":
            head = segment
        elif segment.tag == "AK2":
            findings = []
            sets.append(
                SetAcknowledgement(kind=segment.at(1), control=segment.at(2), version=segment.at(3), accepted=False)
            )
        elif segment.tag == "IK3":
            findings.append(
                SyntaxFinding(
                    tag=segment.at(1), position=_number(segment.at(2)), loop=segment.at(3) or None, code=segment.at(4)
                )
            )
        elif segment.tag == "IK4" and findings:
            last = findings.pop() if findings[-1].element is None else findings[-1]
            findings.append(_with_element(last, segment))
        elif segment.tag == "IK5" and sets:
            sets.append(_concluded(sets.pop(), segment, tuple(findings)))
        elif segment.tag == "AK9":
            tail = segment
    return Acknowledgement999(
        group_control=head.at(2), functional_id=head.at(1), version=head.at(3), verdict=tail.at(1),
        included=_number(tail.at(2)), received=_number(tail.at(3)), accepted=_number(tail.at(4)), sets=tuple(sets),
        problems=tuple(p for p in tail.elements[4:9] if p),
    )  # fmt: skip


def _with_element(finding: SyntaxFinding, ik4: Segment) -> SyntaxFinding:
    place = ik4.parts(1)
    return finding.model_copy(
        update={
            "element": _number(place[0]) if place else None,
            "component": (_number(place[1]) or None) if len(place) > 1 else None,
            "repetition": (_number(place[2]) or None) if len(place) > 2 else None,
            "element_code": ik4.at(3) or None,
        }
    )


def _concluded(one: SetAcknowledgement, ik5: Segment, findings: tuple[SyntaxFinding, ...]) -> SetAcknowledgement:
    problems = tuple(p for p in ik5.elements[1:] if p)
    good = ik5.at(1) in (ACCEPTED, WITH_ERRORS)
    return one.model_copy(update={"accepted": good, "findings": findings, "problems": problems})


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_MAX_DIGITS else 0


def acknowledgements(interchange: Interchange) -> list[Acknowledgement999]:
    """Every 999 of an interchange."""
    return [
        parse_999(transaction)
        for group in interchange.groups
        for transaction in group.transactions
        if transaction.kind == TRANSACTION
    ]


def rejected_by(interchange: Interchange) -> bool | None:
    """True: the partner could not read what we sent; False: it could; None: this is no 999 and no TA1."""
    verdicts = [a.rejected for a in acknowledgements(interchange)]
    verdicts += [a.code == REJECTED for a in interchange.acknowledgements]
    return any(verdicts) if verdicts else None


def encode_ta1(about: InterchangeAcknowledgement, control: Control) -> str:
    """The answer to an envelope; there is no group inside."""
    return envelop(_ta1(about.control_number, about.at, about.code, about.note), _answerable(control), groups=0)


def _ta1(number: str, at: datetime, verdict: str, note: str) -> str:
    return write("TA1", _echo(number), at.strftime("%y%m%d"), at.strftime("%H%M"), verdict, note)


def refusing_ta1(text: str, problem: EnvelopeProblem, control: Control) -> str:
    """A TA1 for a file whose envelope is broken; its control number when the ISA still shows one."""
    elements = _isa_elements(text.lstrip("\ufeff \r\n\t")[:ISA_LENGTH])
    number = elements[13] if len(elements) > 13 and re.fullmatch("[0-9]{9}", elements[13]) else "000000000"
    about = InterchangeAcknowledgement(control_number=number, at=control.at, code=REJECTED, note=problem.note)
    return encode_ta1(about, control)
