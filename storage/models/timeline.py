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
    """`chain` names an independent hash chain (an episode id, or `house`); a trigger fills place and
    hashes. `place` counts the entries of the chain from 1 (none before revision 0013)."""

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
    place: Mapped[int | None] = mapped_column(BigInteger)
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("ix_audit_entry_chain", "chain", "id"),
        Index("uq_audit_entry_chain_place", "chain", "place", unique=True),
    )


class ChainHead(Base):
    """How far each hash chain came: without it nobody notices that its last entries were deleted. Moves with the
    entries only, by their triggers. `ledger` is the chained table."""

    __tablename__ = "chain_head"

    ledger: Mapped[str] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(primary_key=True)
    length: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes | None] = mapped_column(LargeBinary)
    moved_at: Mapped[datetime]
