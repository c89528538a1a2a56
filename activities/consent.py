"""Signing, refusing and revoking consents (domain 3.4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from temporalio import activity

from activities.case_record import CaseHands
from activities.hand_holding import HandSender
from activities.hands import EpisodeHands, Writing, answer_for
from activities.holding import AuthorizationSender
from activities.partners.sender import Sender
from activities.plan_execution import present_consent
from activities.revocation import revoke
from activities.told_cases import tell_cases
from definitions.consent import ValidityKind
from definitions.contracts import ConsentContract
from definitions.episode import Answer, EpisodeOutcome, RevokeConsent, SignConsent
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.vocabulary import ConsentStatus, Role
from rules.requests import future_problem
from storage.models import Consent
from storage.repositories import work


class ConsentActivities(ConsentContract):
    def __init__(self, hands: EpisodeHands, senders: Sequence[Sender] | None = None) -> None:
        """`senders`: everything that sends, asked to hold and stop when a consent is taken back."""
        self._hands = hands
        self._senders = senders or (AuthorizationSender(CaseHands(hands.database, hands.catalog)), HandSender())

    @activity.defn
    async def sign_consent(self, request: SignConsent) -> EpisodeOutcome:
        return await self._hands.decide(request, "sign_consent", lambda w: _sign(w, request))

    @activity.defn
    async def revoke_consent(self, request: RevokeConsent) -> EpisodeOutcome:
        return await self._hands.decide(request, "revoke_consent", lambda w: revoke(w, request, self._senders))


async def _sign(writing: Writing, request: SignConsent) -> Answer | Refusal:
    form = writing.edition.consents.get(request.form)
    if form is None:
        known = ", ".join(writing.edition.consents)
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no such consent form; choose from {known}")
    problem = future_problem(request.signed_at, request.now, "signature")
    if problem is not None:
        return problem
    if form.names_recipients and not request.recipients:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail=f"{form.title} names its recipients; say who may be told")
    consent = await _presented(writing, request)
    if request.refused:
        consent.status = ConsentStatus.REFUSED
        consent.reason = request.reason or "refused"
        consent.version += 1
        await _item_after_refusal(writing, request)
        await writing.note("consent_refused", {"consent": str(consent.id), "form": form.key})
        return answer_for(writing, consent.id, consent.status.value)
    consent.status = ConsentStatus.SIGNED
    consent.signed_at = request.signed_at
    consent.signed_by = request.signed_by
    consent.witnessed_by = request.witnessed_by or request.actor
    consent.scope = {**consent.scope, "recipients": list(request.recipients)}
    consent.expires_at = _expiry(form.validity, form.valid_days, request.signed_at)
    consent.version += 1
    await _supersede_older(writing, consent)
    for kind in ("consent_to_sign", "consent_needed", "consent_renewal"):
        await work.close_items(
            writing.session, episode_id=writing.episode.id, now=writing.now, actor=writing.actor, resolution="signed",
            kind=kind, subject_id=form.key,
        )  # fmt: skip
    await tell_cases(writing, "consent")
    await writing.note(
        "consent_signed",
        {
            "consent": str(consent.id),
            "form": form.key,
            "form_edition": consent.edition,
            "expires_at": consent.expires_at.isoformat() if consent.expires_at else None,
        },
        at=request.signed_at,
    )
    return answer_for(writing, consent.id, consent.status.value)


async def _presented(writing: Writing, request: SignConsent) -> Consent:
    """The presentation being signed; somebody may sign a form nobody presented first."""
    query = select(Consent).where(
        Consent.episode_id == writing.episode.id,
        Consent.form == request.form,
        Consent.status == ConsentStatus.PRESENTED,
    )
    if request.program is not None:
        query = query.where(Consent.program == request.program)
    found = (await writing.session.execute(query.order_by(Consent.presented_at).limit(1))).scalar_one_or_none()
    if found is not None:
        return found
    consent_id = present_consent(
        writing, form=request.form, program=request.program, due_at=None, renews=None, transition_id=None,
        reason="signed without a presentation on record",
    )  # fmt: skip
    await writing.session.flush()
    made = await writing.session.get(Consent, consent_id)
    if made is None:
        raise RuntimeError(f"consent {consent_id} was not written")
    return made


def _expiry(validity: ValidityKind, days: int | None, signed_at: datetime) -> datetime | None:
    return signed_at + timedelta(days=days) if validity is ValidityKind.DAYS and days else None


async def _supersede_older(writing: Writing, signed: Consent) -> None:
    """A newer signature of the same form and scope takes the older one's place; the old one covers nothing
    more, and what it covered stays in the ledger."""
    rows = await writing.session.execute(
        select(Consent).where(
            Consent.person_id == writing.episode.person_id,
            Consent.form == signed.form,
            Consent.status == ConsentStatus.SIGNED,
            Consent.id != signed.id,
        )
    )
    for older in rows.scalars():
        if older.scope.get("recipients", []) == signed.scope.get("recipients", []):
            older.status = ConsentStatus.SUPERSEDED
            older.version += 1


async def _item_after_refusal(writing: Writing, request: SignConsent) -> None:
    """A refusal is recorded and tried again later, by a person (domain 3.4)."""
    await work.open_item(
        writing.session,
        item_id=derived(request.key, "item", "consent-retry"),
        episode_id=writing.episode.id,
        facility=writing.episode.facility,
        kind="consent_refused",
        owner_role=Role.CLINICIAN.value,
        why=f"consent {request.form} was refused; talk about it again and say what follows from refusing",
        opened_at=writing.now,
        due_at=writing.now + timedelta(hours=24),
        subject_id=request.form,
    )
