"""The accounting of disclosures in words, and as a PDF for the patient: the same bytes for the same content, tagged for
readers (PDF/UA-1), naming nobody but the patient."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import typst

from definitions.edition import Edition
from definitions.facility import Facility
from storage.reads.disclosures import Accounted

TEMPLATE: Final = Path(__file__).parent / "letters" / "accounting.typ"
CONTENTS: Final = {
    "authorization_request": "a request for authorization of treatment days",
    "clinical_attachment": "clinical documents",
    "claim": "a claim for payment",
    "eligibility_query": "a question about coverage",
    "counselling_notes": "counselling notes",
    "handoff": "a summary for continuing care",
    "mandated_report": "a report that the law asks for",
}
PURPOSES: Final = {
    "treatment": "for treatment",
    "payment": "for payment",
    "operations": "for running the program",
    "legal": "for a legal proceeding",
    "patient_request": "at your request",
    "public_duty": "because the law asks for it",
}
EXCEPTIONS: Final = {
    "medical_emergency": "a medical emergency (42 CFR 2.51)",
    "audit_evaluation": "an audit or evaluation (42 CFR 2.53)",
    "court_order": "a court order (42 CFR 2.61)",
    "child_abuse_report": "a report of child abuse (42 CFR 2.12(c)(6))",
    "service_organization": "a service agreement (42 CFR 2.12(c)(4))",
    "no_ground": "a call that nothing allowed; it is being looked into",
}
NOTICES: Final = {
    "2.32(a)(1)": "The notice of 42 CFR 2.32 goes with it.",
    "2.32(a)(2)": "The short notice of 42 CFR 2.32 goes with it.",
    "trading_partner_agreement": "The notice of 42 CFR 2.32 stands in the agreement with the recipient.",
}
FOOTER: Final = (
    "42 CFR part 2 prohibits unauthorized use or disclosure of these records. This list is for the person named in it."
)


def accounting_pdf(
    edition: Edition, person: tuple[str, date], rows: Sequence[Accounted], *, since: datetime, until: datetime,
    as_of: datetime, more: bool,
) -> bytes:  # fmt: skip
    """`person`: name and date of birth. `more`: the list is longer than what stands here, and says so."""
    today = as_of.astimezone(UTC).date()
    said: dict[str, Any] = {
        "as_of": {"year": today.year, "month": today.month, "day": today.day},
        "person": person[0],
        "born": person[1].isoformat(),
        "footer": FOOTER,
        "opening": [
            f"This is a list of every time information about you left the program from {since.date().isoformat()} "
            f"until {until.date().isoformat()}, newest first, as the record stood on {today.isoformat()}."
        ],
        "rows": [_row(edition, row) for row in rows],
        "closing": [
            "Times are those of the facility. A message of which nobody knows whether it arrived is listed as "
            "disclosed. Messages that surely never left are not listed.",
            "You may ask for the disclosures made under your consent in the last three years (42 CFR 2.25), and for "
            "those without it in the last six (45 CFR 164.528). This list leaves neither out.",
            *(["There were more disclosures than fit here: ask for a shorter time to see the others."] if more else []),
        ],
    }
    made = typst.compile(
        TEMPLATE.read_bytes(), format="pdf", sys_inputs={"data": json.dumps(said, sort_keys=True)},
        pdf_standards=["ua-1"], ignore_system_fonts=True, timestamp=datetime(today.year, today.month, today.day, tzinfo=UTC),
    )  # fmt: skip
    if not isinstance(made, bytes):
        raise RuntimeError("one document is one PDF")
    return made


def _row(edition: Edition, row: Accounted) -> dict[str, Any]:
    place: Facility | None = edition.facilities.get(row.facility)
    at = row.at.astimezone(ZoneInfo(place.zone) if place is not None else UTC)
    return {
        "at": at.strftime("%Y-%m-%d %H:%M"),
        "recipient": recipient_name(edition, row.recipient),
        "what": f"{CONTENTS.get(row.content, row.content)}, {PURPOSES.get(row.purpose, row.purpose)}",
        "ground": _ground(edition, row),
    }


def recipient_name(edition: Edition, recipient: str) -> str:
    """An organization's own name; the key where the edition does not know it any more."""
    role, _, key = recipient.rpartition("/")
    payer = edition.payers.get(key) if role in ("", "payer", "external_review") else None
    if payer is None:
        return recipient
    return f"the external review of {payer.name}" if role == "external_review" else payer.name


def _through(row: Accounted) -> str:
    """Who passed it on; "": it went straight to the recipient."""
    return str((row.scope or {}).get("intermediary") or "")


def _ground(edition: Edition, row: Accounted) -> list[str]:
    lines = []
    if row.exception is not None:
        lines.append(f"Without your consent, by {EXCEPTIONS.get(row.exception, row.exception)}.")
    else:
        form = edition.consents.get(row.consent_form or "")
        lines.append(f"Your consent: {form.title if form is not None else row.consent_form}.")
    if row.scope:
        contents = ", ".join(CONTENTS.get(c, c) for c in row.scope.get("contents", []))
        lines.append(f"It allows to share: {contents}.")
    through = (
        edition.facilities[row.facility].intermediary(_through(row)) if row.facility in edition.facilities else None
    )
    if _through(row):
        name = through.name if through is not None else _through(row)
        lines.append(
            f"It went through {name}. You may ask {name} in writing with whom it shared information about you in the last "
            "three years (42 CFR 2.24)."
        )
    if row.notice is not None:
        lines.append(NOTICES.get(row.notice, row.notice))
    if row.outcome is None or row.outcome == "unknown":
        lines.append("Nobody knows whether it arrived.")
    return lines
