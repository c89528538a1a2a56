"""Owned open items and the clock data of every workflow (D6, D7)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import DeadlineKind, OpenItemStatus
from storage.models.base import Base, one_of


class OpenItem(Base):
    """Something still owed by a named role. `why` is a sentence with ids and codes only."""

    __tablename__ = "open_item"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    kind: Mapped[str]
    subject_id: Mapped[str | None]
    owner_role: Mapped[str]
    why: Mapped[str]
    rule: Mapped[str | None]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    status: Mapped[OpenItemStatus]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolution: Mapped[str | None]
    """The house's own words (definitions/staff_words.py); a person's stand sealed."""
    sealed_resolution: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        one_of("status", OpenItemStatus),
        Index("ix_open_item_owner", "facility", "owner_role", "due_at", postgresql_where=text("status = 'open'")),
        Index("ix_open_item_episode", "episode_id", "status"),
    )


class Due(Base):
    """Every deadline of every workflow: what happens next, when and why. The driven clock reads its
    minimum (D7); `next_events` reads an owner's rows (D6). `owner_kind`: episode, authorization."""

    __tablename__ = "due"

    owner_kind: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[DeadlineKind]
    at: Mapped[datetime]
    why: Mapped[str]
    subject_id: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None]

    __table_args__ = (one_of("kind", DeadlineKind), Index("ix_due_at", "at", "owner_kind", "owner_id"))
