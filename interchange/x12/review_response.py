"""005010X217 response: what a payer answers, read whole and written by the stand-in payer (domain 4.5).

Encoding takes a plain value: it is the payer's own house that answers, not ours that discloses."""

from datetime import UTC, date, datetime

from definitions.services_review import (
    Action,
    LineDecision,
    Rejection,
    ReviewParty,
    ServicesReviewResponse,
)
from interchange.x12.envelope import Control, Interchange, Transaction, wrap
from interchange.x12.review_request import VERSION
from interchange.x12.segments import Segment, X12Problem, code, free_text, loops, write

FINAL, MORE = "18", "19"


def encode_answer(answer: ServicesReviewResponse, control: Control) -> str:
    body = [
        write("BHT", "0007", "11", code(answer.reference), _day(answer.created_at.date()),
              answer.created_at.strftime("%H%M"), MORE if answer.more_to_come else FINAL),
        write("HL", "1", "", "20", "1"),
        write("NM1", "X3", "2", free_text(answer.reviewer.name), "", "", "", "", "PI", code(answer.reviewer.id)),
        *_rejected(answer, "2000A"),
        write("HL", "2", "1", "21", "1"),
        write("NM1", "FA", "2", free_text(answer.requester.name), "", "", "", "", "XX", code(answer.requester.id)),
        *_rejected(answer, "2000B"),
        write("HL", "3", "2", "22", "1" if answer.trace else "0"),
        write("NM1", "IL", "1", "MEMBER", "", "", "", "", "MI", code(answer.member_id or "UNKNOWN")),
        *_rejected(answer, "2000C"),
    ]  # fmt: skip
    if answer.trace is not None:
        body += _event(answer)
        for number, line in enumerate(answer.lines, start=5):
            body += _line(answer, line, number)
    return wrap(body, control, functional_id="HI", version=VERSION, transaction="278")


def _rejected(answer: ServicesReviewResponse, loop: str) -> list[str]:
    return [write("AAA", "N", "", r.code, r.follow_up) for r in answer.rejections if r.loop == loop]


def _event(answer: ServicesReviewResponse) -> list[str]:
    segments = [
        write("HL", "4", "3", "EV", "1" if answer.lines else "0"),
        write("TRN", "2", code(answer.trace or ""), code(answer.originator or "")),
        *_rejected(answer, "2000E"),
        write("UM", answer.category or "AR", answer.certification or "I", answer.service_type or ""),
    ]
    if answer.action is not None:
        segments.append(write("HCR", answer.action.value, code(answer.number or ""), code(answer.reason or "")))
    if answer.reference_number:
        segments.append(write("REF", "NT", code(answer.reference_number)))
    if answer.previous_number:
        segments.append(write("REF", "BB", code(answer.previous_number)))
    if answer.issued_on is not None:
        segments.append(write("DTP", "102", "D8", _day(answer.issued_on)))
    if answer.from_date is not None and answer.through_date is not None:
        segments.append(write("DTP", "007", "RD8", f"{_day(answer.from_date)}-{_day(answer.through_date)}"))
    if answer.units is not None:
        segments.append(write("HSD", answer.unit or "DY", str(answer.units)))
    if answer.message:
        segments.append(write("MSG", free_text(answer.message, 264)))
    return segments


def _line(answer: ServicesReviewResponse, line: LineDecision, number: int) -> list[str]:
    segments = [
        write("HL", str(number), "4", "SS", "0"),
        write("TRN", "2", code(line.trace or f"{answer.trace}L1"), code(answer.originator or "")),
        write("HCR", line.action.value, code(line.number or ""), code(line.reason or "")),
    ]
    if line.from_date is not None and line.through_date is not None:
        segments.append(write("DTP", "472", "RD8", f"{_day(line.from_date)}-{_day(line.through_date)}"))
    if line.revenue_code:
        unit = "DA" if (line.unit or "DY") == "DY" else "UN"
        segments.append(
            write(
                "SV2", code(line.revenue_code), ("HC", code(line.procedure_code or "")), "", unit, str(line.units or 0)
            )
        )
    if line.units is not None:
        segments.append(write("HSD", line.unit or "DY", str(line.units)))
    return segments


