"""Consents of an episode: what is put before somebody, what was signed and what it covers, and who may sign for whom
(issue 4, item 1; domain 3.2, 3.4, 3.8). Signing and revoking are commands to the episode (api/routes/episodes.py)."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import STAFF, require
from api.bodies import Body, Day, Short
from api.commands import accept, answered, respond
from api.consent_letter import consent_pdf, signature_line
from api.deps import Key, Services, Wired
from api.errors import PROBLEMS, problem
from api.routes.access import see_consent, see_episode
from api.tokens import User
from api.viewing import purpose_of
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.person import PersonDetails
from definitions.vocabulary import ContentClass, Purpose, Role, SigningParty
from rules.calendar import facility_date
from rules.consent import is_minor, majority_at, parties_required
from rules.consent_text import ShownForm, place_of, shown_form
from rules.disclosure import ConsentOnFile, DisclosureAsk, judge
from rules.grounds import consents_on_file
from runtime.keyring import SealBroken
from runtime.people import open_guardian, open_person, open_text_of_any, seal_guardian
from storage.models import Consent, Episode, Guardian, Person
from storage.repositories import command as memory
from storage.repositories import guardian as guardians
from storage.repositories import timeline
from storage.repositories.person import keys_of
from storage.repositories.viewing import note_view

router = APIRouter(prefix="/v1", tags=["consents"])
Reader = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]
Staff = Annotated[User, Depends(require(*STAFF))]
Intake = Annotated[User, Depends(require(Role.ADMISSIONS, Role.CLINICIAN))]
PDF: dict[int | str, dict[str, Any]] = {**PROBLEMS, 200: {"content": {"application/pdf": {}}}}


class GuardianBody(Body):
    """`document`: the id of the document of authority, as the house files it. Both dates are the facility's, and included."""

    family: Short
    given: Short
    relationship: Literal["parent", "legal_guardian", "agency", "power_of_attorney", "personal_representative"]
    document: Short
    from_date: Day
    until_date: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "GuardianBody":
        if self.until_date is not None and self.until_date < self.from_date:
            raise ValueError("the authority ends before it begins")
        return self


@router.get("/episodes/{episode_id}/consents", responses=PROBLEMS)
async def listed(episode_id: UUID, held: Wired, user: Reader) -> JSONResponse:
    """Every consent of the episode, and how each stands towards the payer now. Ids and codes."""
    now = await held.clock.now()
    async with held.database.read() as session:
        episode = await see_episode(session, held, user, episode_id)
        rows = await session.execute(
            select(Consent).where(Consent.episode_id == episode_id).order_by(Consent.presented_at, Consent.id)
        )
        payer = held.catalog.edition(episode.edition).payers.get(episode.payer)
        of_class = payer.recipient_class if payer is not None else "health_plans"
        items = [_item(c, episode, of_class, now) for c in rows.scalars()]
    return JSONResponse(jsonable_encoder({"items": items}))


def _item(consent: Consent, episode: Episode, recipient_class: str, now: datetime) -> dict[str, Any]:
    (on_file,) = consents_on_file([consent])
    ask = DisclosureAsk(
        person_id=str(episode.person_id), episode_id=str(episode.id), content=ContentClass.AUTHORIZATION_REQUEST,
        purpose=Purpose.PAYMENT, recipient=f"payer/{episode.payer}", recipient_class=recipient_class,
        program=episode.program,
    )  # fmt: skip
    return {
        "id": consent.id, "form": consent.form, "edition": consent.edition, "program": consent.program,
        "status": consent.status, "presented_at": consent.presented_at, "due_at": consent.due_at,
        "signed_at": consent.signed_at, "valid_until": consent.expires_at, "revoked_at": consent.revoked_at,
        "renews": consent.renews, "reason": consent.reason, "signatures": consent.signatures or [],
        "covers": {k: v for k, v in consent.scope.items() if k != "ends_by"},
        "ends_by": consent.scope.get("ends_by"), "valid": on_file.valid_at(now), "printable": consent.rendering is not None,
        "payer": _towards(on_file, ask, now),
    }  # fmt: skip


