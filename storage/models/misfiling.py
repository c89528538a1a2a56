"""Facts that were recorded on the wrong episode (E03)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.misfiling import MisfiledKind, MisfilingReason
from storage.models.base import Base, one_of


class Misfiling(Base):
    """One fact that counts no more on `episode_id`. Append-only; the fact itself is never edited. `subject_id` is the fact,
    for attendance its session; `recorded_as` the fact made of it on `right_episode_id`. `before` is what an attendance
    said, `effects` what followed; ids and codes."""

    __tablename__ = "misfiling"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[MisfiledKind] = mapped_column()
    subject_id: Mapped[UUID]
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    """Whose record it stood in then."""
    right_episode_id: Mapped[UUID | None] = mapped_column(ForeignKey("episode.id"))
    recorded_as: Mapped[UUID | None]
    other_person: Mapped[bool]
    reason: Mapped[MisfilingReason] = mapped_column()
    before: Mapped[dict[str, Any]]
    effects: Mapped[list[Any]]
    at: Mapped[datetime]
    actor: Mapped[str]
    command_key: Mapped[str]

    __table_args__ = (
        one_of("kind", MisfiledKind),
        one_of("reason", MisfilingReason),
        CheckConstraint("right_episode_id <> episode_id", name="two_episodes"),
        # A place in a session can be recorded wrongly again once it is empty; every other fact is said once.
        Index(
            "uq_misfiling_subject_id", "subject_id", unique=True, postgresql_where=text("kind <> 'attendance'")
        ),
        Index("ix_misfiling_episode_id", "episode_id", "at"),
        Index("ix_misfiling_right_episode_id", "right_episode_id", postgresql_where=text("right_episode_id IS NOT NULL")),
    )  # fmt: skip
