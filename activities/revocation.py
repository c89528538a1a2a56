"""A consent taken back, whole or for one recipient: what it covered stops in the same transaction, what has left is said to
have left, and people who must act are told (domain 3.4, E16, E18, E20, E21)."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from activities.hands import Writing, answer_for
from activities.partners.sender import Sender
from activities.told_cases import tell_cases
from definitions.episode import Answer, RevokeConsent
from definitions.errors import ErrorType, Refusal
from definitions.halting import Halted, HoldOrder, Standing
from definitions.ids import derived
from definitions.vocabulary import ConsentStatus, Role
from rules.disclosure import INTERMEDIARY
from rules.requests import future_problem
from storage.models import Consent, Disclosure
from storage.repositories import disclosure, work

KEY: Final = r"[a-z_]+/[A-Za-z0-9._\-]{1,60}"
"""How a recipient is named by kind and key, such as `payer/meridian`."""


async def revoke(writing: Writing, request: RevokeConsent, senders: Sequence[Sender]) -> Answer | Refusal:
    consent = (
        await writing.session.execute(
            select(Consent)
            .where(Consent.id == request.consent_id, Consent.person_id == writing.episode.person_id)
            .with_for_update()
        )
    ).scalar_one_or_none()
    wrong = _not_open(consent, request)
    if wrong is not None or consent is None:
        return wrong or Refusal(code=ErrorType.NOT_FOUND, detail=f"no consent {request.consent_id} of this person")
    _take_back(consent, request)
    await writing.session.flush()
    halted = await _hold(writing, request, senders)
    between = await _between(writing, consent, request)
    await _owe(writing, consent, request, halted, between)
    await tell_cases(writing, "consent")
    await writing.note(
        "consent_revoked",
        {
            "consent": str(consent.id),
            "form": consent.form,
            "recipient": _whom(request.recipient) if request.recipient else None,
            "channel": request.channel,
            "written_at": request.written_at.isoformat() if request.written_at else None,
            "stopped": [str(h.subject_id) for h in halted if h.standing is not Standing.GONE],
            "already_gone": [str(h.subject_id) for h in halted if h.standing is Standing.GONE],
            "left_before_receipt": [str(d.id) for d in between],
        },
        at=request.received_at,
    )
    return answer_for(
        writing, consent.id, consent.status.value,
        stopped=[h.model_dump(mode="json") for h in halted if h.standing is not Standing.GONE],
        already_gone=[h.model_dump(mode="json") for h in halted if h.standing is Standing.GONE],
        left_before_receipt=[str(d.id) for d in between],
    )  # fmt: skip


def _not_open(consent: Consent | None, request: RevokeConsent) -> Refusal | None:
    if consent is None:
        return None
    if consent.status is not ConsentStatus.SIGNED:
        return Refusal(code=ErrorType.CONSENT_NOT_OPEN, detail=f"the consent is {consent.status.value}, not signed")
    if request.recipient is not None and request.recipient in consent.scope.get("taken_back", []):
        return Refusal(
            code=ErrorType.CONSENT_NOT_OPEN, detail=f"the consent was taken back for {_whom(request.recipient)} already"
        )
    names_nobody_else = not consent.scope.get("recipient_classes")
    if (
        request.recipient is not None
        and names_nobody_else
        and request.recipient not in consent.scope.get("recipients", [])
    ):
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail=f"the consent does not name {_whom(request.recipient)}; look at whom it names",
        )
    problem = future_problem(request.received_at, request.now, "revocation")
    if problem is None and request.written_at is not None and request.written_at > request.received_at:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="the paper is dated after it was received; look again")
    return problem


def _whom(recipient: str) -> str:
    """A consent may name its recipients in words, and words may be somebody's name: only keys are repeated."""
    return recipient if re.fullmatch(KEY, recipient) else "one recipient that it names"


def _take_back(consent: Consent, request: RevokeConsent) -> None:
    """Effective when the program knows (E21): the receipt counts, a date on the paper does not. For one recipient the
    rest stands, unless nobody else was named."""
    consent.version += 1
    consent.reason = f"revoked by {request.channel}"
    if request.recipient is not None:
        taken = [*consent.scope.get("taken_back", []), request.recipient]
        consent.scope = {**consent.scope, "taken_back": taken}
        if consent.scope.get("recipient_classes") or set(consent.scope.get("recipients", [])) - set(taken):
            return
    consent.status = ConsentStatus.REVOKED
    consent.revoked_at = request.received_at
    consent.revocation_received_at = request.now


def _passed_on(consent: Consent, request: RevokeConsent) -> list[str]:
    """Intermediaries that must hear of it: they would go on passing records to their participants (domain 3.4)."""
    named = [r for r in consent.scope.get("recipients", []) if r.startswith(INTERMEDIARY)]
    return named if consent.status is ConsentStatus.REVOKED or request.recipient in named else []


async def _hold(writing: Writing, request: RevokeConsent, senders: Sequence[Sender]) -> list[Halted]:
    order = HoldOrder(
        person_id=writing.episode.person_id, episode_id=writing.episode.id, consent_id=request.consent_id,
        recipient=request.recipient, key=writing.key, actor=writing.actor, role=writing.role, now=writing.now,
    )  # fmt: skip
    return [halted for sender in senders for halted in await sender.hold(writing.session, order)]


async def _between(writing: Writing, consent: Consent, request: RevokeConsent) -> list[Disclosure]:
    """What left on it after the paper was written, or received, and before anybody here knew (E21)."""
    since: datetime = min(request.written_at or request.received_at, request.received_at)
    return await disclosure.left_on(
        writing.session, consent.person_id, consent.id, since=since, until=writing.now, recipient=request.recipient
    )


async def _owe(
    writing: Writing, consent: Consent, request: RevokeConsent, halted: Sequence[Halted], between: Sequence[Disclosure]
) -> None:
    whom = f" for {_whom(request.recipient)}" if request.recipient else ""
    stopped = sum(1 for h in halted if h.standing is not Standing.GONE)
    gone = len(halted) - stopped
    await work.open_item(
        writing.session, item_id=derived(request.key, "item", "revocation"), episode_id=writing.episode.id,
        facility=writing.episode.facility, kind="consent_revoked", owner_role=Role.REVIEWER.value,
        why=f"consent {consent.form} was revoked{whom}: {stopped} stopped, {gone} already gone and unanswered; stop what "
        "people do by telephone on it, and see who pays now",
        opened_at=writing.now, due_at=writing.now, subject_id=str(consent.id), rule="domain 3.4",
    )  # fmt: skip
    for through in _passed_on(consent, request):
        await work.open_item(
            writing.session, item_id=derived(request.key, "item", "intermediary_told", through),
            episode_id=writing.episode.id, facility=writing.episode.facility, kind="intermediary_told",
            owner_role=Role.ADMISSIONS.value,
            why=f"consent {consent.form} was revoked: tell {through} in writing, so that it passes nothing on from now",
            opened_at=writing.now, due_at=writing.now, subject_id=str(consent.id), rule="42 CFR 2.24",
        )  # fmt: skip
    if between:
        await work.open_item(
            writing.session, item_id=derived(request.key, "item", "privacy_review"), episode_id=writing.episode.id,
            facility=writing.episode.facility, kind="privacy_review", owner_role=Role.DIRECTOR.value,
            why=f"{len(between)} disclosures left on consent {consent.form} between the date of its revocation and the hour "
            "it was known here: look at each (the timeline lists them), and say what follows",
            opened_at=writing.now, subject_id=str(consent.id), rule="E21",
        )  # fmt: skip
