"""Consents of one person: presented, signed, expired, revoked (domain 3.2, 3.4)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import ConsentStatus
from storage.models.base import Base, one_of


class Consent(Base):
    """`scope` copies purposes, contents and recipients from the form's edition at signing, so a later
    edition never widens what somebody signed."""

    __tablename__ = "consent"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    form: Mapped[str]
    edition: Mapped[str]
    program: Mapped[str | None]
    status: Mapped[ConsentStatus]
    scope: Mapped[dict[str, Any]]
    presented_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str | None]
    """`patient`, `guardian` or `representative`; never a name."""
    witnessed_by: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revocation_received_at: Mapped[datetime | None]
    renews: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"))
    transition_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        one_of("status", ConsentStatus),
        Index("ix_consent_episode", "episode_id", "status"),
        Index("ix_consent_person", "person_id", "form", "status"),
        Index(
            "uq_consent_presented",
            "episode_id",
            "form",
            text("coalesce(program, '')"),
            unique=True,
            postgresql_where=text("status = 'presented'"),
        ),
    )
