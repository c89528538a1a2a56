"""Interchanges, groups and transactions: ISA to IEA, with control numbers that agree (domain 4.5, 6.12)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from definitions.acknowledgement import InterchangeAcknowledgement
from interchange.x12.segments import STANDARD, Delimiters, Segment, X12Problem, code, read, write

ISA_LENGTH: Final = 106
NUMBER_MAX: Final = 999_999_999
PARTY_MIN, PARTY_MAX = 2, 15
"""Characters of a sender or receiver id (GS02 and ISA06 together)."""
PARTS_MAX: Final = 10_000
"""Groups, sets and TA1s of one interchange: nobody sends more, and each is judged, answered and stored by itself."""
BLANK: Final = " \r\n\t"
NO_HEADER: Final = Segment("", ())


class EnvelopeProblem(X12Problem):
    """The interchange itself is broken. `note`: TA105 (domain 6.12). `at`: where in the file it begins."""

    def __init__(self, note: str, sentence: str) -> None:
        super().__init__(sentence)
        self.note = note
        self.at = 0


@dataclass(frozen=True, slots=True)
class Control:
    """Who sends to whom under which number, when. `usage`: T test, P production."""

    sender: str
    receiver: str
    number: int
    at: datetime
    usage: str = "T"


@dataclass(frozen=True, slots=True)
class Transaction:
    """`problems`: IK502 codes of a set that is not whole (3 numbers differ, 4 wrong count, 2 no trailer)."""

    kind: str
    control: str
    version: str
    segments: tuple[Segment, ...]
    """Everything between ST and SE."""
    problems: tuple[str, ...] = ()
    header: Segment = field(default=NO_HEADER, repr=False)
    """ST as it stood."""
    trailer: Segment | None = field(default=None, repr=False)
    """SE as it stood; None when it is not there."""


@dataclass(frozen=True, slots=True)
class Group:
    """`problems`: AK905 codes (4 numbers differ, 5 wrong count, 3 no trailer)."""

    functional_id: str
    control: str
    version: str
    transactions: tuple[Transaction, ...]
    problems: tuple[str, ...] = ()
    header: Segment = field(default=NO_HEADER, repr=False)
    """GS as it stood."""
    included: str = ""
    """GE01 as it stood: how many transactions the sender counted."""


@dataclass(frozen=True, slots=True)
class Interchange:
    sender: str
    receiver: str
    control_number: str
    usage: str
    groups: tuple[Group, ...]
    acknowledgements: tuple[InterchangeAcknowledgement, ...] = ()
    acknowledgement_wanted: bool = False
    """ISA14: the sender wants a TA1."""
    header: Segment = field(default=NO_HEADER, repr=False)
    """ISA as it stood."""
    delimiters: Delimiters = STANDARD
    loose: tuple[Segment, ...] = field(default=(), repr=False)
    """TA1 segments as they stood."""


def wrap(body: Sequence[str], control: Control, *, functional_id: str, version: str, transaction: str) -> str:
    """One transaction in one group in one interchange. `body`: segments between ST and SE."""
    return wrap_all([body], control, functional_id=functional_id, version=version, transaction=transaction)


def wrap_all(
    bodies: Sequence[Sequence[str]], control: Control, *, functional_id: str, version: str, transaction: str
) -> str:
    """Several transactions in one group, numbered from 0001."""
    content = group_of(bodies, control, functional_id=functional_id, version=version, transaction=transaction)
    return envelop(content, control, groups=1)


def group_of(
    bodies: Sequence[Sequence[str]], control: Control, *, functional_id: str, version: str, transaction: str,
    number: int | None = None,
) -> str:  # fmt: skip
    """GS to GE. `number`: the group's own control number, the interchange's when there is one group only."""
    group = str(control.number if number is None else number)
    clock = control.at.strftime("%H%M")
    parts = [
        write("GS", functional_id, _party(control.sender), _party(control.receiver), control.at.strftime("%Y%m%d"),
              clock, group, "X", version)
    ]  # fmt: skip
    for count, body in enumerate(bodies, start=1):
        control_of_set = f"{count:04d}"
        parts += [
            write("ST", transaction, control_of_set, version),
            *body,
            write("SE", str(len(body) + 2), control_of_set),
        ]
    parts.append(write("GE", str(len(bodies)), group))
    return "".join(parts)


def envelop(content: str, control: Control, *, groups: int) -> str:
    """ISA and IEA around `content`."""
    if not 0 < control.number <= NUMBER_MAX:
        raise X12Problem("the interchange control number must have one to nine digits; reset the partner's counter")
    number = f"{control.number:09d}"
    isa = (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{_party(control.sender):15}*ZZ*{_party(control.receiver):15}"
        f"*{control.at.strftime('%y%m%d')}*{control.at.strftime('%H%M')}"
        f"*{STANDARD.repetition}*00501*{number}*0*{code(control.usage)}*{STANDARD.component}{STANDARD.segment}"
    )
    return isa + content + write("IEA", str(groups), number)


def _party(value: str) -> str:
    if not PARTY_MIN <= len(value) <= PARTY_MAX:
        raise X12Problem("a sender or receiver id must have 2 to 15 characters; correct it in settings or payer")
    return code(value)


def delimiters_of(text: str, start: int = 0) -> Delimiters:
    """What the ISA says: element separator at 4, repetition at 83, component at 105, terminator at 106."""
    isa = text[start : start + ISA_LENGTH]
    if len(isa) < ISA_LENGTH or not isa.startswith("ISA"):
        raise EnvelopeProblem("022", "the file does not begin with an ISA segment of 106 characters")
    found = Delimiters(element=isa[3], repetition=isa[82], component=isa[-2], segment=isa[-1])
    marks = (found.element, found.component, found.segment)
    if len(set(marks)) < len(marks) or any(m.isalnum() or m == " " for m in marks):
        raise EnvelopeProblem("022", "the delimiters that the ISA names cannot be told apart from data")
    if isa.count(found.element) != 16:
        raise EnvelopeProblem("022", "the ISA segment does not have its 16 elements at their places")
    return found


def read_interchanges(text: str, *, strict: bool = True) -> list[Interchange]:
    """Every interchange of a file, each with its own delimiters.

    Strict: any count or control number that does not agree raises `X12Problem`. Not strict: broken groups and
    transactions say so in `problems`, so that only they are refused (E80)."""
    found, problem = read_file(text, strict=strict)
    if problem is not None:
        raise problem
    return found


def read_file(text: str, *, strict: bool = False) -> tuple[list[Interchange], EnvelopeProblem | None]:
    """Every interchange that can be read, and what is wrong with the first that cannot; None: all can."""
    found: list[Interchange] = []
    problem: EnvelopeProblem | None = None
    at = _content(text, 0)
    while at < len(text):
        try:
            delimiters = delimiters_of(text, at)
            end = _end_of_interchange(text, at, delimiters)
        except EnvelopeProblem as cut:
            cut.at = at
            return found, problem or cut
        try:
            found.append(_interchange(read(text[at:end], delimiters), delimiters, strict))
        except EnvelopeProblem as broken:
            broken.at = at
            problem = problem or broken
        at = _content(text, end)
    if not found and problem is None:
        problem = EnvelopeProblem("023", "the file is empty")
    return found, problem


def _content(text: str, at: int) -> int:
    """Where the next thing that is not blank stands."""
    while at < len(text) and (text[at] in BLANK or (at == 0 and text[at] == "\ufeff")):
        at += 1
    return at


def _end_of_interchange(text: str, start: int, delimiters: Delimiters) -> int:
    """After the terminator of the IEA that follows. Every character is looked at a few times at most."""
    mark = "IEA" + delimiters.element
    at = text.find(mark, start + ISA_LENGTH)
    while at >= 0:
        before = at - 1
        while text[before] != delimiters.segment and text[before] in BLANK:
            before -= 1
        if text[before] == delimiters.segment:
            break
        at = text.find(mark, at + 1)
    if at < 0:
        raise EnvelopeProblem("023", "the interchange has no IEA segment; it was cut short")
    end = text.find(delimiters.segment, at)
    if end < 0:
        raise EnvelopeProblem("023", "the IEA segment has no end; the file was cut short")
    return end + 1


def _interchange(segments: list[Segment], delimiters: Delimiters, strict: bool) -> Interchange:
    isa, iea = segments[0], segments[-1]
    if isa.at(13) != iea.at(2):
        raise EnvelopeProblem("001", "ISA13 and IEA02 differ; the interchange is not whole")
    if sum(s.tag in ("GS", "ST", "TA1") for s in segments) > PARTS_MAX:
        raise EnvelopeProblem("024", f"the interchange holds more than {PARTS_MAX} groups and sets; send smaller ones")
    groups: list[Group] = []
    acknowledgements = []
    loose: list[Segment] = []
    index = 1
    while index < len(segments) - 1:
        segment = segments[index]
        if segment.tag == "TA1":
            acknowledgements.append(_acknowledgement(segment))
            loose.append(segment)
            index += 1
            continue
        if segment.tag != "GS":
            raise EnvelopeProblem("024", f"segment {index + 1} is not GS where a group should begin")
        end = next((i for i in range(index + 1, len(segments) - 1) if segments[i].tag in ("GE", "GS")), None)
        closed = end is not None and segments[end].tag == "GE"
        stop = end if end is not None else len(segments) - 1
        groups.append(_group(segment, segments[index + 1 : stop], segments[stop] if closed else None, strict))
        index = stop + 1 if closed else stop
    if iea.at(1).lstrip("0") != (str(len(groups)) if groups else ""):
        raise EnvelopeProblem("021", "IEA01 does not count the groups that are there")
    return Interchange(
        isa.at(6).strip(), isa.at(8).strip(), isa.at(13), isa.at(15), tuple(groups), tuple(acknowledgements),
        isa.at(14) == "1", isa, delimiters, tuple(loose),
    )  # fmt: skip


def _acknowledgement(segment: Segment) -> InterchangeAcknowledgement:
    try:
        at = datetime.strptime(segment.at(2) + segment.at(3)[:4], "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        raise EnvelopeProblem("014", "the TA1 does not say which date and time it is about") from None
    return InterchangeAcknowledgement(control_number=segment.at(1), at=at, code=segment.at(4), note=segment.at(5))


def _group(gs: Segment, segments: list[Segment], ge: Segment | None, strict: bool) -> Group:
    transactions = []
    index = 0
    while index < len(segments):
        st = segments[index]
        end = next((i for i in range(index + 1, len(segments)) if segments[i].tag in ("SE", "ST")), None)
        stop = end if end is not None else len(segments)
        closed = end is not None and segments[end].tag == "SE"
        if st.tag != "ST":
            raise EnvelopeProblem("024", f"segment {index + 1} of group {gs.at(6)} is not ST where a set should begin")
        problems = _set_problems(st, segments[stop], stop - index + 1) if closed else ("2",)
        _refuse(strict, problems, f"transaction {st.at(2)}: SE does not match its ST or its segment count")
        body = tuple(segments[index + 1 : stop])
        trailer = segments[stop] if closed else None
        transactions.append(Transaction(st.at(1), st.at(2), st.at(3) or gs.at(8), body, problems, st, trailer))
        index = stop + 1 if closed else stop
    problems = _group_problems(gs, ge, len(transactions))
    _refuse(strict, problems, f"group {gs.at(6)}: GE does not match its GS or its count of transactions")
    included = ge.at(1) if ge is not None else ""
    return Group(gs.at(1), gs.at(6), gs.at(8), tuple(transactions), problems, gs, included)


def _refuse(strict: bool, problems: tuple[str, ...], sentence: str) -> None:
    if strict and problems:
        raise X12Problem(sentence)


def _set_problems(st: Segment, se: Segment, count: int) -> tuple[str, ...]:
    checks = (("3", se.at(2) == st.at(2)), ("4", se.at(1).lstrip("0") == str(count)))
    return tuple(problem for problem, good in checks if not good)


def _group_problems(gs: Segment, ge: Segment | None, count: int) -> tuple[str, ...]:
    if ge is None:
        return ("3",)
    checks = (("4", ge.at(2) == gs.at(6)), ("5", ge.at(1).lstrip("0") == str(count)))
    return tuple(problem for problem, good in checks if not good)
