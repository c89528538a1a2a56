"""Episodes: start, list, one, timeline, facts and commands (api.md)."""

import base64
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import bodies
from api.auth import STAFF, Asking, require, scope
from api.commands import Asked, CommandResult, respond
from api.deps import Key, Wired
from api.errors import PROBLEMS, problem
from api.facts import record_assessment, settle_alert
from api.referrals import read_bundle, start_episode
from api.routes.access import about_consent, about_episode, about_item, see_episode
from api.shown import happened, page, row
from api.staff_words import note_and_open
from api.tokens import User
from definitions.episode import (
    CorrectMovement,
    DischargeEpisode,
    MoveBed,
    ResolveItem,
    ReturnFromLeave,
    RevokeConsent,
    SignConsent,
    StartLeave,
)
from definitions.errors import ErrorType
from definitions.identity import NotSameReason, Settled
from definitions.person import PersonDetails
from definitions.referral import CoverageDetails, Referral, ReferralDiagnosis
from definitions.vocabulary import Role
from interchange.fhir.bundle import BYTES_MAX
from rules.calendar import facility_date
from runtime.people import search_tokens
from storage.reads.episodes import episode_list, episode_page
from storage.reads.episodes import timeline as read_timeline
from storage.repositories.person import people_with

router = APIRouter(prefix="/v1", tags=["episodes"])

Admissions = Annotated[User, Depends(require(Role.ADMISSIONS))]
CareStaff = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS))]
Staff = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]
ActingStaff = Annotated[User, Depends(require(*STAFF))]


@router.post("/episodes", status_code=201, responses=PROBLEMS)
async def start(body: bodies.StartEpisodeBody, key: Key, held: Wired, user: Admissions) -> JSONResponse:
    """Start from a referral. 201 with Location; a repeat of the key gives the same episode."""
    person = PersonDetails(**body.patient.model_dump())
    referral = Referral(
        facility=body.facility,
        requested_level=body.requested_level,
        source=body.source,
        person=person,
        coverages=tuple(CoverageDetails(**c.model_dump()) for c in sorted(body.coverages, key=lambda c: c.rank)),
        diagnoses=tuple(
            ReferralDiagnosis(code=d.code.replace(".", ""), rank=i) for i, d in enumerate(body.diagnoses, start=1)
        ),
    )
    return respond(await start_episode(held, user, key, referral, settled=body.settled()))


@router.post("/episodes/import", status_code=201, responses=PROBLEMS)
async def start_from_bundle(
    request: Request, key: Key, held: Wired, user: Admissions, facility: str | None = None,
    existing_person: UUID | None = None,
    not_duplicates_of: Annotated[list[UUID] | None, Query(max_length=50)] = None,
    not_duplicates_reason: NotSameReason | None = None,
) -> JSONResponse:  # fmt: skip
    """The same from a FHIR R4 bundle (Patient, Coverage, Condition, ServiceRequest); `notes` say what was left out. The
    bundle is the body, so what is said about people alike stands in the query, as ids and a code."""
    default = facility or (scope(user, held)[0] if len(scope(user, held)) == 1 else None)
    read = await read_bundle(held, await _body(request), facility=default)
    if isinstance(read, tuple):
        first = read[0]
        raise problem(
            ErrorType.UNKNOWN_PAYER if first.code == "unknown_payer" else ErrorType.IMPORT_INVALID,
            first.told,
            problems=[p.model_dump() for p in read],
        )
    settled = Settled(
        existing_person=existing_person, not_duplicates_of=tuple(sorted(not_duplicates_of or ())),
        reason=not_duplicates_reason,
    )  # fmt: skip
    result = await start_episode(held, user, key, read, "import_episode", settled=settled)
    if not result.refused and read.notes:
        noted = {**result.body, "notes": [note.model_dump() for note in read.notes]}
        result = CommandResult(result.status_code, noted, result.headers)
    return respond(result)


async def _body(request: Request) -> bytes:
    """As much as a bundle may have and one part more, so that the reader can refuse what is too large."""
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > BYTES_MAX:
            break
    return bytes(received)


