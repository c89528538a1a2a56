"""What routes need, wired once: nothing is read at import."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from api.issuers import OidcIssuer
from api.local_users import LocalUsers
from api.rates import Rates
from api.standing import Standing
from api.tokens import TokenIssuer, User
from runtime.catalog import Catalog
from runtime.clock import BusinessClock
from runtime.keyring import Keyring
from runtime.metrics import Metrics
from runtime.settings import Settings
from storage.scope import BETWEEN, HouseAct, Scope, ScopedDatabase, for_house

EVERYWHERE: Final = "*"


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: ScopedDatabase
    """None of its transactions is had without a scope: `read(user)`, `write(user)`, or a named one of storage/scope.py."""
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

    def facilities_of(self, user: User) -> tuple[str, ...]:
        """Facilities this user may see; nothing granted is nothing seen."""
        if EVERYWHERE in user.facilities:
            return tuple(self.catalog.latest.facilities)
        return user.facilities

    def scope(self, user: User) -> Scope:
        sayable = tuple(f for f in self.facilities_of(user) if f and BETWEEN not in f)
        return Scope(user.actor, user.role, sayable, opened=tuple(sorted(user.opened)))

    def house(self, act: HouseAct, user: User | None = None) -> Scope:
        """Every facility, for one of the acts that need it."""
        houses = tuple(self.catalog.latest.facilities)
        return for_house(act, houses, user.actor, user.role) if user is not None else for_house(act, houses)

    def read(self, user: User) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction that sees what this user may see, whatever its statements ask for."""
        return self.database.read(self.scope(user))

    def write(self, user: User) -> AbstractAsyncContextManager[AsyncSession]:
        return self.database.write(self.scope(user))


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
