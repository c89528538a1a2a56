"""Midnight census: immutable snapshots; corrections are the next version with a reason (CEN-01, CEN-02)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import Track
from storage.models.base import Base, one_of


class CensusSnapshot(Base):
    __tablename__ = "census_snapshot"

    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"), primary_key=True)
    service_date: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime]
    reason: Mapped[str]


class CensusLine(Base):
    """Movement of one (program, level, payer) over one date: opening + in - out = closing (domain 7.1)."""

    __tablename__ = "census_line"

    facility: Mapped[str] = mapped_column(primary_key=True)
    service_date: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    program: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    payer: Mapped[str] = mapped_column(primary_key=True)
    opening: Mapped[int]
    admissions: Mapped[int]
    transfers_in: Mapped[int]
    returns: Mapped[int]
    discharges: Mapped[int]
    deaths: Mapped[int]
    transfers_out: Mapped[int]
    leaves_out: Mapped[int]
    closing: Mapped[int]
    on_leave: Mapped[int]


class CensusPresence(Base):
    """Who stood behind each number of a snapshot, by ids: every number can say why."""

    __tablename__ = "census_presence"

    stay_id: Mapped[UUID] = mapped_column(primary_key=True)
    service_date: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    facility: Mapped[str]
    episode_id: Mapped[UUID]
    program: Mapped[str]
    level: Mapped[str]
    payer: Mapped[str]
    track: Mapped[Track]
    state: Mapped[str]
    """`present`, `leave`, `send_out`, `enrolled` (day track)."""

    __table_args__ = (one_of("track", Track), Index("ix_census_presence_day", "facility", "service_date", "version"))
