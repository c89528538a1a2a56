"""Which facility a page is about, and its zone."""

from api.auth import scope
from api.deps import Services
from api.errors import problem
from api.tokens import User
from definitions.errors import ErrorType
from definitions.facility import Facility


def facilities_of(user: User, services: Services) -> list[Facility]:
    known = services.catalog.latest.facilities
    return [known[key] for key in scope(user, services) if key in known]


def facility_of(user: User, services: Services, key: str | None) -> Facility:
    """The one asked for, or the user's first. Not yours is the same as unknown."""
    mine = facilities_of(user, services)
    chosen = next((f for f in mine if key is None or f.key == key), None)
    if chosen is None:
        raise problem(ErrorType.NOT_FOUND, "no such facility is on record for you; ask an administrator for access")
    return chosen


def inside(path: str) -> str:
    """Only a path of our own: a sign-in page must not send people elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\", "/login")) else "/"
