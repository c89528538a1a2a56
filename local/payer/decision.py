"""The script at the end of a member id, and the answer it makes."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from definitions.services_review import (
    Action,
    Certification,
    LineDecision,
    Rejection,
    ServicesReviewRequest,
    ServicesReviewResponse,
)

SCRIPT = re.compile(r"\d([AFLPDTWX])(\d*)$")
LOWER = {"0126": ("1002", "H0018"), "1002": ("0912", "H0035"), "1003": ("0906", "H0015"), "0912": ("0906", "H0015")}
"""What a payer grants instead: one level down, by revenue code."""
AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Script:
    letter: str
    number: int


def script_of(member_id: str) -> Script:
    found = SCRIPT.search(member_id.strip().upper())
    return Script(found.group(1), int(found.group(2) or 0)) if found else Script("A", 0)


def answer(request: ServicesReviewRequest, number: str, now: datetime) -> ServicesReviewResponse:
    """The final answer of the script; what happens before it (silence, pending) is the desk's business."""
    script = script_of(request.subscriber.member_id)
    if script.letter == "X":
        return _head(request, now).model_copy(
            update={"trace": None, "rejections": (Rejection(loop="2000C", code="75", follow_up="C"),)}
        )
    if request.certification is Certification.CANCEL:
        return _head(request, now).model_copy(update={"action": Action.CANCELLED, "number": number})
    if script.letter == "D":
        return _head(request, now).model_copy(update={"action": Action.NOT_CERTIFIED, "reason": "0G"})
    granted = min(script.number or 7, request.units) if script.letter == "F" else request.units
    codes = (request.revenue_code, request.procedure_code)
    action = Action.CERTIFIED
    if script.letter == "F" and granted < request.units:
        action = Action.MODIFIED
    if script.letter == "L" and request.revenue_code in LOWER:
        codes, action = LOWER[request.revenue_code], Action.MODIFIED
    through = request.through_date
    if granted < request.units and request.unit == "DY":
        through = request.from_date + timedelta(days=max(granted, 1) - 1)
    line = LineDecision(
        trace=f"{request.trace}L1", action=action, number=number, reason="10" if action is Action.MODIFIED else None,
        from_date=request.from_date, through_date=through, units=granted, unit=request.unit,
        revenue_code=codes[0], procedure_code=codes[1],
    )  # fmt: skip
    event = Action.PARTIAL if action is Action.MODIFIED else Action.CERTIFIED
    return _head(request, now).model_copy(
        update={
            "action": event, "number": number, "issued_on": now.date(), "from_date": request.from_date,
            "through_date": through, "units": granted, "unit": request.unit, "lines": (line,),
        }
    )  # fmt: skip


def pended(request: ServicesReviewRequest, reference: str, now: datetime) -> ServicesReviewResponse:
    return _head(request, now).model_copy(
        update={
            "more_to_come": True, "action": Action.PENDED, "reason": "0U", "reference_number": reference,
            "message": "SEND LAST 72 HOURS OF NURSING NOTES",
        }
    )  # fmt: skip


def _head(request: ServicesReviewRequest, now: datetime) -> ServicesReviewResponse:
    return ServicesReviewResponse(
        submitter_id=request.receiver_id, receiver_id=request.submitter_id, reviewer=request.reviewer,
        requester=request.requester, member_id=request.subscriber.member_id, trace=request.trace,
        originator=request.originator, reference=request.trace, category=request.category,
        certification=request.certification.value, service_type=request.service_type,
        previous_number=request.previous_number, created_at=now,
    )  # fmt: skip
