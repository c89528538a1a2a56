"""Consents as they are shown: how each stands, the text to be signed, the letter to print. The API and the pages say the same
(domain 3.2, 3.4, 3.8)."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.consent_letter import consent_pdf, signature_line
from api.deps import Services
from api.errors import problem
from api.tokens import User
from api.viewing import purpose_of
from definitions.consent import ConsentForm
from definitions.errors import ErrorType
from definitions.person import PersonDetails
from definitions.signing import SigningParty
from rules.calendar import facility_date
from rules.consent import is_minor, majority_at, parties_required
from rules.consent_text import ShownForm, place_of, recipients_in_words, shown_form
from rules.disclosure import ConsentOnFile, DisclosureAsk, judge
from rules.grounds import authorization_ask, consents_on_file
from runtime.keyring import SealBroken
from runtime.people import open_guardian, open_person, open_text_of_any
from storage.models import Consent, Episode, Person
from storage.repositories import disclosure as ledger
from storage.repositories import guardian as guardians
from storage.repositories.person import keys_of
from storage.repositories.viewing import note_view

ENDS: Final = ("ends_by", "ends_on", "ends_after_days", "term_ends_at", "term_ends_by", "condition_at")
"""What a scope says of its end, beside what it covers."""


async def consents_of_episode(held: Services, session: AsyncSession, episode: Episode, now: datetime) -> list[Any]:
    """Every consent of the episode, oldest first, and how each stands towards the payer now. Ids and codes."""
    rows = await session.execute(
        select(Consent).where(Consent.episode_id == episode.id).order_by(Consent.presented_at, Consent.id)
    )
    ask = _ask(held, episode)
    return [_item(c, ask, now) for c in rows.scalars()]


def _item(consent: Consent, ask: DisclosureAsk, now: datetime) -> dict[str, Any]:
    (on_file,) = consents_on_file([consent])
    return {
        "id": consent.id, "form": consent.form, "edition": consent.edition, "program": consent.program,
        "status": consent.status, "presented_at": consent.presented_at, "due_at": consent.due_at,
        "signed_at": consent.signed_at, "valid_until": consent.expires_at, "revoked_at": consent.revoked_at,
        "renews": consent.renews, "reason": consent.reason, "signatures": consent.signatures or [],
        "covers": {k: v for k, v in consent.scope.items() if k not in ENDS},
        "ends_by": consent.scope.get("ends_by"), "ends_on": consent.scope.get("ends_on"),
        "ends_after_days": consent.scope.get("ends_after_days"), "condition_at": consent.scope.get("condition_at"),
        "valid": on_file.valid_at(now), "printable": consent.rendering is not None,
        "payer": _towards(on_file, ask, now),
    }  # fmt: skip


async def towards_payer(held: Services, session: AsyncSession, episode: Episode, now: datetime) -> dict[str, Any]:
    """Whether the payer may be asked and told now, on everything the person signed here: the gate's own answer."""
    on_file = consents_on_file(await ledger.consents_of(session, episode.person_id))
    verdict = judge(_ask(held, episode), on_file, now)
    rides = verdict.cover.consent_id if verdict.cover is not None else None
    until = next((c.expires_at for c in on_file if c.consent_id == rides), None)
    return {
        "covered": verdict.allowed,
        "why": list(verdict.reasons),
        "until": until,
        "form": verdict.cover and verdict.cover.form,
    }


def _ask(held: Services, episode: Episode) -> DisclosureAsk:
    payer = held.catalog.edition(episode.edition).payers.get(episode.payer)
    return authorization_ask(episode, episode.payer, payer.recipient_class if payer is not None else "health_plans")


