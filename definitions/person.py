"""A person as their sealed document holds them. Personal: never a workflow payload, never a log line."""

from datetime import date
from uuid import UUID

from definitions.base import WireModel


class Identifier(WireModel):
    system: str
    value: str


class PersonDetails(WireModel):
    """Everything that identifies somebody. `member_ids` by coverage id. Says nothing when printed."""

    family: str
    given: tuple[str, ...]
    birth_date: date
    gender: str = "U"
    """X12 DMG03: F, M or U; the payer's record, not the chosen one (E14)."""
    preferred_name: str | None = None
    street: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    telephone: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    member_ids: dict[UUID, str] = {}

    @property
    def legal_name(self) -> str:
        """As forms and letters say it: every given name and the family name on record, not a chosen one (E14)."""
        return " ".join((*self.given, self.family))

    @property
    def display_name(self) -> str:
        first = self.preferred_name or (self.given[0] if self.given else "")
        return f"{first} {self.family}".strip()

    @property
    def initials(self) -> str:
        first = (self.preferred_name or (self.given[0] if self.given else ""))[:1]
        return f"{first}{self.family[:1]}".upper()

    def __repr__(self) -> str:
        return "PersonDetails(***)"

    __str__ = __repr__
