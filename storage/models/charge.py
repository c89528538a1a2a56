"""The per diem ledger: at most one live charge per patient, date and track; voids leave a tombstone (D5)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, LargeBinary, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import ChargeStatus, Track
from storage.models.base import MONEY, Base, one_of


class Charge(Base):
    """One payable day. `per_diem_track` tells paired per diems apart (BILL-10): `main` for every
    overnight and unpaired day, `day` for a day programme that a contract pays beside a bed.
    `revision` counts re-posts of the same (stay, date, kind); `tombstone` marks a void made by a person
    that no rerun may undo."""

    __tablename__ = "charge"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    stay_id: Mapped[UUID] = mapped_column(ForeignKey("stay.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    payer: Mapped[str]
    service_date: Mapped[date]
    kind: Mapped[str]
    level: Mapped[str]
    track: Mapped[Track]
    per_diem_track: Mapped[str]
    revenue_code: Mapped[str | None]
    procedure_code: Mapped[str | None]
    amount: Mapped[Decimal] = mapped_column(MONEY)
    rate_version: Mapped[str]
    authorization_id: Mapped[UUID | None]
    grant_id: Mapped[UUID | None]
    """The grant this day uses a unit of (AUTH-05); None: none is used."""
    authorization_state: Mapped[str]
    """`covered`, `not_required`, `at_risk` (asked, not granted), `uncovered`."""
    rule: Mapped[str]
    why: Mapped[str]
    status: Mapped[ChargeStatus]
    revision: Mapped[int] = mapped_column(default=1)
    successor: Mapped[UUID | None]
    tombstone: Mapped[bool] = mapped_column(Boolean, server_default=false())
    void_reason: Mapped[str | None]
    """The house's own words; a person's stand sealed."""
    sealed_void_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    posted_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]
    close_version: Mapped[int]

    __table_args__ = (
        one_of("status", ChargeStatus),
        one_of("track", Track),
        UniqueConstraint("stay_id", "service_date", "kind", "revision", name="uq_charge_stay_date_kind_revision"),
        Index(
            "uq_charge_live_day",
            "person_id",
            "service_date",
            "per_diem_track",
            unique=True,
            postgresql_where=text("status = 'live'"),
        ),
        Index("ix_charge_episode", "episode_id", "service_date"),
        Index("ix_charge_facility_date", "facility", "service_date"),
        Index(
            "ix_charge_grant",
            "grant_id",
            "service_date",
            postgresql_where=text("status = 'live' AND grant_id IS NOT NULL"),
        ),
    )


class ChargeException(Base):
    """A day that needs a person: one cause in words, one owner, resolved once (features (e))."""

    __tablename__ = "charge_exception"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    stay_id: Mapped[UUID] = mapped_column(ForeignKey("stay.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    service_date: Mapped[date]
    cause: Mapped[str]
    why: Mapped[str]
    amount_at_risk: Mapped[Decimal | None] = mapped_column(MONEY)
    opened_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolution: Mapped[str | None]
    """The house's own words; a person's stand sealed."""
    sealed_resolution: Mapped[bytes | None] = mapped_column(LargeBinary)
    detail: Mapped[dict[str, Any] | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("stay_id", "service_date", "cause"),
        Index("ix_charge_exception_open", "facility", "service_date", postgresql_where=text("resolved_at IS NULL")),
    )
