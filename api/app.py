"""The application: services wired, routes mounted, the guard before them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles

from api import errors, exporting
from api.auth import LoginNeeded
from api.configuration import put_on_record
from api.deps import Services
from api.guard import Guard
from api.issuers import OidcIssuer
from api.local_users import LocalUsers
from api.rates import Rates
from api.routes import (
    authorizations,
    break_glass,
    census,
    codec,
    consents,
    coverages,
    departures,
    disclosures,
    documents,
    episodes,
    events,
    exports,
    fhir,
    misfilings,
    operation,
    payer_exchange,
    payer_notifications,
    people,
    quarantine,
    retention,
    transitions,
    users,
)
from api.standing import Standing
from api.tokens import TokenIssuer
from api.web import pages
from runtime.catalog import load_catalog
from runtime.clock import clock_for
from runtime.keyring_file import load_keyring
from runtime.metrics import Metrics
from runtime.settings import Settings
from runtime.temporal import connect
from storage.engine import make_engine
from storage.repositories.clock import read_clock
from storage.row_security import DatabaseRole
from storage.scope import NOBODY, ScopedDatabase

STATIC = Path(__file__).parent / "web" / "static"
log = structlog.get_logger()


async def wire(settings: Settings, rates: Rates | None = None) -> Services:
    """Everything the API needs. Temporal is reached lazily: charting goes on while it is away (D1)."""
    keyring = load_keyring(settings)
    database = ScopedDatabase(
        make_engine(
            settings.address_of("api"),
            pool_size=settings.database_pool,
            application="api",
            role=DatabaseRole.API if settings.api_database_url else None,
        )
    )

    async def moment() -> datetime | None:
        async with database.read(NOBODY) as session:
            return await read_clock(session)

    client = await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        keyring,
        lazy=True,
        tls=settings.temporal_tls,
        api_key=settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None,
    )
    return Services(
        settings=settings,
        database=database,
        client=client,
        keyring=keyring,
        catalog=load_catalog(settings.catalog_folder),
        clock=clock_for(settings.drive, moment),
        tokens=TokenIssuer(settings),
        metrics=Metrics(),
        users=LocalUsers(database, enabled=settings.local_users),
        rates=rates or Rates(settings, time.monotonic),
        issuer=OidcIssuer(settings) if settings.oidc_issuer else None,
        standing=Standing(database),
    )


def create_app(settings: Settings) -> FastAPI:
    rates = Rates(settings, time.monotonic)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = await wire(settings, rates)
        app.state.services = services
        await services.users.ensure_demo(["*"])
        await exporting.start_unmade(services)
        recorded = asyncio.create_task(put_on_record(services))
        yield
        await exporting.stop()
        recorded.cancel()
        with suppress(asyncio.CancelledError):
            await recorded
        if services.issuer is not None:
            await services.issuer.close()
        await services.database.close()

    app = FastAPI(
        title="Stepdown",
        version="0.1.0",
        description="Levels-of-care orchestrator. Commands want an Idempotency-Key; errors are problem+json.",
        lifespan=lifespan,
        docs_url=None,  # pages of its own that would load scripts from elsewhere
        redoc_url=None,
    )
    errors.install(app)

    @app.exception_handler(LoginNeeded)
    async def to_login(request: Request, _: Exception) -> RedirectResponse:
        return RedirectResponse("/login", status_code=303)

    @app.middleware("http")
    async def counted(request: Request, following: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        response = await following(request)
        route = getattr(request.scope.get("route"), "path", "unmatched")
        app.state.services.metrics.answered(
            method=request.method, route=route, status=response.status_code, seconds=time.perf_counter() - began
        )
        return response

    app.add_middleware(
        Guard, public_url=settings.public_url, rates=rates, also={"/codec/decode": settings.temporal_ui_origin}
    )
    care = (operation, users, codec, episodes, consents, coverages, transitions, authorizations, census, events)
    records = (break_glass, disclosures, departures, documents, fhir, retention, exports)
    for routes in (*care, misfilings, people, payer_exchange, payer_notifications, quarantine, *records):
        app.include_router(routes.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
