"""Clinical documents of an episode (issue 4, item 9): the bytes as the request's body, everything else beside it."""

import base64
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from api import documents
from api.auth import STAFF, require, scope
from api.bodies import Body, Day
from api.commands import respond
from api.deps import Key, Wired
from api.document_shown import document_shown, entry_of
from api.documents import Filing, checked, read_body
from api.errors import PROBLEMS, problem
from api.routes.access import see_episode
from api.tokens import User
from definitions.document import DocumentType, VoidReason
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from rules.documents import TYPES
from storage.reads.documents import Registered, documents_of, unsigned_of
from storage.repositories.document import Service

router = APIRouter(prefix="/v1", tags=["documents"])
Reader = Annotated[User, Depends(require(*STAFF, Role.AUDITOR))]
Staff = Annotated[User, Depends(require(*STAFF))]
Hash = Annotated[str | None, Query(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256 of the bytes, to be checked")]
Cursor = Annotated[str | None, Query(max_length=120)]
Limit = Annotated[int, Query(ge=1, le=200)]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
BYTES: dict[str, Any] = {"requestBody": {"required": True, "content": dict.fromkeys(sorted(TYPES), _BINARY)}}


class SignBody(Body):
    pass


class VoidBody(Body):
    reason: VoidReason


@router.post("/episodes/{episode_id}/documents", status_code=201, responses=PROBLEMS, openapi_extra=BYTES)
async def file_one(
    episode_id: UUID, request: Request, key: Key, held: Wired, user: Staff, kind: DocumentType, service_date: Day,
    stay_id: UUID | None = None, session_id: UUID | None = None, authorization_id: UUID | None = None,
    cosign: bool = False, sign: bool = False, sha256: Hash = None,
) -> JSONResponse:  # fmt: skip
    """File a document: text, PDF or an image, at most 10 MB, as the body. `sign`: its author, who files it, signs it too;
    `cosign`: somebody else signs beside."""
    async with held.read(user) as session:
        await see_episode(session, held, user, episode_id)
    sent = checked(request, await read_body(request), sha256, sign=sign)
    filing = Filing(kind, Service(service_date, stay_id, session_id, authorization_id), cosign)
    return respond(await documents.file_new(held, user, key, episode_id, filing, sent))


@router.get("/episodes/{episode_id}/documents", responses=PROBLEMS)
async def listed(
    episode_id: UUID, held: Wired, user: Reader, everything: bool = False, cursor: Cursor = None, limit: Limit = 50
) -> JSONResponse:
    """Newest service first; `everything`: voided and amended versions too."""
    at, last = _read_cursor(cursor)
    after = (_day(at), last) if last is not None else None
    async with held.read(user) as session:
        await see_episode(session, held, user, episode_id)
        rows = await documents_of(session, episode_id, after=after, limit=limit + 1, standing_only=not everything)
    return _page(rows, limit, "service_date")


@router.get("/documents/unsigned", responses=PROBLEMS)
async def unsigned(
    held: Wired, user: Staff, author: Literal["me", "all"] = "me", cursor: Cursor = None, limit: Limit = 50
) -> JSONResponse:
    """Documents that wait for their author's signature, the longest first; everybody's for the director."""
    if author == "all" and user.role not in (Role.DIRECTOR.value, Role.ADMIN.value):
        raise problem(
            ErrorType.FORBIDDEN, "everybody's unsigned documents are the director's to see; ask for author=me"
        )
    at, last = _read_cursor(cursor)
    after = (_moment(at), last) if last is not None else None
    async with held.read(user) as session:
        rows = await unsigned_of(
            session, scope(user, held), author=user.actor if author == "me" else None, after=after, limit=limit + 1
        )
    return _page(rows, limit, "received_at")


@router.get("/documents/{document_id}", responses=PROBLEMS)
async def one(document_id: UUID, held: Wired, user: Reader) -> JSONResponse:
    async with held.read(user) as session:
        entry = await documents.see_document(session, held, user, document_id)
    return JSONResponse(document_shown(entry))


@router.get(
    "/documents/{document_id}/body",
    responses={**PROBLEMS, 200: {"content": dict.fromkeys(sorted(TYPES), _BINARY)}}, response_class=Response,
)  # fmt: skip
async def body(document_id: UUID, held: Wired, user: Staff) -> Response:
    """The bytes. Each opening is audited; a counselling note opens for its author only."""
    entry, found = await documents.opened(held, user, document_id)
    name = f"document.{entry.content_type.rsplit('/', 1)[-1].replace('plain', 'txt')}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(found, headers={**headers, "Content-Type": entry.content_type})


@router.post("/documents/{document_id}/sign", responses=PROBLEMS)
async def sign(document_id: UUID, body: SignBody, key: Key, held: Wired, user: Staff) -> JSONResponse:
    """The author's signature, or the second one beside it where one is owed."""
    return respond(await documents.sign(held, user, key, document_id))


@router.post("/documents/{document_id}/amend", status_code=201, responses=PROBLEMS, openapi_extra=BYTES)
async def amend(
    document_id: UUID, request: Request, key: Key, held: Wired, user: Staff, service_date: Day | None = None,
    sign: bool = False, sha256: Hash = None,
) -> JSONResponse:  # fmt: skip
    """Another version with these bytes; the one before stays as it is, and is shown as amended."""
    async with held.read(user) as session:
        await documents.see_document(session, held, user, document_id)
    sent = checked(request, await read_body(request), sha256, sign=sign)
    return respond(await documents.amend(held, user, key, document_id, service_date, sent))


@router.post("/documents/{document_id}/void", responses=PROBLEMS)
async def void(document_id: UUID, body: VoidBody, key: Key, held: Wired, user: Staff) -> JSONResponse:
    """It counts no more, and says why; its bytes stay, for its author and the director."""
    return respond(await documents.void(held, user, key, document_id, body.reason))


def _page(rows: list[Registered], limit: int, order: str) -> JSONResponse:
    entries = [entry_of(row) for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        said = f"{getattr(entries[-1], order).isoformat()}|{entries[-1].document_id}"
        following = base64.urlsafe_b64encode(said.encode()).decode()
    return JSONResponse({"items": [document_shown(entry) for entry in entries], "next": following})


def _read_cursor(text: str | None) -> tuple[str, UUID | None]:
    if text is None:
        return "", None
    try:
        at, _, last = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        return at, UUID(last)
    except ValueError:
        raise _not_ours() from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _not_ours() from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _not_ours() from None


def _not_ours() -> Exception:
    return problem(ErrorType.INVALID_REQUEST, "the cursor is not one this list gave; start from the beginning")
