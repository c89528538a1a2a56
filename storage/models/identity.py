"""Records that may be one person, and what was decided about them (E03)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from definitions.identity import PairStatus
from storage.models.base import Base, one_of


class PersonPair(Base):
    """Two records that look alike, the lower id first. What somebody said about them is kept, so that nobody is asked the
    same question twice; `reasons` are words without values."""

    __tablename__ = "person_pair"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    one_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    other_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    rank: Mapped[int]
    reasons: Mapped[list[Any]]
    status: Mapped[PairStatus]
    found_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        one_of("status", PairStatus),
        CheckConstraint("one_id < other_id", name="in_order"),
        UniqueConstraint("one_id", "other_id", name="uq_person_pair_once"),
        Index("ix_person_pair_queue", "status", "rank", "id"),
    )