def parse_answer(interchange: Interchange, transaction: Transaction) -> ServicesReviewResponse:
    """One answer. Unknown segments are left alone; an unknown action is a problem, not a guess."""
    parts = loops(transaction.segments)
    bht = next((s for s in parts[0] if s.tag == "BHT"), None)
    if bht is None:
        raise X12Problem("the answer has no BHT segment")
    by_level: dict[str, list[list[Segment]]] = {}
    for loop in parts[1:]:
        by_level.setdefault(loop[0].at(3), []).append(loop)
    event = by_level.get("EV", [[]])[0]
    subscriber = _first(by_level.get("22", [[]])[0], "NM1")
    trn, um, hcr = _first(event, "TRN"), _first(event, "UM"), _first(event, "HCR")
    certified = _dates(event, "007")
    issued = _dates(event, "102")
    hsd, message = _first(event, "HSD"), _first(event, "MSG")
    return ServicesReviewResponse(
        submitter_id=interchange.sender,
        receiver_id=interchange.receiver,
        reviewer=_party(by_level, "20"),
        requester=_party(by_level, "21"),
        member_id=subscriber.at(9) if subscriber else None,
        trace=trn.at(2) if trn else None,
        originator=trn.at(3) if trn else None,
        reference=bht.at(3),
        more_to_come=bht.at(6) == MORE,
        rejections=_rejections(by_level),
        category=um.at(1) if um else None,
        certification=um.at(2) if um else None,
        service_type=um.at(3) if um else None,
        action=_action(hcr),
        number=(hcr.at(2) or None) if hcr else None,
        reason=(hcr.at(3) or None) if hcr else None,
        reference_number=_reference(event, "NT"),
        previous_number=_reference(event, "BB"),
        from_date=certified[0] if certified else None,
        through_date=certified[1] if certified else None,
        issued_on=issued[0] if issued else None,
        units=_count(hsd),
        unit=hsd.at(1) if hsd else None,
        message=message.at(1) if message else None,
        lines=tuple(_read_line(loop) for loop in by_level.get("SS", [])),
        created_at=datetime.strptime(bht.at(4) + (bht.at(5)[:4] or "0000"), "%Y%m%d%H%M").replace(tzinfo=UTC),
    )


def _party(by_level: dict[str, list[list[Segment]]], level: str) -> ReviewParty:
    name = _first(by_level.get(level, [[]])[0], "NM1")
    return ReviewParty(name=name.at(3) if name else "", id=name.at(9) if name else "")


def _rejections(by_level: dict[str, list[list[Segment]]]) -> tuple[Rejection, ...]:
    names = {"20": "2000A", "21": "2000B", "22": "2000C", "23": "2000D", "EV": "2000E", "SS": "2000F"}
    return tuple(
        Rejection(loop=names[level], code=s.at(3), follow_up=s.at(4))
        for level, found in by_level.items()
        if level in names
        for loop in found
        for s in loop
        if s.tag == "AAA"
    )


def _read_line(loop: list[Segment]) -> LineDecision:
    hcr, sv2, hsd = _first(loop, "HCR"), _first(loop, "SV2"), _first(loop, "HSD")
    action = _action(hcr)
    if hcr is None or action is None:
        raise X12Problem("a service line has no decision (HCR)")
    span = _dates(loop, "472")
    trn = _first(loop, "TRN")
    return LineDecision(
        trace=trn.at(2) if trn else None,
        action=action,
        number=hcr.at(2) or None,
        reason=hcr.at(3) or None,
        from_date=span[0] if span else None,
        through_date=span[1] if span else None,
        units=_count(hsd) if hsd else _quantity(sv2),
        unit=hsd.at(1) if hsd else None,
        revenue_code=sv2.at(1) if sv2 else None,
        procedure_code=sv2.parts(2)[1] if sv2 and len(sv2.parts(2)) > 1 else None,
    )


def _action(hcr: Segment | None) -> Action | None:
    if hcr is None:
        return None
    try:
        return Action(hcr.at(1))
    except ValueError:
        raise X12Problem("HCR01 holds an action this guide does not know") from None


def _quantity(sv2: Segment | None) -> int | None:
    return int(sv2.at(5)) if sv2 and sv2.at(5) else None


def _count(hsd: Segment | None) -> int | None:
    return int(hsd.at(2)) if hsd and hsd.at(2) else None


def _reference(loop: list[Segment], qualifier: str) -> str | None:
    return next((s.at(2) for s in loop if s.tag == "REF" and s.at(1) == qualifier), None)


def _first(loop: list[Segment], tag: str) -> Segment | None:
    return next((s for s in loop if s.tag == tag), None)


def _dates(loop: list[Segment], qualifier: str) -> tuple[date, date] | None:
    found = next((s for s in loop if s.tag == "DTP" and s.at(1) == qualifier), None)
    if found is None:
        return None
    first, _, last = found.at(3).partition("-")
    return _read_day(first), _read_day(last or first)


def _read_day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise X12Problem("a date is not written as CCYYMMDD") from None


def _day(on: date) -> str:
    return on.strftime("%Y%m%d")
