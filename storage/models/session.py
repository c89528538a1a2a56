"""Sessions of a program and each person's place in them (domain 9)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import SessionStatus
from storage.models.base import Base, one_of


class Session(Base):
    """One meeting of one program; `service_date` is facility-local. Individual kinds have one attendee."""

    __tablename__ = "session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    program: Mapped[str] = mapped_column(ForeignKey("program.key"))
    template: Mapped[str]
    block: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str]
    service_date: Mapped[date]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    minutes: Mapped[int]
    counts: Mapped[bool]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("program", "template", "block", "starts_at"),
        Index("ix_session_program_date", "program", "service_date"),
    )


class Attendance(Base):
    """One person's place in one session. `minutes` are counted minutes (SCH-04), None until recorded."""

    __tablename__ = "attendance"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("session.id"), primary_key=True)
    stay_id: Mapped[UUID] = mapped_column(
        ForeignKey("stay.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    service_date: Mapped[date]
    status: Mapped[SessionStatus]
    minutes: Mapped[int | None]
    recorded_at: Mapped[datetime | None]
    recorded_by: Mapped[str | None]
    cancelled_by: Mapped[UUID | None]
    """The transition or movement that cancelled this place (SCH-02)."""

    __table_args__ = (
        one_of("status", SessionStatus),
        Index("ix_attendance_episode_date", "episode_id", "service_date"),
        Index("ix_attendance_stay_date", "stay_id", "service_date"),
        Index("ix_attendance_counted", "service_date", "stay_id", postgresql_where=text("minutes IS NOT NULL")),
    )
