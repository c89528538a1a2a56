"""A file as it came, taken apart: one piece for each transaction and each TA1, fit to be stored and read by itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from interchange.x12.envelope import EnvelopeProblem, Group, Interchange, Transaction, read_file
from interchange.x12.segments import Delimiters, Segment

PIECES_MAX: Final = 10_000
"""Of one file: nobody sends more, and each is stored by itself."""
TA1: Final = "TA1"


@dataclass(frozen=True, slots=True)
class Piece:
    """One transaction (or TA1) with the envelope it came in. `kind`: ST01 or TA1; `version`: ST03, else GS08;
    `purpose`: BHT02. `group_control` and `set_control` are empty for a TA1. `problems`: codes of the set (IK502) and
    of its group (AK905, written `group:4`); the text keeps the set as it came and mends only what is around it."""

    sender: str
    receiver: str
    interchange_control: str
    group_control: str
    set_control: str
    kind: str
    version: str
    purpose: str
    usage: str
    text: str = field(repr=False)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """`problem`: where and why reading ended before the end of the file; None: it was read whole."""

    pieces: tuple[Piece, ...]
    problem: EnvelopeProblem | None = None


def pieces_of(text: str) -> File:
    """Never raises for broken sets or groups. Raises `EnvelopeProblem` when already the first envelope cannot be read;
    a later one that cannot be read is the file's `problem`."""
    interchanges, problem = read_file(text)
    if problem is not None and not interchanges:
        raise problem
    pieces: list[Piece] = []
    for interchange in interchanges:
        for piece in _pieces(interchange):
            if len(pieces) >= PIECES_MAX:
                sentence = f"the file holds more than {PIECES_MAX} transactions; send several smaller ones"
                return File(tuple(pieces), EnvelopeProblem("024", sentence))
            pieces.append(piece)
    return File(tuple(pieces), problem)


def _pieces(interchange: Interchange) -> Iterator[Piece]:
    acknowledgements = (s for s in interchange.loose if s.tag == TA1)
    for segment in acknowledgements:
        yield _piece(interchange, None, None, _wrapped(interchange, [segment], groups=0))
    for group in interchange.groups:
        for transaction in group.transactions:
            yield _piece(interchange, group, transaction, _alone(interchange, group, transaction))


def _piece(interchange: Interchange, group: Group | None, transaction: Transaction | None, text: str) -> Piece:
    bht = next((s for s in transaction.segments[:1] if s.tag == "BHT"), None) if transaction else None
    of_group = tuple(f"group:{p}" for p in group.problems) if group else ()
    return Piece(
        sender=interchange.sender,
        receiver=interchange.receiver,
        interchange_control=interchange.control_number,
        group_control=group.control if group else "",
        set_control=transaction.control if transaction else "",
        kind=transaction.kind if transaction else TA1,
        version=transaction.version if transaction else "",
        purpose=bht.at(2) if bht else "",
        usage=interchange.usage,
        text=text,
        problems=(*(transaction.problems if transaction else ()), *of_group),
    )


def _alone(interchange: Interchange, group: Group, transaction: Transaction) -> str:
    component = interchange.delimiters.component
    inside = [group.header, transaction.header, *transaction.segments]
    if transaction.trailer is not None:
        inside.append(transaction.trailer)
    inside.append(Segment("GE", ("1", group.control), component))
    return _wrapped(interchange, inside, groups=1)


def _wrapped(interchange: Interchange, inside: list[Segment], *, groups: int) -> str:
    end = Segment("IEA", (str(groups), interchange.control_number))
    return "".join(_raw(s, interchange.delimiters) for s in (interchange.header, *inside, end))


def _raw(segment: Segment, delimiters: Delimiters) -> str:
    return delimiters.element.join((segment.tag, *segment.elements)) + delimiters.segment
