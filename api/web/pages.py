"""All server-rendered pages as one router (no prefix); static files are mounted at /static by the app."""

from fastapi import APIRouter

from api.web import (
    alike,
    boards,
    break_glass,
    case,
    consent_signing,
    consents,
    entrance,
    episode,
    joined,
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
    alike,
    joined,
    episode,
):
    router.include_router(part.router)
