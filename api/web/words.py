"""Codes said in plain words, and moments said in the facility's own time."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

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
}
"""Only where taking the underscores away does not already read well."""
MOMENT: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
DATE: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")
ID: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
UNIT: Final = re.compile(r"\b(DY|VS)\b")
CODE: Final = re.compile(r"\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)*\b")


def words(code: Any) -> str:
    """A code as a person would say it."""
    text = str(getattr(code, "value", code) or "")
    return WORDS.get(text, text.replace("_", " "))


def sentence(text: Any) -> str:
    """First letter large."""
    said = str(text or "")
    return said[:1].upper() + said[1:]


def full(text: Any) -> str:
    """A whole sentence: a large first letter and one full stop."""
    said = sentence(text).rstrip()
    return said if said.endswith((".", "?", "!")) else f"{said}."


def local(moment: datetime | None, zone: str, *, year: bool = False) -> str:
    """`Tue 24 Nov, 14:05` where the facility stands."""
    if moment is None:
        return ""
    there = moment.astimezone(zone_of(zone))
    return f"{there:%a} {there.day} {there:%b}{f' {there:%Y}' if year else ''}, {there:%H:%M}"


def stamp(moment: datetime, zone: str) -> str:
    """A freshness stamp: to the second, with the zone's own abbreviation."""
    there = moment.astimezone(zone_of(zone))
    return f"{there:%A} {there.day} {there:%B %Y}, {there:%H:%M:%S %Z}"


def clock(moment: datetime | None, zone: str) -> str:
    return "" if moment is None else f"{moment.astimezone(zone_of(zone)):%H:%M}"


def day(on: date | None) -> str:
    return "" if on is None else f"{on:%a} {on.day} {on:%b}"


def typed(moment: datetime, zone: str) -> str:
    """What a datetime-local field holds for this moment."""
    return f"{moment.astimezone(zone_of(zone)):%Y-%m-%dT%H:%M}"


def since(moment: datetime, now: datetime) -> str:
    """How long ago, roughly: minutes, then hours, then days."""
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes == 0:
        return "under a minute"
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"


def plain(text: Any, zone: str, titles: Mapping[str, str], *, year: bool = False) -> str:
    """A rule's sentence for a reader: moments where the facility stands, short ids, instruments by title."""
    said = MOMENT.sub(lambda m: local(datetime.fromisoformat(m[0]), zone, year=year), str(text or ""))
    said = DATE.sub(lambda m: day(date.fromisoformat(m[0])), said)
    said = ID.sub(lambda m: m[1], said)
    said = UNIT.sub(lambda m: WORDS[m[0]], said)
    return CODE.sub(lambda m: titles.get(m[0], m[0]), said)


def actor(who: Any) -> str:
    """`clinician:lee` as `lee, clinician`; the local users are called like their roles."""
    role, _, name = str(who or "").replace("_", " ").partition(":")
    return role if name in ("", role) else f"{name}, {role}"


def happening(detail: dict[str, Any]) -> str:
    """The scalars of a timeline entry in a line; ids and fingerprints stay out, they say nothing to a reader."""
    shown = []
    for name, value in detail.items():
        text = str(value)
        if isinstance(value, bool) or not isinstance(value, int | str) or text == "" or name in ("plan", "outcome"):
            continue
        if not ID.fullmatch(text):
            shown.append(f"{words(name)} {text}")
    return ", ".join(shown[:6])