def _towards(consent: ConsentOnFile, ask: DisclosureAsk, now: datetime) -> dict[str, Any]:
    """What the gate says of this consent alone, in its own sentences."""
    verdict = judge(ask, (consent,), now)
    return {"recipient": ask.recipient, "covered": verdict.allowed, "why": list(verdict.reasons)}


@dataclass(frozen=True, slots=True)
class Opened:
    person: Person
    details: PersonDetails

    @property
    def name(self) -> str:
        return " ".join((*self.details.given, self.details.family))


async def _opened(held: Services, session: AsyncSession, person_id: UUID) -> Opened:
    person = await session.get(Person, person_id)
    try:
        if person is not None and person.wrapped_key is not None:
            return Opened(person, open_person(held.keyring, person.id, person.sealed, person.wrapped_key))
    except SealBroken:
        pass
    raise problem(ErrorType.NOT_FOUND, "the person's record was erased; nothing can be shown with their name")


@router.get("/episodes/{episode_id}/consents/{form}/presentation", responses=PROBLEMS)
async def presentation(
    episode_id: UUID, form: str, held: Wired, user: Staff,
    language: Annotated[str, Query(min_length=2, max_length=12)] = "en",
    program: Annotated[str | None, Query(max_length=120)] = None,
    recipient: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006  # FastAPI copies it
) -> JSONResponse:  # fmt: skip
    """The text to be put before who signs, with its hash (to be given with an electronic signature) and who must sign."""
    now = await held.clock.now()
    async with held.database.write() as session:
        episode = await see_episode(session, held, user, episode_id)
        await _seen(session, user, now, episode.person_id, "consent_presentation", {"form": form})
    async with held.database.read() as session:
        known = await _opened(held, session, episode.person_id)
    edition = held.catalog.edition(episode.edition)
    facility = edition.facilities[episode.facility]
    on = facility_date(now, facility.zone)
    definition = edition.consents.get(form)
    if definition is None:
        raise problem(ErrorType.NOT_FOUND, f"no such consent form; choose from {', '.join(edition.consents)}")
    wording = held.catalog.wording(definition, language, on)
    languages = held.catalog.languages(definition, on)
    if wording is None:
        raise problem(
            ErrorType.INVALID_REQUEST, f"the form has no text in that language; it has {', '.join(languages)}"
        )
    shown = shown_form(
        wording, edition=definition.edition, patient=known.name, place=place_of(facility, program), recipients=recipient
    )
    law = held.catalog.minor_law(facility.state, on)
    level = edition.levels.get(episode.level or "")
    born = known.details.birth_date
    minor, service = is_minor(born, law, facility.zone, now), level.track if level else None
    said = {
        **shown.model_dump(),
        "sha256": shown.sha256,
        "languages": languages,
        "parties_required": parties_required(born, law, facility.zone, now, service),
        "majority_at": majority_at(born, law, facility.zone) if minor else None,
    }
    return JSONResponse(jsonable_encoder(said), headers={"Cache-Control": "no-store"})


@router.get("/consents/{consent_id}.pdf", responses=PDF, response_class=Response)
async def letter(consent_id: UUID, held: Wired, user: Staff, party: SigningParty | None = None) -> Response:
    """The signed text as it was shown, to print. `party`: in the language this one was shown; left out: the first."""
    now = await held.clock.now()
    async with held.database.write() as session:
        consent, episode = await see_consent(session, held, user, consent_id)
        if consent.rendering is None:
            raise problem(
                ErrorType.NOT_FOUND, "nobody said which text was shown; the signed paper is in the house's file"
            )
        await _seen(session, user, now, episode.person_id, "consent.pdf", {"consent": str(consent_id)})
    async with held.database.read() as session:
        known = await _opened(held, session, episode.person_id)
        names = await _names(held, session, known)
        keys = await keys_of(session, episode.person_id)
    try:
        kept = json.loads(open_text_of_any(held.keyring, keys, consent.id, consent.rendering))
    except SealBroken:
        raise problem(
            ErrorType.NOT_FOUND, "the text was sealed for another record of the person, and opens there"
        ) from None
    said = kept.get(party.value) if party is not None else next(iter(kept.values()))
    if party is not None and said is None:
        raise problem(ErrorType.NOT_FOUND, f"no text is kept that was shown to the {party.value}")
    signatures = consent.signatures or []
    lines = [signature_line(s, names.get(s["guardian"] or "", known.name)) for s in signatures]
    body = await asyncio.to_thread(
        consent_pdf, ShownForm.model_validate(said), lines, as_of=consent.signed_at or consent.presented_at
    )
    headers = {"Content-Disposition": 'attachment; filename="consent.pdf"', "Cache-Control": "no-store"}
    return Response(body, media_type="application/pdf", headers=headers)


