"""Copies of one patient's record: asked for, made piece by piece, handed over (45 CFR 164.524, domain 3.6)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class PatientExport(Base):
    """`status`: `requested`, `ready`, `handed_over`, `cancelled` (the person was erased). `due_at`: 30 days after it was asked
    for, once 30 more. The copies are sealed under the person's key and gone with it. `claimed_until` is a lease by the
    machine's own clock: a process that died loses it."""

    __tablename__ = "patient_export"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    status: Mapped[str]
    requested_at: Mapped[datetime]
    requested_by: Mapped[str]
    due_at: Mapped[datetime]
    extended_at: Mapped[datetime | None]
    extension_reason: Mapped[str | None]
    notes_consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"))
    """The patient's own consent to have their counselling notes in it; without one they are left out."""
    with_notes: Mapped[bool] = mapped_column(Boolean, server_default=false())
    claimed_until: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    total: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    problem: Mapped[str | None]
    made_at: Mapped[datetime | None]
    sealed_bundle: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_pdf: Mapped[bytes | None] = mapped_column(LargeBinary)
    bundle_sha256: Mapped[str | None]
    pdf_sha256: Mapped[str | None]
    handed_over_at: Mapped[datetime | None]
    handed_over_by: Mapped[str | None]
    channel: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("status IN ('requested', 'ready', 'handed_over', 'cancelled')", name="status"),
        CheckConstraint("with_notes = (notes_consent_id IS NOT NULL)", name="notes_by_consent"),
        Index("ix_patient_export_person", "person_id", "requested_at"),
        Index("ix_patient_export_open", "status", postgresql_where=text("status = 'requested'")),
    )
