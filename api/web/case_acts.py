"""What a form on the case page asks for, as the body that the API takes: one reader per act."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from api.case_acts import ACTS
from api.case_bodies import CaseBody
from api.errors import problem
from api.web.forms import Form
from definitions.errors import ErrorType

LABELS: Final = {
    "units": "Units", "from_date": "From", "through_date": "Through", "delay_reason": "Why it comes late",
    "reason": "Reason", "number": "The payer's number", "level": "Level", "decided_at": "When the payer decided",
    "call_reference": "Reference of the call or letter", "criteria": "Criteria",
    "reviewer_credentials": "The payer's reviewer", "rationale": "What was said", "at": "When the call is",
    "outcome": "What came of it", "attachments": "Documents", "amount": "Price of a day", "owner": "Owner",
    "signed_at": "Signed at",
}  # fmt: skip
WHOLE: Final = ("units",)
MOMENTS: Final = ("decided_at", "at", "signed_at")
TICKS: Final = ("expedited",)
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "reviews": ("kind", "units", "from_date", "through_date", "urgent", "delay_reason"),
    "decisions": (
        "request_id", "action", "reason", "number", "level", "units", "from_date", "through_date", "decided_at",
        "call_reference", "criteria", "reviewer_credentials", "rationale",
    ),
    "peer-to-peer": (
        "request_id", "outcome", "at", "number", "level", "units", "from_date", "through_date", "call_reference",
        "criteria", "reviewer_credentials", "rationale",
    ),
    "appeals": ("request_id", "kind", "expedited", "by_hand", "representative", "attachments", "call_reference",
                "rationale"),
    "options": ("request_id", "option", "expedited"),
    "information": ("request_id", "attachments", "by_hand", "call_reference"),
    "cancellations": ("request_id", "reason"),
    "agreements": ("level", "amount", "from_date", "through_date", "number", "signed_at"),
    "owner": ("owner",),
}  # fmt: skip


def body_of_form(name: str, form: Form, zone: str) -> CaseBody:
    """Raises a problem that names the field as the form does."""
    said: dict[str, Any] = {"version": form.whole("version", "The version of the case")}
    for field in FIELDS[name]:
        value = READ.get(field, _text)(form, field, zone)
        if value is not None or (name, field) == ("owner", "owner"):
            said[field] = value
    try:
        return ACTS[name].body.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        what = first["msg"].removeprefix("Value error, ")
        detail = f"{LABELS.get(field, field)}: {what}" if field else what
        raise problem(ErrorType.INVALID_REQUEST, detail, field=field or None) from None


def _text(form: Form, field: str, _: str) -> str | None:
    return form.maybe(field)


def _whole(form: Form, field: str, _: str) -> int | None:
    return form.whole(field, LABELS[field]) if form.text(field) else None


def _moment(form: Form, field: str, zone: str) -> Any:
    return form.moment_or_none(field, LABELS[field], zone)


def _tick(form: Form, field: str, _: str) -> bool:
    return form.ticked(field)


def _urgent(form: Form, field: str, _: str) -> bool | None:
    """Left open: as the level's care is."""
    return {"yes": True, "no": False}.get(form.text(field))


def _by_hand(form: Form, field: str, _: str) -> bool | None:
    """Left open: as the payer takes it."""
    return True if form.ticked(field) else None


def _attachments(form: Form, field: str, _: str) -> list[dict[str, str]]:
    """A line each: the document's kind and the control number on its cover."""
    found = []
    for line in form.text(field).splitlines():
        words = line.split()
        if not words:
            continue
        if len(words) != 2:
            raise problem(
                ErrorType.INVALID_REQUEST,
                f"{LABELS[field]}: write a line each, its kind and its control number, such as OZ LTR-1",
                field=field,
            )
        found.append({"kind": words[0].upper(), "control_number": words[1]})
    return found


READ: Final[dict[str, Callable[[Form, str, str], Any]]] = {
    **dict.fromkeys(WHOLE, _whole), **dict.fromkeys(MOMENTS, _moment), **dict.fromkeys(TICKS, _tick),
    "urgent": _urgent, "by_hand": _by_hand, "attachments": _attachments,
}  # fmt: skip
