"""The copy of one patient's record, for the patient (issue 4, item 10; 45 CFR 164.524)."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from api import exporting
from api.auth import require
from api.bodies import Body
from api.commands import respond
from api.deps import Key, Wired
from api.disclosure_bodies import Code
from api.errors import PROBLEMS
from api.exporting import COPIES
from api.tokens import User
from definitions.vocabulary import Role

router = APIRouter(prefix="/v1", tags=["records"])
Director = Annotated[User, Depends(require(Role.DIRECTOR))]
Overseer = Annotated[User, Depends(require(Role.DIRECTOR, Role.AUDITOR))]


class ExportBody(Body):
    """`notes_consent`: the patient's consent to have their counselling notes in it; without one they are left out."""

    notes_consent: UUID | None = None


class HandOverBody(Body):
    channel: Literal["in_person", "post", "portal", "electronic"]


class ExtendBody(Body):
    reason: Code


def _answers(name: str) -> dict[int | str, dict[str, Any]]:
    return {**PROBLEMS, 200: {"content": {COPIES[name]: {}}}}


@router.post("/patients/{person_id}/exports", status_code=201, responses=PROBLEMS)
async def ask(person_id: UUID, body: ExportBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    """Ask for a copy of everything. It is made in the background; an owned item waits until it is handed over."""
    return respond(await exporting.ask(held, user, key, person_id, body.notes_consent))


@router.get("/exports/{export_id}", responses=PROBLEMS)
async def how_far(export_id: UUID, held: Wired, user: Overseer) -> JSONResponse:
    return JSONResponse(await exporting.how_far(held, user, export_id))


@router.get("/exports/{export_id}/bundle", responses=_answers("bundle"), response_class=Response)
async def bundle(export_id: UUID, held: Wired, user: Director) -> Response:
    """The record as a FHIR R4 bundle. Each opening is audited."""
    return _file(await exporting.opened(held, user, export_id, "bundle"), "bundle", "record.json")


@router.get("/exports/{export_id}/pdf", responses=_answers("pdf"), response_class=Response)
async def pdf(export_id: UUID, held: Wired, user: Director) -> Response:
    """The same to read, as a tagged PDF (PDF/UA-1). Each opening is audited."""
    return _file(await exporting.opened(held, user, export_id, "pdf"), "pdf", "record.pdf")


@router.post("/exports/{export_id}/hand-over", responses=PROBLEMS)
async def hand_over(export_id: UUID, body: HandOverBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    return respond(await exporting.hand_over(held, user, key, export_id, body.channel))


@router.post("/exports/{export_id}/extend", responses=PROBLEMS)
async def extend(export_id: UUID, body: ExtendBody, key: Key, held: Wired, user: Director) -> JSONResponse:
    """Thirty days more, once, with a reason that the patient is told."""
    return respond(await exporting.extend(held, user, key, export_id, body.reason))


def _file(body: bytes, name: str, filename: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(body, media_type=COPIES[name], headers=headers)
