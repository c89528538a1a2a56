"""All server-rendered pages as one router (no prefix); static files are mounted at /static by the app."""

from fastapi import APIRouter

from api.web import (
    boards,
    break_glass,
    case,
    consent_signing,
    consents,
    entrance,
    episode,
    newcomer,
    through_issuer,
    worklist,
)

router = APIRouter(include_in_schema=False)
for part in (
    entrance,
    through_issuer,
    boards,
    break_glass,
    worklist,
    case,
    newcomer,
    consents,
    consent_signing,
    episode,
):
    router.include_router(part.router)
