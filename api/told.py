"""What rules say, told to a reader: codes in plain words, moments in the facility's own time. The API's `why_text` and
the pages use the same functions, so both say the same."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from definitions.edition import Edition
from rules.calendar import zone_of

WORDS: Final[dict[str, str]] = {
    "needs_sign_off": "waits for the clinician's sign-off",
    "pending": "waits for review",
    "scheduled": "approved, waits for its hour",
    "blocked": "blocked: a person must decide",
    "executed": "done",
    "returned": "returned to the clinician",
    "denied": "denied",
    "withdrawn": "withdrawn",
    "DY": "days",
    "VS": "visits",
    "step_down": "step-down",
    "step_up": "step-up",
    "on_leave": "on leave",
    "send_out": "sent out to hospital",
    "in_care": "in care",
    "not_admitted": "not admitted",
    "waiting_consent": "waits for a consent",
    "data_problem": "data problem: the payer could not read it",
    "contact_payer": "payer wants a call",
    "timed_out": "no answer in time",
    "end_dated": "ended",
    "not_required": "no authorization needed",
    "per_diem": "per diem",
    "assessment_due": "assessment due",
    "assessment_escalation": "overdue assessment goes to the lead",
    "consent_renewal": "consent to renew",
    "consent_expiry": "consent expires",
    "transition_effective": "level changes",
    "leave_return": "expected back from leave",
    "bed_hold_end": "bed hold ends",
    "review_due": "concurrent review due",
    "last_covered_day": "last covered day",
    "payer_decision": "payer's answer due",
    "payer_inquiry": "ask the payer",
    "follow_up": "follow-up",
    "open_item_due": "open item due",
    "alert_acknowledgement": "alert to acknowledge",
    "step_down_internal": "stepped down within the house",
    "transfer_sud": "transferred to another programme",
    "transfer_psychiatric": "transferred to psychiatric care",
    "transfer_acute": "transferred to a hospital",
    "against_advice": "left against advice",
    "lost_to_contact": "lost to contact",
    "admitted_in_error": "admitted in error",
    "self_pay": "self-pay",
    "county": "county funding",
    "recommended_unavailable": "recommended level not available",
    "payer_denied": "payer denied the recommended level",
    "patient_preference": "the patient prefers it",
    "legal_mandate": "a court or agency requires it",
    "geography_transport": "distance or transport",
    "clinical_override": "clinical judgement",
    "partial": "granted in part",
    "voided": "taken back by the payer",
    "information_requested": "payer wants documents",
    "information_sent": "documents sent",
    "wait_for_payer": "the payer decides",
    "inquire": "the payer is being asked",
    "send": "being sent",
    "get_consent": "get a consent",
    "payer_down": "payer's system is down",
    "hold_peer_to_peer": "hold the peer-to-peer",
    "ask_peer_to_peer": "ask for a peer-to-peer",
    "peer_to_peer": "peer-to-peer",
    "accept_and_transfer": "accept the level and ask for the move",
    "accept_gap": "accept what was granted",
    "appeal_and_stay": "appeal and stay",
    "decision_urgent": "urgent decision",
    "decision_concurrent": "decision on a continued stay",
    "decision_standard": "standard decision",
    "decision_retrospective": "decision on past days",
    "decision_after_information": "decision once documents came",
    "appeal_filing": "appeal may be filed",
    "external_filing": "external review may be asked for",
    "by_hand": "by hand",
    "x12": "electronically",
    "pas": "electronically (FHIR)",
    "uncovered": "not authorized",
    "at_risk": "asked for, not granted",
    "clinician_absent": "did not take place",
}
"""Only where taking the underscores away does not already read well."""
MOMENT: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
DATE: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")
ID: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
UNIT: Final = re.compile(r"\b(DY|VS)\b")
CODE: Final = re.compile(r"\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)*\b")


def titles_of(edition: Edition) -> dict[str, str]:
    """Instrument codes and what people call them."""
    return {key: instrument.title for key, instrument in edition.instruments.items()}


def words(code: Any) -> str:
    """A code as a person would say it."""
    text = str(getattr(code, "value", code) or "")
    return WORDS.get(text, text.replace("_", " "))


def sentence(text: Any) -> str:
    """First letter large."""
    said = str(text or "")
    return said[:1].upper() + said[1:]


def local(moment: datetime | None, zone: str, *, year: bool = False) -> str:
    """`Tue 24 Nov, 14:05` where the facility stands."""
    if moment is None:
        return ""
    there = moment.astimezone(zone_of(zone))
    return f"{there:%a} {there.day} {there:%b}{f' {there:%Y}' if year else ''}, {there:%H:%M}"


def day(on: date | None) -> str:
    return "" if on is None else f"{on:%a} {on.day} {on:%b}"


def plain(text: Any, zone: str, titles: Mapping[str, str], *, year: bool = False) -> str:
    """A rule's sentence for a reader: moments where the facility stands, short ids, instruments by title."""
    said = MOMENT.sub(lambda m: local(datetime.fromisoformat(m[0]), zone, year=year), str(text or ""))
    said = DATE.sub(lambda m: day(date.fromisoformat(m[0])), said)
    said = ID.sub(lambda m: m[1], said)
    said = UNIT.sub(lambda m: WORDS[m[0]], said)
    return CODE.sub(lambda m: titles.get(m[0], m[0]), said)


def why_text(text: Any, zone: str, titles: Mapping[str, str]) -> str:
    """Why something is owed or will happen, as a sentence in the facility's words."""
    return sentence(plain(text, zone, titles).replace("_", " "))