async def _names(held: Services, session: AsyncSession, known: Opened) -> dict[str, str]:
    keys = dict(await keys_of(session, known.person.id))
    return {
        str(g.id): open_guardian(held.keyring, g.person_id, keys[g.person_id], g.id, g.sealed)
        for g in await guardians.guardians_of(session, known.person.id)
        if g.person_id in keys
    }


async def _seen(
    session: AsyncSession, user: User, now: datetime, person_id: UUID, page: str, filters: dict[str, Any]
) -> None:
    await note_view(
        session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role), page=page, people=[person_id],
        filters=filters,
    )  # fmt: skip


@router.post("/episodes/{episode_id}/guardians", status_code=201, responses=PROBLEMS)
async def record_guardian(episode_id: UUID, body: GuardianBody, key: Key, held: Wired, user: Intake) -> JSONResponse:
    """Put on record who may sign for the patient. The name is sealed; the answer and the timeline hold ids."""
    said = {"episode": str(episode_id), **body.model_dump(mode="json")}
    async with held.database.write() as session:
        episode = await see_episode(session, held, user, episode_id)
        stored = await accept(held, session, user, key, "record_guardian", said)
        first = answered(stored, 201)
        if first is not None:
            return respond(first)
        known = await _opened(held, session, episode.person_id)
        wrapped, made = known.person.wrapped_key, derived(stored.key, "guardian")
        assert wrapped is not None
        await guardians.add_guardian(
            session, guardian_id=made, person_id=episode.person_id, relationship=body.relationship,
            document=body.document, from_date=body.from_date, until_date=body.until_date,
            sealed=seal_guardian(held.keyring, known.person.id, wrapped, made, f"{body.given} {body.family}"),
            now=stored.accepted_at, actor=user.actor,
        )  # fmt: skip
        await timeline.record(
            session, episode_id=episode.id, facility=episode.facility, at=stored.accepted_at,
            recorded_at=stored.accepted_at, kind="guardian_recorded", actor=user.actor, role=user.role,
            edition=episode.edition, detail={"guardian": str(made), "relationship": body.relationship},
            command_key=stored.key,
        )  # fmt: skip
        answer = {"id": str(made), "relationship": body.relationship, "document": body.document}
        await memory.finish(
            session, key=stored.key, kind="record_guardian", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=answer, subject_id=episode.id,
        )  # fmt: skip
    return JSONResponse(answer, 201)


@router.get("/episodes/{episode_id}/guardians", responses=PROBLEMS)
async def guardians_listed(episode_id: UUID, held: Wired, user: Staff) -> JSONResponse:
    """Who may sign for the patient, with names: the opening is on record."""
    now = await held.clock.now()
    async with held.database.write() as session:
        episode = await see_episode(session, held, user, episode_id)
        await _seen(session, user, now, episode.person_id, "guardians", {})
    async with held.database.read() as session:
        known = await _opened(held, session, episode.person_id)
        names = await _names(held, session, known)
        rows = await guardians.guardians_of(session, episode.person_id)
    items = [_guardian(g, names[str(g.id)]) for g in rows]
    return JSONResponse(jsonable_encoder({"items": items}), headers={"Cache-Control": "no-store"})


def _guardian(row: Guardian, name: str) -> dict[str, Any]:
    return {
        "id": row.id, "name": name, "relationship": row.relationship, "document": row.document,
        "from_date": row.from_date, "until_date": row.until_date, "recorded_at": row.recorded_at,
    }  # fmt: skip
