"""What routes need, wired once: nothing is read at import."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from temporalio.client import Client

from api.issuers import OidcIssuer
from api.local_users import LocalUsers
from api.rates import Rates
from api.standing import Standing
from api.tokens import TokenIssuer
from runtime.catalog import Catalog
from runtime.clock import BusinessClock
from runtime.keyring import Keyring
from runtime.metrics import Metrics
from runtime.settings import Settings
from storage.engine import Database


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    client: Client
    keyring: Keyring
    catalog: Catalog
    clock: BusinessClock
    tokens: TokenIssuer
    metrics: Metrics
    rates: Rates
    users: LocalUsers
    issuer: OidcIssuer | None
    standing: Standing


def services(request: Request) -> Services:
    held: Services = request.app.state.services
    return held


Wired = Annotated[Services, Depends(services)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        pattern=r"^[A-Za-z0-9._:\-]+$",
        description="The command's own key: the same key and body give the same answer.",
    ),
]
