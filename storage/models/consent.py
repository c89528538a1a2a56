"""Consents of one person: presented, signed, expired, revoked (domain 3.2, 3.4)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
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
    """The house's own words; what somebody said when they refused, or could not sign, stands sealed."""
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    signatures: Mapped[list[Any] | None]
    """Who signed, when and how: party, guardian's id, method, language, interpreter's id, capacity, version and hash of the
    text as shown, witness. Ids and codes."""
    rendering: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The text exactly as shown, under the person's key; None where nobody said what was shown."""
    reminded: Mapped[int] = mapped_column(server_default=text("0"))
    """Reminders of renewal that were given (domain 3.4: 30, 14, 3 days)."""
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


class Guardian(Base):
    """Who may sign for somebody, by which document and when. The name stands in `sealed`, under the person's key."""

    __tablename__ = "guardian"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    relationship: Mapped[str]
    """`parent`, `legal_guardian`, `agency`, `power_of_attorney` or `personal_representative` (2.14, 2.15)."""
    document: Mapped[str]
    """The id of the document of authority, as the house files it."""
    from_date: Mapped[date]
    until_date: Mapped[date | None]
    """The last day, in the facility's zone."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    """Ended before its dates said so; what they signed follows the reason (rules/authority.py)."""
    end_reason: Mapped[str | None]
    ended_by: Mapped[str | None]

    __table_args__ = (CheckConstraint("until_date IS NULL OR until_date >= from_date", name="dates_in_order"),)
