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
from api.commands import CommandResult, command_key, run_command
from api.deps import Key, Wired
from api.errors import problem
from api.facts import record_assessment, settle_alert
from api.referrals import read_bundle, start_episode
from api.routes.access import see_consent, see_episode, see_item
from api.shown import happened, page, row
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
from definitions.person import PersonDetails
from definitions.referral import CoverageDetails, Referral, ReferralDiagnosis
from definitions.vocabulary import MovementKind, Role
from interchange.fhir.bundle import BYTES_MAX
from runtime.people import search_tokens
from storage.reads.episodes import episode_list, episode_page
from storage.reads.episodes import timeline as read_timeline
from storage.repositories.person import people_with

router = APIRouter(prefix="/v1", tags=["episodes"])
PROBLEMS: dict[int | str, dict[str, Any]] = {
    s: {"description": d}
    for s, d in {
        400: "no Idempotency-Key", 401: "no token", 403: "not your right", 404: "unknown or not yours",
        409: "conflicts with the state of things", 422: "malformed", 202: "accepted, look it up", 503: "away",
    }.items()
}  # fmt: skip
Admissions = Annotated[User, Depends(require(Role.ADMISSIONS))]
CareStaff = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS))]
Staff = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]
ActingStaff = Annotated[User, Depends(require(*STAFF))]


def respond(result: CommandResult) -> JSONResponse:
    media = "application/problem+json" if result.refused else None
    return JSONResponse(result.body, result.status_code, result.headers, media_type=media)


def who(user: User, key: str, now: datetime, episode_id: UUID, version: int | None = None) -> dict[str, Any]:
    return {
        "key": command_key(user, key), "actor": user.actor, "role": Role(user.role), "now": now,
        "episode_id": episode_id, "expected_version": version,
    }  # fmt: skip


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
    return respond(await start_episode(held, user, key, referral))


@router.post("/episodes/import", status_code=201, responses=PROBLEMS)
async def start_from_bundle(
    request: Request, key: Key, held: Wired, user: Admissions, facility: str | None = None
) -> JSONResponse:
    """The same from a FHIR R4 bundle (Patient, Coverage, Condition, ServiceRequest); `notes` say what was left out."""
    default = facility or (scope(user, held)[0] if len(scope(user, held)) == 1 else None)
    read = await read_bundle(held, await _body(request), facility=default)
    if isinstance(read, tuple):
        first = read[0]
        raise problem(
            ErrorType.UNKNOWN_PAYER if first.code == "unknown_payer" else ErrorType.IMPORT_INVALID,
            first.told,
            problems=[p.model_dump() for p in read],
        )
    result = await start_episode(held, user, key, read, "import_episode")
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
    async with held.database.read() as session:
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
    async with held.database.read() as session:
        found = await episode_page(session, scope(user, held), episode_id)
        if found is None:
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: episode {episode_id}")
        return JSONResponse(jsonable_encoder(page(found)))


