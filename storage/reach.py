"""How far a user sees: their facilities, without the people who are hidden from them, with the episodes they broke the glass
for. Every list takes one, so that nobody forgets the second half."""

from collections.abc import Iterable
from typing import Any, Self
from uuid import UUID

from sqlalchemy import or_, true


class Reach(tuple[str, ...]):
    """The facilities, as a tuple. `hidden` are ids of people and of their episodes alike; `opened` ids of episodes."""

    hidden: frozenset[UUID]
    opened: frozenset[UUID]

    def __new__(
        cls, facilities: Iterable[str], hidden: frozenset[UUID] = frozenset(), opened: frozenset[UUID] = frozenset()
    ) -> Self:
        made = super().__new__(cls, tuple(facilities))
        made.hidden, made.opened = hidden, opened
        return made

    def only(self, facilities: Iterable[str]) -> "Reach":
        """The same eyes on fewer facilities."""
        return Reach((f for f in facilities if f in self), self.hidden, self.opened)

    def sees(self, facility: str | None, *about: UUID | None) -> bool:
        """`about`: ids of the person and the episode the row is about."""
        known = [i for i in about if i is not None]
        if facility is None or not self.hidden.isdisjoint(known):
            return False
        return facility in self or not self.opened.isdisjoint(known)

    @property
    def hidden_ids(self) -> list[str]:
        """For `... <> ALL(CAST(:hidden AS uuid[]))`."""
        return sorted(str(i) for i in self.hidden)

    def shows(self, column: Any) -> Any:
        """A condition on a column of people or episodes; a row about nobody is shown."""
        if not self.hidden:
            return true()
        return or_(column.is_(None), column.not_in(self.hidden))
