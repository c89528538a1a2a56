"""Assessments: what is owed, what was recorded, which alerts it raised (domain 2)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import AssessmentStatus
from storage.models.base import Base, one_of


class AssessmentDue(Base):
    """One requirement. `stay_id` None while in intake. `escalated_at` set once the owner's lead was told."""

    __tablename__ = "assessment_due"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    stay_id: Mapped[UUID | None]
    instrument: Mapped[str]
    level: Mapped[str | None]
    due_at: Mapped[datetime]
    escalate_at: Mapped[datetime]
    escalated_at: Mapped[datetime | None]
    owner_role: Mapped[str]
    why: Mapped[str]
    status: Mapped[AssessmentStatus]
    satisfied_by: Mapped[UUID | None]
    transition_id: Mapped[UUID | None]
    raised_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    cancelled_by: Mapped[UUID | None]
    """The movement that cancelled it; taking that back brings it back (ASM-04, E58)."""

    __table_args__ = (
        one_of("status", AssessmentStatus),
        Index("ix_assessment_due_open", "episode_id", "instrument", postgresql_where=text("status = 'due'")),
        Index("ix_assessment_due_episode", "episode_id", "status"),
    )


class Assessment(Base):
    """A recorded result (a fact, D1). Corrections are new rows that supersede (domain 2.3)."""

    __tablename__ = "assessment"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    instrument: Mapped[str]
    edition: Mapped[str]
    answers: Mapped[dict[str, Any]]
    """As they were written before answers were sealed; empty since."""
    sealed_answers: Mapped[bytes | None] = mapped_column(LargeBinary)
    score: Mapped[Decimal | None] = mapped_column(Numeric(8, 2))
    severity: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    recommended_level: Mapped[str | None]
    outcome: Mapped[str]
    """`completed` or `refused` (ASM-05)."""
    performed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("assessment.id"))
    command_key: Mapped[str]

    __table_args__ = (Index("ix_assessment_episode", "episode_id", "instrument", "performed_at"),)


class Alert(Base):
    __tablename__ = "alert"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    rule: Mapped[str]
    severity: Mapped[str]
    condition: Mapped[str]
    opened_at: Mapped[datetime]
    acknowledge_by: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None]
    cleared_reason: Mapped[str | None]
    """As it was written before words were sealed; empty since."""
    sealed_cleared_reason: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_alert_open", "episode_id", postgresql_where=text("cleared_at IS NULL")),)
