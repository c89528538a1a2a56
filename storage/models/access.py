"""Who may not see a person although their role and facility would let them, and who looked all the same."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.break_glass import AccessKind, GlassFinding, GlassReason
from storage.models.base import Base, one_of


class PersonAccess(Base):
    """One line of a person's list (E13). It stands until `lifted_at`; rows are never deleted. `username` None: a
    restriction, which is about everybody."""

    __tablename__ = "person_access"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[AccessKind] = mapped_column()
    username: Mapped[str | None]
    reason: Mapped[str]
    set_at: Mapped[datetime]
    set_by: Mapped[str]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]

    __table_args__ = (
        one_of("kind", AccessKind),
        CheckConstraint("(kind = 'restricted') = (username IS NULL)", name="about_somebody"),
        Index(
            "uq_person_access_standing", "person_id", "kind", text("coalesce(username, '')"), unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_person_access_username", "username", postgresql_where=text("lifted_at IS NULL")),
        Index("ix_person_access_restricted", "kind", "person_id", postgresql_where=text("lifted_at IS NULL")),
    )  # fmt: skip


class BreakGlass(Base):
    """One episode opened for reading to one user for a time. `sealed` are the user's own words under the person's key.
    Written before anything is shown; reviewed by somebody else."""

    __tablename__ = "break_glass"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    username: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[GlassReason] = mapped_column()
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    item_id: Mapped[UUID]
    review_due_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]
    reviewer: Mapped[str | None]
    """Their user name: never that of who looked."""
    finding: Mapped[GlassFinding | None] = mapped_column()

    __table_args__ = (
        one_of("reason", GlassReason),
        one_of("finding", GlassFinding),
        CheckConstraint("reviewer IS NULL OR reviewer <> username", name="two_people"),
        CheckConstraint("(finding IS NULL) = (reviewed_at IS NULL)", name="reviewed_whole"),
        CheckConstraint("ends_at > opened_at", name="ends"),
        Index("ix_break_glass_username", "username", "ends_at"),
        Index("ix_break_glass_unreviewed", "facility", "review_due_at", postgresql_where=text("reviewed_at IS NULL")),
    )
