"""Workflow payloads in clear for Temporal's own pages: who may, what was opened, and nothing the other way round.

Speaks the protocol of remote codecs: the page sends sealed payloads with the user's own access token (`Pass the user access
token` in its settings) and shows what comes back. There is no way to have something sealed here."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Header, Response
from fastapi.responses import JSONResponse
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from temporalio.api.common.v1 import Payload, Payloads

from api.auth import require
from api.deps import Services, Wired
from api.errors import PROBLEMS, problem
from api.tokens import User
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from runtime.codec import SealedPayloads, UnreadablePayload
from runtime.payload_subjects import subjects_of
from storage.repositories.timeline import audit

router = APIRouter(prefix="/codec", tags=["operation"])
Opener = Annotated[User, Depends(require(Role.ADMIN, Role.AUDITOR))]
CHAIN: Final = "opened_payloads"
"""Audit chain of what was opened."""
MOST: Final = 500
"""Payloads of one ask; a page of a history shows a hundred events."""


def _cross_origin(held: Services) -> dict[str, str]:
    origin = held.settings.temporal_ui_origin
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Headers": "authorization,content-type,x-namespace",
        "Access-Control-Allow-Methods": "POST",
        "Vary": "Origin",
    }


@router.options("/decode", include_in_schema=False)
async def ask_first(held: Wired) -> Response:
    """The browser asks whether the page may ask (no token yet, and nothing is told)."""
    return Response(status_code=204, headers=_cross_origin(held))


@router.post("/decode", responses=PROBLEMS)
async def decode(
    said: Annotated[dict[str, Any], Body()], held: Wired, user: Opener,
    namespace: Annotated[str | None, Header(alias="X-Namespace", max_length=200)] = None,
) -> JSONResponse:  # fmt: skip
    """Open payloads of one namespace, ours. Who opened how many, and about whom as far as they say it, is on record before
    anything is shown; of payloads that do not open, how many were asked for."""
    if namespace not in (None, held.settings.temporal_namespace):
        raise problem(ErrorType.NOT_FOUND, "no such namespace is opened here")
    asked = _payloads(said)
    refused, opened = None, list[Payload]()
    try:
        opened = await SealedPayloads(held.keyring).decode(list(asked.payloads))
    except UnreadablePayload as error:
        refused = str(error)
    detail = {"payloads": len(asked.payloads), "opened": refused is None, "about": subjects_of(opened)}
    async with held.write(user) as session:
        now = await held.clock.now()
        audit(
            session, chain=CHAIN, at=now, actor=user.actor, role=user.role, action="payloads_opened",
            subject="temporal", purpose="operations", detail=detail,
        )  # fmt: skip
    if refused is not None:
        raise problem(ErrorType.INVALID_REQUEST, refused)
    body: dict[str, Any] = MessageToDict(Payloads(payloads=opened))
    return JSONResponse(body, headers=_cross_origin(held))


def _payloads(said: Any) -> Payloads:
    try:
        asked = ParseDict(said, Payloads())
    except (ParseError, TypeError, AttributeError):
        raise problem(ErrorType.INVALID_REQUEST, 'send {"payloads": [...]} as Temporal writes them') from None
    if not 0 < len(asked.payloads) <= MOST:
        raise problem(ErrorType.INVALID_REQUEST, f"send 1 to {MOST} payloads at a time")
    return asked
