"""The answer to a request, as values: one sentence of the script each (domain 4.4, 4.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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
from local.payer.script import Say, Step
from local.payer.suffix import OUTCOMES as OUTCOME_STEPS
from local.payer.suffix import script_of

OUTCOMES: Final = "".join(OUTCOME_STEPS)
LOWER: Final = {
    "0126": ("1002", "H0018"),
    "1002": ("0912", "H0035"),
    "1003": ("0906", "H0015"),
    "0912": ("0906", "H0015"),
    "0906": ("0914", "H0004"),
}
"""What a payer grants instead: one level down, by revenue code."""
NURSING_NOTES: Final = "34746-8"
"""LOINC: nurse note."""
DESK: Final = ReviewContact(name="CARE MANAGER", telephone="8005550222")
NOT_PENDED: Final = frozenset({Say.PEND, Say.ASK, Say.AGAIN, Say.ANEW})


@dataclass(frozen=True, slots=True)
class Telling:
    """One step, said about one request. `reference`: the payer's own tracking id (REF NT)."""

    request: ServicesReviewRequest
    step: Step
    number: str
    reference: str
    now: datetime


def tell(telling: Telling) -> ServicesReviewResponse:
    return _head(telling.request, telling.now).model_copy(update=SAYINGS[telling.step.say](telling))


def answer(request: ServicesReviewRequest, number: str, now: datetime) -> ServicesReviewResponse:
    """The outcome that the member id asks for, whatever happens on the way to it."""
    steps = script_of(request.subscriber.member_id).steps
    outcome = next((s for s in steps if s.say not in NOT_PENDED), Step(say=Say.APPROVE))
    if outcome.say is Say.REFUSE:
        outcome = Step(say=Say.APPROVE)
    if request.certification is Certification.CANCEL and outcome.say is not Say.REJECT:
        outcome = Step(say=Say.CANCEL)
    return tell(Telling(request, outcome, number, reference_of(number), now))


def pended(request: ServicesReviewRequest, reference: str, now: datetime) -> ServicesReviewResponse:
    return tell(Telling(request, Step(say=Say.PEND), "", reference, now))


def reference_of(number: str) -> str:
    return f"NT{number[-6:]}"


def _approved(t: Telling) -> dict[str, Any]:
    lines = tuple(_line(t, line) for line in t.request.lines)
    changed = any(line.action is Action.MODIFIED for line in lines)
    units, asked = sum(line.units or 0 for line in lines), sum(line.quantity for line in t.request.lines)
    words = f"{units} OF {asked} UNITS CERTIFIED." if units < asked else None
    first = min((line.from_date for line in lines if line.from_date), default=None)
    last = max((line.through_date for line in lines if line.through_date), default=None)
    return {
        "action": Action.PARTIAL if changed else Action.CERTIFIED, "number": t.number, "issued_on": t.now.date(),
        "from_date": first, "through_date": last, "units": units if lines else None,
        "unit": t.request.delivery.kind if lines else None, "message": words, "lines": lines,
    }  # fmt: skip


def _line(t: Telling, line: ServiceLine) -> LineDecision:
    granted = min(t.step.units, line.quantity) if t.step.say is Say.FEWER else line.quantity
    codes = (line.revenue_code, line.procedure_code)
    given = LOWER.get(line.revenue_code, codes) if t.step.say is Say.LOWER else codes
    changed = granted < line.quantity or given != codes
    return LineDecision(
        trace=line.trace, action=Action.MODIFIED if changed else Action.CERTIFIED, number=t.number,
        reason="10" if granted < line.quantity else ("0G" if changed else None), from_date=line.dates.first,
        through_date=_through(t.request, line, granted), issued_on=t.now.date(), units=granted,
        unit=t.request.delivery.kind, revenue_code=given[0], procedure_code=given[1],
    )  # fmt: skip


def _through(request: ServicesReviewRequest, line: ServiceLine, granted: int) -> date:
    """Fewer days end earlier; fewer visits keep their span (AUTH-01)."""
    if request.delivery.kind != "DY" or granted >= line.quantity:
        return line.dates.last
    return line.dates.first + timedelta(days=max(granted, 1) - 1)


def _denied(t: Telling) -> dict[str, Any]:
    """With the tracking id, by which an appeal names its case: a denial has no certification number."""
    return {
        "action": Action.NOT_CERTIFIED, "reason": t.step.reason or "0G", "issued_on": t.now.date(),
        "reference_number": t.reference,
    }  # fmt: skip


def _pended(t: Telling) -> dict[str, Any]:
    return {
        "more_to_come": True, "action": Action.PENDED, "reason": t.step.reason or "0U",
        "reference_number": t.reference, "message": "SEND LAST 72 HOURS OF NURSING NOTES.",
    }  # fmt: skip


def _asking(t: Telling) -> dict[str, Any]:
    """Documents by their LOINC codes (HI LOI), and the day in words as payers write it."""
    wanted = t.step.documents or (NURSING_NOTES,)
    due = (t.now + timedelta(hours=t.step.due_hours)).astimezone(UTC)
    until = f" BY {due:%Y%m%d %H%M} UTC." if t.step.due_hours else "."
    lines = tuple(
        LineDecision(trace=line.trace, action=Action.PENDED, reason="0U", from_date=line.dates.first,
                     through_date=line.dates.last, revenue_code=line.revenue_code,
                     procedure_code=line.procedure_code, wanted=wanted)
        for line in t.request.lines
    )  # fmt: skip
    return {**_pended(t), "message": f"SEND LAST 72 HOURS OF NURSING NOTES{until}", "wanted": wanted, "lines": lines}


def _rejected(t: Telling) -> dict[str, Any]:
    """An AAA at the event echoes the event; one above it leaves nothing of the event."""
    said = Rejection(loop=t.step.loop, code=t.step.code, follow_up=t.step.follow_up)
    above = {} if t.step.loop == "2000E" else {"trace": None, "originator": None}
    return {"rejections": (said,), **above}


def _cancelled(t: Telling) -> dict[str, Any]:
    return {"action": Action.CANCELLED, "number": t.number, "issued_on": t.now.date()}


SAYINGS: Final[Mapping[Say, Callable[[Telling], dict[str, Any]]]] = {
    Say.APPROVE: _approved,
    Say.FEWER: _approved,
    Say.LOWER: _approved,
    Say.DENY: _denied,
    Say.NOT_NEEDED: lambda t: {"action": Action.NO_ACTION_REQUIRED, "reason": "0H", "issued_on": t.now.date()},
    Say.CALL: lambda _: {"action": Action.CONTACT_PAYER},
    Say.REJECT: _rejected,
    Say.VOID: lambda t: {**_cancelled(t), "reason": "07"},
    Say.CANCEL: _cancelled,
    Say.PEND: _pended,
    Say.ASK: _asking,
}


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
