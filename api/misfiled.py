"""What it takes to say of one fact that it was charted on the wrong episode: each kind is found with what follows from it,
made to count no more, and recorded where it belongs (E03). Nothing is edited."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Services
from api.errors import Problem, problem
from api.tokens import User
from definitions.errors import ErrorType
from definitions.misfiling import Effect, MisfiledKind
from storage.models import Episode
from storage.repositories.command import Remembered


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fact somebody says is charted on the wrong episode, and where it belongs (None: not known, or not wanted)."""

    services: Services
    session: AsyncSession
    user: User
    episode: Episode
    right: Episode | None
    kind: MisfiledKind
    subject: UUID
    now: datetime
    done: bool = False
    """The episode's own workflow has taken it back already: what is found is not refused for that."""

    def unknown(self) -> Problem:
        return problem(ErrorType.NOT_FOUND, f"no such thing is on record: {self.kind.value} {self.subject}")


@dataclass(frozen=True, slots=True)
class Found:
    """The fact, since when it stood, and what becomes otherwise without it. `consent`: disclosures rode on it. `levels`:
    requests and moves that were made on its strength. `before`: what is kept of a fact whose row is written over."""

    row: Any
    recorded_at: datetime
    effects: list[Effect]
    consent: UUID | None = None
    levels: list[UUID] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handled:
    """How one kind is found, made to count no more, and recorded on the right episode (answers the new fact)."""

    find: Callable[[Wrong], Awaitable[Found]]
    void: Callable[[Wrong, Found, UUID], Awaitable[None]]
    record: Callable[[Wrong, Found, Remembered], Awaitable[UUID | None]]
