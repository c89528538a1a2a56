"""Somebody may sign for the patient no more: the consents they signed follow the law, and what needs another signature is
raised (domain 3.4; 42 CFR 2.14, 2.15, 2.31(c))."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from activities.hands import Writing, answer_for
from activities.presenting import present_again
from activities.told_cases import tell_cases
from activities.who_signs import known_at
from definitions.episode import Answer, EndAuthority
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.signing import AuthorityEnd
from definitions.vocabulary import ConsentStatus, Role
from rules.authority import SIGNED_BEFORE, SignedBefore, effect_on
from rules.calendar import midnight_before
from rules.requests import future_problem
from runtime.catalog import Catalog
from runtime.keyring import Keyring
from storage.models import Consent, Episode, Guardian
from storage.repositories import disclosure, guardian, work

ASKED: Final = "consent_authority"
SIGN_WITHIN: Final = timedelta(hours=24)
WHY: Final = {
    SignedBefore.ENDS: "ended with the authority of who signed it: the patient signs now, until then what it covered is held",
    SignedBefore.ASKED_ANEW: "was signed by somebody who may sign no more; it stands, and whoever decides now is asked to sign",
    SignedBefore.VOID: "was signed on a document that gave no authority and covers nothing (2.31(c)): whoever may signs now",
}


async def end_authority(
    writing: Writing, request: EndAuthority, catalog: Catalog, keyring: Keyring | None
) -> Answer | Refusal:
    row = await guardian.authority_to_end(writing.session, writing.episode.person_id, request.guardian_id)
    wrong = _problem(writing, request, row) or await _not_of_age(writing, request, catalog, keyring)
    if wrong is not None or row is None:
        return wrong or Refusal(code=ErrorType.NOT_FOUND, detail=f"no authority {request.guardian_id} of this person")
    row.ended_at, row.end_reason, row.ended_by = request.ended_at, request.reason.value, writing.actor
    signed = await _signed_by(writing, request.guardian_id)
    effects = {str(c.id): (await _settle(writing, request, c)).value for c in signed}
    await writing.session.flush()
    if signed:
        await tell_cases(writing, "authority")
    await writing.note(
        "guardian_ended", {"guardian": str(row.id), "reason": request.reason.value, "consents": effects},
        at=request.ended_at,
    )  # fmt: skip
    return answer_for(writing, row.id, "ended", effect=SIGNED_BEFORE[request.reason].value, consents=effects)


async def _not_of_age(
    writing: Writing, request: EndAuthority, catalog: Catalog, keyring: Keyring | None
) -> Refusal | None:
    """Majority comes with the birthday on record, by itself; who was made of age before is another reason."""
    if request.reason is not AuthorityEnd.MAJORITY:
        return None
    about = await known_at(writing, request.ended_at, catalog, keyring)
    if isinstance(about, Refusal):
        return about
    if about.majority is None or about.majority <= request.ended_at:
        return None
    return Refusal(
        code=ErrorType.INVALID_REQUEST,
        detail="by the record the patient was a minor then; give emancipated as the reason if the law made them of age",
    )


def _problem(writing: Writing, request: EndAuthority, row: Guardian | None) -> Refusal | None:
    if row is None:
        return None
    if row.ended_at is not None:
        return Refusal(code=ErrorType.CONSENT_NOT_OPEN, detail="that it ended is on record already")
    if request.ended_at < midnight_before(row.from_date, writing.facility.zone):
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="it would end before it began; look at its dates again")
    return future_problem(request.ended_at, request.now, "end of the authority")


async def _signed_by(writing: Writing, guardian_id: UUID) -> list[Consent]:
    """Signed, or half-signed, on this authority, in every episode of the person: a consent belongs to the person."""
    await writing.session.flush()
    return [
        c
        for c in await disclosure.consents_of(writing.session, writing.episode.person_id)
        if c.status in (ConsentStatus.SIGNED, ConsentStatus.PRESENTED)
        and any(s.get("guardian") == str(guardian_id) for s in c.signatures or [])
    ]


async def _settle(writing: Writing, request: EndAuthority, consent: Consent) -> SignedBefore:
    own = str(request.guardian_id)
    theirs = [datetime.fromisoformat(s["at"]) for s in consent.signatures or [] if s.get("guardian") == own]
    effect = effect_on(request.reason, max(theirs), request.ended_at)
    if consent.status is ConsentStatus.PRESENTED:
        if effect is not SignedBefore.ASKED_ANEW:
            consent.signatures = [s for s in consent.signatures or [] if s.get("guardian") != own]
            consent.version += 1
        return effect
    if effect is SignedBefore.ENDS:
        consent.status = ConsentStatus.EXPIRED
        consent.expires_at = min(consent.expires_at or request.ended_at, request.ended_at)
        consent.scope = {**consent.scope, "ends_by": "authority"}
        await _look_at_what_left(writing, consent, request.ended_at)
    elif effect is SignedBefore.VOID:
        consent.status = ConsentStatus.VOIDED
        consent.scope = {**consent.scope, "lacks": ["signature"]}
        await _look_at_what_left(writing, consent, consent.signed_at or request.ended_at)
    if effect is not SignedBefore.ASKED_ANEW:
        consent.version += 1
    await writing.session.flush()
    await _raise(writing, consent, effect)
    return effect


async def _raise(writing: Writing, consent: Consent, effect: SignedBefore) -> None:
    """In the episode it was signed in, as long as that is open; an ended one asks nobody."""
    episode = await writing.session.get(Episode, consent.episode_id)
    if episode is None or episode.closed_at is not None:
        return
    due = writing.now + SIGN_WITHIN
    if episode.id == writing.episode.id:
        await present_again(
            writing,
            consent,
            due_at=due,
            reason="the authority of who signed it has ended",
            key=f"{writing.key}:{consent.id}",
        )
    await work.open_item(
        writing.session, item_id=derived(writing.key, "item", ASKED, str(consent.id)), episode_id=episode.id,
        facility=episode.facility, kind=ASKED, owner_role=Role.ADMISSIONS.value,
        why=f"consent {consent.form} {WHY[effect]}", opened_at=writing.now, due_at=due, subject_id=consent.form,
        rule="domain 3.4",
    )  # fmt: skip


async def _look_at_what_left(writing: Writing, consent: Consent, since: datetime) -> None:
    """What left on it after it covered nothing and before anybody here knew (as E21)."""
    left = await disclosure.left_on(writing.session, consent.person_id, consent.id, since=since, until=writing.now)
    if left:
        await work.open_item(
            writing.session, item_id=derived(writing.key, "item", "privacy_review", str(consent.id)),
            episode_id=writing.episode.id, facility=writing.episode.facility, kind="privacy_review",
            owner_role=Role.DIRECTOR.value,
            why=f"{len(left)} disclosures left on consent {consent.form} after the authority of who signed it had ended, or "
            "without any: look at each, and say what follows",
            opened_at=writing.now, subject_id=str(consent.id), rule="42 CFR 2.31(c)",
        )  # fmt: skip
