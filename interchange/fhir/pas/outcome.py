"""OperationOutcome: that a bundle could not be processed at all; what is wrong with it stands in codes and places, and in words
that may hold anything, which stay in the sealed message."""

import re
from typing import Any, Final

from interchange.fhir.pas.words import Json, document

FAILING: Final = frozenset({"fatal", "error"})
CODE: Final = re.compile(r"[a-z\-]{2,40}", re.ASCII)
PLACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.\[\]]{0,120}", re.ASCII)
SHOWN: Final = 5


def encode_outcome(code: str, diagnostics: str, expression: str | None = None) -> str:
    issue: Json = {"severity": "error", "code": code, "diagnostics": diagnostics}
    if expression:
        issue["expression"] = [expression]
    return document({"resourceType": "OperationOutcome", "issue": [issue]})


def is_outcome(value: Any) -> bool:
    return isinstance(value, dict) and value.get("resourceType") == "OperationOutcome"


def failing(value: dict[str, Any]) -> bool:
    """Whether any issue says that it was not processed; a warning alone does not."""
    return any(i.get("severity") in FAILING for i in _issues(value))


def in_codes(value: dict[str, Any]) -> str:
    """Codes and places of its issues, fit for an item; free text is left out."""
    said = []
    for issue in _issues(value)[:SHOWN]:
        code, places = str(issue.get("code", "")), issue.get("expression")
        place = next((p for p in places if isinstance(p, str)), "") if isinstance(places, list) else ""
        known = code if CODE.fullmatch(code) else "unknown"
        said.append(f"{known} at {place}" if PLACE.fullmatch(place) else known)
    return ", ".join(said) or "no reason"


def _issues(value: dict[str, Any]) -> list[dict[str, Any]]:
    found = value.get("issue")
    return [i for i in found if isinstance(i, dict)] if isinstance(found, list) else []
