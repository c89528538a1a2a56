"""Interchanges, groups and transactions: ISA to IEA, with control numbers that agree (domain 4.5, 6.12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from interchange.x12.segments import STANDARD, Delimiters, Segment, X12Problem, free_text, read, write

ISA_LENGTH = 106


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
    kind: str
    control: str
    version: str
    segments: tuple[Segment, ...]
    """Everything between ST and SE."""


@dataclass(frozen=True, slots=True)
class Group:
    functional_id: str
    control: str
    version: str
    transactions: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True)
class Interchange:
    sender: str
    receiver: str
    control_number: str
    usage: str
    groups: tuple[Group, ...]


def wrap(body: Sequence[str], control: Control, *, functional_id: str, version: str, transaction: str) -> str:
    """One transaction in one group in one interchange. `body`: segments between ST and SE."""
    number = f"{control.number:09d}"
    stamp_date, stamp_time = control.at.strftime("%y%m%d"), control.at.strftime("%H%M")
    isa = (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{_padded(control.sender)}*ZZ*{_padded(control.receiver)}*{stamp_date}*{stamp_time}"
        f"*{STANDARD.repetition}*00501*{number}*0*{control.usage}*{STANDARD.component}{STANDARD.segment}"
    )
    group = str(control.number)
    head = [
        write("GS", functional_id, free_text(control.sender, 15), free_text(control.receiver, 15),
              control.at.strftime("%Y%m%d"), stamp_time, group, "X", version),
        write("ST", transaction, "0001", version),
    ]  # fmt: skip
    tail = [
        write("SE", str(len(body) + 2), "0001"),
        write("GE", "1", group),
        write("IEA", "1", number),
    ]
    return isa + "".join([*head, *body, *tail])


def _padded(value: str) -> str:
    return f"{free_text(value, 15):15}"


def delimiters_of(text: str) -> Delimiters:
    """What the ISA says: element separator at 4, repetition at 83, component at 105, terminator at 106."""
    if len(text) < ISA_LENGTH or not text.startswith("ISA"):
        raise X12Problem("the file does not begin with an ISA segment of 106 characters")
    return Delimiters(
        element=text[3], repetition=text[82], component=text[ISA_LENGTH - 2], segment=text[ISA_LENGTH - 1]
    )


def read_interchanges(text: str) -> list[Interchange]:
    """Every interchange of a file, each with its own delimiters. Counts and control numbers must agree."""
    found = []
    rest = text.lstrip("\ufeff \r\n\t")
    while rest:
        delimiters = delimiters_of(rest)
        end = _end_of_interchange(rest, delimiters)
        found.append(_interchange(read(rest[:end], delimiters)))
        rest = rest[end:].lstrip(" \r\n\t")
    if not found:
        raise X12Problem("the file is empty")
    return found


def _end_of_interchange(text: str, delimiters: Delimiters) -> int:
    mark = text.find(f"{delimiters.segment}IEA{delimiters.element}")
    if mark < 0:
        mark = text.find(f"\nIEA{delimiters.element}")
    if mark < 0:
        raise X12Problem("the interchange has no IEA segment; it was cut short")
    end = text.find(delimiters.segment, mark + 1)
    if end < 0:
        raise X12Problem("the IEA segment has no end; the file was cut short")
    return end + 1


def _interchange(segments: list[Segment]) -> Interchange:
    isa, iea = segments[0], segments[-1]
    if isa.at(13) != iea.at(2):
        raise X12Problem("ISA13 and IEA02 differ; the interchange is not whole")
    groups: list[Group] = []
    index = 1
    while index < len(segments) - 1:
        segment = segments[index]
        if segment.tag == "TA1":
            index += 1
            continue
        if segment.tag != "GS":
            raise X12Problem(f"segment {index + 1} is {segment.tag} where a group should begin")
        end = next((i for i in range(index, len(segments)) if segments[i].tag == "GE"), None)
        if end is None or segments[end].at(2) != segment.at(6):
            raise X12Problem("GS06 and GE02 differ; the group is not whole")
        groups.append(_group(segment, segments[index + 1 : end]))
        index = end + 1
    if str(len(groups)) != iea.at(1).lstrip("0") and groups:
        raise X12Problem("IEA01 does not count the groups that are there")
    return Interchange(isa.at(6).strip(), isa.at(8).strip(), isa.at(13), isa.at(15), tuple(groups))


def _group(gs: Segment, segments: list[Segment]) -> Group:
    transactions = []
    index = 0
    while index < len(segments):
        st = segments[index]
        end = next((i for i in range(index, len(segments)) if segments[i].tag == "SE"), None)
        if st.tag != "ST" or end is None:
            raise X12Problem("a transaction lacks its ST or SE segment")
        if segments[end].at(2) != st.at(2) or segments[end].at(1) != str(end - index + 1):
            raise X12Problem(f"transaction {st.at(2)}: SE does not match its ST or its segment count")
        transactions.append(Transaction(st.at(1), st.at(2), st.at(3) or gs.at(8), tuple(segments[index + 1 : end])))
        index = end + 1
    return Group(gs.at(1), gs.at(6), gs.at(8), tuple(transactions))
