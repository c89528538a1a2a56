"""Legal holds, and the deletion of a person's record that proves itself (domain 3.6, E24)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class LegalHold(Base):
    """While it stands nothing about the person is destroyed. `reason` and the authorities are codes and references. Placed
    once, released once, never edited (a trigger)."""

    __tablename__ = "legal_hold"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    reason: Mapped[str]
    authority: Mapped[str]
    placed_at: Mapped[datetime]
    placed_by: Mapped[str]
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None]
    release_reason: Mapped[str | None]
    release_authority: Mapped[str | None]

    __table_args__ = (
        Index("ix_legal_hold_person", "person_id", "placed_at"),
        CheckConstraint("(released_at IS NULL) = (release_authority IS NULL)", name="released_with_authority"),
    )


class RecordDeletion(Base):
    """One wish to erase one person. `status`: `requested`, `declined`, `erased` (the key is destroyed), `proved` (and the
    certificate says so). `certificate` holds what was done, by whom and what proves it; `proof` is the SHA-256 of it,
    which stands in the audit's chain too. Asked for and approved by two people (checked here)."""

    __tablename__ = "record_deletion"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    reason: Mapped[str]
    status: Mapped[str]
    requested_at: Mapped[datetime]
    requested_by: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decline_reason: Mapped[str | None]
    erased_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    certificate: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    proof: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("status IN ('requested', 'declined', 'erased', 'proved')", name="status"),
        # Names, not roles: somebody whose role changed is still themselves.
        CheckConstraint(
            "status = 'declined' OR decided_by IS NULL OR substring(decided_by FROM position(':' IN decided_by) + 1) "
            "<> substring(requested_by FROM position(':' IN requested_by) + 1)",
            name="two_people",
        ),
        CheckConstraint("(status = 'proved') = (certificate IS NOT NULL)", name="proved"),
        Index("ix_record_deletion_person", "person_id"),
        # One open wish a person.
        Index(
            "uq_record_deletion_open", "person_id", unique=True, postgresql_where=text("status IN ('requested', 'erased')")
        ),
    )  # fmt: skip
