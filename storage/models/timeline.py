"""What happened (timeline, for people) and who did it (audit, hash-chained, append-only)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class TimelineEntry(Base):
    __tablename__ = "timeline_entry"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    facility: Mapped[str]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    kind: Mapped[str]
    actor: Mapped[str]
    edition: Mapped[str]
    detail: Mapped[dict[str, Any]]
    command_key: Mapped[str | None]

    __table_args__ = (
        Index("ix_timeline_entry_episode", "episode_id", "at", "id"),
        Index("ix_timeline_entry_feed", "facility", "id"),
    )


class AuditEntry(Base):
    """`chain` names an independent hash chain (an episode id, or `house`); a trigger fills the hashes."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    chain: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    purpose: Mapped[str]
    detail: Mapped[dict[str, Any]]
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_audit_entry_chain", "chain", "id"),)
