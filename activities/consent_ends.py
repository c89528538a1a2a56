"""Consents that end with an event: brought into step with what has happened, as often as it changes (2.31(a)(7), domain 3.4).

Reconciled, never counted: an ending that is taken back gives a consent its term again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from activities.hands import Writing, answer_for
from activities.told_cases import tell_cases
from definitions.consent import ConsentForm, EndEvent
from definitions.episode import Answer, EndConsent
from definitions.errors import ErrorType, Refusal
from definitions.vocabulary import ConsentStatus
from rules.consent import event_ends_at, first_end
from rules.requests import future_problem
from storage.models import Consent

MAJORITY: Final = "majority"


def ends_of(form: ConsentForm, term: datetime | None, ends_by: str | None) -> dict[str, Any]:
    """What a signed scope keeps of its end: copied from the edition, so that a later one never lengthens it."""
    if form.event is None:
        return {"ends_by": ends_by} if ends_by else {}
    kept: dict[str, Any] = {
        "ends_on": form.event.value, "ends_after_days": form.ends_after_days,
        "term_ends_at": term.isoformat() if term else None, "term_ends_by": ends_by,
    }  # fmt: skip
    return {**kept, "ends_by": ends_by} if ends_by else kept


async def settle_ends(writing: Writing) -> int:
    """Every signed consent of the episode ends when its event says so, or has its term back. Answers how many changed."""
    await writing.session.flush()
    rows = await writing.session.execute(
        select(Consent).where(Consent.episode_id == writing.episode.id, Consent.status == ConsentStatus.SIGNED)
    )
    return sum([await _settle(writing, consent) for consent in rows.scalars().all()])


async def _settle(writing: Writing, consent: Consent) -> bool:
    scope = _with_event(writing, consent)
    if scope.get("ends_on") is None:
        return False
    term = datetime.fromisoformat(scope["term_ends_at"]) if scope.get("term_ends_at") else None
    event = EndEvent(scope["ends_on"])
    ends, by_event = first_end(term, event_ends_at(event, scope["ends_after_days"], _happened(writing, scope)))
    by = event.value if by_event else scope.get("term_ends_by")
    if ends == consent.expires_at and by == scope.get("ends_by"):
        return False
    consent.expires_at, consent.version = ends, consent.version + 1
    consent.scope = {**{k: v for k, v in scope.items() if k != "ends_by"}, **({"ends_by": by} if by else {})}
    detail = {
        "consent": str(consent.id), "form": consent.form, "by": by, "expires_at": ends.isoformat() if ends else None
    }  # fmt: skip
    await writing.note("consent_end_settled", detail)
    return True


def _with_event(writing: Writing, consent: Consent) -> dict[str, Any]:
    """The scope with its event; one signed before forms named any has that of its form, and its end as the term."""
    if "ends_on" in consent.scope:
        return consent.scope
    form = writing.edition.consents.get(consent.form)
    if form is None or form.event is None:
        return consent.scope
    by = consent.scope.get("ends_by")
    return {**consent.scope, **ends_of(form, consent.expires_at, by)}


def _happened(writing: Writing, scope: Mapping[str, Any]) -> dict[EndEvent, datetime]:
    found: dict[EndEvent, datetime] = {}
    if writing.episode.closed_at is not None:
        found[EndEvent.DISCHARGE] = writing.episode.closed_at
    if scope.get("condition_at"):
        found[EndEvent.CONDITION] = datetime.fromisoformat(scope["condition_at"])
    return found


async def end_by_condition(writing: Writing, request: EndConsent) -> Answer | Refusal:
    """What the form names has come about; recorded once, by whoever knows it. Nothing leaves on it from then on, and what
    left before stays valid."""
    consent = (
        await writing.session.execute(
            select(Consent)
            .where(Consent.id == request.consent_id, Consent.episode_id == writing.episode.id)
            .with_for_update()
        )
    ).scalar_one_or_none()
    if consent is None:
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no consent {request.consent_id} of this episode")
    if consent.status is not ConsentStatus.SIGNED:
        return Refusal(code=ErrorType.CONSENT_NOT_OPEN, detail=f"the consent is {consent.status.value}, not signed")
    if consent.scope.get("ends_on") != EndEvent.CONDITION.value:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail="the consent names no condition; it ends by its term or is taken back",
        )
    if consent.scope.get("condition_at"):
        return Refusal(code=ErrorType.CONSENT_NOT_OPEN, detail="that it came about is on record already")
    problem = future_problem(request.happened_at, request.now, "condition")
    if problem is None and consent.signed_at is not None and request.happened_at < consent.signed_at:
        problem = Refusal(
            code=ErrorType.INVALID_REQUEST, detail="it came about before the consent was signed; look again"
        )
    if problem is not None:
        return problem
    consent.scope = {**consent.scope, "condition_at": request.happened_at.isoformat()}
    await settle_ends(writing)
    await tell_cases(writing, "consent")
    return answer_for(
        writing, consent.id, "ended", ends_at=consent.expires_at.isoformat() if consent.expires_at else None
    )
