"""Problems as RFC 9457 documents: one stable type each, a sentence, never a value that was sent."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.headers import HEADERS
from definitions.errors import ErrorType, Refusal, http_status

MEDIA = "application/problem+json"
log = structlog.get_logger()


class ProblemBody(BaseModel):
    """RFC 9457. `code` is stable; `detail` says what to do next. Refusals about a version say whose it is now."""

    type: str
    title: str
    status: int
    detail: str
    code: str | None = None
    errors: list[dict[str, str]] | None = None
    changed_by: str | None = None
    current_version: int | None = None


def _described(status: int, words: str) -> dict[str, Any]:
    return {"description": words, "content": {MEDIA: {"schema": ProblemBody.model_json_schema()}}}


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "accepted, look it up"},
    **{
        status: _described(status, words)
        for status, words in {
            400: "no Idempotency-Key", 401: "no token", 403: "not your right", 404: "unknown or not yours",
            408: "the body came too slowly", 409: "conflicts with the state of things", 413: "too large",
            422: "malformed", 429: "too many requests; Retry-After says when", 503: "away",
        }.items()
    },
}  # fmt: skip
"""What any route may answer beside its own; described where the route is declared."""


class Problem(Exception):
    """A refusal on its way out. `status` overrides the table only where HTTP itself says so."""

    def __init__(self, refusal: Refusal, status: int | None = None, **more: Any) -> None:
        super().__init__(refusal.code.value)
        self.refusal = refusal
        self.status = status or http_status(refusal.code)
        self.more = more


def problem(code: ErrorType, detail: str, **more: Any) -> Problem:
    return Problem(Refusal(code=code, detail=detail), **more)


def body_of(refusal: Refusal, status: int, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"urn:stepdown:error:{refusal.code.value}",
        "title": refusal.code.value.replace("_", " "),
        "status": status,
        "detail": refusal.detail,
        "code": refusal.code.value,
        **more,
    }
    if refusal.changed_by is not None:
        body["changed_by"] = refusal.changed_by
    if refusal.current_version is not None:
        body["current_version"] = refusal.current_version
    return body


def respond(refusal: Refusal, status: int, **more: Any) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(body_of(refusal, status, **more), status, headers, media_type=MEDIA)


def where(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Paths and messages of validation errors, without inputs."""
    return [{"path": ".".join(str(p) for p in e["loc"]), "message": e["msg"]} for e in errors]


def install(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def refused(_: Request, error: Problem) -> JSONResponse:
        return respond(error.refusal, error.status, **error.more)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = where(error.errors())
        missing_key = any(e["path"].lower() == "header.idempotency-key" for e in errors)
        code = ErrorType.IDEMPOTENCY_KEY_MISSING if missing_key else ErrorType.INVALID_REQUEST
        first = errors[0] if errors else {"path": "body", "message": "cannot be read"}
        detail = (
            "send an Idempotency-Key header, so that a repeat is not a second command"
            if missing_key
            else f"{first['path']}: {first['message']}"
        )
        return respond(Refusal(code=code, detail=detail), http_status(code), errors=errors)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        code = {404: ErrorType.NOT_FOUND, 401: ErrorType.UNAUTHENTICATED, 403: ErrorType.FORBIDDEN}.get(
            error.status_code, ErrorType.INVALID_REQUEST
        )
        return respond(Refusal(code=code, detail=str(error.detail)), error.status_code)

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeout)
    async def away(_: Request, error: Exception) -> JSONResponse:
        log.warning("database_away", problem=type(error).__name__)
        refusal = Refusal(
            code=ErrorType.UNAVAILABLE, detail="the database is away; nothing was lost, try again shortly"
        )
        return respond(refusal, 503)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        incident = uuid4().hex[:12]
        log.error("unexpected", incident=incident, problem=type(error).__name__, exc_info=error)
        body = {
            "type": "about:blank",
            "title": "internal error",
            "status": 500,
            "detail": f"something unexpected happened; tell the administrator incident {incident}",
        }
        return JSONResponse(body, 500, HEADERS, media_type=MEDIA)  # the guard does not see this one
