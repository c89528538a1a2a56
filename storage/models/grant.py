"""What a payer granted, version by version: nothing is edited, a change closes one row and opens another (AUTH-08)."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import GrantState
from storage.models.base import MONEY, Base, one_of


class AuthorizationGrant(Base):
    """Units at a level over dates, both inclusive; both limits bind (AUTH-01). Its key is payer, number, level and
    span, never the number alone (E34). Units used are counted from live charges that name the grant."""

    __tablename__ = "authorization_grant"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"))
    request_id: Mapped[UUID] = mapped_column(ForeignKey("authorization_request.id"))
    decision_id: Mapped[UUID] = mapped_column(ForeignKey("authorization_decision.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    payer: Mapped[str]
    level: Mapped[str]
    unit: Mapped[str]
    units: Mapped[int]
    from_date: Mapped[date]
    through_date: Mapped[date]
    number: Mapped[str | None]
    state: Mapped[GrantState]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_why: Mapped[str | None]

    __table_args__ = (
        one_of("state", GrantState),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("through_date >= from_date", name="span"),
        Index("ix_authorization_grant_case", "authorization_id"),
        Index(
            "ix_authorization_grant_night", "facility", "through_date", "from_date",
            postgresql_where=text("state = 'active'"),
        ),
    )  # fmt: skip


class SingleCaseAgreement(Base):
    """A price agreed for one case with a payer whose contract has none, or another (domain 6.8, E43).
    `signed_at` None: proposed only, and no rate is known from it."""

    __tablename__ = "single_case_agreement"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"), index=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    payer: Mapped[str]
    level: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(MONEY)
    from_date: Mapped[date]
    through_date: Mapped[date]
    number: Mapped[str | None]
    proposed_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """Replaced or declined; the row stays."""
    recorded_by: Mapped[str]

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("through_date >= from_date", name="span"),
        Index(
            "ix_single_case_agreement_night", "facility", "through_date",
            postgresql_where=text("signed_at IS NOT NULL AND ended_at IS NULL"),
        ),
    )  # fmt: skip
