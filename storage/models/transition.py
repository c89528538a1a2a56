"""Requests to change level, from asking to execution (D8)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, LargeBinary, false, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import DeviationReason, Disposition, TransitionKind, TransitionStatus
from storage.models.base import Base, one_of


class Transition(Base):
    """`plan` is exactly what execution recorded, or the last preview while pending. `version` is what a
    reviewer saw; a decision on an older one is refused."""

    __tablename__ = "transition"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    kind: Mapped[TransitionKind]
    urgent: Mapped[bool] = mapped_column(Boolean, server_default=false())
    from_level: Mapped[str | None]
    to_level: Mapped[str | None]
    program: Mapped[str | None]
    bed_id: Mapped[str | None] = mapped_column(ForeignKey("bed.id"))
    recommended_level: Mapped[str | None]
    deviation_reason: Mapped[DeviationReason | None]
    disposition: Mapped[Disposition | None]
    rationale: Mapped[str]
    """As it was written before words were sealed; empty since."""
    sealed_rationale: Mapped[bytes | None] = mapped_column(LargeBinary)
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    effective_at: Mapped[datetime]
    status: Mapped[TransitionStatus]
    signed_off_by: Mapped[str | None]
    signed_off_at: Mapped[datetime | None]
    order_needed: Mapped[bool] = mapped_column(Boolean, server_default=false())
    ordered_by: Mapped[str | None]
    ordered_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    decision_reason: Mapped[str | None]
    """The house's own words (definitions/staff_words.py); a person's stand sealed."""
    sealed_decision_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    executed_at: Mapped[datetime | None]
    blocked_reasons: Mapped[list[Any] | None]
    plan: Mapped[dict[str, Any] | None]
    plan_fingerprint: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        one_of("kind", TransitionKind),
        one_of("status", TransitionStatus),
        one_of("deviation_reason", DeviationReason),
        one_of("disposition", Disposition),
        Index("ix_transition_queue", "facility", "status", "effective_at", "id"),
        # One open wish per episode and target: a double click finds the first.
        Index(
            "uq_transition_open",
            "episode_id",
            "to_level",
            unique=True,
            postgresql_where=text("status IN ('needs_sign_off', 'pending', 'scheduled', 'blocked')"),
        ),
    )
