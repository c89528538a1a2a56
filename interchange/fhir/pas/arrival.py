"""What came over PAS, taken apart, and what each part says, as facts without names (E33, E34)."""

import json
from typing import Any, Final

from definitions.exchange import Arrival, ArrivalKind
from definitions.pas_guide import PasGuide
from definitions.services_review import ServicesReviewResponse
from interchange.fhir.pas import outcome
from interchange.fhir.pas.reading import loaded
from interchange.fhir.pas.response_reading import read_response
from interchange.fhir.pas.words import PasProblem, document
from interchange.x12.arrival import fingerprint

VALUE_MAX: Final = 80


def parts_of(body: str) -> tuple[str, ...]:
    """An answer as it came, or, of an inquiry that found several, each by itself. Raises `PasProblem` for what is no FHIR."""
    value = loaded(body)
    found = _list(value, "parameter") if value.get("resourceType") == "Parameters" else []
    if len(found) <= 1:
        return (body,)
    return tuple(document(p["resource"]) for p in found if isinstance(p.get("resource"), dict)) or (body,)


def said_in(text: str) -> dict[str, Any]:
    """The resource that answers: itself, or the only one that an inquiry's answer holds."""
    value = loaded(text)
    inside = [p.get("resource") for p in _list(value, "parameter")]
    alone = value.get("resourceType") == "Parameters" and len(inside) == 1
    return inside[0] if alone and isinstance(inside[0], dict) else value


def finds_nothing(value: dict[str, Any]) -> bool:
    """An inquiry's answer that holds no bundle and no word why: there is no such request. One that was held back says so in
    an OperationOutcome, and is no absence."""
    return value.get("resourceType") == "Parameters" and not _list(value, "parameter")


def arrival_of(text: str, guide: PasGuide) -> Arrival:
    """Total: what cannot be read is an arrival that is not whole."""
    base = Arrival(kind=ArrivalKind.PAS, fingerprint=fingerprint(text), version=guide.name)
    try:
        value = said_in(text)
        if outcome.is_outcome(value):
            return base.model_copy(update={"rejected": outcome.failing(value)})
        if finds_nothing(value):
            return base
        return base.model_copy(update=_facts(read_response(value, guide).told))
    except PasProblem:
        return base.model_copy(update={"whole": False})


def _facts(told: ServicesReviewResponse) -> dict[str, object]:
    line = told.lines[0] if told.lines else None
    first = (line.from_date if line else None) or told.from_date
    last = (line.through_date if line else None) or told.through_date or first
    facts: dict[str, object] = {
        "trace": told.trace, "member_id": told.member_id, "number": told.number or (line.number if line else None),
        "previous_number": told.previous_number, "reference": told.reference_number,
        "procedure_code": line.procedure_code if line else None, "first": first, "last": last,
        "stated_at": told.created_at,
    }  # fmt: skip
    return {name: value[:VALUE_MAX] if isinstance(value, str) else value for name, value in facts.items()}


def _list(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = value.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
