"""What one piece of a partner's file says, as facts: enough to find whom it is about, without names (E33, E34)."""

import hashlib
from datetime import date
from typing import Final

from definitions.exchange import Arrival, ArrivalKind
from definitions.services_review import ServicesReviewResponse
from interchange.x12.acknowledgement import REJECTED, acknowledgements
from interchange.x12.conformance import inbound_from_payer
from interchange.x12.envelope import Interchange, Transaction, read_interchanges
from interchange.x12.inbound import ANSWERS, parse_inbound, read_version
from interchange.x12.pieces import TA1, Piece
from interchange.x12.segments import X12Problem

VALUE_MAX: Final = 80


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def arrival_of(piece: Piece) -> Arrival:
    """Total: what cannot be read is an arrival that is not whole."""
    base = Arrival(
        kind=_kind(piece.kind),
        fingerprint=fingerprint(piece.text),
        interchange_control=_cut(piece.interchange_control),
        set_control=_cut(f"{piece.group_control}/{piece.set_control}") if piece.set_control else "",
        version=_cut(piece.version),
        receiver=_cut(piece.receiver),
        usage=_cut(piece.usage),
    )
    try:
        interchange = read_interchanges(piece.text, strict=False)[0]
        facts = _facts(base.kind, interchange, piece)
        return base.model_copy(update={name: _clean(value) for name, value in facts.items()})
    except (X12Problem, ValueError, IndexError):
        return base.model_copy(update={"whole": False})


def _clean(value: object) -> object:
    return _cut(value) if isinstance(value, str) else value


def _cut(value: str) -> str:
    """A foreign value fit for a column: PostgreSQL takes no NUL, and no code is longer than a trace."""
    return value.replace("\x00", "")[:VALUE_MAX]


def _kind(kind: str) -> ArrivalKind:
    return ArrivalKind(kind) if kind in (k.value for k in ArrivalKind) else ArrivalKind.OTHER


def _facts(kind: ArrivalKind, interchange: Interchange, piece: Piece) -> dict[str, object]:
    if piece.kind == TA1:
        about = interchange.acknowledgements[0]
        return {"about_control": about.control_number, "rejected": about.code == REJECTED}
    transaction = interchange.groups[0].transactions[0]
    whole = not piece.problems and not inbound_from_payer(transaction)
    if kind is ArrivalKind.SYNTAX:
        about_us = acknowledgements(interchange)[0]
        return {"about_control": about_us.group_control, "rejected": about_us.rejected, "whole": whole}
    if kind is not ArrivalKind.ANSWER or read_version(transaction) not in ANSWERS:
        return {"understood": False, "whole": whole}
    return {**_answer(interchange, transaction), "whole": whole}


def _answer(interchange: Interchange, transaction: Transaction) -> dict[str, object]:
    answer = parse_inbound(interchange, transaction)
    first, last = _span(answer)
    line = answer.lines[0] if answer.lines else None
    return {
        "trace": answer.trace or answer.inquiry_trace,
        "member_id": answer.member_id,
        "number": answer.number or (line.number if line else None),
        "previous_number": answer.previous_number,
        "reference": answer.reference_number,
        "procedure_code": line.procedure_code if line else None,
        "first": first,
        "last": last,
        "stated_at": answer.created_at,
    }


def _span(answer: ServicesReviewResponse) -> tuple[date | None, date | None]:
    """The days the answer speaks of: certified ones, else those of its lines, else those of the event."""
    if answer.from_date is not None:
        return answer.from_date, answer.through_date or answer.from_date
    dated = [line for line in answer.lines if line.from_date is not None]
    if dated:
        starts = [line.from_date for line in dated if line.from_date is not None]
        ends = [line.through_date or line.from_date for line in dated]
        return min(starts), max(e for e in ends if e is not None)
    if answer.event_dates is not None:
        return answer.event_dates.first, answer.event_dates.last
    return answer.admission_date, answer.admission_date
