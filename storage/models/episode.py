"""Episodes and where their people were: movements are facts, stays and occupancies their projection (D14)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import BillingBehaviour, Disposition, MovementKind, Phase, Track
from storage.models.base import Base, one_of


class Episode(Base):
    """One continuous course of treatment. `level`, `program`, `stay_id` mirror the current main stay for
    boards; `authorized_level` is what the payer granted, kept apart (domain 0, AUTH-07)."""

    __tablename__ = "episode"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    coverage_id: Mapped[UUID | None] = mapped_column(ForeignKey("coverage.id"))
    payer: Mapped[str]
    """Who pays now, or who did last when `coverage_id` is empty; what a date costs whom is asked of `coverage`."""
    coverage_on: Mapped[date | None]
    """The date as of which both mirror the person's coverages; None: as the referral brought them."""
    edition: Mapped[str]
    phase: Mapped[Phase]
    requested_level: Mapped[str]
    level: Mapped[str | None]
    program: Mapped[str | None]
    stay_id: Mapped[UUID | None]
    authorized_level: Mapped[str | None]
    source: Mapped[str]
    diagnoses: Mapped[list[Any]]
    prior_episode_id: Mapped[UUID | None] = mapped_column(ForeignKey("episode.id"))
    opened_at: Mapped[datetime]
    admitted_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    last_contact_at: Mapped[datetime | None]
    disposition: Mapped[Disposition | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        one_of("phase", Phase),
        one_of("disposition", Disposition),
        Index("ix_episode_board", "facility", "phase", "level", "id"),
        # Lists are newest first, a facility at a time.
        Index("ix_episode_newest", "facility", text("opened_at DESC"), text("id DESC")),
        # E04: one open episode per person and facility; a second start attaches or is refused.
        Index(
            "uq_episode_open_person",
            "person_id",
            "facility",
            unique=True,
            postgresql_where=text("phase IN ('intake', 'in_care')"),
        ),
    )


class Movement(Base):
    """Append-only, but for its reason: sealed once where it stood in clear, emptied with the person's key. `supersedes`
    replaces an earlier movement; kind `void` removes one (D14, E58)."""

    __tablename__ = "movement"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    kind: Mapped[MovementKind]
    effective_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    sequence: Mapped[int]
    """Order among movements of one episode with the same effective_at: later recorded, later applied."""
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("movement.id"))
    level: Mapped[str | None]
    program: Mapped[str | None]
    track: Mapped[Track | None]
    bed_id: Mapped[str | None] = mapped_column(ForeignKey("bed.id"))
    reason: Mapped[str | None]
    """As it was written before words were sealed; empty since."""
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    disposition: Mapped[Disposition | None]
    expected_return_at: Mapped[datetime | None]
    transition_id: Mapped[UUID | None]
    actor: Mapped[str]
    command_key: Mapped[str]

    __table_args__ = (
        one_of("kind", MovementKind),
        one_of("track", Track),
        one_of("disposition", Disposition),
        UniqueConstraint("episode_id", "sequence"),
        Index("ix_movement_episode", "episode_id", "effective_at"),
    )


class Stay(Base):
    """An episode's interval at one level in one program: the unit of authorization and billing (domain 0)."""

    __tablename__ = "stay"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    program: Mapped[str] = mapped_column(ForeignKey("program.key"))
    level: Mapped[str]
    track: Mapped[Track]
    billing: Mapped[BillingBehaviour]
    payer: Mapped[str]
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    ends_at: Mapped[datetime | None] = mapped_column(deferred=True)
    """The end of `period` again, written by a trigger: beneath a policy no index is searched by a range. None: open."""
    arrival: Mapped[str]
    departure: Mapped[str | None]
    edition: Mapped[str]

    __table_args__ = (
        one_of("track", Track),
        one_of("billing", BillingBehaviour),
        # D10: two stays of one episode never overlap on the same track.
        ExcludeConstraint(
            ("episode_id", "="),
            ("track", "="),
            ("period", "&&"),
            name="ex_stay_episode_track_period",
            using="gist",
            deferrable=True,
            initially="DEFERRED",
        ),
        # E04: nor do two bed stays of one person, in whatever episode.
        ExcludeConstraint(
            ("person_id", "="),
            ("period", "&&"),
            name="ex_stay_person_bed_period",
            using="gist",
            where=text("track = 'bed'"),
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("ix_stay_facility_period", "facility", "period", postgresql_using="gist"),
        Index("ix_stay_ends", "facility", "ends_at"),
    )


class Absence(Base):
    """Away with intent to return: `leave` or `send_out` (domain 1.7 interruption, BILL-05)."""

    __tablename__ = "absence"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    stay_id: Mapped[UUID] = mapped_column(ForeignKey("stay.id", deferrable=True, initially="DEFERRED"), index=True)
    kind: Mapped[str]
    left_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]
    expected_return_at: Mapped[datetime | None]
    hold_until: Mapped[datetime | None]


class BedOccupancy(Base):
    """Who has a bed when; overlaps are impossible (D10). `state`: `occupied` or `reserved` (a lease)."""

    __tablename__ = "bed_occupancy"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    bed_id: Mapped[str] = mapped_column(ForeignKey("bed.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    stay_id: Mapped[UUID | None]
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    ends_at: Mapped[datetime | None] = mapped_column(deferred=True)
    """As `stay.ends_at`."""
    state: Mapped[str]

    __table_args__ = (
        ExcludeConstraint(
            ("bed_id", "="),
            ("period", "&&"),
            name="ex_bed_occupancy_bed_period",
            using="gist",
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("ix_bed_occupancy_ends", "bed_id", "ends_at"),
    )


class PerDiemAccount(Base):
    """The days of one stay opened for billing to one payer: opened at arrival, closed at departure. The
    charges themselves are posted by the midnight close against an open account (D5, D9)."""

    __tablename__ = "per_diem_account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    stay_id: Mapped[UUID] = mapped_column(ForeignKey("stay.id", deferrable=True, initially="DEFERRED"), index=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    payer: Mapped[str]
    level: Mapped[str]
    track: Mapped[Track]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    opened_by: Mapped[str]

    __table_args__ = (one_of("track", Track),)
