"""A signed consent as a PDF: the text exactly as it was shown, and who signed it, when and how. The same bytes for the same
content, tagged for readers (PDF/UA-1)."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typst

from rules.consent_text import ShownForm

TEMPLATE: Final = Path(__file__).parent / "letters" / "consent.typ"
FOOTER: Final = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
METHODS: Final = {"electronic": "electronically", "paper": "on paper", "verbal_witnessed": "in words before a witness"}
CHECKS: Final = {
    "known": "known to staff", "photo_id": "photo identification",
    "two_identifiers": "said name and date of birth", "wristband": "wristband",
}  # fmt: skip


def signature_line(signature: Mapping[str, Any], name: str) -> str:
    """`name`: of who signed. The staff's own names are the house's."""
    parts = [
        f"{name}, as {signature['party']}, {METHODS[signature['method']]}, {signature['at']}",
        f"text in {signature['language']}, version {signature['version']}",
    ]
    if signature.get("interpreter"):
        parts.append(f"interpreter {signature['interpreter']}")
    if signature.get("name_typed"):
        parts.append("name typed by the one who signed")
    if signature.get("identity"):
        parts.append(f"identity: {CHECKS[signature['identity']]}")
    parts.append(f"recorded by {signature['recorded_by']}, witness {signature['witness']}")
    if signature.get("sha256"):
        parts.append(f"SHA-256 of the text as shown {signature['sha256']}")
    return "; ".join(parts) + "."


def consent_pdf(shown: ShownForm, signatures: Sequence[str], *, as_of: datetime) -> bytes:
    day = as_of.astimezone(UTC).date()
    said = {
        "as_of": {"year": day.year, "month": day.month, "day": day.day},
        "title": shown.title,
        "lang": shown.language.split("-", 1)[0],
        "text": shown.text,
        "parts": [p.model_dump() for p in shown.paragraphs],
        "signatures": list(signatures),
        "footer": f"{FOOTER} Form {shown.form}, edition {shown.edition}, version {shown.version}.",
    }
    made = typst.compile(
        TEMPLATE.read_bytes(), format="pdf", sys_inputs={"data": json.dumps(said, sort_keys=True)},
        pdf_standards=["ua-1"], ignore_system_fonts=True, timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
    )  # fmt: skip
    if not isinstance(made, bytes):
        raise RuntimeError("one document is one PDF")
    return made
