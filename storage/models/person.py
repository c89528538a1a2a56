"""People: the only table with identifying columns, sealed; everything else carries ids (D15)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, false, text, true
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import CoverageKind, CoverageReason
from storage.models.base import Base, one_of


class Person(Base):
    """`sealed` is the encrypted PersonDetails document with member ids by coverage id; `wrapped_key` is
    this person's own data key under the house keyring. Emptying `wrapped_key` erases the person everywhere."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    registered_by: Mapped[str | None] = mapped_column(ForeignKey("facility.key"))
    """The facility that put the person on record: it knows them before their first episode is open (E04)."""
    version: Mapped[int] = mapped_column(default=1)
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    """The record that stands for this one now, never one that was merged itself (E03); None: it stands for itself."""

    __table_args__ = (Index("ix_person_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),)


class PersonToken(Base):
    """Blind index: HMAC tokens of normalised values (`name`, `name_birth`, `member_id`, `birth_date`)."""

    __tablename__ = "person_token"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)

    __table_args__ = (Index("ix_person_token_lookup", "kind", "token"),)


class Coverage(Base):
    """A person's coverage by one payer over dates, both included; the member id stands sealed in `person`. `rank` 1
    pays first (domain 6.16). `reaches_back`: nobody said since when it holds. `voided`: never in force."""

    __tablename__ = "coverage"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    payer: Mapped[str]
    kind: Mapped[CoverageKind] = mapped_column()
    rank: Mapped[int]
    from_date: Mapped[date]
    through_date: Mapped[date | None]
    reaches_back: Mapped[bool] = mapped_column(Boolean, server_default=true())
    voided: Mapped[bool] = mapped_column(Boolean, server_default=false())
    reason: Mapped[CoverageReason] = mapped_column(server_default=CoverageReason.REFERRAL.value)
    """Why it stands as it does: of the last change."""
    changed_at: Mapped[datetime | None]
    changed_by: Mapped[str | None]
    """None: as the referral brought it."""

    __table_args__ = (
        one_of("kind", CoverageKind),
        one_of("reason", CoverageReason),
        CheckConstraint("voided OR through_date IS NULL OR through_date >= from_date", name="dates_in_order"),
        # Two coverages of one person never pay in the same place on the same day.
        ExcludeConstraint(
            ("person_id", "="),
            ("rank", "="),
            (text("daterange(from_date, through_date, '[]')"), "&&"),
            name="ex_coverage_person_rank_dates",
            using="gist",
            where=text("NOT voided"),
        ),
    )
