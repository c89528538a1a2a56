"""Consents of an episode: what is put before somebody, what was signed and what it covers, and who may sign for whom
(issue 4, item 1; domain 3.2, 3.4, 3.8). Signing and revoking are commands to the episode (api/routes/episodes.py)."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api.auth import STAFF, require
from api.bodies import AuthorityEndBody, ConditionBody
from api.commands import Asked, respond
from api.consents import consents_of_episode, guardian_names, letter_of, opened, presentation_of, seen
from api.deps import Key, Wired
from api.errors import PROBLEMS
from api.guardians import GuardianBody, GuardianEnd, record_guardian
from api.routes.access import about_consent, about_episode, see_consent, see_episode
from api.tokens import User
from definitions.episode import EndAuthority, EndConsent
from definitions.signing import SigningParty
from definitions.vocabulary import Role
from storage.models import Guardian
from storage.repositories import guardian as guardians

router = APIRouter(prefix="/v1", tags=["consents"])
Reader = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]
Staff = Annotated[User, Depends(require(*STAFF))]
Intake = Annotated[User, Depends(require(Role.ADMISSIONS, Role.CLINICIAN))]
LETTER_HEADERS: Final = {"Content-Disposition": 'attachment; filename="consent.pdf"', "Cache-Control": "no-store"}
PDF: dict[int | str, dict[str, Any]] = {**PROBLEMS, 200: {"content": {"application/pdf": {}}}}


@router.get("/episodes/{episode_id}/consents", responses=PROBLEMS)
async def listed(episode_id: UUID, held: Wired, user: Reader) -> JSONResponse:
    """Every consent of the episode, and how each stands towards the payer now. Ids and codes."""
    now = await held.clock.now()
    async with held.read(user) as session:
        episode = await see_episode(session, held, user, episode_id)
        items = await consents_of_episode(held, session, episode, now)
    return JSONResponse(jsonable_encoder({"items": items}))


@router.get("/episodes/{episode_id}/consents/{form}/presentation", responses=PROBLEMS)
async def presentation(
    episode_id: UUID, form: str, held: Wired, user: Staff,
    language: Annotated[str, Query(min_length=2, max_length=12)] = "en",
    program: Annotated[str | None, Query(max_length=120)] = None,
    recipient: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006  # FastAPI copies it
) -> JSONResponse:  # fmt: skip
    """The text to be put before who signs, with its hash (to be given with an electronic signature) and who must sign."""
    now = await held.clock.now()
    async with held.write(user) as session:
        episode = await see_episode(session, held, user, episode_id)
        await seen(session, user, now, episode.person_id, "consent_presentation", {"form": form})
    async with held.read(user) as session:
        known = await opened(held, session, episode.person_id)
    made = presentation_of(
        held, episode, known, form, language=language, program=program, recipients=recipient, now=now
    )
    said = {
        **made.shown.model_dump(),
        "sha256": made.shown.sha256,
        "languages": made.languages,
        "parties_required": made.signers.required,
        "majority_at": made.signers.majority,
    }
    return JSONResponse(jsonable_encoder(said), headers={"Cache-Control": "no-store"})


@router.get("/consents/{consent_id}.pdf", responses=PDF, response_class=Response)
async def letter(consent_id: UUID, held: Wired, user: Staff, party: SigningParty | None = None) -> Response:
    """The signed text as it was shown, to print. `party`: in the language this one was shown; left out: the first."""
    now = await held.clock.now()
    async with held.write(user) as session:
        consent, episode = await see_consent(session, held, user, consent_id)
        await seen(session, user, now, episode.person_id, "consent.pdf", {"consent": str(consent_id)})
    async with held.read(user) as session:
        body = await letter_of(held, session, consent, party)
    return Response(body, media_type="application/pdf", headers=LETTER_HEADERS)


@router.post("/episodes/{episode_id}/guardians", status_code=201, responses=PROBLEMS)
async def guardian(episode_id: UUID, body: GuardianBody, key: Key, held: Wired, user: Intake) -> JSONResponse:
    """Put on record who may sign for the patient. The name is sealed; the answer and the timeline hold ids."""
    return respond(await record_guardian(held, user, key, episode_id, body))


@router.post("/consents/{consent_id}/condition", responses=PROBLEMS)
async def condition(consent_id: UUID, body: ConditionBody, key: Key, held: Wired, user: Staff) -> JSONResponse:
    """The condition that a consent names has come about: it ends then."""
    about = await about_consent(held, user, consent_id)
    return await Asked(held, user, key).run(
        "end_consent", about, body, EndConsent, "end_consent", consent_id=consent_id
    )


@router.post("/episodes/{episode_id}/guardians/{guardian_id}/end", responses=PROBLEMS)
async def end_authority(
    episode_id: UUID, guardian_id: UUID, body: AuthorityEndBody, key: Key, held: Wired, user: Intake
) -> JSONResponse:
    """They may sign for the patient no more; the answer says what becomes of what they signed."""
    about = await about_episode(held, user, episode_id)
    said = GuardianEnd(guardian_id=guardian_id, **body.model_dump())
    return await Asked(held, user, key).run("end_authority", about, said, EndAuthority, "end_authority")


@router.get("/episodes/{episode_id}/guardians", responses=PROBLEMS)
async def guardians_listed(episode_id: UUID, held: Wired, user: Staff) -> JSONResponse:
    """Who may sign for the patient, with names: the opening is on record."""
    now = await held.clock.now()
    async with held.write(user) as session:
        episode = await see_episode(session, held, user, episode_id)
        await seen(session, user, now, episode.person_id, "guardians", {})
    async with held.read(user) as session:
        known = await opened(held, session, episode.person_id)
        names = await guardian_names(held, session, known.person.id)
        rows = await guardians.guardians_of(session, episode.person_id)
    items = [_guardian(g, names[str(g.id)]) for g in rows]
    return JSONResponse(jsonable_encoder({"items": items}), headers={"Cache-Control": "no-store"})


def _guardian(row: Guardian, name: str) -> dict[str, Any]:
    return {
        "id": row.id, "name": name, "relationship": row.relationship, "document": row.document,
        "from_date": row.from_date, "until_date": row.until_date, "recorded_at": row.recorded_at,
        "ended_at": row.ended_at, "end_reason": row.end_reason,
    }  # fmt: skip
