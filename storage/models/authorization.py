"""Authorization cases: one payer, one stay; their requests and the payer's decisions (domain 4.4)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import AuthorizationStatus, RequestKind
from storage.models.base import Base, one_of


class Authorization(Base):
    """`last_covered_day` is inclusive (AUTH-06). `stay_id` None: asked ahead of admission.
    `why` is the sentence behind the status."""

    __tablename__ = "authorization"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    coverage_id: Mapped[UUID] = mapped_column(ForeignKey("coverage.id"))
    stay_id: Mapped[UUID | None]
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    payer: Mapped[str]
    level: Mapped[str]
    status: Mapped[AuthorizationStatus]
    why: Mapped[str]
    unit: Mapped[str]
    requested_units: Mapped[int]
    granted_units: Mapped[int] = mapped_column(default=0)
    granted_level: Mapped[str | None]
    number: Mapped[str | None]
    from_date: Mapped[date]
    last_covered_day: Mapped[date | None]
    review_due_at: Mapped[datetime | None]
    end_dated_on: Mapped[date | None]
    owner: Mapped[str | None]
    transition_id: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        one_of("status", AuthorizationStatus),
        Index("ix_authorization_worklist", "facility", "status", "review_due_at", "id"),
        Index("ix_authorization_episode", "episode_id"),
        Index("ix_authorization_number", "payer", "number"),
    )


class AuthorizationRequest(Base):
    """One question to the payer. `trace` (TRN02) is the correlation key and never reused."""

    __tablename__ = "authorization_request"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"), index=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    kind: Mapped[RequestKind]
    status: Mapped[AuthorizationStatus]
    trace: Mapped[str] = mapped_column(unique=True)
    level: Mapped[str]
    unit: Mapped[str]
    units: Mapped[int]
    from_date: Mapped[date]
    through_date: Mapped[date]
    urgent: Mapped[bool]
    requested_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    decision_due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    reference: Mapped[str | None]
    """REF NT, the payer's tracking id while pended."""

    __table_args__ = (one_of("kind", RequestKind), one_of("status", AuthorizationStatus))


class AuthorizationDecision(Base):
    """One answer, kept for ever; a repeated answer is the same row by fingerprint (E32)."""

    __tablename__ = "authorization_decision"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("authorization_request.id"))
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"), index=True)
    action: Mapped[str]
    """HCR01, or `AAA` for a data problem, or `999` for a syntax refusal."""
    reason: Mapped[str | None]
    number: Mapped[str | None]
    level: Mapped[str | None]
    unit: Mapped[str | None]
    units: Mapped[int | None]
    from_date: Mapped[date | None]
    through_date: Mapped[date | None]
    information_requested: Mapped[str | None]
    received_at: Mapped[datetime]
    source: Mapped[str]
    message_id: Mapped[UUID | None]
    fingerprint: Mapped[str]
    superseded_by: Mapped[UUID | None]

    __table_args__ = (
        UniqueConstraint("request_id", "fingerprint"),
        Index("ix_authorization_decision_live", "authorization_id", postgresql_where=text("superseded_by IS NULL")),
    )
