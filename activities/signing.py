"""A consent signed, refused, or not signed for want of capacity: who, when, how, and the text as it was shown (domain 3.4, 3.8;
42 CFR 2.14, 2.15, 2.31)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from activities.consent_ends import MAJORITY, ends_of, settle_ends
from activities.hands import Writing, answer_for
from activities.presenting import (
    CAPACITY_ITEM,
    REFUSED_ITEM,
    WAS_REFUSED,
    ask_again,
    ask_no_more,
    present_consent,
    still_wanted,
)
from activities.told_cases import tell_cases
from activities.who_signs import Known, known_at, may_sign
from definitions.consent import ConsentForm
from definitions.episode import Answer, SignConsent
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.signing import Capacity, SigningParty
from definitions.staff_words import NO_CAPACITY, REFUSED, Words
from definitions.vocabulary import ConsentStatus, Role
from rules.calendar import facility_date
from rules.consent import (
    ends_at,
    lacking_elements,
    method_problem,
    mixed_purposes,
    party_problem,
    recipients_problem,
)
from rules.consent_text import ShownForm, place_of, recipients_in_words, shown_form
from rules.requests import future_problem
from runtime.catalog import Catalog
from runtime.keyring import Keyring
from runtime.people import open_text_of_any, seal_consent_text
from storage.models import Consent, Person
from storage.repositories import work
from storage.repositories.person import keys_of

OWED = (
    "consent_to_sign", "consent_needed", "consent_renewal", "consent_expired", "consent_refused", "consent_capacity",
    "consent_majority", "consent_before_window",
    "consent_authority",
)  # fmt: skip
"""Kinds of items that a signature settles."""


async def sign(writing: Writing, request: SignConsent, catalog: Catalog, keyring: Keyring | None) -> Answer | Refusal:
    form = writing.edition.consents.get(request.form)
    if form is None:
        known = ", ".join(writing.edition.consents)
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no such consent form; choose from {known}")
    problem = future_problem(request.signed_at, request.now, "signature")
    if problem is not None:
        return problem
    if form.names_recipients and not request.recipients and not request.refused:
        return _wrong(f"{form.title} names its recipients; say who may be told")
    if request.refused:
        return await _refuse(writing, request, form)
    unnamed = recipients_problem(
        form, request.recipients, writing.edition.payers, [i.key for i in writing.facility.intermediaries]
    )
    if unnamed is not None and request.capacity is not Capacity.LACKING:
        return _wrong(unnamed)
    if request.capacity is Capacity.LACKING:
        return await _unable(writing, request, form)
    about = await known_at(writing, request.signed_at, catalog, keyring)
    if isinstance(about, Refusal):
        return about
    shown = await _judged(writing, request, form, catalog, about)
    if isinstance(shown, Refusal):
        return shown
    return await _take(writing, request, form, about, shown, keyring)


def _wrong(detail: str) -> Refusal:
    return Refusal(code=ErrorType.INVALID_REQUEST, detail=detail)


async def _judged(
    writing: Writing, request: SignConsent, form: ConsentForm, catalog: Catalog, about: Known
) -> ShownForm | Refusal:
    """The text that is signed, when this one may sign it this way and it lacks nothing."""
    party = SigningParty(request.signed_by)
    on = facility_date(request.signed_at, writing.facility.zone)
    authority = await may_sign(writing, request.guardian_id, request.signed_at)
    said = party_problem(party, about.required, minor=about.minor, authority_on_record=authority)
    said = said or mixed_purposes(form) or method_problem(
        form, request.method, witnessed=request.witnessed_by not in (None, request.actor),
        hash_shown=request.shown_sha256 is not None,
    )  # fmt: skip
    if said is not None:
        return _wrong(said)
    wording = catalog.wording(form, request.language, on)
    if wording is None:
        known = ", ".join(catalog.languages(form, on))
        return _wrong(f"{form.title} has no text in that language; it has {known}: read it with an interpreter")
    lacks = lacking_elements(form, wording, request.recipients)
    if lacks:
        return _wrong(
            f"{form.title} lacks {', '.join(e.value for e in lacks)} and would cover nothing (42 CFR 2.31(c))"
        )
    shown = shown_form(
        wording, edition=form.edition, patient=about.name, place=place_of(writing.facility, request.program),
        recipients=recipients_in_words(
            request.recipients, writing.facility, {p.key: p.name for p in writing.edition.payers.values()}
        ),
    )  # fmt: skip
    if request.shown_sha256 is not None and request.shown_sha256.lower() != shown.sha256:
        return Refusal(
            code=ErrorType.STALE,
            detail="the text that was shown is not the text of this form now; show it again and let it be signed anew",
        )
    return shown


async def _take(
    writing: Writing, request: SignConsent, form: ConsentForm, about: Known, shown: ShownForm, keyring: Keyring | None
) -> Answer | Refusal:
    consent = await _presented(writing, request)
    so_far = [s for s in consent.signatures or [] if s["party"] != request.signed_by]
    named = _named(writing, form, request.recipients)
    if so_far and named["recipients"] != consent.scope.get("recipients", []):
        return _wrong("the other party signed for other recipients; both sign the same")
    consent.signatures = [*so_far, _signature(request, shown)]
    consent.scope = {**consent.scope, **named}
    consent.version += 1
    if request.shown_sha256 is not None and keyring is not None and about.person is not None:
        keys = await keys_of(writing.session, about.person.id)
        consent.rendering = _rendered(keyring, about.person, keys, consent, request.signed_by, shown)
    missing = _missing(about.required, consent.signatures)
    if missing:
        return await _half(writing, request, form, consent, missing)
    return await _whole(writing, request, form, consent, about)


def _named(writing: Writing, form: ConsentForm, recipients: Sequence[str]) -> dict[str, Any]:
    """Who may get it, as the scope keeps it. An intermediary's participants are copied at signing: who joins it later is told
    nothing on this signature; a class of them holds only where none is named (2.31(a)(4)(ii))."""
    found = list(recipients)
    for recipient in recipients:
        through = writing.facility.intermediary(recipient)
        if through is not None and through.participants:
            return {"recipients": [*found, *(p.key for p in through.participants)], "recipient_classes": []}
    return {"recipients": found, "recipient_classes": list(form.recipient_classes)}


def _signature(request: SignConsent, shown: ShownForm) -> dict[str, Any]:
    return {
        "party": request.signed_by,
        "guardian": str(request.guardian_id) if request.guardian_id else None,
        "at": request.signed_at.isoformat(),
        "method": request.method.value,
        "language": request.language,
        "interpreter": request.interpreter,
        "capacity": request.capacity.value,
        "version": shown.version,
        "sha256": request.shown_sha256.lower() if request.shown_sha256 else None,
        "witness": request.witnessed_by or request.actor,
        "recorded_by": request.actor,
        "identity": request.identity_check.value if request.identity_check else None,
        "name_typed": request.name_typed,
    }


def _rendered(
    keyring: Keyring, person: Person, keys: Sequence[tuple[UUID, bytes]], consent: Consent, party: str, shown: ShownForm
) -> bytes:  # fmt: skip
    """One text for each who signed, in the language each was shown it; `keys` of every record of the person."""
    if person.wrapped_key is None:
        raise RuntimeError("a person whose record opened has a key")
    kept: dict[str, Any] = {}
    if consent.rendering is not None:
        kept = json.loads(open_text_of_any(keyring, keys, consent.id, consent.rendering))
    kept[party] = json.loads(shown.canonical)
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()
    return seal_consent_text(keyring, person.id, person.wrapped_key, consent.id, text)


def _missing(required: Sequence[SigningParty], signatures: Sequence[dict[str, Any]]) -> tuple[SigningParty, ...]:
    """Who must sign still. A representative stands in for the patient (2.15)."""
    signed = {s["party"] for s in signatures}
    if SigningParty.REPRESENTATIVE.value in signed:
        signed.add(SigningParty.PATIENT.value)
    return tuple(p for p in required if p.value not in signed)


async def _half(
    writing: Writing, request: SignConsent, form: ConsentForm, consent: Consent, missing: tuple[SigningParty, ...]
) -> Answer:
    """Where the law asks for both, one signature covers nothing yet (domain 3.8)."""
    who = " and ".join(p.value for p in missing)
    await work.open_item(
        writing.session, item_id=derived(consent.id, "item", "also", *(p.value for p in missing)),
        episode_id=writing.episode.id, facility=writing.episode.facility, kind="consent_to_sign",
        owner_role=Role.ADMISSIONS.value, why=f"{form.title}: the {who} must sign too before it covers anything",
        opened_at=writing.now, due_at=writing.now + timedelta(hours=24), subject_id=form.key, rule="42 CFR 2.14",
    )  # fmt: skip
    detail = {"consent": str(consent.id), "form": form.key, "party": request.signed_by, "missing": [*missing]}
    await writing.note("consent_signed_in_part", detail, at=request.signed_at)
    return answer_for(writing, consent.id, consent.status.value, missing=[p.value for p in missing])


async def _whole(writing: Writing, request: SignConsent, form: ConsentForm, consent: Consent, about: Known) -> Answer:
    signatures = consent.signatures or []
    parties = [SigningParty(s["party"]) for s in signatures]
    signed_at = max(datetime.fromisoformat(s["at"]) for s in signatures)
    by_guardian = SigningParty.GUARDIAN in parties
    term = ends_at(form, signed_at, (), None)
    consent.status = ConsentStatus.SIGNED
    consent.signed_at = signed_at
    consent.signed_by = SigningParty.GUARDIAN.value if by_guardian else request.signed_by
    consent.witnessed_by = request.witnessed_by or request.actor
    consent.expires_at = ends_at(form, signed_at, parties, about.majority)
    by = MAJORITY if by_guardian and consent.expires_at != term else None
    consent.scope = {**consent.scope, **ends_of(form, consent.expires_at, by)}
    if writing.episode.closed_at is not None:
        await settle_ends(writing)
    await _supersede_older(writing, consent)
    await work.close_items(
        writing.session, episode_id=writing.episode.id, now=writing.now, actor=writing.actor, resolution="signed",
        kind=OWED, subject_id=form.key,
    )  # fmt: skip
    await tell_cases(writing, "consent")
    await writing.note(
        "consent_signed",
        {
            "consent": str(consent.id),
            "form": form.key,
            "form_edition": consent.edition,
            "parties": [p.value for p in parties],
            "method": request.method.value,
            "language": request.language,
            "sha256": request.shown_sha256,
            "expires_at": consent.expires_at.isoformat() if consent.expires_at else None,
        },
        at=signed_at,
    )
    return answer_for(writing, consent.id, consent.status.value)


async def _refuse(writing: Writing, request: SignConsent, form: ConsentForm) -> Answer:
    """The end of that presentation. Where something needs the form it is put again after 8 hours and each shift; what is
    optional was asked once (domain 3.4)."""
    consent = await _presented(writing, request)
    consent.status = ConsentStatus.REFUSED
    consent.reason = REFUSED
    await _said(writing, consent, request.reason)
    consent.version += 1
    await writing.note("consent_refused", {"consent": str(consent.id), "form": form.key})
    if not await still_wanted(writing, form.key, at_a_move=consent.transition_id is not None):
        await ask_no_more(writing)
        return answer_for(writing, consent.id, consent.status.value)
    why = f"consent {form.key} was refused; talk about it again and say what follows from refusing"
    again_at = await ask_again(writing, REFUSED_ITEM, consent, why, WAS_REFUSED)
    return answer_for(writing, consent.id, consent.status.value, present_again_at=again_at.isoformat())


async def _said(writing: Writing, consent: Consent, words: str | None) -> None:
    if words is not None:
        consent.sealed_reason = await writing.sealed(Words.CONSENT_REASON, consent.id, words)


async def _unable(writing: Writing, request: SignConsent, form: ConsentForm) -> Answer:
    """A signature without capacity is defective, so none is taken; the form is put again after 8 hours, then each shift
    (domain 3.8, 11.1)."""
    consent = await _presented(writing, request)
    consent.status = ConsentStatus.UNABLE_TO_SIGN
    consent.reason = NO_CAPACITY
    await _said(writing, consent, request.reason)
    consent.version += 1
    why = f"consent {form.key}: was unable to sign; look at orientation and withdrawal, and present it again"
    again_at = await ask_again(writing, CAPACITY_ITEM, consent, why, "was unable to sign")
    await writing.note("consent_unable_to_sign", {"consent": str(consent.id), "form": form.key})
    return answer_for(writing, consent.id, consent.status.value, present_again_at=again_at.isoformat())


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
    consent_id: UUID = present_consent(
        writing, form=request.form, program=request.program, due_at=None, renews=None, transition_id=None,
        reason="signed without a presentation on record",
    )  # fmt: skip
    await writing.session.flush()
    made = await writing.session.get(Consent, consent_id)
    if made is None:
        raise RuntimeError(f"consent {consent_id} was not written")
    return made


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


async def revoking_problem(
    writing: Writing, party: SigningParty, guardian_id: UUID | None, received_at: datetime
) -> Refusal | None:
    """The patient revokes at any hour; others by an authority that is on record and in force that day (domain 3.4)."""
    if party is SigningParty.PATIENT:
        return None
    if await may_sign(writing, guardian_id, received_at):
        return None
    return _wrong(f"no authority of this {party.value} is on record and in force; record it with its document first")
