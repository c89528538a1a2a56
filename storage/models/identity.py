"""Records that may be one person, and what was decided about them (E03)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
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


class PersonMerge(Base):
    """Two records were one person, or, with `ends`, that was taken back. Append-only; `person.merged_into` mirrors what
    stands. `ended_episode_id`: the running episode that was closed for it (E04)."""

    __tablename__ = "person_merge"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    """The order of merges: moments of a driven clock may be equal."""
    survivor_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    merged_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    ends: Mapped[UUID | None] = mapped_column(ForeignKey("person_merge.id"))
    reason: Mapped[str]
    ended_episode_id: Mapped[UUID | None] = mapped_column(ForeignKey("episode.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    command_key: Mapped[str]

    __table_args__ = (
        CheckConstraint("survivor_id <> merged_id", name="two_people"),
        Index("uq_person_merge_ends", "ends", unique=True, postgresql_where=text("ends IS NOT NULL")),
    )


class PersonMergeRow(Base):
    """What one merge did to one row, and what the row said before: how it is taken back exactly. `act`: moved, voided,
    reranked, superseded. Of kind `survivor_episode`: what the survivor had already, so that what came since is known."""

    __tablename__ = "person_merge_row"

    merge_id: Mapped[UUID] = mapped_column(ForeignKey("person_merge.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    row_id: Mapped[UUID] = mapped_column(primary_key=True)
    act: Mapped[str]
    before: Mapped[dict[str, Any]]
