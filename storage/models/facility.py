"""Facilities, programs and beds as loaded from their definition, and the days a facility has closed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class Facility(Base):
    __tablename__ = "facility"

    key: Mapped[str] = mapped_column(primary_key=True)
    zone: Mapped[str]
    name: Mapped[str]
    edition: Mapped[str]
    opened_on: Mapped[date]
    """First service date this facility accounts for; the midnight close never looks before it."""


class Program(Base):
    __tablename__ = "program"

    key: Mapped[str] = mapped_column(primary_key=True)
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"), index=True)
    name: Mapped[str]
    capacity: Mapped[int]


class Bed(Base):
    """`id` is `{facility}/{bed key}`. `closed_reason` set: the bed takes nobody (domain 7.2)."""

    __tablename__ = "bed"

    id: Mapped[str] = mapped_column(primary_key=True)
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"), index=True)
    program: Mapped[str] = mapped_column(ForeignKey("program.key"))
    unit: Mapped[str]
    room: Mapped[str]
    label: Mapped[str]
    levels: Mapped[list[Any]]
    attributes: Mapped[list[Any]]
    closed_reason: Mapped[str | None]
    cleaning_until: Mapped[datetime | None]


class FacilityDay(Base):
    """One service date of one facility. Closed dates that a late fact touches become `stale` and the
    sweeper closes them again under the next version (D5, CEN-02)."""

    __tablename__ = "facility_day"

    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"), primary_key=True)
    service_date: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None]
    stale: Mapped[bool] = mapped_column(Boolean, server_default=false())
    stale_reason: Mapped[str | None]
    stale_command: Mapped[UUID | None]

    __table_args__ = (Index("ix_facility_day_stale", "facility", "service_date", postgresql_where="stale"),)