def _towards(consent: ConsentOnFile, ask: DisclosureAsk, now: datetime) -> dict[str, Any]:
    """What the gate says of this consent alone, in its own sentences."""
    verdict = judge(ask, (consent,), now)
    return {"recipient": ask.recipient, "covered": verdict.allowed, "why": list(verdict.reasons)}


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody whose record opened. Says nothing when printed."""

    person: Person
    details: PersonDetails
    freed: datetime | None = None
    """When they were made of age before their birthday."""

    @property
    def name(self) -> str:
        return self.details.legal_name

    def __repr__(self) -> str:
        return "Opened(***)"


async def opened(held: Services, session: AsyncSession, person_id: UUID) -> Opened:
    person = await session.get(Person, person_id)
    try:
        if person is not None and person.wrapped_key is not None:
            details = open_person(held.keyring, person.id, person.sealed, person.wrapped_key)
            return Opened(person, details, await guardians.emancipated_at(session, person.id))
    except SealBroken:
        pass
    raise problem(ErrorType.NOT_FOUND, "the person's record was erased; nothing can be shown with their name")


async def guardian_names(held: Services, session: AsyncSession, person_id: UUID) -> dict[str, str]:
    """By the id of the authority. Call it after the opening is on record (`seen`)."""
    keys = dict(await keys_of(session, person_id))
    return {
        str(g.id): open_guardian(held.keyring, g.person_id, keys[g.person_id], g.id, g.sealed)
        for g in await guardians.guardians_of(session, person_id)
        if g.person_id in keys
    }


async def seen(
    session: AsyncSession, user: User, now: datetime, person_id: UUID, page: str, filters: dict[str, Any]
) -> None:
    await note_view(
        session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role), page=page, people=[person_id],
        filters=filters,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signers:
    """Who must sign now, by the law of the facility's state. `majority`: when the patient comes of age; None: they are."""

    required: tuple[SigningParty, ...]
    majority: datetime | None


def signers_of(held: Services, episode: Episode, known: Opened, now: datetime) -> Signers:
    edition = held.catalog.edition(episode.edition)
    zone, state = edition.facilities[episode.facility].zone, edition.facilities[episode.facility].state
    law = held.catalog.minor_law(state, facility_date(now, zone))
    level, born = edition.levels.get(episode.level or ""), known.details.birth_date
    return Signers(
        required=parties_required(born, law, zone, now, level.track if level else None, known.freed),
        majority=majority_at(born, law, zone, known.freed) if is_minor(born, law, zone, now, known.freed) else None,
    )


@dataclass(frozen=True, slots=True)
class Presentation:
    """A form as it is put before somebody now: the text, and who must sign it."""

    form: ConsentForm
    shown: ShownForm
    languages: tuple[str, ...]
    signers: Signers
    on: date
    """The facility's day it was made for."""


def form_of(held: Services, episode: Episode, form: str) -> ConsentForm:
    forms = held.catalog.edition(episode.edition).consents
    if form not in forms:
        raise problem(ErrorType.NOT_FOUND, f"no such consent form; choose from {', '.join(forms)}")
    return forms[form]


def presentation_of(
    held: Services, episode: Episode, known: Opened, form: str, *, language: str, program: str | None,
    recipients: Sequence[str], now: datetime,
) -> Presentation:  # fmt: skip
    edition = held.catalog.edition(episode.edition)
    facility = edition.facilities[episode.facility]
    on = facility_date(now, facility.zone)
    definition = form_of(held, episode, form)
    languages = held.catalog.languages(definition, on)
    wording = held.catalog.wording(definition, language, on)
    if wording is None:
        raise problem(
            ErrorType.INVALID_REQUEST, f"the form has no text in that language; it has {', '.join(languages)}"
        )
    return Presentation(
        form=definition,
        shown=shown_form(
            wording, edition=definition.edition, patient=known.name, place=place_of(facility, program),
            recipients=recipients_in_words(recipients, facility, {p.key: p.name for p in edition.payers.values()}),
        ),
        languages=languages,
        signers=signers_of(held, episode, known, now),
        on=on,
    )  # fmt: skip


async def letter_of(held: Services, session: AsyncSession, consent: Consent, party: SigningParty | None) -> bytes:
    """The signed text as it was shown, as a PDF. Call it after the opening is on record (`seen`)."""
    if consent.rendering is None:
        raise problem(ErrorType.NOT_FOUND, "nobody said which text was shown; the signed paper is in the house's file")
    known = await opened(held, session, consent.person_id)
    names = await guardian_names(held, session, consent.person_id)
    keys = await keys_of(session, consent.person_id)
    try:
        kept = json.loads(open_text_of_any(held.keyring, keys, consent.id, consent.rendering))
    except SealBroken:
        raise problem(
            ErrorType.NOT_FOUND, "the text was sealed for another record of the person, and opens there"
        ) from None
    said = kept.get(party.value) if party is not None else next(iter(kept.values()))
    if said is None:
        raise problem(
            ErrorType.NOT_FOUND, f"no text is kept that was shown to the {party.value if party else 'patient'}"
        )
    lines = [signature_line(s, names.get(s["guardian"] or "", known.name)) for s in consent.signatures or []]
    return await asyncio.to_thread(
        consent_pdf, ShownForm.model_validate(said), lines, as_of=consent.signed_at or consent.presented_at
    )
