"""A copy of the record as a PDF that its patient can read: the same bytes for the same record, tagged for readers
(PDF/UA-1)."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import typst

from api.accounting import FOOTER
from definitions.document import DocumentStatus
from definitions.record import DocumentPart, PatientRecord

TEMPLATE: Final = Path(__file__).parent / "letters" / "record.typ"
TEXT_MAX: Final = 20_000
"""Characters of one text document that are printed; the whole of it is in the other file."""


def record_pdf(record: PatientRecord) -> bytes:
    made = typst.compile(
        TEMPLATE.read_bytes(), format="pdf", sys_inputs={"data": json.dumps(_said(record), sort_keys=True)},
        pdf_standards=["ua-1"], ignore_system_fonts=True, timestamp=_midnight(record.as_of),
    )  # fmt: skip
    if not isinstance(made, bytes):
        raise RuntimeError("one document is one PDF")
    return made


def _midnight(at: datetime) -> datetime:
    today = at.astimezone(UTC).date()
    return datetime(today.year, today.month, today.day, tzinfo=UTC)


def _said(record: PatientRecord) -> dict[str, Any]:
    today = record.as_of.astimezone(UTC).date()
    who = record.person
    zones = {place.key: ZoneInfo(place.zone) for place in record.facilities}
    zone = zones[record.episodes[0].facility] if record.episodes else ZoneInfo("UTC")

    def at(moment: datetime | None) -> str:
        return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") if moment is not None else ""

    notes = "Counselling notes are in it, by your consent." if record.notes_included else (
        "Counselling notes, which the law keeps apart from the record, are not in it (45 CFR 164.524(a)(1)(i))."
    )  # fmt: skip
    return {
        "as_of": {"year": today.year, "month": today.month, "day": today.day},
        "person": who.legal_name,
        "born": who.birth_date.isoformat(),
        "footer": FOOTER.replace("This list", "This copy"),
        "opening": [
            f"This is a copy of everything on record about you, as it stood on {today.isoformat()}. The other file holds "
            "the same in a form that machines read (FHIR R4).",
            notes,
        ],
        "parts": list(_parts(record, at)),
        "texts": [_text(part) for part in record.documents if _printed(part)],
        "closing": [
            "Times are those of the facility. What was voided or replaced by a later version is listed too, and says so.",
            "You may ask for a correction of what is wrong (45 CFR 164.526), and for the list of everybody the record was "
            "disclosed to in another time (42 CFR 2.25).",
        ],
    }


def _parts(record: PatientRecord, at: Any) -> Iterable[dict[str, Any]]:
    who = record.person
    address = ", ".join(v for v in (who.street, who.city, who.state, who.postal_code) if v)
    yield _part("You", ("What", "On record"), [("Address", address), ("Telephone", who.telephone or ""),
                                               ("Called", who.preferred_name or "")])  # fmt: skip
    yield _part("Coverage", ("Payer", "Number", "From", "Through"), (
        (c.payer_name, c.member_id or "", c.from_date, c.through_date or ("voided" if c.voided else "open"))
        for c in record.coverages))  # fmt: skip
    yield _part("Episodes of care", ("Opened", "Admitted", "Ended", "Diagnoses"), (
        (at(e.opened_at), at(e.admitted_at), at(e.closed_at) or e.phase.value, ", ".join(e.diagnoses))
        for e in record.episodes))  # fmt: skip
    yield _part("Stays", ("Level", "Program", "From", "Until"), (
        (f"{s.level_name} ({s.level})", s.program_name, at(s.start), at(s.end)) for s in record.stays))  # fmt: skip
    yield _part("Assessments", ("When", "What", "Score", "Answers"), (
        (at(a.performed_at), a.title, _score(a.score, a.severity, a.outcome),
         "; ".join(f"{name}: {value}" for name, value in sorted(a.answers.items())))
        for a in record.assessments))  # fmt: skip
    yield _part("Consents", ("What", "State", "Signed", "Ends"), (
        (c.title, c.status.value, at(c.signed_at), at(c.revoked_at or c.expires_at)) for c in record.consents))  # fmt: skip
    yield _part("Documents", ("Date of service", "What", "By", "State"), (
        (d.entry.service_date, d.entry.kind.value.replace("_", " "), d.entry.author.split(":", 1)[-1],
         d.entry.status.value) for d in record.documents))  # fmt: skip
    yield _part("Days of treatment and what they cost", ("Day", "Level", "Payer", "Amount"), (
        (d.service_date, d.level, d.payer, f"${d.amount}" if d.live else f"${d.amount}, taken back")
        for d in record.days))  # fmt: skip
    yield _part("Whom it was disclosed to", ("When", "To whom", "What and what for", "On what ground"), (
        (at(d.at), d.recipient, f"{d.content}, {d.purpose}", d.ground) for d in record.disclosures))  # fmt: skip


def _part(title: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    return {"title": title, "columns": columns, "rows": [[str(cell) for cell in row] for row in rows]}


def _score(score: Any, severity: str | None, outcome: str) -> str:
    said = ", ".join(str(v) for v in (score, severity) if v is not None)
    return said or outcome


def _printed(part: DocumentPart) -> bool:
    standing = part.entry.status not in (DocumentStatus.VOIDED, DocumentStatus.AMENDED)
    return standing and part.body is not None and part.entry.content_type == "text/plain"


def _text(part: DocumentPart) -> dict[str, Any]:
    assert part.body is not None
    words = part.body.decode("utf-8-sig")
    lines = [line for line in words[:TEXT_MAX].splitlines() if line.strip()]
    if len(words) > TEXT_MAX:
        lines.append("It goes on in the other file.")
    kind = part.entry.kind.value.replace("_", " ").capitalize()
    return {"title": f"{kind} of {part.entry.service_date.isoformat()}", "lines": lines}
