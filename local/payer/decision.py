"""The script at the end of a member id, and the answers it makes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from definitions.review_codes import Action, Certification
from definitions.services_review import (
    LineDecision,
    Rejection,
    ReviewContact,
    ServiceLine,
    ServicesReviewRequest,
    ServicesReviewResponse,
)

OUTCOMES: Final = "AFLDNCXR"
ON_THE_WAY: Final = "PTW"
SCRIPT: Final = re.compile(rf"\d((?:[{OUTCOMES}{ON_THE_WAY}]\d{{0,3}})+)$")
STEP: Final = re.compile(r"([A-Z])(\d*)")
LOWER: Final = {
    "0126": ("1002", "H0018"),
    "1002": ("0912", "H0035"),
    "1003": ("0906", "H0015"),
    "0912": ("0906", "H0015"),
    "0906": ("0914", "H0004"),
}
"""What a payer grants instead: one level down, by revenue code."""
AGAIN_AFTER: Final = timedelta(minutes=10)
PENDED_HOURS: Final = 24
FEWER: Final = 7
DESK: Final = ReviewContact(name="CARE MANAGER", telephone="8005550222")


@dataclass(frozen=True, slots=True)
class Script:
    """`pended_hours`, `silent_hours` None: not asked for; `silent_hours` 0: silent, and nothing is delivered."""

    outcome: str = "A"
    limit: int = FEWER
    pended_hours: int | None = None
    silent_hours: int | None = None
    again: bool = False


def script_of(member_id: str) -> Script:
    found = SCRIPT.search(member_id.strip().upper())
    steps = {letter: int(count or 0) for letter, count in STEP.findall(found.group(1))} if found else {}
    outcome = next((letter for letter in reversed(steps) if letter in OUTCOMES), "A")
    return Script(
        outcome=outcome,
        limit=steps.get("F", 0) or FEWER,
        pended_hours=(steps["P"] or PENDED_HOURS) if "P" in steps else None,
        silent_hours=steps.get("T"),
        again="W" in steps,
    )


def answer(request: ServicesReviewRequest, number: str, now: datetime) -> ServicesReviewResponse:
    """The outcome of the script; what happens before it (silence, pending) is the desk's business."""
    script = script_of(request.subscriber.member_id)
    head = _head(request, now)
    if script.outcome == "X":
        unknown = Rejection(loop="2010C", code="75", follow_up="C")
        return head.model_copy(update={"trace": None, "originator": None, "rejections": (unknown,)})
    if request.certification is Certification.CANCEL:
        return head.model_copy(update={"action": Action.CANCELLED, "number": number, "issued_on": now.date()})
    return head.model_copy(update=DECIDE[script.outcome](request, script, number, now))


def _approved(request: ServicesReviewRequest, script: Script, number: str, now: datetime) -> dict[str, Any]:
    lines = tuple(_line(request, line, script, number, now) for line in request.lines)
    changed = any(line.action is Action.MODIFIED for line in lines)
    units, asked = sum(line.units or 0 for line in lines), sum(line.quantity for line in request.lines)
    words = f"{units} OF {asked} UNITS CERTIFIED." if units < asked else None
    first = min((line.from_date for line in lines if line.from_date), default=None)
    last = max((line.through_date for line in lines if line.through_date), default=None)
    return {
        "action": Action.PARTIAL if changed else Action.CERTIFIED, "number": number, "issued_on": now.date(),
        "from_date": first, "through_date": last, "units": units if lines else None,
        "unit": request.delivery.kind if lines else None, "message": words, "lines": lines,
    }  # fmt: skip


def _line(
    request: ServicesReviewRequest, line: ServiceLine, script: Script, number: str, now: datetime
) -> LineDecision:
    granted = min(script.limit, line.quantity) if script.outcome == "F" else line.quantity
    codes = (line.revenue_code, line.procedure_code)
    given = LOWER.get(line.revenue_code, codes) if script.outcome == "L" else codes
    changed = granted < line.quantity or given != codes
    return LineDecision(
        trace=line.trace, action=Action.MODIFIED if changed else Action.CERTIFIED, number=number,
        reason="10" if granted < line.quantity else ("0G" if changed else None), from_date=line.dates.first,
        through_date=_through(request, line, granted), issued_on=now.date(), units=granted,
        unit=request.delivery.kind, revenue_code=given[0], procedure_code=given[1],
    )  # fmt: skip


def _through(request: ServicesReviewRequest, line: ServiceLine, granted: int) -> date:
    """Fewer days end earlier; fewer visits keep their span (AUTH-01)."""
    if request.delivery.kind != "DY" or granted >= line.quantity:
        return line.dates.last
    return line.dates.first + timedelta(days=max(granted, 1) - 1)


def _denied(_request: ServicesReviewRequest, _script: Script, _number: str, now: datetime) -> dict[str, Any]:
    return {"action": Action.NOT_CERTIFIED, "reason": "0G", "issued_on": now.date()}


def _not_needed(_request: ServicesReviewRequest, _script: Script, _number: str, now: datetime) -> dict[str, Any]:
    return {"action": Action.NO_ACTION_REQUIRED, "reason": "0H", "issued_on": now.date()}


def _call(_request: ServicesReviewRequest, _script: Script, _number: str, _now: datetime) -> dict[str, Any]:
    return {"action": Action.CONTACT_PAYER}


Deciding = Callable[[ServicesReviewRequest, Script, str, datetime], dict[str, Any]]
DECIDE: Final[dict[str, Deciding]] = {
    "A": _approved,
    "F": _approved,
    "L": _approved,
    "R": _approved,
    "D": _denied,
    "N": _not_needed,
    "C": _call,
}


def pended(request: ServicesReviewRequest, reference: str, now: datetime) -> ServicesReviewResponse:
    return _head(request, now).model_copy(
        update={
            "more_to_come": True, "action": Action.PENDED, "reason": "0U", "reference_number": reference,
            "message": "SEND LAST 72 HOURS OF NURSING NOTES.",
        }
    )  # fmt: skip


def _head(request: ServicesReviewRequest, now: datetime) -> ServicesReviewResponse:
    who = request.subscriber
    return ServicesReviewResponse(
        submitter_id=request.receiver_id, receiver_id=request.submitter_id, reviewer=request.reviewer,
        reviewer_contact=DESK, requester=request.requester, member_id=who.member_id, member_family=who.family,
        member_given=who.given, trace=request.trace, originator=request.originator,
        reference=request.reference or request.trace, category=request.category,
        certification=request.certification.value, service_type=request.service_type,
        facility_type=request.facility_type, location_qualifier=request.location_qualifier,
        level_of_service=request.level_of_service, previous_number=request.previous_number, created_at=now,
    )  # fmt: skip
