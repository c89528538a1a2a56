"""One signed-in request: what every page handler starts from."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from api.auth import scope, web_user
from api.deps import Services, Wired
from api.tokens import User
from api.web.rendering import page
from storage.reach import Reach


@dataclass(frozen=True, slots=True)
class Visit:
    request: Request
    held: Services
    user: User

    @property
    def mine(self) -> Reach:
        """Facilities this visitor may see, without the people hidden from them."""
        return scope(self.user, self.held)

    @property
    def places(self) -> dict[str, str]:
        """Names of the facilities this visitor may see, by key."""
        facilities = self.held.catalog.latest.facilities
        return {key: facilities[key].name for key in self.mine if key in facilities}

    @property
    def zone(self) -> str:
        """For a page of no one facility: the time of the first the visitor may see."""
        facilities = self.held.catalog.latest.facilities
        return next((facilities[key].zone for key in self.mine if key in facilities), "UTC")

    def page(self, template: str, status: int = 200, **shown: Any) -> Response:
        return page(self.request, template, status, user=self.user, **shown)


async def _visit(request: Request, held: Wired, user: Annotated[User, Depends(web_user)]) -> Visit:
    return Visit(request, held, user)


Visiting = Annotated[Visit, Depends(_visit)]
