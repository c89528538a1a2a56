"""How pages write moments, people who act and what happened."""

from datetime import datetime
from typing import Any

from api.told import ID, sentence, words
from rules.calendar import zone_of


def full(text: Any) -> str:
    """A whole sentence: a large first letter and one full stop."""
    said = sentence(text).rstrip()
    return said if said.endswith((".", "?", "!")) else f"{said}."


def stamp(moment: datetime, zone: str) -> str:
    """A freshness stamp: to the second, with the zone's own abbreviation."""
    there = moment.astimezone(zone_of(zone))
    return f"{there:%A} {there.day} {there:%B %Y}, {there:%H:%M:%S %Z}"


def clock(moment: datetime | None, zone: str) -> str:
    return "" if moment is None else f"{moment.astimezone(zone_of(zone)):%H:%M}"


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