@router.get("/episodes/{episode_id}/timeline", responses=PROBLEMS)
async def timeline(
    episode_id: UUID,
    held: Wired,
    user: Staff,
    cursor: int | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> JSONResponse:
    async with held.database.read() as session:
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
    async with held.database.read() as session:
        await see_episode(session, held, user, episode_id)
    fields = body.model_dump()
    return respond(
        await run_command(
            held, user, key, "sign_consent", _said(episode_id, body),
            lambda now: SignConsent(**who(user, key, now, episode_id), witnessed_by=user.actor, **fields),
            "sign_consent",
        )
    )  # fmt: skip


def _said(episode_id: UUID, body: bodies.Body) -> dict[str, Any]:
    return {"episode": str(episode_id), **body.model_dump(mode="json")}


@router.post("/consents/{consent_id}/revoke", responses=PROBLEMS)
async def revoke(consent_id: UUID, body: bodies.RevokeBody, key: Key, held: Wired, user: ActingStaff) -> JSONResponse:
    async with held.database.read() as session:
        _, episode = await see_consent(session, held, user, consent_id)
    fields = body.model_dump()
    return respond(
        await run_command(
            held, user, key, "revoke_consent", {"consent": str(consent_id), **body.model_dump(mode="json")},
            lambda now: RevokeConsent(**who(user, key, now, episode.id), consent_id=consent_id, **fields),
            "revoke_consent",
        )
    )  # fmt: skip


@router.post("/episodes/{episode_id}/leave", responses=PROBLEMS)
async def leave(episode_id: UUID, body: bodies.LeaveBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    async with held.database.read() as session:
        await see_episode(session, held, user, episode_id)
    return respond(
        await run_command(
            held, user, key, "leave", _said(episode_id, body),
            lambda now: StartLeave(
                **who(user, key, now, episode_id, body.version), kind=MovementKind(body.kind), left_at=body.left_at,
                expected_return_at=body.expected_return_at, reason=body.reason,
            ),
            "start_leave",
        )
    )  # fmt: skip


@router.post("/episodes/{episode_id}/return", responses=PROBLEMS)
async def come_back(episode_id: UUID, body: bodies.ReturnBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    async with held.database.read() as session:
        await see_episode(session, held, user, episode_id)
    return respond(
        await run_command(
            held, user, key, "return", _said(episode_id, body),
            lambda now: ReturnFromLeave(
                **who(user, key, now, episode_id, body.version), returned_at=body.returned_at, bed_id=body.bed_id
            ),
            "return_from_leave",
        )
    )  # fmt: skip


@router.post("/episodes/{episode_id}/discharge", responses=PROBLEMS)
async def discharge(
    episode_id: UUID, body: bodies.DischargeBody, key: Key, held: Wired, user: CareStaff
) -> JSONResponse:
    async with held.database.read() as session:
        await see_episode(session, held, user, episode_id)
    return respond(
        await run_command(
            held, user, key, "discharge", _said(episode_id, body),
            lambda now: DischargeEpisode(
                **who(user, key, now, episode_id, body.version), disposition=body.disposition,
                effective_at=body.effective_at, reason=body.reason,
            ),
            "discharge",
        )
    )  # fmt: skip


@router.post("/episodes/{episode_id}/bed", responses=PROBLEMS)
async def move_bed(episode_id: UUID, body: bodies.BedMoveBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    async with held.database.read() as session:
        await see_episode(session, held, user, episode_id)
    return respond(
        await run_command(
            held, user, key, "move_bed", _said(episode_id, body),
            lambda now: MoveBed(
                **who(user, key, now, episode_id, body.version), bed_id=body.bed_id, effective_at=body.effective_at,
                reason=body.reason,
            ),
            "move_bed",
        )
    )  # fmt: skip


@router.post("/episodes/{episode_id}/corrections", responses=PROBLEMS)
async def correct(
    episode_id: UUID, body: bodies.CorrectionBody, key: Key, held: Wired, user: CareStaff
) -> JSONResponse:
    """Backdated correction of a movement; the answer holds the diff."""
    async with held.database.read() as session:
        await see_episode(session, held, user, episode_id)
    return respond(
        await run_command(
            held, user, key, "correct", _said(episode_id, body),
            lambda now: CorrectMovement(
                **who(user, key, now, episode_id, body.version), movement_id=body.movement_id,
                effective_at=body.effective_at, void=body.void, reason=body.reason,
            ),
            "correct_movement",
        )
    )  # fmt: skip


@router.post("/items/{item_id}/resolve", responses=PROBLEMS)
async def resolve(item_id: UUID, body: bodies.ResolveBody, key: Key, held: Wired, user: ActingStaff) -> JSONResponse:
    async with held.database.read() as session:
        item = await see_item(session, held, user, item_id)
    return respond(
        await run_command(
            held, user, key, "resolve_item", {"item": str(item_id), **body.model_dump(mode="json")},
            lambda now: ResolveItem(
                **who(user, key, now, item.episode_id), item_id=item_id, resolution=body.resolution,
                cancelled=body.cancelled,
            ),
            "resolve_item",
        )
    )  # fmt: skip


@router.get("/me", responses=PROBLEMS)
async def me(held: Wired, user: Asking) -> dict[str, Any]:
    return {"username": user.username, "role": user.role, "facilities": list(scope(user, held))}
