"""The door for notifications of PAS subscriptions (api.md, Payers; domain 4.6)."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.deps import Wired
from api.errors import PROBLEMS, problem
from api.inbound import REFUSED
from api.notified import take_notification
from api.routes.payer_exchange import TOO_LARGE, PayerMachine, whole_body
from definitions.errors import ErrorType

router = APIRouter(prefix="/fhir", tags=["payers"])
FHIR: Final = "application/fhir+json"
BODY: Final = {"requestBody": {"required": True, "content": {FHIR: {"schema": {"type": "object"}}}}}


@router.post("/payers/{payer}/notifications", responses={**PROBLEMS, TOO_LARGE: {}}, openapi_extra=BODY)
async def notified(payer: str, request: Request, held: Wired, user: PayerMachine) -> JSONResponse:
    """What a PAS subscription tells: response bundles, whole. Said again, it is the same answer. A handshake or heartbeat is
    answered and changes nothing."""
    if user.username != payer:
        raise problem(ErrorType.NOT_FOUND, "no such thing is on record: that payer")
    raw = await whole_body(request)
    verdict, count = await take_notification(held, held.catalog.latest.payers[payer], raw)
    if verdict == REFUSED:
        raise problem(ErrorType.INVALID_REQUEST, "this is no PAS notification with response bundles; it is kept unread")
    return JSONResponse({"verdict": verdict, "bundles": count})