@router.get("/episodes", responses=PROBLEMS)
async def listed(
    held: Wired,
    user: Staff,
    facility: str | None = None,
    level: str | None = None,
    phase: str | None = None,
    q: Annotated[str | None, Query(max_length=80)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JSONResponse:
    """`q` finds a name or a member id by the blind index."""
    async with held.read(user) as session:
        people = await people_with(session, search_tokens(held.keyring, q)) if q else None
        rows = await episode_list(
            session, scope(user, held), facility=facility, phase=phase, level=level, people=people,
            after=_read_cursor(cursor), limit=limit + 1,
        )  # fmt: skip
    shown = rows[:limit]
    following = _cursor(shown[-1].opened_at, shown[-1].id) if len(rows) > limit else None
    return JSONResponse(jsonable_encoder({"items": [row(r) for r in shown], "next": following}))


def _cursor(at: datetime, row_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row_id}".encode()).decode()


def _read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    if text is None:
        return None
    try:
        at, _, row_id = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        return datetime.fromisoformat(at), UUID(row_id)
    except (ValueError, UnicodeDecodeError):
        raise problem(
            ErrorType.INVALID_REQUEST, "the cursor is not one this list gave; start from the beginning"
        ) from None


@router.get("/episodes/{episode_id}", responses=PROBLEMS)
async def one(episode_id: UUID, held: Wired, user: Staff) -> JSONResponse:
    now = await held.clock.now()
    async with held.read(user) as session:
        found = await episode_page(session, scope(user, held), episode_id)
        if found is None:
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: episode {episode_id}")
    spoken = await note_and_open(
        held,
        user,
        "answer/episode",
        [found.episode.person_id],
        {"episode": str(episode_id)},
        [*found.transitions, *found.movements],
    )
    edition = held.catalog.edition(found.episode.edition)
    today = facility_date(now, edition.facilities[found.episode.facility].zone)
    return JSONResponse(jsonable_encoder(page(found, edition, today, spoken)))


@router.get("/episodes/{episode_id}/timeline", responses=PROBLEMS)
async def timeline(
    episode_id: UUID,
    held: Wired,
    user: Staff,
    cursor: int | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> JSONResponse:
    async with held.read(user) as session:
        await see_episode(session, held, user, episode_id)
        rows = await read_timeline(session, episode_id, after=cursor, limit=limit + 1)
    following = rows[limit - 1].id if len(rows) > limit else None
    return JSONResponse(jsonable_encoder({"items": [happened(r) for r in rows[:limit]], "next": following}))


@router.post("/episodes/{episode_id}/assessments", status_code=201, responses=PROBLEMS)
async def assess(episode_id: UUID, body: bodies.AssessmentBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    return respond(await record_assessment(held, user, key, episode_id, body))


@router.post("/alerts/{alert_id}/acknowledge", responses=PROBLEMS)
async def acknowledge(alert_id: UUID, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    return respond(await settle_alert(held, user, key, alert_id, clear=None))


@router.post("/alerts/{alert_id}/clear", responses=PROBLEMS)
async def clear(alert_id: UUID, body: bodies.ReasonBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    return respond(await settle_alert(held, user, key, alert_id, clear=body.reason))


@router.post("/episodes/{episode_id}/consents", responses=PROBLEMS)
async def sign(episode_id: UUID, body: bodies.ConsentBody, key: Key, held: Wired, user: ActingStaff) -> JSONResponse:
    about = await about_episode(held, user, episode_id)
    return await Asked(held, user, key).run(
        "sign_consent", about, body, SignConsent, "sign_consent", witnessed_by=body.witness or user.actor
    )


@router.post("/consents/{consent_id}/revoke", responses=PROBLEMS)
async def revoke(consent_id: UUID, body: bodies.RevokeBody, key: Key, held: Wired, user: ActingStaff) -> JSONResponse:
    about = await about_consent(held, user, consent_id)
    return await Asked(held, user, key).run(
        "revoke_consent", about, body, RevokeConsent, "revoke_consent", consent_id=consent_id
    )


@router.post("/episodes/{episode_id}/leave", responses=PROBLEMS)
async def leave(episode_id: UUID, body: bodies.LeaveBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    about = await about_episode(held, user, episode_id)
    return await Asked(held, user, key).run("leave", about, body, StartLeave, "start_leave")


@router.post("/episodes/{episode_id}/return", responses=PROBLEMS)
async def come_back(episode_id: UUID, body: bodies.ReturnBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    about = await about_episode(held, user, episode_id)
    return await Asked(held, user, key).run("return", about, body, ReturnFromLeave, "return_from_leave")


@router.post("/episodes/{episode_id}/discharge", responses=PROBLEMS)
async def discharge(
    episode_id: UUID, body: bodies.DischargeBody, key: Key, held: Wired, user: CareStaff
) -> JSONResponse:
    about = await about_episode(held, user, episode_id)
    return await Asked(held, user, key).run("discharge", about, body, DischargeEpisode, "discharge")


@router.post("/episodes/{episode_id}/bed", responses=PROBLEMS)
async def move_bed(episode_id: UUID, body: bodies.BedMoveBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    about = await about_episode(held, user, episode_id)
    return await Asked(held, user, key).run("move_bed", about, body, MoveBed, "move_bed")


@router.post("/episodes/{episode_id}/corrections", responses=PROBLEMS)
async def correct(
    episode_id: UUID, body: bodies.CorrectionBody, key: Key, held: Wired, user: CareStaff
) -> JSONResponse:
    """Backdated correction of a movement; the answer holds the diff."""
    about = await about_episode(held, user, episode_id)
    return await Asked(held, user, key).run("correct", about, body, CorrectMovement, "correct_movement")


@router.post("/items/{item_id}/resolve", responses=PROBLEMS)
async def resolve(item_id: UUID, body: bodies.ResolveBody, key: Key, held: Wired, user: ActingStaff) -> JSONResponse:
    about = await about_item(held, user, item_id)
    return await Asked(held, user, key).run("resolve_item", about, body, ResolveItem, "resolve_item", item_id=item_id)


@router.get("/me", responses=PROBLEMS)
async def me(held: Wired, user: Asking) -> dict[str, Any]:
    return {"username": user.username, "role": user.role, "facilities": list(scope(user, held))}
