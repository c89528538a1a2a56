"""The memory of commands, the outbox that follows writes, and the business clock (D2, D1, D7)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Identity, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class Command(Base):
    """`key` is the Idempotency-Key with its caller. `accepted_at` is the business `now` of the first
    acceptance: a retry uses it again. `status`: `accepted`, `done`, `refused`."""

    __tablename__ = "command"

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    body_hash: Mapped[str]
    actor: Mapped[str]
    subject_id: Mapped[UUID | None]
    accepted_at: Mapped[datetime]
    status: Mapped[str]
    answer: Mapped[dict[str, Any] | None]
    answered_at: Mapped[datetime | None]


class Outbox(Base):
    """Id-only messages to workflows, written with the fact they announce, relayed once committed."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    target: Mapped[str]
    """Workflow id the message is for."""
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    relayed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    parked: Mapped[bool] = mapped_column(Boolean, server_default=false())
    problem: Mapped[str | None]

    __table_args__ = (Index("ix_outbox_unsent", "id", postgresql_where=text("relayed_at IS NULL")),)


class BusinessClock(Base):
    """The shared `now` of the driven drive; a single row, absent in the wall drive (D7)."""

    __tablename__ = "business_clock"

    id: Mapped[int] = mapped_column(primary_key=True)
    now: Mapped[datetime]
